/** Answers in protobuf: objects, lists of messages made before, metadata alone, events of a watch. */
import protobuf from 'protobufjs/minimal.js';
import type { JsonObject, KubeObject } from '../object.ts';
import { definitionOf } from '../schema/data.ts';
import { sealEnvelope } from './envelope.ts';
import { type Message, messageOfDefinition } from './messages.ts';
import { writeMessage } from './write.ts';

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const delimited = 2;

const known = (definition: string): Message => {
  const message = messageOfDefinition(definition);
  if (!message) throw new Error(`no message for ${definition}`);
  return message;
};

const bytesOf = (message: Message, object: JsonObject): Uint8Array => {
  const writer = protobuf.Writer.create();
  writeMessage(writer, message, object);
  return writer.finish();
};

const messageFor = (object: KubeObject): Message | undefined =>
  messageOfDefinition(definitionOf(object.apiVersion, object.kind)?.definition);

/** The object's message without envelope, as lists hold it; undefined for kinds that have none. */
export const encodeMessage = (object: KubeObject): Uint8Array | undefined => {
  const message = messageFor(object);
  return message && bytesOf(message, object as unknown as JsonObject);
};

/** An object in its envelope; undefined for kinds that have no message (custom resources, Tables). */
export const encodeObject = (object: KubeObject): Uint8Array | undefined => {
  if (object.kind === 'PartialObjectMetadata' && object.apiVersion.startsWith('meta.k8s.io/'))
    return sealEnvelope(object.apiVersion, object.kind, [partialMessage(object)]);
  const bytes = encodeMessage(object);
  return bytes && sealEnvelope(object.apiVersion, object.kind, [bytes]);
};

const delimiter = (number: number, length: number): Uint8Array =>
  protobuf.Writer.create()
    .uint32(number * 8 + delimited)
    .uint32(length)
    .finish();

/** `{ metadata, items }` around messages made by `encodeMessage`. Nothing is copied but the metadata. */
export const encodeList = (
  apiVersion: string,
  kind: string,
  metadata: object,
  items: readonly Uint8Array[],
  numbers = { metadata: 1, items: 2 },
): Uint8Array => {
  const head = bytesOf(known(`${meta}.ListMeta`), metadata as JsonObject);
  const parts = [delimiter(numbers.metadata, head.length), head];
  for (const item of items) parts.push(delimiter(numbers.items, item.length), item);
  return sealEnvelope(apiVersion, kind, parts);
};

/** Any object has metadata, custom resources too. */
const partialMessage = (object: KubeObject): Uint8Array => {
  const head = bytesOf(known(`${meta}.ObjectMeta`), object.metadata as unknown as JsonObject);
  return Buffer.concat([delimiter(1, head.length), head]);
};

/** `apiVersion`: `meta.k8s.io/v1`, or `/v1beta1`, which numbers the fields the other way round. */
export const encodePartialList = (objects: readonly KubeObject[], metadata: object, apiVersion: string): Uint8Array =>
  encodeList(
    apiVersion,
    'PartialObjectMetadataList',
    metadata,
    objects.map(partialMessage),
    apiVersion.endsWith('/v1beta1') ? { metadata: 2, items: 1 } : { metadata: 1, items: 2 },
  );

/** One event of a stream: its length in 4 bytes, then `{ type = 1, object = 2 { raw = 1 } }` around an object in its envelope. */
export const watchFrame = (type: string, object: Uint8Array): Uint8Array => {
  const raw = delimiter(1, object.length);
  const head = protobuf.Writer.create()
    .uint32(8 + delimited)
    .string(type)
    .uint32(16 + delimited)
    .uint32(raw.length + object.length)
    .finish();
  const frame = Buffer.concat([Buffer.alloc(4), head, raw, object]);
  frame.writeUInt32BE(frame.length - 4);
  return frame;
};
