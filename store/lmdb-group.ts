/**
 * Decides a group of commits before it is written as one transaction: reads what is stored, sees what commits before it in the group will
 * have done, and gathers the writes. Nothing it holds is true for anyone else until the group is flushed.
 */
import { ownBytes } from './bytes.ts';
import { checkValue, keyText } from './limits.ts';
import { type ChangeType, encodeCount, encodeObjectRow, encodeRow, type ObjectRow, objectKey, rowKey, rowSize } from './lmdb-rows.ts';
import type { Change, CommitResult, Guard, Mutation, ObjectKey } from './log.ts';

/** What the group reads of the settled database. */
export interface Settled {
  object(key: ObjectKey): ObjectRow | undefined;
  value(resource: string, revision: number): Uint8Array | undefined;
  guard(row: string): number;
  /** Running total of history bytes at the head of a resource; undefined for a resource never seen. */
  history(resource: string): number | undefined;
}

export interface Write {
  readonly table: 'objects' | 'log' | 'guards' | 'meta';
  readonly key: Buffer;
  /** Absent: removed. */
  readonly value?: Buffer;
}

/** An object as this group knows it. */
interface Known extends ObjectRow {
  readonly deleted: boolean;
  /** Held when the group itself wrote it. */
  readonly value?: Uint8Array;
}

const stagingBytes = 256 * 1024;
let spare: Buffer | undefined;

export class Group {
  readonly writes: Write[] = [];
  readonly changes: Change[] = [];
  /** Running totals of history bytes of the resources it touches. */
  readonly history = new Map<string, number>();
  readonly fresh: string[] = [];
  revision: number;
  /** Bytes of rows so far, to bound a group. */
  bytes = 0;
  private readonly settled: Settled;
  private readonly time: number;
  private readonly objects = new Map<string, Known>();
  private readonly guards = new Map<string, number>();
  private staging: Buffer | undefined;
  private staged = 0;

  constructor(settled: Settled, revision: number, time: number) {
    this.settled = settled;
    this.revision = revision;
    this.time = time;
  }

  touches(key: ObjectKey): boolean {
    return this.objects.has(keyText(key));
  }

  touchesGuard(row: string): boolean {
    return this.guards.has(row);
  }

  /** Throws what a mutation's `value` throws, and for a value too large, with nothing of this commit added. */
  add(mutations: readonly Mutation[], guards: readonly Guard[]): CommitResult {
    const movedGuards = guards.flatMap((guard, index) => {
      const found = this.guards.get(guard.row) ?? this.settled.guard(guard.row);
      return found === guard.seen ? [] : [{ index, found }];
    });
    const before = mutations.map(({ key }) => this.known(key));
    const conflicts = mutations.flatMap((mutation, index) => {
      const found = before[index]?.revision ?? 0;
      return found === mutation.expected ? [] : [{ index, found }];
    });
    if (conflicts.length > 0 || movedGuards.length > 0) return { committed: false, conflicts, guards: movedGuards };

    const values = mutations.map((mutation, index) => {
      const value = mutation.value(this.revision + 1 + index);
      checkValue(mutation.key, value);
      return ownBytes(value);
    });
    const revisions = mutations.map((mutation, index) => {
      const value = values[index];
      if (value === undefined) throw new Error('a mutation lost its value');
      return this.write(mutation, before[index], value);
    });
    for (const { row, seen } of guards) {
      this.guards.set(row, seen + 1);
      this.writes.push({ table: 'guards', key: Buffer.from(row), value: encodeCount(seen + 1) });
    }
    return { committed: true, revisions };
  }

  /** Call when the writes have been carried out or have failed: the memory under them is used again. */
  release(): void {
    if (this.staging?.length === stagingBytes) spare = this.staging;
    this.staging = undefined;
  }

  private known(key: ObjectKey): Known | undefined {
    const own = this.objects.get(keyText(key));
    if (own !== undefined) return own.deleted ? undefined : own;
    const row = this.settled.object(key);
    return row && { ...row, deleted: false };
  }

  private write({ type, key: given }: Mutation, before: Known | undefined, value: Uint8Array): number {
    const key: ObjectKey = { resource: given.resource, namespace: given.namespace, name: given.name };
    this.revision += 1;
    const revision = this.revision;
    const size = rowSize(key, value);
    const changeType: ChangeType = type === 'delete' ? 'deleted' : before === undefined ? 'created' : 'updated';
    const previous = before && (before.value ?? this.settled.value(key.resource, before.revision));

    let history = this.history.get(key.resource) ?? this.settled.history(key.resource);
    if (history === undefined) {
      this.fresh.push(key.resource);
      history = 0;
    }
    // The row replaced becomes history; a deletion is nothing else from the start.
    history += (before?.size ?? 0) + (type === 'delete' ? size : 0);
    this.history.set(key.resource, history);

    const row = this.stage(size);
    encodeRow(row, 0, {
      type: changeType,
      time: this.time,
      previous: before?.revision ?? 0,
      history,
      namespace: key.namespace,
      name: key.name,
      value,
    });
    this.writes.push({ table: 'log', key: rowKey(key.resource, revision), value: row });
    this.writes.push({ table: 'objects', key: objectKey(key), ...(type === 'put' && { value: encodeObjectRow(revision, size) }) });
    this.objects.set(keyText(key), { revision, size, value, deleted: type === 'delete' });
    this.changes.push({ type: changeType, key, revision, value, ...(previous && { previous }), time: this.time });
    return revision;
  }

  /** Rows are laid out one after another in memory that LMDB's thread reads from, so it must stay as it is until they are written. */
  private stage(size: number): Buffer {
    this.bytes += size;
    if (size > stagingBytes / 4) return Buffer.allocUnsafeSlow(size);
    if (this.staging === undefined || this.staged + size > this.staging.length) {
      this.staging = spare ?? Buffer.allocUnsafeSlow(stagingBytes);
      spare = undefined;
      this.staged = 0;
    }
    const row = this.staging.subarray(this.staged, this.staged + size);
    this.staged += size;
    return row;
  }
}
