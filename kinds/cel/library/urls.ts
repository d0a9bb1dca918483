import type { CelValue } from '@bufbuild/cel';
import { type Declare, opaque, stringOf, textOf } from '../library.ts';

/** Absolute, or a path from the root, as Go's `url.ParseRequestURI` takes them. */
const form = /^(?:([a-zA-Z][a-zA-Z0-9+.-]*):\/\/((?:[^/?#@]*@)?(\[[^\]]*\]|[^/?#:]*)(?::(\d*))?)(\/[^?#]*)?|(\/[^?#]*))(?:\?([^#]*))?$/;
const parse = (text: string): RegExpExecArray | null => {
  // No control characters, no spaces, no half escapes.
  if (/[\p{Cc} ]|%(?![0-9a-fA-F]{2})/u.test(text)) return null;
  return form.exec(text);
};
const parts = (value: CelValue): RegExpExecArray => {
  const found = parse(textOf('url', value));
  if (!found) throw new Error('URL parse error during conversion from string');
  return found;
};

export const urls = ({ func, method }: Declare): void => {
  func('isURL', 1, text => parse(stringOf(text)) !== null);
  func('url', 1, text => {
    if (!parse(stringOf(text)))
      throw new Error(`URL parse error during conversion from string: parse ${JSON.stringify(text)}: invalid URI for request`);
    return opaque('url', stringOf(text));
  });
  const bare = (host: string): string => host.replace(/^\[(.*)\]$/, '$1');
  method('getScheme', 'map', 0, target => (parts(target)[1] ?? '').toLowerCase());
  method('getHost', 'map', 0, target => (parts(target)[2] ?? '').replace(/^.*@/, ''));
  method('getHostname', 'map', 0, target => bare(parts(target)[3] ?? ''));
  method('getPort', 'map', 0, target => parts(target)[4] ?? '');
  method('getEscapedPath', 'map', 0, target => parts(target)[5] ?? parts(target)[6] ?? '');
  method('getQuery', 'map', 0, target => {
    const query = new Map<string, string[]>();
    for (const [name, value] of new URLSearchParams(parts(target)[7] ?? '')) query.set(name, [...(query.get(name) ?? []), value]);
    return query;
  });
};
