/**
 * Reads a JSON value into the Go type of a built-in kind and writes it again, in one step: unknown fields and nulls go,
 * scalars take their canonical form, zero values are dropped or filled in as the struct tags say. Never changes its input,
 * never shares structure with it.
 *
 * Of type errors Go reports the first, after reading on to the end; an error of a type that reads itself (quantity, time)
 * ends the reading at once.
 */
import type { Json, JsonObject } from '../object.ts';
import { canonical } from '../quantity.ts';
import { rememberEmpty } from './given.ts';
import { canonicalBase64, canonicalMicroTime, canonicalTime, GoError } from './go-values.ts';
import { maxDepth, NumberLiteral, RepeatedMembers } from './json-text.ts';
import type { Shape, Struct, StructField } from './shape.ts';
import { shapeOfDefinition } from './shape.ts';
import { zeroOf } from './zero.ts';

/** The largest double that is a 64-bit integer. */
const mostInteger = 2 ** 63 - 1024;
/** No more problems than this are collected. */
const maxProblems = 100;
const jsonSchema = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps';

/** Sets a member whatever its name: assigning to `__proto__` would not. */
export const setMember = (object: object, name: string, value: unknown): void => {
  if (name === '__proto__') Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
  else (object as Record<string, unknown>)[name] = value;
};

const describe = (value: unknown): string => {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  if (value instanceof NumberLiteral) return 'number';
  return typeof value;
};
const literal = (value: unknown): string | undefined => {
  if (typeof value === 'number') return String(value);
  return value instanceof NumberLiteral ? value.text : undefined;
};
const integer = /^-?[0-9]+$/;

const isEmpty = (value: Json): boolean => {
  if (value === '' || value === 0 || value === false || value === null) return true;
  if (typeof value !== 'object') return false;
  if (Array.isArray(value)) return value.length === 0;
  for (const _ in value) return false;
  return true;
};

/** How a value that is no text any more is refused: apimachinery's `FromUnstructured` names kinds of Go values, and stops at the first. */
const restoreProblem = (shape: Shape, value: unknown): string => {
  const text = literal(value);
  const number = text !== undefined && integer.test(text) ? 'int64' : 'float64';
  const from = typeof value === 'string' ? 'string' : Array.isArray(value) ? 'slice' : typeof value === 'boolean' ? 'bool' : 'map';
  const given = text === undefined ? from : number;
  if (shape.kind === 'struct') return `cannot restore struct from: ${given}`;
  if (shape.kind === 'map') return `cannot restore map from ${given}`;
  if (shape.kind === 'list' || shape.kind === 'bytes') return `cannot restore slice from ${given}`;
  if (shape.kind === 'string') return given === 'int64' ? `cannot convert int64 to ${shape.go}` : 'unrecognized type: string';
  if (shape.kind === 'integer' && given === 'float64') return `cannot convert float64 to ${shape.go}`;
  return `unrecognized type: ${shape.kind === 'boolean' ? 'bool' : shape.kind === 'float' ? 'float64' : shape.go}`;
};

export class Conversion {
  readonly #strict: boolean;
  readonly #restore: boolean;
  readonly #path: (StructField | string | number)[] = [];
  readonly #seenProblems = new Set<string>();
  #quiet = 0;
  #firstError: GoError | undefined;
  readonly problems: string[] = [];
  /** Object members met, to be held against those of the text. */
  members = 0;

  /** `restore`: the value was made in memory, and errors say so. */
  constructor(strict: boolean, restore = false) {
    this.#strict = strict;
    this.#restore = restore;
  }

