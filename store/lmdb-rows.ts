/**
 * How rows lie in LMDB. Every value is written once, in the row of its revision; an object is a pointer to its newest row.
 *
 *   objects   resource NUL namespace NUL name     -> revision, size of its row
 *   log       resource NUL revision               -> header, namespace, name, value
 *   guards    name                                -> count
 *   meta      `format`                            -> format version
 *             `floor` NUL resource                -> oldest revision one can still start from, history bytes at that revision
 *
 * A row stays while it is current, or while the row that replaced it is history: the state before a change is the row it points back to.
 */
import type { ObjectKey } from './log.ts';

export type ChangeType = 'created' | 'updated' | 'deleted';
const types: readonly ChangeType[] = ['created', 'updated', 'deleted'];

/** type, time, previous revision, history bytes up to here, lengths of namespace and name. */
const headerBytes = 1 + 6 + 6 + 8 + 2 + 2;

export interface Row {
  readonly type: ChangeType;
  readonly time: number;
  /** 0: there was none. */
  readonly previous: number;
  /** Bytes of this resource's rows that had become history when this row was written, itself included: a running total. */
  readonly history: number;
  readonly namespace: string;
  readonly name: string;
  readonly value: Uint8Array;
}

export interface ObjectRow {
  readonly revision: number;
  readonly size: number;
}

export const objectKey = (key: ObjectKey): Buffer => Buffer.from(`${key.resource}\0${key.namespace}\0${key.name}`);
/** All keys of a resource lie between these two; the second is not among them. */
export const resourceRange = (resource: string): { start: Buffer; end: Buffer } => ({
  start: Buffer.from(`${resource}\0`),
  end: Buffer.from(`${resource}\u0001`),
});

export function rowKey(resource: string, revision: number): Buffer {
  const length = Buffer.byteLength(resource);
  const key = Buffer.allocUnsafe(length + 7);
  key.write(resource, 0);
  key[length] = 0;
  key.writeUIntBE(revision, length + 1, 6);
  return key;
}

export const revisionOfRowKey = (key: Uint8Array): number => asBuffer(key).readUIntBE(key.length - 6, 6);

export function parseObjectKey(bytes: Uint8Array): ObjectKey {
  const text = asBuffer(bytes).toString();
  const first = text.indexOf('\0');
  const second = text.indexOf('\0', first + 1);
  return { resource: text.slice(0, first), namespace: text.slice(first + 1, second), name: text.slice(second + 1) };
}

const objectRowBytes = 10;
export function encodeObjectRow(revision: number, size: number): Buffer {
  const row = Buffer.allocUnsafe(objectRowBytes);
  row.writeUIntBE(revision, 0, 6);
  row.writeUInt32BE(size, 6);
  return row;
}

export function decodeObjectRow(row: Uint8Array): ObjectRow {
  const bytes = asBuffer(row);
  return { revision: bytes.readUIntBE(0, 6), size: bytes.readUInt32BE(6) };
}

export const rowSize = (key: ObjectKey, value: Uint8Array): number =>
  headerBytes + Buffer.byteLength(key.namespace) + Buffer.byteLength(key.name) + value.byteLength;

/** Writes a row of `rowSize` bytes into `target` at `at`. */
export function encodeRow(target: Buffer, at: number, row: Row): void {
  const namespaceLength = Buffer.byteLength(row.namespace);
  const nameLength = Buffer.byteLength(row.name);
  target[at] = types.indexOf(row.type);
  target.writeUIntBE(row.time, at + 1, 6);
  target.writeUIntBE(row.previous, at + 7, 6);
  target.writeDoubleBE(row.history, at + 13);
  target.writeUInt16BE(namespaceLength, at + 21);
  target.writeUInt16BE(nameLength, at + 23);
  target.write(row.namespace, at + headerBytes);
  target.write(row.name, at + headerBytes + namespaceLength);
  target.set(row.value, at + headerBytes + namespaceLength + nameLength);
}

/** The value is a slice of `bytes`. Throws a RangeError for what no encoder wrote. */
export function decodeRow(bytes: Uint8Array, length = bytes.length): Row {
  const buffer = asBuffer(bytes);
  const type = types[buffer[0] ?? 255];
  if (length < headerBytes || type === undefined) throw new RangeError('a row of the log cannot be read');
  const names = headerBytes + buffer.readUInt16BE(21);
  const start = names + buffer.readUInt16BE(23);
  if (start > length) throw new RangeError('a row of the log is cut short');
  return {
    type,
    time: buffer.readUIntBE(1, 6),
    previous: buffer.readUIntBE(7, 6),
    history: buffer.readDoubleBE(13),
    namespace: buffer.toString('utf8', headerBytes, names),
    name: buffer.toString('utf8', names, start),
    value: buffer.subarray(start, length),
  };
}

const floorPrefix = 'floor\0';
export const formatKey: Buffer = Buffer.from('format');
export const floorKey = (resource: string): Buffer => Buffer.from(`${floorPrefix}${resource}`);
export const floorRange: { start: Buffer; end: Buffer } = { start: Buffer.from(floorPrefix), end: Buffer.from('floor\u0001') };
export const resourceOfFloorKey = (key: Uint8Array): string => asBuffer(key).toString('utf8', floorPrefix.length);

export function encodeFloor(revision: number, history: number): Buffer {
  const row = Buffer.allocUnsafe(14);
  row.writeUIntBE(revision, 0, 6);
  row.writeDoubleBE(history, 6);
  return row;
}

export function decodeFloor(row: Uint8Array): { revision: number; history: number } {
  const bytes = asBuffer(row);
  return { revision: bytes.readUIntBE(0, 6), history: bytes.readDoubleBE(6) };
}

export function encodeCount(count: number): Buffer {
  const row = Buffer.allocUnsafe(6);
  row.writeUIntBE(count, 0, 6);
  return row;
}

export const decodeCount = (row: Uint8Array): number => asBuffer(row).readUIntBE(0, 6);

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
