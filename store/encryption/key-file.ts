/**
 * Keys in a file of this machine: 32 bytes in base64 a line. The first encrypts, all decrypt. One process at a time writes the file: the one that
 * has the store.
 */
import { createCipheriv, createDecipheriv, createHash, createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { KeyEncryption } from './key-encryption.ts';

/** What is wrong with the keys, in a sentence for people. */
export class KeyFileError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'KeyFileError';
  }
}

export interface LocalKey extends KeyEncryption {
  /** As it stands in the file. */
  readonly line: string;
}

const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;
const explanation = [
  '# Keys that protect Secrets in the store. The first encrypts, all decrypt; "windvane rotate-keys" replaces them.',
  '# Keep a copy apart from the data: without these keys nobody can read the Secrets again.',
];

/** Undefined: there is no such file. */
export function readKeyFile(path: string): readonly LocalKey[] | undefined {
  let text: string;
  try {
    const { mode } = statSync(path);
    if ((mode & 0o077) !== 0)
      throw new KeyFileError(
        `The key file ${path} may be read by others than its owner. Run "chmod 600 ${path}", and rotate the keys if somebody has read it.`,
      );
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    if (error instanceof KeyFileError) throw error;
    throw new KeyFileError(`The key file ${path} cannot be read: ${(error as Error).message}.`, { cause: error });
  }
  const lines = text
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '' && !line.startsWith('#'));
  if (lines.length === 0)
    throw new KeyFileError(`The key file ${path} holds no key. Put the file back that this cluster was started with.`);
  return lines.map((line, index) => {
    const bytes = Buffer.from(line, 'base64');
    if (bytes.length !== keyBytes || bytes.toString('base64') !== line)
      throw new KeyFileError(
        `Key ${index + 1} of the key file ${path} is not ${keyBytes} bytes in base64. Put the file back that this cluster was started with.`,
      );
    return localKey(bytes);
  });
}

export const newKey = (): LocalKey => localKey(randomBytes(keyBytes));

/** Whole or not at all, and on the disk before anything is encrypted with what it says. */
export function writeKeyFile(path: string, keys: readonly LocalKey[]): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.tmp`;
  const file = openSync(temporary, 'w', 0o600);
  try {
    writeSync(file, `${[...explanation, ...keys.map(({ line }) => line)].join('\n')}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
  const folder = openSync(dirname(path), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function localKey(bytes: Buffer): LocalKey {
  const secret = createSecretKey(bytes);
  // Told by what it is: a file with another key under the same name cannot be.
  const id = createHash('sha256').update('windvane key encryption key\0').update(bytes).digest('hex').slice(0, 16);
  return {
    id,
    line: bytes.toString('base64'),
    async wrap(dataKey) {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv('aes-256-gcm', secret, nonce).setAAD(Buffer.from(id));
      return Buffer.concat([nonce, cipher.update(dataKey), cipher.final(), cipher.getAuthTag()]);
    },
    async unwrap(wrapped) {
      return unwrap(secret, id, wrapped);
    },
  };
}

function unwrap(secret: KeyObject, id: string, wrapped: Uint8Array): Uint8Array {
  if (wrapped.byteLength < nonceBytes + tagBytes) throw new Error('a wrapped data key is cut short');
  const end = wrapped.byteLength - tagBytes;
  const decipher = createDecipheriv('aes-256-gcm', secret, wrapped.subarray(0, nonceBytes)).setAAD(Buffer.from(id));
  decipher.setAuthTag(wrapped.subarray(end));
  return Buffer.concat([decipher.update(wrapped.subarray(nonceBytes, end)), decipher.final()]);
}
