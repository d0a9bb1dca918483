/**
 * YAML as the API server reads it: YAML 1.1 scalars (`on`, `0x2`, `017`), first document only, members sorted by name, and
 * aliases expanded, within a limit. https://github.com/yaml/go-yaml/tree/v2 `resolve.go`.
 */
import yaml from 'js-yaml';
import type { Json, JsonObject } from '../object.ts';
import { setMember } from './convert.ts';
import { census, maxDepth } from './json-text.ts';

/** A body that is no YAML. */
export class YamlSyntaxError extends Error {
  override readonly name = 'YamlSyntaxError';
}

const booleans = new Map<string, boolean>();
for (const text of ['y', 'Y', 'yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON']) booleans.set(text, true);
for (const text of ['n', 'N', 'no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF']) booleans.set(text, false);
const nulls = new Set(['', '~', 'null', 'Null', 'NULL']);

const int = /^([-+]?)(?:0[xX]([0-9a-fA-F_]+)|0[bB]([01_]+)|0[oO]?([0-7_]+)|(0|[1-9][0-9_]*))$/;
const float = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;
const specialFloats = new Map([
  ['.inf', Number.POSITIVE_INFINITY],
  ['+.inf', Number.POSITIVE_INFINITY],
  ['-.inf', Number.NEGATIVE_INFINITY],
  ['.nan', Number.NaN],
]);

const readInt = (text: string): number => {
  const [, sign = '', hex, binary, octal, decimal] = int.exec(text) ?? [];
  const digits = (given: string | undefined): string => (given ?? '').replaceAll('_', '');
  const read = () => {
    if (hex !== undefined) return Number.parseInt(digits(hex), 16);
    if (binary !== undefined) return Number.parseInt(digits(binary), 2);
    if (octal !== undefined) return Number.parseInt(digits(octal), 8);
    return Number.parseInt(digits(decimal), 10);
  };
  return sign === '-' ? -read() : read();
};

const scalar = (tag: string, resolve: (text: string) => boolean, construct: (text: string) => unknown): yaml.Type =>
  new yaml.Type(`tag:yaml.org,2002:${tag}`, {
    kind: 'scalar',
    resolve: (data: unknown) => resolve(typeof data === 'string' ? data : ''),
    construct: (data: unknown) => construct(typeof data === 'string' ? data : ''),
  });

const schema = yaml.FAILSAFE_SCHEMA.extend({
  implicit: [
    scalar(
      'null',
      text => nulls.has(text),
      () => null,
    ),
    scalar(
      'bool',
      text => booleans.has(text),
      text => booleans.get(text),
    ),
    scalar('int', text => int.test(text), readInt),
    scalar(
      'float',
      text => float.test(text.replaceAll('_', '')) || specialFloats.has(text.toLowerCase()),
      text => specialFloats.get(text.toLowerCase()) ?? Number(text.replaceAll('_', '')),
    ),
    // @ts-expect-error js-yaml exports its types as `types`, which its declarations leave out.
    yaml.types.merge as yaml.Type,
  ],
  explicit: [
    scalar(
      'binary',
      () => true,
      text => Buffer.from(text, 'base64').toString('latin1'),
    ),
  ],
});

const halfCharacter = /\p{Surrogate}/u;

