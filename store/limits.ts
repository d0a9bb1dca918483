/** What every adapter refuses in the same words, before anything is written. Going over a limit is a mistake of the caller. */
import type { Guard, Mutation, ObjectKey } from './log.ts';

/** The largest value, 1.5 MiB: etcd's own limit for a request, which clients know. */
export const maxValueBytes = 1.5 * 1024 * 1024;
/** What encryption may add to a value (`encryption/envelope.ts`): those who write know nothing of it. */
const envelopeBytes = 4096;
/** Mutations and guards of one commit. */
export const maxCommitItems = 50;
/** Namespace, name and resource together; far above what any valid name needs. */
const maxKeyLength = 600;

/** One string for a key. Resource and namespace hold no NUL, so no two keys share it. */
export const keyText = (key: ObjectKey): string => `${key.resource}\0${key.namespace}\0${key.name}`;

const checkKey = (key: ObjectKey): void => {
  if (key.resource === '' || key.name === '') throw new RangeError('an object needs a resource and a name');
  if (key.resource.includes('\0') || key.namespace.includes('\0')) throw new RangeError('a resource or namespace cannot contain NUL');
  if (key.resource.length + key.namespace.length + key.name.length > maxKeyLength) {
    throw new RangeError(`the names of an object cannot be longer than ${maxKeyLength} characters together`);
  }
};

export function checkCommit(mutations: readonly Mutation[], guards: readonly Guard[]): void {
  if (mutations.length + guards.length > maxCommitItems) {
    throw new RangeError(`a commit takes at most ${maxCommitItems} mutations and guards, not ${mutations.length + guards.length}`);
  }
  for (const { key, type, expected } of mutations) {
    checkKey(key);
    if (type === 'delete' && expected === 0) throw new RangeError('a deletion names the revision it deletes');
  }
  if (mutations.length > 1 && new Set(mutations.map(({ key }) => keyText(key))).size < mutations.length) {
    throw new RangeError('a commit changes an object at most once');
  }
  for (const { row } of guards) {
    if (row === '' || row.length > maxKeyLength) throw new RangeError(`a guard row is named by 1 to ${maxKeyLength} characters`);
  }
  if (guards.length > 1 && new Set(guards.map(({ row }) => row)).size < guards.length) {
    throw new RangeError('a commit bumps a guard at most once');
  }
}

export function checkValue(key: ObjectKey, value: Uint8Array): void {
  const encrypted = value[0] === 0 && value[1] === 1;
  if (value.byteLength > maxValueBytes + (encrypted ? envelopeBytes : 0)) {
    throw new RangeError(
      `${key.resource} ${key.namespace}/${key.name} is larger than ${maxValueBytes} bytes: it takes ${value.byteLength} bytes`,
    );
  }
}
