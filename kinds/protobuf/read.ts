/**
 * From a protobuf message to the JSON form of the same object, with zero values and empty messages as they were sent: `decode.ts`
 * then makes the stored form of it, as it does of JSON. Types that write themselves in Go (times, quantities, unions) have a
 * message of their own, described at each reader.
 */
import protobuf from 'protobufjs/minimal.js';
import type { Json, JsonObject } from '../object.ts';
import { setMember } from '../schema/convert.ts';
import { GoError } from '../schema/go-values.ts';
import { maxDepth } from '../schema/json-text.ts';
import type { Shape, ShapeKind } from '../schema/shape.ts';
import { shapeOfDefinition } from '../schema/shape.ts';
import { type Message, messageOf } from './messages.ts';

export type Reader = protobuf.Reader;

const varint = 0;
const fixed64 = 1;
const delimited = 2;

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
const isObject = (value: Json | undefined): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);
const jsonSchema: Shape = { kind: 'struct', go: 'v1.JSONSchemaProps' };
const jsonSchemaShape = (): Shape =>
  shapeOfDefinition('io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps') ?? jsonSchema;
const text: Shape = { kind: 'string', go: 'string' };

const wireTypes: Partial<Record<ShapeKind, number>> = { boolean: varint, integer: varint, float: fixed64 };

const toNumber = (low: number, high: number): number => high * 2 ** 32 + (low >>> 0);

/** Objects that a `RawExtension` holds as protobuf instead of JSON; undefined where the bytes are not. */
export type ReadEmbedded = (bytes: Uint8Array, depth: number) => Json | undefined;

/** Calls `each` for every field up to `end`; it reads the value and answers true, or leaves it to be skipped. */
export const eachField = (reader: Reader, end: number, each: (number: number, wire: number) => boolean): void => {
  while (reader.pos < end) {
    const tag = reader.tag();
    if (!each(tag >>> 3, tag & 7)) reader.skipType(tag & 7, 0, tag >>> 3);
  }
  if (reader.pos !== end) throw new GoError('unexpected EOF');
};

/** Where the message that begins here ends. */
export const endOf = (reader: Reader, wire: number, limit: number): number => {
  if (wire !== delimited) throw new GoError(`proto: wrong wireType = ${wire} for a message`);
  const end = reader.size() + reader.pos;
  if (end > limit) throw new GoError('unexpected EOF');
  return end;
};

/** Bytes that do not decode make the library throw errors of its own; all that is thrown here is about the input. */
export const readingInput = <T>(read: () => T): T => {
  try {
    return read();
  } catch (error) {
    if (error instanceof GoError) throw error;
    if (error instanceof RangeError) throw new GoError('unexpected EOF');
    throw error instanceof Error ? new GoError(`proto: ${error.message}`) : error;
  }
};

export class MessageReader {
  readonly #reader: Reader;
  readonly #readEmbedded: ReadEmbedded;
  #depth: number;

  constructor(bytes: Uint8Array, readEmbedded: ReadEmbedded, depth: number) {
    this.#reader = protobuf.Reader.create(bytes);
    this.#readEmbedded = readEmbedded;
    this.#depth = depth;
  }

  /** Throws `GoError`. */
  read(message: Message): JsonObject {
    return readingInput(() => this.#struct(message, this.#reader.len, {}));
  }

  /** What is sent twice is merged, as every reader of protobuf does. */
  #struct(message: Message, end: number, into: JsonObject): JsonObject {
    if (++this.#depth > maxDepth) throw new GoError('exceeded max depth');
    eachField(this.#reader, end, (number, wire) => {
      const field = message.byNumber.get(number);
      if (field) {
        const earlier = into[field.name];
        into[field.name] = this.#value(field.shape, wire, end, earlier);
        return true;
      }
      const inner = message.embeddedAt(number);
      if (inner) this.#struct(inner, endOf(this.#reader, wire, end), into);
      return inner !== undefined;
    });
    this.#depth--;
    return into;
  }

