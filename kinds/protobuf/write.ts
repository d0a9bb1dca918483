/** From the JSON form of an object to its protobuf message. Only what the object has is written: absent is zero to every reader. */
import type protobuf from 'protobufjs/minimal.js';
import type { Json, JsonObject } from '../object.ts';
import type { Shape } from '../schema/shape.ts';
import { shapeOfDefinition } from '../schema/shape.ts';
import { type Message, messageOf } from './messages.ts';

export type Writer = protobuf.Writer;

const varint = 0;
const fixed64 = 1;
const delimited = 2;

const text: Shape = { kind: 'string', go: 'string' };
const jsonSchemaShape = (): Shape | undefined =>
  shapeOfDefinition('io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps');

/** Embedded messages stand behind the fields of the outer one; those without any content are left out. */
export const writeMessage = (writer: Writer, message: Message, object: JsonObject): void => {
  for (const name in object) {
    const value = object[name];
    const field = value === undefined || value === null ? undefined : message.byName.get(name);
    if (field) writeField(writer, field.number, field.shape, value as Json);
  }
  for (const { number, message: inner } of message.embedded) {
    if (!hasContent(inner, object)) continue;
    writer.uint32(number * 8 + delimited).fork();
    writeMessage(writer, inner, object);
    writer.ldelim();
  }
};

const hasContent = (message: Message, object: JsonObject): boolean => {
  for (const name of message.byName.keys()) if (object[name] !== undefined && object[name] !== null) return true;
  return message.embedded.some(one => hasContent(one.message, object));
};

const wrong = (shape: Shape, value: Json): Error => new TypeError(`${JSON.stringify(value)} cannot be written as ${shape.go}`);

const writeField = (writer: Writer, number: number, shape: Shape, value: Json): void => {
  const { kind } = shape;
  switch (kind) {
    case 'string':
      if (typeof value !== 'string') throw wrong(shape, value);
      writer.uint32(number * 8 + delimited).string(value);
      return;
    case 'boolean':
      writer.uint32(number * 8 + varint).bool(value === true);
      return;
    case 'integer':
      if (typeof value !== 'number') throw wrong(shape, value);
      writer.uint32(number * 8 + varint).int64(value);
      return;
    case 'float':
      if (typeof value !== 'number') throw wrong(shape, value);
      writer.uint32(number * 8 + fixed64).double(value);
      return;
    case 'bytes':
      if (typeof value !== 'string') throw wrong(shape, value);
      writer.uint32(number * 8 + delimited).bytes(Buffer.from(value, 'base64'));
      return;
    case 'list':
      writeList(writer, number, shape.item as Shape, value);
      return;
    case 'map':
      writeMap(writer, number, shape.item as Shape, value as JsonObject);
      return;
    default:
      writer.uint32(number * 8 + delimited).fork();
      writeContent(writer, shape, value);
      writer.ldelim();
  }
};

const writeList = (writer: Writer, number: number, item: Shape, value: Json): void => {
  if (!Array.isArray(value)) throw wrong(item, value);
  for (const one of value) writeItem(writer, number, item, one);
};

/** A list in a list or map has a message of its own: `{ items = 1 }`. Elements have no way to be absent: null is an empty one. */
const writeItem = (writer: Writer, number: number, item: Shape, value: Json): void => {
  if (item.kind === 'list') {
    writer.uint32(number * 8 + delimited).fork();
    writeList(writer, 1, item.item as Shape, value ?? []);
    writer.ldelim();
  } else if (value === null)
    writer
      .uint32(number * 8 + delimited)
      .fork()
      .ldelim();
  else writeField(writer, number, item, value);
};

const writeMap = (writer: Writer, number: number, item: Shape, values: JsonObject): void => {
  for (const key of Object.keys(values)) {
    writer
      .uint32(number * 8 + delimited)
      .fork()
      .uint32(8 + delimited)
      .string(key);
    writeItem(writer, 2, item, values[key] as Json);
    writer.ldelim();
  }
};

/** The messages of structs and of the types that write themselves in Go; `read.ts` describes them. */
const writeContent = (writer: Writer, shape: Shape, value: Json): void => {
  switch (shape.kind) {
    case 'struct':
      if (shape.struct) writeMessage(writer, messageOf(shape.struct), value as JsonObject);
      else writeField(writer, 1, { kind: 'bytes', go: '[]uint8' }, Buffer.from(JSON.stringify(value)).toString('base64'));
      return;
    case 'quantity':
      writeField(writer, 1, text, String(value));
      return;
    case 'time':
    case 'micro-time':
      writeTime(writer, String(value));
      return;
    case 'int-or-string':
      if (typeof value === 'string') writer.uint32(8).int32(1).uint32(26).string(value);
      else writer.uint32(8).int32(0).uint32(16).int64(Number(value));
      return;
    case 'raw':
      writer.uint32(8 + delimited).string(JSON.stringify(value));
      return;
    default:
      writeSchemaUnion(writer, shape, value);
  }
};

const writeTime = (writer: Writer, time: string): void => {
  const seconds = Date.parse(`${time.slice(0, 19)}Z`) / 1000;
  const nanos = Number(time.slice(20, -1).padEnd(9, '0').slice(0, 9));
  writer.uint32(8).int64(seconds).uint32(16).int32(nanos);
};

const writeSchemaUnion = (writer: Writer, shape: Shape, value: Json): void => {
  const schema = jsonSchemaShape();
  if (!schema) throw wrong(shape, value);
  const bool = shape.kind === 'schema-or-bool';
  if (Array.isArray(value)) writeList(writer, 2, shape.kind === 'schema-or-strings' ? text : schema, value);
  else if (!bool) writeField(writer, 1, schema, value);
  else {
    writer.uint32(8).bool(value !== false);
    if (typeof value === 'object') writeField(writer, 2, schema, value);
  }
};
