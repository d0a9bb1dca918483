/** JSON as CEL values: integers, times, durations and bytes as the schema says, objects as maps of the fields that the schema knows. */
import type { CelInput } from '@bufbuild/cel';
import type { Schema } from '../schema/schema.ts';
import { evaluator } from './load.ts';
import { escapeName, fieldSchema } from './types.ts';

type Value = CelInput;

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

const units: Record<string, number> = { h: 3600e9, m: 60e9, s: 1e9, ms: 1e6, us: 1e3, µs: 1e3, ns: 1 };
/** Nanoseconds of a duration in Go's form; undefined where it is none. */
const nanoseconds = (text: string): bigint | undefined => {
  const match = /^([+-]?)((?:\d+(?:\.\d*)?|\.\d+)(?:h|ms|m|s|us|µs|ns))+$/.exec(text);
  if (!match && text !== '0') return undefined;
  let total = 0n;
  for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d*)?|\.\d+)(h|ms|m|s|us|µs|ns)/g))
    total += BigInt(Math.round(Number(number) * (units[unit ?? ''] ?? 0)));
  return text.startsWith('-') ? -total : total;
};

const ofString = (schema: Schema, text: string): Value => {
  const { protobuf, wkt } = evaluator();
  if (schema.format === 'duration') {
    const all = nanoseconds(text);
    if (all === undefined) return text;
    return protobuf.create(wkt.DurationSchema, { seconds: all / 1_000_000_000n, nanos: Number(all % 1_000_000_000n) });
  }
  if (schema.format === 'date-time' || schema.format === 'date') {
    const at = Date.parse(text);
    return Number.isNaN(at) ? text : wkt.timestampFromMs(at);
  }
  return schema.format === 'byte' ? new Uint8Array(Buffer.from(text, 'base64')) : text;
};

const ofNumber = (schema: Schema, value: number): Value => {
  const whole = schema.type === 'integer' || (schema.type !== 'number' && Number.isInteger(value));
  return whole && Number.isSafeInteger(value) ? BigInt(value) : value;
};

/** A value without a schema, as dynamic ones are. */
const untyped: Schema = {};

export const celValue = (schema: Schema, value: unknown, whole = schema.embeddedResource === true): Value => {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string') return ofString(schema, value);
  if (typeof value === 'number') return ofNumber(schema, value);
  if (typeof value === 'boolean') return value;
  if (Array.isArray(value)) return value.map(item => celValue(schema.items ?? untyped, item));
  const table = new Map<string, Value>();
  if (!isObject(value)) return table as Value;
  const known = schema.properties !== undefined || whole;
  for (const [name, item] of Object.entries(value)) {
    if (!known) {
      if (schema === untyped || schema.additionalProperties) table.set(name, celValue(schema.additionalProperties ?? untyped, item));
      continue;
    }
    const field = fieldSchema(schema, name, whole);
    const escaped = field ? escapeName(name) : undefined;
    // Null of a field that takes none is as if it were not there.
    if (!field || !escaped || (item === null && !field.nullable)) continue;
    const made = celValue(field, item);
    table.set(escaped, made);
    // A reserved word is a field's name as it stands, too.
    if (escaped === `__${name}__`) table.set(name, made);
  }
  return table as Value;
};
