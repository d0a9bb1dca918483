/** How large values of a schema may be, where they come in a request of bounded length (apiserver `pkg/cel/common/schemas.go`). */
import type { Schema } from '../schema/schema.ts';
import { escapeName, fieldSchema, typeOf } from './types.ts';

export interface Extent {
  /** Characters or items; 0 of what has none. */
  readonly most: number;
  /** Bytes of the shortest JSON of it. */
  readonly least: number;
  /** Of a field, or of `@items`, `@keys` and `@values`. */
  step(name: string): Extent | undefined;
}

const longestRequest = 3 * 1024 * 1024;
/** Quotes or brackets. */
const pair = 2;

const plain = (most: number, least: number): Extent => ({ most, least, step: () => undefined });
const keys = plain(0, pair);

/** The longest and the shortest JSON of texts of a form. */
const formats: Readonly<Record<string, readonly [number, number]>> = { duration: [32, 3], date: [12, 12], 'date-time': [32, 21] };

const ofText = ({ format = '', enum: values, bounds }: Schema): Extent => {
  const form = Object.hasOwn(formats, format) ? formats[format] : undefined;
  if (form) return plain(...form);
  const limit = bounds?.maxLength === undefined ? undefined : Math.max(0, bounds.maxLength);
  // Lengths are counted in characters of up to four bytes.
  if (limit !== undefined) return plain(format === 'byte' ? limit : limit * 4, pair);
  if (format !== 'byte' && values && values.length > 0)
    return plain(Math.max(...values.map(value => (typeof value === 'string' ? Buffer.byteLength(value) : 0))), pair);
  return plain(longestRequest - pair, pair);
};

const ofFields = (schema: Schema, whole: boolean): Extent => {
  const names = new Set([...(schema.properties?.keys() ?? []), ...(whole ? ['apiVersion', 'kind', 'metadata'] : [])]);
  const fields = new Map<string, Extent>();
  let least = pair;
  for (const name of names) {
    const field = fieldSchema(schema, name, whole);
    const extent = field && extentOf(field);
    if (!field || !extent) continue;
    const escaped = escapeName(name);
    if (escaped !== undefined) fields.set(escaped, extent);
    // What has a default is not in the request.
    if (schema.required?.includes(name) && field.default === undefined) least += Buffer.byteLength(name) + extent.least + 4;
  }
  return { most: 0, least, step: name => fields.get(name) };
};

const known = new WeakMap<Schema, Extent>();
const make = (schema: Schema, whole: boolean): Extent => {
  const { type, bounds } = schema;
  if (schema.intOrString) return plain(bounds?.maxLength === undefined ? longestRequest - pair : Math.max(0, bounds.maxLength) * 4, 1);
  const within = longestRequest - pair;
  if (type === 'array') {
    const items = schema.items && extentOf(schema.items);
    const most = bounds?.maxItems === undefined ? Math.floor(within / ((items?.least ?? 0) + 1)) : Math.max(0, bounds.maxItems);
    return { most, least: pair, step: name => (name === '@items' || name === '@values' ? items : undefined) };
  }
  if (type === 'object' && schema.additionalProperties && !schema.properties && !whole) {
    const values = extentOf(schema.additionalProperties);
    const most = bounds?.maxProperties === undefined ? Math.floor(within / ((values?.least ?? 0) + 6)) : Math.max(0, bounds.maxProperties);
    const step = (name: string) => (name === '@keys' ? keys : name === '@items' || name === '@values' ? values : undefined);
    return { most, least: pair, step };
  }
  if (type === 'object') return ofFields(schema, whole);
  if (type === 'string') return ofText(schema);
  return plain(0, type === 'boolean' ? 4 : 1);
};

/** Undefined where expressions cannot use the value. */
export const extentOf = (schema: Schema, whole = schema.embeddedResource === true): Extent | undefined => {
  const before = known.get(schema);
  if (before) return before;
  if (!typeOf(schema, whole)) return undefined;
  const made = make(schema, whole);
  known.set(schema, made);
  return made;
};

/** How often such a value may stand in a request. */
export const mostOften = ({ least }: Extent): number => Math.floor(longestRequest / (least + 1));