/** Spreads aliases out and sorts members, as the detour through a Go map does. */
class Expansion {
  /** Of all objects together. */
  members = 0;
  #budget: number;
  #depth = 0;
  constructor(budget: number) {
    this.#budget = budget;
  }
  expand(value: unknown): Json {
    if (--this.#budget < 0) throw new YamlSyntaxError('yaml: document contains excessive aliasing');
    if (typeof value === 'number' && !Number.isFinite(value)) throw new YamlSyntaxError(`json: unsupported value: ${value}`);
    if (value === null || value === undefined) return null;
    if (typeof value === 'string' && halfCharacter.test(value))
      throw new YamlSyntaxError('yaml: found invalid Unicode character escape code');
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
    if (++this.#depth > maxDepth) throw new YamlSyntaxError('yaml: exceeded max depth');
    let made: Json;
    if (Array.isArray(value)) made = value.map(item => this.expand(item));
    else {
      const object: JsonObject = {};
      const keys = Object.keys(value).sort();
      this.members += keys.length;
      for (const key of keys) setMember(object, key, this.expand((value as JsonObject)[key]));
      made = object;
    }
    this.#depth--;
    return made;
  }
}

/** The brackets that are open at the end of a text, quoted ones aside. */
const openFlow = (text: string): string => {
  const open: string[] = [];
  for (const [mark] of text.matchAll(/"(?:[^"\\]|\\.)*"|'[^']*'|[[\]{}]/g)) {
    if (mark === '{' || mark === '[') open.push(mark);
    else if (mark === '}' || mark === ']') open.pop();
  }
  return open.at(-1) ?? '';
};

/** What upstream's parser says where js-yaml only knows that the text is no YAML. */
const describe = (error: yaml.YAMLException, text: string): string => {
  const { reason } = error;
  const alias = /unidentified alias "(.*)"/.exec(reason);
  if (alias) return `yaml: unknown anchor '${alias[1]}' referenced`;
  if (/expected hexadecimal character/.test(reason)) return 'yaml: did not find expected hexdecimal number';
  if (/expected valid JSON character|non-printable characters/.test(reason)) return 'yaml: control characters are not allowed';
  if (/unknown escape sequence/.test(reason)) return 'yaml: found unknown escape character';
  // js-yaml ends every text with a line break of its own.
  const lines = text.trimEnd().split('\n');
  const line = Math.min((error.mark?.line ?? 0) + 1, lines.length);
  const said = (): string => {
    if (/unexpected end of the stream within a flow collection|expected the node content/.test(reason))
      return openFlow(text) === '{' && !text.trimEnd().endsWith('{')
        ? "did not find expected ',' or '}'"
        : 'did not find expected node content';
    if (/bad indentation of a mapping entry|can not read a block mapping entry/.test(reason)) return 'could not find expected key';
    if (!/tab characters must not be used/.test(reason)) return reason;
    // Behind a value the tab would go on with that value; behind a key it begins one.
    const continues = line > 1 && !/[:-]\s*$/.test(lines[line - 2] ?? '');
    return continues ? 'found a tab character that violates indentation' : 'found character that cannot start any token';
  };
  return `yaml: line ${line}: ${said()}`;
};

class FirstDocument {
  readonly value: unknown;
  constructor(value: unknown) {
    this.value = value;
  }
}

/** Stops where the first document ends: whatever follows is not read, so nothing is wrong with it. */
const firstDocument = (text: string, lenient: boolean): unknown => {
  let depth = 0;
  // Declared too narrowly: it is handed the parser's state.
  const listener = (event: string, state: { result?: unknown }): void => {
    if (event === 'open') depth++;
    else if (--depth === 0) throw new FirstDocument(state.result);
  };
  try {
    yaml.loadAll(text, () => undefined, { schema, json: lenient, listener } as yaml.LoadOptions);
  } catch (thrown) {
    if (thrown instanceof FirstDocument) return thrown.value;
    throw thrown;
  }
  return null;
};

/** Repeated keys are looked for no longer than this: each takes a reading of its own. */
const mostRepeated = 20;
const keyAt = /"((?:[^"\\]|\\.)*)"|'((?:[^']|'')*)'|[^:,{}[\]\n]+(?::(?=\S)[^:,{}[\]\n]*)*/y;

interface Repeated {
  readonly name: string;
  /** Of its value, as upstream counts. */
  readonly line: number;
  readonly start: number;
  readonly end: number;
}

const repeatedKey = (text: string, start: number): Repeated => {
  keyAt.lastIndex = start;
  const [found = '', double, single] = keyAt.exec(text) ?? [];
  const end = start + Math.max(found.length, 1);
  const value = /\s*:(?:[^\S\n]*(?:#[^\n]*)?\n)*/y;
  value.lastIndex = end;
  const before = text.slice(0, end + (value.exec(text)?.[0].length ?? 0));
  return { name: double ?? single ?? found.trim(), line: before.split('\n').length, start, end };
};

/** Lines about keys that occur twice in one mapping. */
const repetitions = (text: string): string[] => {
  const found: string[] = [];
  let rest = text;
  while (found.length < mostRepeated) {
    try {
      firstDocument(rest, false);
      return found;
    } catch (error) {
      if (!(error instanceof yaml.YAMLException) || !/duplicated mapping key/.test(error.reason)) return found;
      const key = repeatedKey(rest, error.mark?.position ?? 0);
      found.push(`line ${key.line}: key ${JSON.stringify(key.name)} already set in map`);
      // Out of the way under a name that nothing else has, for the next one to show.
      rest = `${rest.slice(0, key.start)}"repeated ${found.length}"${rest.slice(key.end)}`;
    }
  }
  return found;
};

export interface YamlText {
  readonly value: Json;
  /** Lines on members that occur twice, which a strict reader objects to. */
  readonly repeated: readonly string[];
}

/** The first document as JSON. Throws `YamlSyntaxError`. */
export const readYaml = (text: string): YamlText => {
  const json = readAsJson(text);
  if (json) return json;
  const read = (lenient: boolean): unknown => {
    try {
      return firstDocument(text, lenient);
    } catch (error) {
      if (!(error instanceof yaml.YAMLException)) throw new YamlSyntaxError('yaml: exceeded max depth');
      if (!lenient && /duplicated mapping key/.test(error.reason)) return error;
      throw new YamlSyntaxError(describe(error, text));
    }
  };
  const first = read(false);
  const twice = first instanceof yaml.YAMLException;
  const value = new Expansion(1000 + 10 * text.length).expand(twice ? read(true) : first);
  return { value, repeated: twice ? repetitions(text) : [] };
};

/** What YAML refuses or reads in another way than JSON: tabs, and characters that are not printed. */
const notAlike = /[\t\u007f-\u009f\ufffe\uffff]/;

/**
 * JSON is YAML, several times faster read, and what nearly every program sends that applies. Undefined where the two could differ: no JSON, a
 * member that occurs twice, a number whose spelling matters.
 */
const readAsJson = (text: string): YamlText | undefined => {
  if (!text.startsWith('{') || notAlike.test(text)) return undefined;
  const { members, literals, surrogates } = census(Buffer.from(text));
  if (literals || surrogates) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const expansion = new Expansion(1000 + 10 * text.length);
  const expanded = expansion.expand(value);
  return expansion.members === members ? { value: expanded, repeated: [] } : undefined;
};
