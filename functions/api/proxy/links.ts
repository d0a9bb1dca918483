/**
 * Links of what is behind a proxy, so that they lead through it (apimachinery `pkg/util/proxy/transport.go`): the `Location` of redirects, and
 * the attributes of HTML that hold addresses.
 */
import { posix } from 'node:path';

export interface Passage {
  /** What stands before every path of the backend where the client sees it. */
  readonly prefix: string;
  /** Host and port of the backend. */
  readonly backend: string;
  /** The host that the client asked, as the backend hears of it. */
  readonly host: string;
}

/** Scheme, host, path, and query with fragment (RFC 3986, appendix B). */
const parts = /^(?:([a-z][a-z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(.*)$/is;

/** Relative links and those to other places stay as they are. */
export const rewriteLink = (link: string, { prefix, backend, host }: Passage): string => {
  const [, scheme = '', linkHost = '', path = '', rest = ''] = parts.exec(link) ?? [];
  const elsewhere = linkHost !== '' && linkHost !== backend && linkHost !== host;
  if (elsewhere || !path.startsWith('/')) return link;
  const origin = linkHost === host && host !== '' ? `${scheme ? `${scheme}:` : ''}//${linkHost}` : '';
  return `${origin}${path.startsWith(prefix) ? path : posix.join(prefix, path)}${rest}`;
};

const linkAttributes: Readonly<Record<string, readonly string[]>> = {
  a: ['href'],
  applet: ['codebase'],
  area: ['href'],
  audio: ['src'],
  base: ['href'],
  blockquote: ['cite'],
  body: ['background'],
  button: ['formaction'],
  command: ['icon'],
  del: ['cite'],
  embed: ['src'],
  form: ['action'],
  frame: ['longdesc', 'src'],
  head: ['profile'],
  html: ['manifest'],
  iframe: ['longdesc', 'src'],
  img: ['longdesc', 'src', 'usemap'],
  input: ['src', 'usemap', 'formaction'],
  ins: ['cite'],
  link: ['href'],
  object: ['classid', 'codebase', 'data', 'usemap'],
  q: ['cite'],
  script: ['src'],
  source: ['src'],
  video: ['poster', 'src'],
};

/** Their content is text up to the closing tag, whatever it looks like. */
const rawText = new Set(['iframe', 'noembed', 'noframes', 'noscript', 'plaintext', 'script', 'style', 'textarea', 'title', 'xmp']);

const tagName = /[a-z][^\s/>]*/iy;
const attribute = /[\s/]*([^\s/>][^\s/>=]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"'][^\s>]*)))?/y;
const tagEnd = /\s*(\/?)>/y;

const at = (pattern: RegExp, text: string, index: number): RegExpExecArray | null => {
  pattern.lastIndex = index;
  return pattern.exec(text);
};

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0' };
const decodeEntities = (text: string): string =>
  text.replace(
    /&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(amp|lt|gt|quot|apos|nbsp));/gi,
    (whole, hex?: string, decimal?: string, name?: string) => {
      if (name) return entities[name.toLowerCase()] ?? whole;
      const code = hex ? Number.parseInt(hex, 16) : Number(decimal);
      return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
    },
  );
const escapes: Readonly<Record<string, string>> = { '&': '&amp;', "'": '&#39;', '<': '&lt;', '>': '&gt;', '"': '&#34;', '\r': '&#13;' };
/** Entities whose name is not known here are left as they were. */
const encodeEntities = (text: string): string => text.replace(/&(?![a-z][a-z0-9]+;)|['<>"\r]/gi, one => escapes[one] ?? one);

/** Start tags are written anew, as upstream does; all else stays byte for byte. */
export const rewriteHtml = (html: string, passage: Passage): string => {
  const lower = html.toLowerCase();
  let out = '';
  let position = 0;
  while (position < html.length) {
    const open = html.indexOf('<', position);
    if (open < 0) break;
    out += html.slice(position, open);
    if (html.startsWith('<!--', open)) {
      const close = html.indexOf('-->', open + 4);
      position = close < 0 ? html.length : close + 3;
      out += html.slice(open, position);
      continue;
    }
    tagName.lastIndex = open + 1;
    if (!tagName.test(html)) {
      out += '<';
      position = open + 1;
      continue;
    }
    const tag = readTag(html, open);
    // A tag that never ends is the rest of the page.
    if (!tag) return out + html.slice(open);
    out += writeTag(tag, passage);
    position = tag.end;
    if (!rawText.has(tag.name)) continue;
    const close = lower.indexOf(`</${tag.name}`, position);
    const end = close < 0 ? html.length : close;
    out += html.slice(position, end);
    position = end;
  }
  return out + html.slice(position);
};

interface Tag {
  readonly name: string;
  readonly attributes: readonly { readonly name: string; readonly value: string }[];
  readonly selfClosing: boolean;
  readonly end: number;
}

const readTag = (html: string, open: number): Tag | undefined => {
  const [name = ''] = at(tagName, html, open + 1) ?? [];
  const attributes: { name: string; value: string }[] = [];
  let position = open + 1 + name.length;
  for (;;) {
    const end = at(tagEnd, html, position);
    if (end) return { name: name.toLowerCase(), attributes, selfClosing: end[1] === '/', end: tagEnd.lastIndex };
    const found = at(attribute, html, position);
    if (!found?.[1]) return undefined;
    attributes.push({ name: found[1].toLowerCase(), value: decodeEntities(found[2] ?? found[3] ?? found[4] ?? '') });
    position = attribute.lastIndex;
  }
};

const writeTag = ({ name, attributes, selfClosing }: Tag, passage: Passage): string => {
  const links = linkAttributes[name] ?? [];
  let text = `<${name}`;
  for (const one of attributes)
    text += ` ${one.name}="${encodeEntities(links.includes(one.name) ? rewriteLink(one.value, passage) : one.value)}"`;
  return `${text}${selfClosing ? '/' : ''}>`;
};
