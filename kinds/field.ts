/**
 * Where in an object something is wrong, and what. A `Path` is a linked list and becomes text only when an error is made:
 * validation runs on every write and almost always finds nothing. The texts are those of apimachinery's
 * `pkg/util/validation/field/errors.go`; clients and people match on them.
 */
import type { FieldError } from './status.ts';

export class Path {
  readonly #parent: Path | undefined;
  readonly #step: string | number;
  readonly #subscript: boolean;

  constructor(step: string | number, parent?: Path, subscript = false) {
    this.#step = step;
    this.#parent = parent;
    this.#subscript = subscript;
  }
  child(...names: string[]): Path {
    let path: Path = this;
    for (const name of names) path = new Path(name, path);
    return path;
  }
  index(at: number): Path {
    return new Path(at, this, true);
  }
  key(name: string): Path {
    return new Path(name, this, true);
  }
  toString(): string {
    if (this.#subscript) return `${this.#parent ?? ''}[${this.#step}]`;
    return this.#parent ? `${this.#parent}.${this.#step}` : String(this.#step);
  }
}

/** `root('spec', 'template')` is the path `spec.template`. */
export const root = (name: string, ...more: string[]): Path => new Path(name).child(...more);

const goEscapes: Record<string, string> = {
  '"': '\\"',
  '\\': '\\\\',
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};
const hex = (code: number, digits: number) => code.toString(16).padStart(digits, '0');
const unprintable = /["\\]|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu;

/** A string as Go's `%q` shows it. */
export const quote = (text: string): string =>
  `"${text.replace(unprintable, char => {
    const known = goEscapes[char];
    if (known) return known;
    const code = char.codePointAt(0) ?? 0;
    if (code < 0x80) return `\\x${hex(code, 2)}`;
    return code < 0x10000 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`;
  })}"`;

const htmlEscapes: Record<string, string> = { '<': '\\u003c', '>': '\\u003e', '&': '\\u0026', '\u2028': '\\u2028', '\u2029': '\\u2029' };
/** JSON as Go's `json.Marshal` writes it: characters that mean something in HTML are escaped. */
export const goJson = (value: unknown): string =>
  (JSON.stringify(value) ?? 'null').replace(/[<>&\u2028\u2029]/g, char => htmlEscapes[char] ?? char);

/** JSON as Go writes a map of anything: its names are sorted, at every depth. */
export const goMapJson = (value: unknown): string => goJson(sorted(value));
const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const names = Object.keys(value).sort();
  return Object.fromEntries(names.map(name => [name, sorted((value as Record<string, unknown>)[name])]));
};

/** A value as error texts show it: strings quoted, numbers and booleans plain, the rest as JSON. */
export const show = (value: unknown): string => {
  if (typeof value === 'string') return quote(value);
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  return goJson(value);
};

/** The text of a path without a name, which some rules of upstream have. */
export const nowhere = '[]';

/** A path, or its text where one is made by hand. */
export type Field = Path | string;

const error = (type: FieldError['type'], field: Field, head: string, detail?: string): FieldError => ({
  type,
  field: String(field),
  message: detail ? `${head}: ${detail}` : head,
});

export const required = (field: Field, detail?: string): FieldError => error('Required', field, 'Required value', detail);
export const invalid = (field: Field, value: unknown, detail?: string): FieldError =>
  error('Invalid', field, `Invalid value: ${show(value)}`, detail);
export const typeInvalid = (field: Field, value: unknown, detail?: string): FieldError =>
  error('TypeInvalid', field, `Invalid value: ${show(value)}`, detail);
/** `supported` is shown in the order given; upstream sorts most of these lists. */
export const notSupported = (field: Field, value: unknown, supported: readonly string[]): FieldError =>
  error(
    'NotSupported',
    field,
    `Unsupported value: ${show(value)}`,
    supported.length ? `supported values: ${supported.map(quote).join(', ')}` : undefined,
  );
export const duplicate = (field: Field, value: unknown): FieldError => error('Duplicate', field, `Duplicate value: ${show(value)}`);
export const notFound = (field: Field, value: unknown): FieldError => error('NotFound', field, `Not found: ${show(value)}`);
export const forbidden = (field: Field, detail?: string): FieldError => error('Forbidden', field, 'Forbidden', detail);
export const tooLong = (field: Field, limit: number): FieldError =>
  error('TooLong', field, 'Too long', limit < 0 ? 'value is too long' : `may not be more than ${limit} byte${limit === 1 ? '' : 's'}`);
export const tooMany = (field: Field, actual: number, limit: number): FieldError =>
  error(
    'TooMany',
    field,
    actual < 0 ? 'Too many' : `Too many: ${actual}`,
    limit < 0 ? 'has too many items' : `must have at most ${limit} item${limit === 1 ? '' : 's'}`,
  );
export const internal = (field: Field, detail: string): FieldError => error('Internal', field, 'Internal error', detail);
