/** Request bodies in protobuf: the same object, and the same refusals, that the same body in JSON would give. */
import type { Json } from '../object.ts';
import { apiVersionOf } from '../resource.ts';
import { definitionOf } from '../schema/data.ts';
import { type Decoded, decodeValue, type Target, unrecognized } from '../schema/decode.ts';
import { GoError } from '../schema/go-values.ts';
import { type Envelope, isEnveloped, openEnvelope } from './envelope.ts';
import { type Message, messageOfDefinition } from './messages.ts';
import { MessageReader } from './read.ts';

const readEmbedded = (bytes: Uint8Array, depth: number): Json | undefined => {
  if (!isEnveloped(bytes)) return undefined;
  const { apiVersion, kind, raw } = openEnvelope(bytes);
  const message = messageOfDefinition(definitionOf(apiVersion, kind)?.definition);
  if (!message) throw new GoError(`no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`);
  return { apiVersion, kind, ...new MessageReader(raw, readEmbedded, depth).read(message) };
};

/** An object's message as JSON, before zero values are judged. Throws `GoError`. */
export const readMessage = (message: Message, raw: Uint8Array): Json => new MessageReader(raw, readEmbedded, 0).read(message);

/** As `decodeBody` of JSON; fields that this release does not know are skipped, which nobody is told of. Throws `StatusError` 400. */
export const decodeProtobuf = (target: Target, body: Uint8Array): Decoded => {
  let envelope: Envelope;
  try {
    envelope = openEnvelope(body);
  } catch (error) {
    throw error instanceof GoError ? unrecognized(target, error.message, body) : error;
  }
  const stated = { apiVersion: envelope.apiVersion || apiVersionOf(target), kind: envelope.kind || target.kind };
  return decodeValue(target, stated, () => {
    const message = messageOfDefinition(target.schema.definition);
    if (!message) throw new GoError(`object *${target.kind} does not implement the protobuf marshalling interface`);
    return readMessage(message, envelope.raw);
  });
};

/** Undefined where the body says nothing, or is none: decoding it will tell. */
export const statedApiVersion = (body: Uint8Array): string | undefined => {
  try {
    return openEnvelope(body).apiVersion || undefined;
  } catch (error) {
    if (error instanceof GoError) return undefined;
    throw error;
  }
};
