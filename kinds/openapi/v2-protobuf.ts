/**
 * The version 2 document as protobuf, the only form in which client-go asks for it: kubectl before 1.29 cannot validate or
 * explain without. Messages and numbers: github.com/google/gnostic-models `openapiv2/OpenAPIv2.proto`.
 */
import type { Json, JsonObject } from '../object.ts';

const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

/** One message: chunks gathered until its length is known. */
class Message {
  readonly #chunks: Uint8Array[] = [];
  #length = 0;

  #push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }
  #varint(value: number): void {
    if (value >= 0 && value < 0x80) {
      this.#push(Uint8Array.of(value));
      return;
    }
    const bytes: number[] = [];
    let rest = BigInt.asUintN(64, BigInt(Math.trunc(value)));
    do {
      const low = Number(rest & 0x7fn);
      rest >>= 7n;
      bytes.push(rest > 0n ? low | 0x80 : low);
    } while (rest > 0n);
    this.#push(Uint8Array.from(bytes));
  }
  #bytes(field: number, bytes: Uint8Array): this {
    this.#varint(field * 8 + 2);
    this.#varint(bytes.length);
    this.#push(bytes);
    return this;
  }
  text(field: number, text: string): this {
    return this.#bytes(field, Buffer.from(text));
  }
  message(field: number, message: Message): this {
    return this.#bytes(field, message.finish());
  }
  integer(field: number, value: number): this {
    this.#varint(field * 8);
    this.#varint(value);
    return this;
  }
  double(field: number, value: number): this {
    this.#varint(field * 8 + 1);
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleLE(value);
    this.#push(bytes);
    return this;
  }
  finish(): Uint8Array {
    return Buffer.concat(this.#chunks, this.#length);
  }
}

/** Writes one member of a JSON object into its message; a list is written once an element. */
type Write = (into: Message, value: Json) => void;
type Fields = Readonly<Record<string, Write>>;

const each = (value: Json): readonly Json[] => (Array.isArray(value) ? value : [value]);
const text =
  (field: number): Write =>
  (into, value) => {
    for (const one of each(value)) if (typeof one === 'string') into.text(field, one);
  };
const bool =
  (field: number): Write =>
  (into, value) => {
    if (value === true) into.integer(field, 1);
  };
const integer =
  (field: number): Write =>
  (into, value) => {
    if (typeof value === 'number') into.integer(field, value);
  };
const double =
  (field: number): Write =>
  (into, value) => {
    if (typeof value === 'number') into.double(field, value);
  };
/** A value of any form travels as YAML, of which JSON is a kind. */
const anyOf = (value: Json): Message => new Message().text(2, JSON.stringify(value));
const any =
  (field: number): Write =>
  (into, value) => {
    into.message(field, anyOf(value));
  };
const anys =
  (field: number): Write =>
  (into, value) => {
    for (const one of each(value)) into.message(field, anyOf(one));
  };
const nested =
  (field: number, make: (value: JsonObject) => Message): Write =>
  (into, value) => {
    for (const one of each(value)) if (isObject(one)) into.message(field, make(one));
  };
/** A JSON object whose members are entries of name and value. */
const entries = (field: number, object: Json, make: (value: JsonObject) => Message): Message => {
  const message = new Message();
  if (isObject(object))
    for (const name of Object.keys(object)) {
      const value = object[name];
      if (isObject(value)) message.message(field, new Message().text(1, name).message(2, make(value)));
    }
  return message;
};

/** Members that the table does not name are extensions if they begin with `x-`, else they have no place. */
const write = (object: JsonObject, fields: Fields, extensions: number): Message => {
  const message = new Message();
  for (const name of Object.keys(object)) {
    const value = object[name] as Json;
    const known = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (known) known(message, value);
    else if (name.startsWith('x-')) message.message(extensions, new Message().text(1, name).message(2, anyOf(value)));
  }
  return message;
};

