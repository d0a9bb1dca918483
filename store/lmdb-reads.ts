/** Reads of the tables as they lie on the disk. What of it may be shown to whom is decided elsewhere. */
import type { Database } from 'lmdb';
import { damaged } from './lmdb-files.ts';
import type { Write } from './lmdb-group.ts';
import {
  decodeCount,
  decodeObjectRow,
  decodeRow,
  type ObjectRow,
  objectKey,
  parseObjectKey,
  type Row,
  resourceRange,
  revisionOfRowKey,
  rowKey,
} from './lmdb-rows.ts';
import type { Change, ObjectKey, StoredObject } from './log.ts';

export type Table = Database<Buffer, Buffer>;
export type Tables = Record<Write['table'], Table>;

const pageObjects = 500;
const pageBytes = 2 * 1024 * 1024;

export class LmdbReads {
  private readonly path: string;
  private readonly tables: Tables;

  constructor(path: string, tables: Tables) {
    this.path = path;
    this.tables = tables;
  }

  objectRow(key: ObjectKey): ObjectRow | undefined {
    const row = this.tables.objects.getBinary(objectKey(key));
    return row && decodeObjectRow(row);
  }

  row(resource: string, revision: number): Row | undefined {
    const row = this.tables.log.getBinary(rowKey(resource, revision));
    return row && decodeRow(row);
  }

  count(row: string): number {
    const count = this.tables.guards.getBinary(Buffer.from(row));
    return count === undefined ? 0 : decodeCount(count);
  }

  read(key: ObjectKey): StoredObject | undefined {
    const revision = this.objectRow(key)?.revision;
    return revision === undefined ? undefined : this.stored(key, revision);
  }

  stored(key: ObjectKey, revision: number): StoredObject {
    const row = this.row(key.resource, revision);
    if (row === undefined) throw damaged(this.path, `revision ${revision} of ${key.resource} is missing`);
    return { key: { resource: key.resource, namespace: row.namespace, name: row.name }, revision, value: row.value };
  }

  /** Rows of a resource in order, whatever became of their objects, above one revision and up to another. */
  rows(resource: string, after: number, until: number): StoredObject[] {
    const found: StoredObject[] = [];
    let bytes = 0;
    for (const { key, value } of this.tables.log.getRange({ start: rowKey(resource, after + 1), end: rowKey(resource, until + 1) })) {
      // Ranges reuse their memory.
      const row = decodeRow(Buffer.from(value));
      found.push({ key: { resource, namespace: row.namespace, name: row.name }, revision: revisionOfRowKey(key), value: row.value });
      bytes += value.length;
      if (found.length === pageObjects || bytes > pageBytes) break;
    }
    return found;
  }

  loadPage(start: Buffer, end: Buffer): { objects: StoredObject[]; next: Buffer | undefined } {
    const found: { key: Buffer; revision: number }[] = [];
    let bytes = 0;
    let next: Buffer | undefined;
    for (const { key, value } of this.tables.objects.getRange({ start, end })) {
      if (found.length === pageObjects || bytes > pageBytes) {
        next = Buffer.from(key);
        break;
      }
      const row = decodeObjectRow(value);
      bytes += row.size;
      found.push({ key: Buffer.from(key), revision: row.revision });
    }
    return { objects: found.map(({ key, revision }) => this.stored(parseObjectKey(key), revision)), next };
  }

  readTail(resource: string, after: number, limit: number): readonly Change[] {
    const changes: Change[] = [];
    let bytes = 0;
    const range = { start: rowKey(resource, after + 1), end: resourceRange(resource).end };
    const rows: { key: Buffer; value: Buffer }[] = [];
    for (const { key, value } of this.tables.log.getRange({ ...range, limit })) {
      rows.push({ key, value });
      bytes += value.length;
      if (bytes > 4 * pageBytes) break;
    }
    for (const { key, value } of rows) {
      const row = decodeRow(value);
      const previous = row.previous === 0 ? undefined : this.row(resource, row.previous)?.value;
      changes.push({
        type: row.type,
        key: { resource, namespace: row.namespace, name: row.name },
        revision: revisionOfRowKey(key),
        value: row.value,
        ...(previous && { previous }),
        time: row.time,
      });
    }
    return changes;
  }
}
