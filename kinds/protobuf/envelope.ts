/**
 * Kubernetes' wrapping of protobuf (apimachinery `pkg/runtime/generated.proto` Unknown): `k8s`, a zero byte, then
 * `{ typeMeta = 1 { apiVersion = 1, kind = 2 }, raw = 2, contentEncoding = 3, contentType = 4 }`.
 */
import protobuf from 'protobufjs/minimal.js';
import { GoError } from '../schema/go-values.ts';
import { eachField, endOf, readingInput } from './read.ts';

const prefix = Buffer.from('k8s\0');

export interface Envelope {
  readonly apiVersion: string;
  readonly kind: string;
  /** The object's own message, without kind and version. */
  readonly raw: Uint8Array;
}

export const isEnveloped = (bytes: Uint8Array): boolean => bytes.length >= prefix.length && prefix.every((byte, i) => bytes[i] === byte);

/** Throws `GoError`. */
export const openEnvelope = (bytes: Uint8Array): Envelope => {
  if (bytes.length === 0) throw new GoError('empty data');
  if (!isEnveloped(bytes)) throw new GoError('provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]');
  if (bytes.length === prefix.length) throw new GoError('empty body');
  const reader = protobuf.Reader.create(bytes);
  reader.pos = prefix.length;
  let apiVersion = '';
  let kind = '';
  let raw: Uint8Array = new Uint8Array();
  readingInput(() =>
    eachField(reader, reader.len, (number, wire) => {
      if (wire !== 2) return false;
      if (number === 1) {
        const end = endOf(reader, wire, reader.len);
        eachField(reader, end, (inner, innerWire) => {
          if (innerWire !== 2 || inner > 2) return false;
          if (inner === 1) apiVersion = reader.string();
          else kind = reader.string();
          return true;
        });
      } else if (number === 2) raw = reader.bytes();
      else return false;
      return true;
    }),
  );
  return { apiVersion, kind, raw };
};

/** `parts` make up the message. */
export const sealEnvelope = (apiVersion: string, kind: string, parts: readonly Uint8Array[]): Uint8Array => {
  let length = 0;
  for (const part of parts) length += part.length;
  const head = protobuf.Writer.create()
    .uint32(10)
    .fork()
    .uint32(10)
    .string(apiVersion)
    .uint32(18)
    .string(kind)
    .ldelim()
    .uint32(18)
    .uint32(length)
    .finish();
  // The encoding and type of the content are always sent, though empty.
  return Buffer.concat([prefix, head, ...parts, Buffer.from([0x1a, 0, 0x22, 0])]);
};
