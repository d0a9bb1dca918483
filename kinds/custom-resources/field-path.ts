/** Paths into a schema, of names and quoted names (apiextensions `pkg/apiserver/schema/cel/validation.go`, `ValidFieldPath`). */
import type { Schema } from '../schema/schema.ts';

const escapes: Record<string, string> = { a: '\u0007', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v', "'": "'", '\\': '\\' };
const token = /[.[\]]|'(?:\\'|[^'])*'|[^.[\]]+/y;

export type FieldPath =
  /** `shown`: as errors show it. */
  { readonly shown: string; readonly schema: Schema } | { readonly problem: string };

const tokensOf = (text: string): string[] => {
  const tokens: string[] = [];
  token.lastIndex = 0;
  for (let match = token.exec(text); match; match = token.exec(text)) tokens.push(match[0]);
  return tokens;
};

/** `quoted`: whether names may stand in brackets. */
export const fieldPath = (text: string, schema: Schema, quoted = true): FieldPath => {
  const nowhere = { problem: 'does not refer to a valid field' };
  const tokens = tokensOf(text);
  let shown = '';
  let at = schema;
  for (let i = 0; i < tokens.length; i++) {
    const start = tokens[i];
    if (start !== '.' && start !== '[') return { problem: `expected [ or . but got: ${start}` };
    if (start === '[' && !quoted) return { problem: 'array notation is not allowed' };
    const next = tokens[++i];
    if (next === undefined) return { problem: 'unexpected end of JSON path' };
    if (start === '[' && !/^'.*'$/s.test(next)) return { problem: `expected single quoted string but got ${next}` };
    const name = start === '.' ? next : next.slice(1, -1).replace(/\\(.)/g, (_, char: string) => escapes[char] ?? char);
    const inner: Schema | undefined = at.properties ? at.properties.get(name) : at.additionalProperties;
    if (!inner) return nowhere;
    shown += at.properties ? (shown ? `.${name}` : name) : `[${name}]`;
    at = inner;
    if (start === '.') continue;
    const end = tokens[++i];
    if (end === undefined) return { problem: 'unexpected end of JSON path' };
    if (end !== ']') return { problem: `expected ] but got ${end}` };
  }
  return { shown, schema: at };
};
