/** The words of an expression (cel-go `parser/gen/CEL.g4`). */
import type { Constant } from './ast.ts';

export type TokenKind = 'IDENTIFIER' | 'ESC_IDENTIFIER' | 'NUM_INT' | 'NUM_UINT' | 'NUM_FLOAT' | 'STRING' | 'BYTES' | 'EOF' | 'word';
export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  readonly at: number;
}

const pattern =
  /(?<space>[\t \r\n\f]+|\/\/[^\n]*)|(?<text>(?:[bB]?[rR]|[rR]?[bB])?(?:"""(?:[^\\]|\\[\s\S])*?"""|'''(?:[^\\]|\\[\s\S])*?'''|"(?:[^\\"\n\r]|\\[\s\S])*"|'(?:[^\\'\n\r]|\\[\s\S])*'))|(?<float>\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?)|(?<int>(?:0x[0-9a-fA-F]+|\d+)[uU]?)|(?<word>[A-Za-z_]\w*)|(?<quoted>`[A-Za-z0-9_.\-/ ]+`)|(?<op>==|!=|<=|>=|&&|\|\||[[\]{}().,\-?:+*/%<>!])/y;

export const keywords: ReadonlySet<string> = new Set(['true', 'false', 'null', 'in']);

/** Unfinished or unknown signs are passed over and reported, as ANTLR does. */
export const tokenize = (source: string, report: (at: number, text: string) => void): Token[] => {
  const tokens: Token[] = [];
  pattern.lastIndex = 0;
  let at = 0;
  while (at < source.length) {
    pattern.lastIndex = at;
    const match = pattern.exec(source);
    if (!match) {
      const open = /["']/.test(source[at] ?? '');
      const end = open ? (/[\n\r]/.exec(source.slice(at))?.index ?? source.length - at) + at : at + 1;
      // Half an operator takes the next sign with it.
      const half = /[&|=]/.test(source[at] ?? '');
      const first = String.fromCodePoint(source.codePointAt(at) ?? 0);
      const wrong = open ? source.slice(at, end) : half ? source.slice(at, at + 2) : first;
      report(at, `Syntax error: token recognition error at: '${wrong}'`);
      at += wrong.length;
      continue;
    }
    const { space, text, float, int, word, quoted } = match.groups ?? {};
    const all = match[0];
    if (text !== undefined) tokens.push({ kind: /^[rR]?[bB]/.test(all) ? 'BYTES' : 'STRING', text: all, at });
    else if (float !== undefined) tokens.push({ kind: 'NUM_FLOAT', text: all, at });
    else if (int !== undefined) tokens.push({ kind: /[uU]$/.test(all) ? 'NUM_UINT' : 'NUM_INT', text: all, at });
    else if (word !== undefined) tokens.push({ kind: keywords.has(word) ? 'word' : 'IDENTIFIER', text: all, at });
    else if (quoted !== undefined) tokens.push({ kind: 'ESC_IDENTIFIER', text: all, at });
    else if (space === undefined) tokens.push({ kind: 'word', text: all, at });
    at += all.length;
  }
  return [...tokens, { kind: 'EOF', text: '<EOF>', at: source.length }];
};

const simple: Readonly<Record<string, string>> = { a: '\u0007', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };
const escapes = /\\(?:x([0-9a-fA-F]{2})|X([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|([\s\S]))/g;

/** Undefined: an escape means nothing. */
export const literalText = (token: Token): string | Uint8Array | undefined => {
  const [, prefix = ''] = /^([bBrR]*)/.exec(token.text) ?? [];
  const rest = token.text.slice(prefix.length);
  const long = /^("""|''')/.test(rest) ? 3 : 1;
  const inner = rest.slice(long, -long).replace(/\r\n?/g, '\n');
  const binary = /[bB]/.test(prefix);
  const raw = /[rR]/.test(prefix);
  if (!binary && raw) return inner;
  let wrong = false;
  const bytes: number[] = [];
  let last = 0;
  const plain = (text: string): void => void bytes.push(...Buffer.from(text));
  const unescaped = inner.replace(raw ? /(?!)/g : escapes, (whole, x, X, u, U, octal, char, offset: number) => {
    plain(inner.slice(last, offset));
    last = offset + whole.length;
    const code = x ?? X ?? u ?? U;
    if (code !== undefined || octal !== undefined) {
      const value = code === undefined ? Number.parseInt(octal, 8) : Number.parseInt(code, 16);
      if (value > 0x10ffff || (value >= 0xd800 && value < 0xe000) || (binary && (u ?? U) !== undefined)) wrong = true;
      else if (binary) bytes.push(value);
      return wrong ? '' : String.fromCodePoint(value);
    }
    const made = simple[char] ?? (/[\\'"`?]/.test(char) ? char : undefined);
    if (made === undefined) wrong = true;
    plain(made ?? '');
    return made ?? '';
  });
  plain(inner.slice(last));
  if (wrong) return undefined;
  return binary ? Uint8Array.from(bytes) : unescaped;
};

const smallest = -(2n ** 63n);
/** Undefined: no number of its kind is so large. */
export const literalNumber = (token: Token, negative: boolean): Constant | undefined => {
  if (token.kind === 'NUM_FLOAT') {
    const value = Number(token.text);
    return Number.isFinite(value) ? (negative ? -value : value) : undefined;
  }
  const value = BigInt(token.text.replace(/[uU]$/, ''));
  if (token.kind === 'NUM_UINT') return value < 2n ** 64n ? { uint: value } : undefined;
  const signed = negative ? -value : value;
  return signed >= smallest && signed < -smallest ? signed : undefined;
};