const schemaFields: Fields = {
  $ref: text(1),
  format: text(2),
  title: text(3),
  description: text(4),
  default: any(5),
  multipleOf: double(6),
  maximum: double(7),
  exclusiveMaximum: bool(8),
  minimum: double(9),
  exclusiveMinimum: bool(10),
  maxLength: integer(11),
  minLength: integer(12),
  pattern: text(13),
  maxItems: integer(14),
  minItems: integer(15),
  uniqueItems: bool(16),
  maxProperties: integer(17),
  minProperties: integer(18),
  required: text(19),
  enum: anys(20),
  additionalProperties: nested(21, value => new Message().message(1, schema(value))),
  type: (into, value) => {
    if (typeof value === 'string') into.message(22, new Message().text(1, value));
  },
  items: nested(23, value => new Message().message(1, schema(value))),
  allOf: nested(24, value => schema(value)),
  properties: (into, value) => {
    into.message(25, entries(1, value, schema));
  },
};
function schema(value: JsonObject): Message {
  return write(value, schemaFields, 31);
}

const parameterFields = { required: bool(1), in: text(2), description: text(3), name: text(4) };
const bodyFields: Fields = { description: text(1), name: text(2), in: text(3), required: bool(4), schema: nested(5, schema) };
const queryFields: Fields = { ...parameterFields, type: text(6), format: text(7), uniqueItems: bool(20) };
const pathFields: Fields = { ...parameterFields, type: text(5), format: text(6), uniqueItems: bool(19) };

const parameter = (value: JsonObject): Message => {
  if (value['in'] === 'body') return new Message().message(1, write(value, bodyFields, 6));
  const query = value['in'] === 'query';
  const one = query ? new Message().message(3, write(value, queryFields, 23)) : new Message().message(4, write(value, pathFields, 22));
  return new Message().message(2, one);
};
const parameterItem = (value: JsonObject): Message =>
  value['$ref'] === undefined ? new Message().message(1, parameter(value)) : new Message().message(2, write(value, { $ref: text(1) }, 0));

const responseFields: Fields = { description: text(1), schema: nested(2, value => new Message().message(1, schema(value))) };
const response = (value: JsonObject): Message => new Message().message(1, write(value, responseFields, 5));

const operationFields: Fields = {
  tags: text(1),
  description: text(3),
  operationId: text(5),
  produces: text(6),
  consumes: text(7),
  parameters: nested(8, parameterItem),
  responses: (into, value) => {
    into.message(9, entries(1, value, response));
  },
  schemes: text(10),
};
const operation = (value: JsonObject): Message => write(value, operationFields, 13);
const pathItemFields: Fields = {
  get: nested(2, operation),
  put: nested(3, operation),
  post: nested(4, operation),
  delete: nested(5, operation),
  options: nested(6, operation),
  head: nested(7, operation),
  patch: nested(8, operation),
  parameters: nested(9, parameterItem),
};
const pathItem = (value: JsonObject): Message => write(value, pathItemFields, 10);

const security = (value: JsonObject): Message =>
  new Message().message(2, write(value, { type: text(1), name: text(2), in: text(3), description: text(4) }, 5));

const documentFields: Fields = {
  swagger: text(1),
  info: nested(2, value => write(value, { title: text(1), version: text(2) }, 7)),
  paths: (into, value) => {
    into.message(8, entries(2, value, pathItem));
  },
  definitions: (into, value) => {
    into.message(9, entries(1, value, schema));
  },
  parameters: (into, value) => {
    into.message(10, entries(1, value, parameter));
  },
  securityDefinitions: (into, value) => {
    into.message(13, entries(1, value, security));
  },
};

/** The media type by which it is asked for, and the one it is sent as: the `@` of the former is no token of a media type. */
export const openApiV2Protobuf = {
  asked: 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf',
  sent: 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf',
} as const;

/** `document` as `openApiV2` makes it. */
export const encodeOpenApiV2 = (document: JsonObject): Uint8Array => write(document, documentFields, 16).finish();
