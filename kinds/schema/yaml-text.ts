/**
 * YAML as the API server reads it: YAML 1.1 scalars (`on`, `0x2`, `017`), first document only, members sorted by name, and
 * aliases expanded, within a limit. https://github.com/yaml/go-yaml/tree/v2 `resolve.go`.
 */
import yaml from 'js-yaml';
import type { Json, JsonObject } from '../object.ts';
import { setMember } from './convert.ts';
import { maxDepth } from './json-text.ts';

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

/** Spreads aliases out and sorts members, as the detour through a Go map does. */
class Expansion {
  #budget: number;
  #depth = 0;
  constructor(budget: number) {
    this.#budget = budget;
  }
  expand(value: unknown): Json {
    if (--this.#budget < 0) throw new YamlSyntaxError('yaml: document contains excessive aliasing');
    if (typeof value === 'number' && !Number.isFinite(value)) throw new YamlSyntaxError(`json: unsupported value: ${value}`);
    if (value === null || value === undefined) return null;
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
    if (++this.#depth > maxDepth) throw new YamlSyntaxError('yaml: exceeded max depth');
    let made: Json;
    if (Array.isArray(value)) made = value.map(item => this.expand(item));
    else {
      const object: JsonObject = {};
      for (const key of Object.keys(value).sort()) setMember(object, key, this.expand((value as JsonObject)[key]));
      made = object;
    }
    this.#depth--;
    return made;
  }
}

const describe = (error: yaml.YAMLException, text: string): string => {
  // js-yaml ends every text with a line break of its own.
  const line = Math.min((error.mark?.line ?? 0) + 1, text.trimEnd().split('\n').length);
  const reasons: [RegExp, string][] = [
    [/unexpected end of the stream within a flow collection|expected the node content/, 'did not find expected node content'],
    [/bad indentation of a mapping entry|can not read a block mapping entry/, 'could not find expected key'],
    [/tab characters must not be used/, 'found character that cannot start any token'],
    [/unidentified alias "(.*)"/, 'unknown anchor referenced'],
  ];
  const known = reasons.find(([pattern]) => pattern.test(error.reason));
  if (known?.[1] === 'unknown anchor referenced') return `yaml: unknown anchor '${/"(.*)"/.exec(error.reason)?.[1]}' referenced`;
  return `yaml: line ${line}: ${known?.[1] ?? error.reason}`;
};

/** The first document as JSON, and what a strict reader objects to (members that occur twice). Throws `YamlSyntaxError`. */
export const readYaml = (text: string): { value: Json; problems: string[] } => {
  const problems: string[] = [];
  const documents = (lenient: boolean): unknown[] => {
    const all: unknown[] = [];
    yaml.loadAll(text, document => all.push(document), { schema, json: lenient });
    return all;
  };
  const read = (): unknown[] => {
    try {
      return documents(false);
    } catch (error) {
      if (!(error instanceof yaml.YAMLException)) throw new YamlSyntaxError('yaml: exceeded max depth');
      if (!/duplicated mapping key/.test(error.reason)) throw new YamlSyntaxError(describe(error, text));
      const key = /([^\s:{,"']+)["']?\s*:?\s*$/.exec(
        (error.mark?.buffer ?? '')
          .slice(0, error.mark?.position ?? 0)
          .split('\n')
          .at(-1) ?? '',
      )?.[1];
      const line = (error.mark?.line ?? 0) + 1;
      problems.push(`yaml: unmarshal errors:\n  line ${line}: key ${JSON.stringify(key ?? lineKey(error))} already set in map`);
      return documents(true);
    }
  };
  const [first] = read();
  return { value: new Expansion(1000 + 10 * text.length).expand(first), problems };
};

/** js-yaml points at the value or the key of the repeated member, depending on its form. */
const lineKey = (error: yaml.YAMLException): string => {
  const line = (error.mark?.buffer ?? '').split('\n')[error.mark?.line ?? 0] ?? '';
  return /^[\s-]*["']?([^"':\s]+)/.exec(line)?.[1] ?? '';
};