  /** Throws `GoError`. */
  run(shape: Shape, value: unknown): Json {
    const result = value === null ? zeroOf(shape) : this.#convert(shape, value);
    if (this.#firstError) throw this.#firstError;
    return result ?? null;
  }

  /** A copy without a schema; numbers and repeated members become what `JSON.parse` makes of them. */
  copy(value: unknown, reportRepeated: boolean): Json {
    if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
    if (value instanceof NumberLiteral) return Number(value.text);
    if (this.#path.length > maxDepth) throw new GoError('exceeded max depth');
    if (Array.isArray(value)) {
      const list: Json[] = [];
      for (let i = 0; i < value.length; i++) {
        this.#path.push(i);
        list.push(this.copy(value[i], reportRepeated));
        this.#path.pop();
      }
      return list;
    }
    const object: JsonObject = {};
    if (value instanceof RepeatedMembers) {
      for (const [key, item] of value.entries) {
        if (reportRepeated && Object.hasOwn(object, key)) this.problem('duplicate', key);
        this.#copyMember(object, key, item, reportRepeated);
      }
      return object;
    }
    if (typeof value === 'object') for (const key in value) this.#copyMember(object, key, (value as JsonObject)[key], reportRepeated);
    return object;
  }

  #copyMember(object: JsonObject, key: string, value: unknown, reportRepeated: boolean): void {
    this.members++;
    this.#path.push(key);
    setMember(object, key, this.copy(value, reportRepeated));
    this.#path.pop();
  }

  problem(kind: 'unknown' | 'duplicate', name: string): void {
    if (!this.#strict || this.#quiet > 0 || this.problems.length >= maxProblems) return;
    let path = '';
    for (const step of this.#path) {
      if (typeof step === 'number') path += `[${step}]`;
      else path += `${path ? '.' : ''}${typeof step === 'string' ? step : step.name}`;
    }
    const text = `${kind} field ${JSON.stringify(path ? `${path}.${name}` : name)}`;
    if (this.#seenProblems.has(text)) return;
    this.#seenProblems.add(text);
    this.problems.push(text);
  }

  #typeError(value: string, go: string): GoError {
    if (this.#restore) return new GoError(`json: cannot unmarshal ${value} into Go value of type ${go}`);
    const steps: string[] = [];
    let owner = '';
    for (const step of this.#path) {
      if (typeof step !== 'object') continue;
      owner = step.owner;
      steps.push(...step.through, step.name);
    }
    const where = steps.length > 0 ? `Go struct field ${owner}.${steps.join('.')}` : 'Go value';
    return new GoError(`json: cannot unmarshal ${value} into ${where} of type ${go}`);
  }

  #fail(value: unknown, shape: Shape, go = shape.go): undefined {
    if (this.#restore) throw new GoError(restoreProblem(shape, value));
    this.#firstError ??= this.#typeError(typeof value === 'string' ? 'string' : describe(value), go);
    return undefined;
  }

  /** Undefined where the value could not be read, which is then remembered. `value` is not null. */
  #convert(shape: Shape, value: unknown): Json | undefined {
    switch (shape.kind) {
      case 'string':
        return typeof value === 'string' ? value : this.#fail(value, shape);
      case 'struct':
        if (!shape.struct || typeof value !== 'object' || Array.isArray(value) || value instanceof NumberLiteral)
          return this.#fail(value, shape);
        return this.#struct(shape.struct, value as object);
      case 'list':
        return Array.isArray(value) ? this.#list(shape.item as Shape, value) : this.#fail(value, shape);
      case 'map':
        if (typeof value !== 'object' || Array.isArray(value) || value instanceof NumberLiteral) return this.#fail(value, shape);
        return this.#map(shape.item as Shape, value as object);
      case 'boolean':
        return typeof value === 'boolean' ? value : this.#fail(value, shape);
      case 'integer':
        return this.#integer(shape, value);
      case 'float': {
        const text = literal(value);
        return text === undefined ? this.#fail(value, shape) : Number(text);
      }
      case 'raw':
        return this.copy(value, false);
      default:
        return this.#ownReader(shape, value);
    }
  }

  #integer(shape: Shape, value: unknown): number | undefined {
    const text = literal(value);
    if (text === undefined || (this.#restore && !integer.test(text))) return this.#fail(value, shape);
    const number = Number(text);
    const { lowest = 0, highest = 0 } = shape;
    if (integer.test(text) && number >= lowest && number <= highest) return number === 0 ? 0 : number;
    // The last of the 64-bit integers round to one beyond them all: they become the largest that does not.
    if (number === 2 ** 63 && highest === mostInteger && (text === String(number) || BigInt(text) < 1n << 63n)) return highest;
    this.#firstError ??= this.#typeError(`number ${text}`, shape.go);
    return undefined;
  }

  /** Types with an `UnmarshalJSON` of their own. */
  #ownReader(shape: Shape, value: unknown): Json | undefined {
    switch (shape.kind) {
      case 'quantity':
        return this.#quantity(value);
      case 'time':
      case 'micro-time':
        if (typeof value !== 'string') throw this.#typeError(describe(value), 'string');
        return shape.kind === 'time' ? canonicalTime(value) : canonicalMicroTime(value);
      case 'bytes':
        if (typeof value !== 'string') {
          // Go takes a list of numbers for bytes as well.
          if (!Array.isArray(value)) return this.#fail(value, shape, '[]uint8');
          const bytes = this.#list({ kind: 'integer', go: 'uint8', lowest: 0, highest: 255 }, value);
          return Buffer.from(bytes as number[]).toString('base64');
        }
        try {
          return canonicalBase64(value);
        } catch (error) {
          if (!(error instanceof GoError)) throw error;
          if (this.#restore) throw new GoError(`error decoding from json: ${error.message}`);
          this.#firstError ??= error;
          return undefined;
        }
      case 'int-or-string': {
        if (typeof value === 'string') return value;
        const text = literal(value);
        if (text === undefined) throw this.#typeError(describe(value), 'int32');
        const number = Number(text);
        if (!integer.test(text) || number < -(2 ** 31) || number >= 2 ** 31) throw this.#typeError(`number ${text}`, 'int32');
        return number;
      }
      default:
        return this.#jsonSchema(shape, value);
    }
  }

  #quantity(value: unknown): string {
    const text = typeof value === 'string' ? value : (literal(value) ?? JSON.stringify(value));
    try {
      return canonical(text.trim());
    } catch (error) {
      throw new GoError(error instanceof Error ? error.message : String(error));
    }
  }

  /** The unions inside JSONSchemaProps. They read their content apart, so unknown fields in it go unnoticed. */
  #jsonSchema(shape: Shape, value: unknown): Json | undefined {
    const schema = shapeOfDefinition(jsonSchema);
    if (!schema || this.#path.length > maxDepth) throw new GoError('exceeded max depth');
    this.#quiet++;
    try {
      if (Array.isArray(value)) {
        if (shape.kind === 'schema-or-list') return value.length > 0 ? this.#list(schema, value) : null;
        if (shape.kind === 'schema-or-strings') return value.length > 0 ? this.#list({ kind: 'string', go: 'string' }, value) : null;
      } else if (typeof value === 'object' && !(value instanceof NumberLiteral)) return this.#convert(schema, value);
      if (shape.kind !== 'schema-or-bool') return null;
      if (typeof value === 'boolean') return value;
      throw new GoError('boolean or JSON schema expected');
    } finally {
      this.#quiet--;
    }
  }

  #list(item: Shape, values: readonly unknown[]): Json[] {
    const list: Json[] = [];
    for (let i = 0; i < values.length; i++) {
      this.#path.push(i);
      const value = values[i];
      list.push(value === null ? zeroOf(item) : (this.#convert(item, value) ?? null));
      this.#path.pop();
    }
    return list;
  }

  #map(item: Shape, values: object): JsonObject {
    const object: JsonObject = {};
    if (values instanceof RepeatedMembers) {
      for (const [key, value] of values.entries) {
        if (Object.hasOwn(object, key)) this.problem('duplicate', key);
        this.#mapMember(object, item, key, value);
      }
    } else for (const key in values) this.#mapMember(object, item, key, (values as JsonObject)[key]);
    return object;
  }

  #mapMember(object: JsonObject, item: Shape, key: string, value: unknown): void {
    this.members++;
    this.#path.push(key);
    setMember(object, key, value === null ? zeroOf(item) : (this.#convert(item, value) ?? null));
    this.#path.pop();
  }

  #struct(struct: Struct, values: object): JsonObject {
    if (this.#path.length > maxDepth) throw new GoError('exceeded max depth');
    const object: JsonObject = {};
    const { fields } = struct;
    if (values instanceof RepeatedMembers) this.#repeated(struct, values, object);
    else {
      for (const key in values) {
        this.members++;
        const value = (values as JsonObject)[key];
        const field = fields.get(key);
        if (field) {
          if (value !== null) this.#field(object, field, value);
        } else this.#unknown(key, value);
      }
    }
    for (const field of struct.filled)
      if (object[field.name] === undefined) object[field.name] = field.fillNull ? null : zeroOf(field.shape);
    return object;
  }

  #field(object: JsonObject, field: StructField, value: unknown): void {
    this.#path.push(field);
    const made = this.#convert(field.shape, value);
    this.#path.pop();
    if (made === undefined) return;
    if (field.dropZero && isEmpty(made)) {
      if (typeof made === 'object' && made !== null) rememberEmpty(object, field.name, made);
      return;
    }
    object[field.name] = made;
  }

  #unknown(key: string, value: unknown): void {
    this.problem('unknown', key);
    // Its members count, though nothing of it is kept.
    if (typeof value === 'object' && value !== null) this.copy(value, false);
  }

  /** Go reads the later value into what the earlier one made: structs and maps merge, all else is replaced. */
  #repeated(struct: Struct, values: RepeatedMembers, object: JsonObject): void {
    const seen = new Set<string>();
    for (const [key, value] of values.entries) {
      this.members++;
      const field = struct.fields.get(key);
      if (!field) {
        this.#unknown(key, value);
        continue;
      }
      if (seen.has(key)) this.problem('duplicate', key);
      seen.add(key);
      if (value === null) {
        if (field.fillNull || !['struct', 'string', 'boolean', 'integer', 'float'].includes(field.shape.kind)) delete object[key];
        continue;
      }
      const earlier = object[key];
      delete object[key];
      this.#field(object, field, value);
      const later = object[key];
      if (isObject(earlier) && (later === undefined || isObject(later))) object[key] = merge(field.shape, earlier, later ?? {});
    }
  }
}

const isObject = (value: Json | undefined): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

const merge = (shape: Shape, earlier: JsonObject, later: JsonObject): JsonObject => {
  if (shape.kind === 'raw') return later;
  const merged: JsonObject = { ...earlier };
  for (const key of Object.keys(later)) {
    const value = later[key] as Json;
    const field = shape.struct?.fields.get(key);
    const before = earlier[key];
    setMember(merged, key, field && isObject(before) && isObject(value) ? merge(field.shape, before, value) : value);
  }
  return merged;
};
