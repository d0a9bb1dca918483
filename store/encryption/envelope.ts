/**
 * How an encrypted value lies in the store:
 *
 *   0x00, which no JSON begins with | format, 1 | length, id of the key encryption | length (2 bytes), wrapped data key
 *   | nonce (12 bytes) | ciphertext | tag (16 bytes)
 *
 * AES-256-GCM. The object's key is authenticated with it, so that a value put in another object's place is refused.
 */
import { createCipheriv, createDecipheriv, type KeyObject, randomFillSync } from 'node:crypto';
import { keyText } from '../limits.ts';
import type { ObjectKey } from '../log.ts';

const algorithm = 'aes-256-gcm';
const format = 1;
const nonceBytes = 12;
const tagBytes = 16;

export const isEncrypted = (value: Uint8Array): boolean => value[0] === 0;

/** All up to the nonce: whose data key it is, the same for every value under it. */
export const header = (id: string, wrapped: Uint8Array): Buffer => {
  const name = Buffer.from(id);
  if (name.length > 255) throw new RangeError('the id of a key is up to 255 bytes');
  const length = Buffer.alloc(2);
  length.writeUInt16BE(wrapped.byteLength);
  return Buffer.concat([Buffer.from([0, format, name.length]), name, length, wrapped]);
};

export interface Envelope {
  readonly id: string;
  readonly wrapped: Buffer;
  /** Of the header. */
  readonly length: number;
}

/** Undefined for what no `seal` made. */
export const open = (value: Uint8Array): Envelope | undefined => {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  const idEnd = 3 + (bytes[2] ?? 0);
  const start = idEnd + 2;
  if (bytes[0] !== 0 || bytes[1] !== format || bytes.length < start) return undefined;
  const length = start + bytes.readUInt16BE(idEnd);
  if (bytes.length < length + nonceBytes + tagBytes) return undefined;
  return { id: bytes.toString('utf8', 3, idEnd), wrapped: bytes.subarray(start, length), length };
};

/** A buffer of its own: it is kept as it is. */
export const seal = (secret: KeyObject, head: Uint8Array, key: ObjectKey, plain: Uint8Array): Uint8Array => {
  const sealed = Buffer.allocUnsafeSlow(head.byteLength + nonceBytes + plain.byteLength + tagBytes);
  sealed.set(head, 0);
  const nonce = randomFillSync(sealed.subarray(head.byteLength, head.byteLength + nonceBytes));
  const cipher = createCipheriv(algorithm, secret, nonce);
  cipher.setAAD(Buffer.from(keyText(key)));
  const at = head.byteLength + nonceBytes;
  sealed.set(cipher.update(plain), at);
  cipher.final();
  sealed.set(cipher.getAuthTag(), at + plain.byteLength);
  return sealed;
};

/** Throws for any bit that is not as it was sealed, and for another object. */
export const unseal = (secret: KeyObject, head: number, key: ObjectKey, sealed: Uint8Array): Uint8Array => {
  const at = head + nonceBytes;
  const end = sealed.byteLength - tagBytes;
  const decipher = createDecipheriv(algorithm, secret, sealed.subarray(head, at));
  decipher.setAAD(Buffer.from(keyText(key)));
  decipher.setAuthTag(sealed.subarray(end));
  const plain = decipher.update(sealed.subarray(at, end));
  decipher.final();
  return plain;
};