  #value(shape: Shape, wire: number, limit: number, earlier?: Json): Json {
    const reader = this.#reader;
    if (shape.kind === 'list') return this.#list(shape.item as Shape, wire, limit, Array.isArray(earlier) ? earlier : []);
    const expected = wireTypes[shape.kind] ?? delimited;
    if (wire !== expected) throw new GoError(`proto: wrong wireType = ${wire} for a field of type ${shape.go}`);
    switch (shape.kind) {
      case 'string':
        return reader.string();
      case 'boolean':
        return reader.bool();
      case 'integer':
        return this.#integer(shape);
      case 'float':
        return reader.double();
      case 'bytes':
        return Buffer.from(reader.bytes()).toString('base64');
      case 'map':
        return this.#mapEntry(shape.item as Shape, endOf(reader, wire, limit), isObject(earlier) ? earlier : {});
      case 'struct':
        return shape.struct
          ? this.#struct(messageOf(shape.struct), endOf(reader, wire, limit), isObject(earlier) ? earlier : {})
          : this.#raw(endOf(reader, wire, limit));
      default:
        return this.#own(shape.kind, endOf(reader, wire, limit));
    }
  }

  #integer(shape: Shape): number {
    const { low, high } = this.#reader.int64();
    return (shape.highest ?? 0) <= 2 ** 31 - 1 ? low : toNumber(low, high);
  }

  /** One element a field; numbers may also come many in one. */
  #list(item: Shape, wire: number, limit: number, list: Json[]): Json[] {
    const reader = this.#reader;
    const single = wireTypes[item.kind];
    if (single !== undefined && wire === delimited) {
      const end = endOf(reader, wire, limit);
      while (reader.pos < end) list.push(this.#value(item, single, end));
      return list;
    }
    list.push(item.kind === 'list' ? this.#wrapped(item, endOf(reader, wire, limit)) : this.#value(item, wire, limit));
    return list;
  }

  /** Lists in lists and maps (`ExtraValue`): `{ items = 1 }`. */
  #wrapped(list: Shape, end: number): Json[] {
    let items: Json[] = [];
    eachField(this.#reader, end, (number, wire) => {
      if (number !== 1) return false;
      items = this.#list(list.item as Shape, wire, end, items);
      return true;
    });
    return items;
  }

  /** `{ key = 1, value = 2 }`; what is missing is a zero value, which null is to the decoder. */
  #mapEntry(item: Shape, end: number, into: JsonObject): JsonObject {
    let key = '';
    let value: Json = null;
    eachField(this.#reader, end, (number, wire) => {
      if (number === 1) key = this.#value(text, wire, end) as string;
      else if (number === 2)
        value = item.kind === 'list' ? this.#wrapped(item, endOf(this.#reader, wire, end)) : this.#value(item, wire, end);
      else return false;
      return true;
    });
    setMember(into, key, value);
    return into;
  }

  #own(kind: ShapeKind, end: number): Json {
    switch (kind) {
      case 'quantity':
        return this.#quantity(end);
      case 'time':
      case 'micro-time':
        return this.#time(kind === 'micro-time', end);
      case 'int-or-string':
        return this.#intOrString(end);
      case 'raw':
        return this.#raw(end);
      default:
        return this.#schemaUnion(kind, end);
    }
  }

  /** `{ string = 1 }` */
  #quantity(end: number): string {
    let quantity = '0';
    eachField(this.#reader, end, (number, wire) => {
      if (number !== 1) return false;
      quantity = this.#value(text, wire, end) as string;
      return true;
    });
    return quantity;
  }

  /** `{ seconds = 1, nanos = 2 }`; empty is the zero time. */
  #time(micro: boolean, end: number): string | null {
    if (this.#reader.pos === end) return null;
    let seconds = 0;
    let nanos = 0;
    eachField(this.#reader, end, (number, wire) => {
      if (wire !== varint || number > 2) return false;
      const { low, high } = this.#reader.int64();
      const read = toNumber(low, high);
      if (number === 1) seconds = read;
      else nanos = read;
      return true;
    });
    if (seconds < -62_135_596_800 || seconds > 253_402_300_799 || nanos < 0 || nanos > 999_999_999)
      throw new GoError('Time.MarshalJSON: year outside of range [0,9999]');
    const whole = new Date(seconds * 1000).toISOString().slice(0, 19);
    return micro ? `${whole}.${String(Math.trunc(nanos / 1000)).padStart(6, '0')}Z` : `${whole}Z`;
  }

  /** `{ type = 1, intVal = 2, strVal = 3 }`, type 1 being the string. */
  #intOrString(end: number): Json {
    const reader = this.#reader;
    let isText = false;
    let integer = 0;
    let string = '';
    eachField(reader, end, (number, wire) => {
      if (number === 3) string = this.#value(text, wire, end) as string;
      else if (wire !== varint || number > 3) return false;
      else if (number === 1) isText = reader.int64().low === 1;
      else integer = reader.int64().low;
      return true;
    });
    return isText ? string : integer;
  }

  /** `{ raw = 1 }` holding JSON, or a whole object with its envelope. */
  #raw(end: number): Json {
    let bytes: Uint8Array | undefined;
    eachField(this.#reader, end, (number, wire) => {
      if (number !== 1) return false;
      if (wire !== delimited) throw new GoError(`proto: wrong wireType = ${wire} for field Raw`);
      bytes = this.#reader.bytes();
      return true;
    });
    if (!bytes || bytes.length === 0) return null;
    const embedded = this.#readEmbedded(bytes, this.#depth + 1);
    if (embedded !== undefined) return embedded;
    try {
      return JSON.parse(utf8.decode(bytes)) as Json;
    } catch (error) {
      throw new GoError(`json: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** Bool `{ allows = 1, schema = 2 }`, array `{ schema = 1, jSONSchemas = 2 }`, strings `{ schema = 1, property = 2 }`. */
  #schemaUnion(kind: ShapeKind, end: number): Json {
    const bool = kind === 'schema-or-bool';
    let allows = false;
    let schema: Json = null;
    let list: Json[] = [];
    eachField(this.#reader, end, (number, wire) => {
      if (bool && number === 1 && wire === varint) allows = this.#reader.bool();
      else if (number === (bool ? 2 : 1)) schema = this.#value(jsonSchemaShape(), wire, end);
      else if (!bool && number === 2) list = this.#list(kind === 'schema-or-strings' ? text : jsonSchemaShape(), wire, end, list);
      else return false;
      return true;
    });
    if (bool) return schema ?? allows;
    return list.length > 0 ? list : schema;
  }
}
