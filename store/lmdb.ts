/**
 * The embedded adapter of the Log port, on LMDB.
 *
 * One process writes, so commits are decided here, in order, and written in groups: all that arrive while one group is being flushed form
 * the next. A group is one LMDB transaction. LMDB syncs the data pages, then writes and syncs the header that makes them count, and only then
 * lets readers see them: with `overlappingSync` off, what is visible is durable. (Its overlapping mode makes commits visible before they
 * are flushed, syncs as often, and swallows the error of the last sync; measured, it was not faster.)
 *
 *   commit  ->  queue  ->  decide group  ->  write and flush (LMDB's thread)  ->  heads move  ->  subscribers  ->  acknowledgements
 *
 * While a group is being flushed its effects may already be readable though nobody was told of them yet. So a read of an object the group
 * touches waits for it, and a read of many rows happens between groups.
 */
import { mkdirSync } from 'node:fs';
import { open, type RootDatabase } from 'lmdb';
import type { Clock, Logger } from '../kinds/environment.ts';
import { checkCommit, checkValue } from './limits.ts';
import { checkDataFile, damaged, isDiskFull, lockDirectory, messageOf, newer, StoreOpenError, syncDirectories } from './lmdb-files.ts';
import { Group, type Settled } from './lmdb-group.ts';
import { planTrim, type Trim } from './lmdb-history.ts';
import { LmdbReads, type Table, type Tables } from './lmdb-reads.ts';
import {
  decodeFloor,
  decodeRow,
  encodeFloor,
  encodeObjectRow,
  encodeRow,
  floorKey,
  floorRange,
  formatKey,
  objectKey,
  resourceOfFloorKey,
  resourceRange,
  revisionOfRowKey,
  rowKey,
  rowSize,
} from './lmdb-rows.ts';
import { pageSize, SpaceAhead } from './lmdb-space.ts';
import {
  type Change,
  type CommitResult,
  ExpiredError,
  type Guard,
  type LoadPage,
  type Log,
  type Mutation,
  type ObjectKey,
  type Rewriting,
  type StoredObject,
  StoreUnavailableError,
} from './log.ts';
import { RecentChanges } from './recent-changes.ts';

export { StoreOpenError } from './lmdb-files.ts';

export interface LmdbOptions {
  /** The data directory; made when it does not exist. */
  readonly path: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long history is kept, in milliseconds. Default: one hour. */
  readonly retention?: number;
  /** History beyond this many bytes goes sooner than that. Default: 512 MiB. */
  readonly historyBytes?: number;
}

/** What is known of one resource, as of the newest settled group. */
export interface ResourceState {
  readonly resource: string;
  head: number;
  /** The oldest revision one can still start from. */
  floor: number;
  /** Running total of history bytes at the head, and at the floor. */
  history: number;
  historyAtFloor: number;
}

/** Values to be put in the place of others, each at its revision. */
interface Replacement {
  readonly values: readonly StoredObject[];
  resolve(): void;
  reject(error: unknown): void;
}

interface Waiting {
  readonly mutations: readonly Mutation[];
  readonly guards: readonly Guard[];
  resolve(result: CommitResult): void;
  reject(error: unknown): void;
}

const format = 1;
const hour = 3_600_000;
const sweepEvery = 10_000;
const groupCommits = 1000;
const groupBytes = 4 * 1024 * 1024;
const recentBytes = 4 * 1024 * 1024;
const mapSize = 16 * 1024 ** 3;

export async function openLmdbLog(options: LmdbOptions): Promise<Log> {
  const { path } = options;
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const unlock = lockDirectory(path);
  let root: RootDatabase<Buffer, Buffer> | undefined;
  try {
    checkDataFile(path);
    // Small pages of the file stay in the system's cache whether mapped or not; read-ahead would only map what nobody asked for.
    root = open<Buffer, Buffer>({
      path,
      encoding: 'binary',
      keyEncoding: 'binary',
      overlappingSync: false,
      // Groups are made here. The library's own batches leave a rejection behind that nobody can handle.
      eventTurnBatching: false,
      noMemInit: true,
      // A page that fills up in order is split in the middle of its rows: two usual objects would take 4 KiB, five take 8.
      pageSize,
      // Address space, not memory. A map that starts small is made anew as it grows, and the old ones stay mapped beside it.
      mapSize,
      maxDbs: 4,
      // Understood by the library, missing from its types.
      ...{ noReadAhead: true },
    });
    const table = (name: string): Table => openTable(root, name);
    const tables: Tables = { objects: table('objects'), log: table('log'), guards: table('guards'), meta: table('meta') };
    await checkFormat(path, tables.meta);
    syncDirectories(path);
    return new LmdbLog(options, root, tables, unlock);
  } catch (error) {
    await root?.close();
    unlock();
    throw openError(path, error);
  }
}

function openTable(root: RootDatabase<Buffer, Buffer> | undefined, name: string): Table {
  if (root === undefined) throw new Error('the database is not open');
  return root.openDB<Buffer, Buffer>({ name, encoding: 'binary', keyEncoding: 'binary' });
}

/** Older formats are migrated here, once there are any. */
async function checkFormat(path: string, meta: Table): Promise<void> {
  const found = meta.getBinary(formatKey)?.toString();
  if (found === undefined) {
    await meta.put(formatKey, Buffer.from(String(format)));
  } else if (!/^[1-9][0-9]{0,8}$/.test(found)) {
    throw damaged(path, 'its format version is unreadable');
  } else if (Number(found) > format) {
    throw newer(path, found);
  }
}

function openError(path: string, error: unknown): unknown {
  if (error instanceof StoreOpenError) return error;
  if (isDiskFull(path, error)) return new StoreUnavailableError(`no space is left for the data in ${path}`, false, { cause: error });
  if (error instanceof RangeError || /MDB_/.test(messageOf(error))) return damaged(path, messageOf(error), error);
  return error;
}

class LmdbLog implements Log {
  private readonly clock: Clock;
  private readonly logger: Logger;
  private readonly path: string;
  private readonly retention: number;
  private readonly historyBytes: number;
  private readonly root: RootDatabase<Buffer, Buffer>;
  private readonly tables: Tables;
  private readonly reads: LmdbReads;
  private readonly space: SpaceAhead;
  private readonly unlock: () => void;
  private readonly states = new Map<string, ResourceState>();
  private readonly recent = new RecentChanges(recentBytes);
  private readonly listeners = new Map<string, Set<(changes: readonly Change[]) => void>>();
  private readonly settled: Settled;
  /** `revision`, as `head` answers it. */
  private newest = Promise.resolve(1);
  private revision = 1;

  private queue: Waiting[] = [];
  private readonly replacements: Replacement[] = [];
  private scheduled = false;
  private trimDue = false;
  private stopSweep: () => void;
  /** The group being flushed, and who waits for it to be over. */
  private flushing: Group | undefined;
  private betweenGroups: (() => void)[] = [];
  /** Set for good when the disk failed in a way after which nothing it says can be trusted. */
  private failure: StoreUnavailableError | undefined;
  private closing: Promise<void> | undefined;

  constructor(options: LmdbOptions, root: RootDatabase<Buffer, Buffer>, tables: Tables, unlock: () => void) {
    this.clock = options.clock;
    this.logger = options.logger;
    this.path = options.path;
    this.retention = options.retention ?? hour;
    this.historyBytes = options.historyBytes ?? 512 * 1024 * 1024;
    this.root = root;
    this.tables = tables;
    this.reads = new LmdbReads(options.path, tables);
    this.space = new SpaceAhead(options.path, options.logger);
    this.unlock = unlock;
    this.settled = {
      object: key => this.reads.objectRow(key),
      value: (resource, revision) => this.reads.row(resource, revision)?.value,
      guard: row => this.reads.count(row),
      history: resource => this.states.get(resource)?.history,
    };
    for (const { key, value } of tables.meta.getRange(floorRange)) {
      const resource = resourceOfFloorKey(key);
      const floor = decodeFloor(value);
      const [last] = tables.log.getRange({ ...reversed(resource), reverse: true, limit: 1 });
      const lastRevision = last === undefined ? 0 : revisionOfRowKey(last.key);
      const head = Math.max(floor.revision, lastRevision);
      const history = last === undefined || lastRevision < floor.revision ? floor.history : decodeRow(last.value).history;
      this.setState({ resource, head, floor: floor.revision, history, historyAtFloor: floor.history });
      this.recent.begin(resource, head);
      this.revision = Math.max(this.revision, head);
    }
    this.newest = Promise.resolve(this.revision);
    this.stopSweep = this.clock.after(sweepEvery, () => this.sweep());
  }

  commit(mutations: readonly Mutation[], guards: readonly Guard[] = []): Promise<CommitResult> {
    return new Promise((resolve, reject) => {
      checkCommit(mutations, guards);
      this.checkOpen();
      this.queue.push({ mutations, guards, resolve, reject });
      this.schedule();
    });
  }

  async guard(row: string): Promise<number> {
    this.checkOpen();
    if (this.flushing?.touchesGuard(row)) return this.quiet(() => this.reads.count(row));
    return this.reads.count(row);
  }

  async get(key: ObjectKey): Promise<StoredObject | undefined> {
    this.checkOpen();
    if (this.flushing?.touches(key)) return this.quiet(() => this.reads.read(key));
    return this.reads.read(key);
  }

  async *load(resource: string): AsyncGenerator<LoadPage> {
    this.checkOpen();
    const from = await this.head(resource);
    let { start, end } = resourceRange(resource);
    for (let last = false; !last; ) {
      const page = await this.quiet(() => this.reads.loadPage(start, end));
      if (page.objects.length > 0) yield { objects: page.objects, from };
      last = page.next === undefined;
      start = page.next ?? start;
    }
  }

  async tail(resource: string, after: number, limit = 1000): Promise<readonly Change[]> {
    this.checkOpen();
    return (
      this.recentTail(resource, after, limit) ??
      this.quiet(() => this.recentTail(resource, after, limit) ?? this.reads.readTail(resource, after, limit))
    );
  }

  /**
   * One counter serves all resources and groups settle in its order, so what is the newest of all is settled for each.
   */
  head(_resource: string): Promise<number> {
    if (this.closing !== undefined || this.failure !== undefined) return Promise.reject(this.unavailable());
    return this.newest;
  }

  subscribe(resource: string, listener: (changes: readonly Change[]) => void): () => void {
    const listeners = this.listeners.get(resource) ?? new Set();
    this.listeners.set(resource, listeners);
    // Its own function, so that one listener can subscribe twice.
    const own = (changes: readonly Change[]): void => listener(changes);
    listeners.add(own);
    return () => listeners.delete(own);
  }

  async rewrite(resource: string, anew: Rewriting): Promise<number> {
    this.checkOpen();
    let count = 0;
    // What is decided from now on is new; without an end, writers would always be ahead.
    const until = await this.quiet(() => this.revision);
    for (let after = 0; after < until; ) {
      const rows = await this.quiet(() => this.reads.rows(resource, after, until));
      const last = rows.at(-1);
      if (last === undefined) break;
      const news = await anew(rows);
      const values = rows.flatMap((row, index) => {
        const value = news[index];
        if (value !== undefined) checkValue(row.key, value);
        return value === undefined ? [] : [{ ...row, value }];
      });
      this.checkOpen();
      if (values.length > 0)
        await new Promise<void>((resolve, reject) => {
          this.replacements.push({ values, resolve, reject });
          this.schedule();
        });
      count += values.length;
      after = last.revision;
    }
    // Those kept in memory are as they were before.
    const state = this.states.get(resource);
    if (count > 0 && state !== undefined) this.recent.begin(resource, state.head);
    return count;
  }

  async resources(): Promise<readonly string[]> {
    this.checkOpen();
    return [...this.states.keys()].sort();
  }

  close(): Promise<void> {
    this.closing ??= this.finish();
    return this.closing;
  }

  private async finish(): Promise<void> {
    this.stopSweep();
    this.trimDue = false;
    // Commits that were taken are carried out; the queue is empty when nothing is being flushed and nothing is scheduled.
    while (this.flushing !== undefined || this.queue.length > 0 || this.replacements.length > 0)
      await new Promise<void>(resolve => this.betweenGroups.push(resolve));
    this.listeners.clear();
    await this.root.close();
    await this.space.close();
    this.unlock();
  }

  private unavailable(): StoreUnavailableError {
    return this.failure ?? new StoreUnavailableError('the store is closed', false);
  }

  private checkOpen(): void {
    if (this.closing !== undefined || this.failure !== undefined) throw this.unavailable();
  }

  // Groups

  private schedule(): void {
    if (this.scheduled || this.flushing !== undefined) return;
    this.scheduled = true;
    // Commits of the same turn go together.
    queueMicrotask(() => this.begin());
  }

  private begin(): void {
    this.scheduled = false;
    const group = new Group(this.settled, this.revision, this.clock.now());
    // Before what is committed, which is newer; and never with a trim, which may take away the same rows.
    const replacement = this.replacements.shift();
    if (replacement !== undefined) this.replace(group, replacement);
    const trim = this.trimDue && replacement === undefined ? this.planTrim(group) : undefined;
    const waiting: { readonly commit: Waiting; readonly result: CommitResult }[] = [];
    let taken = 0;
    for (const commit of this.queue) {
      if (taken === groupCommits || group.bytes > groupBytes) break;
      taken += 1;
      try {
        waiting.push({ commit, result: group.add(commit.mutations, commit.guards) });
      } catch (error) {
        commit.reject(error);
      }
    }
    this.queue = this.queue.slice(taken);
    this.flushing = group;
    const done = (error?: unknown): void => {
      group.release();
      const refused = error === undefined ? undefined : this.refuse(error);
      if (refused === undefined) this.settle(group, trim);
      this.flushing = undefined;
      if (refused === undefined) replacement?.resolve();
      else replacement?.reject(refused);
      for (const { commit, result } of waiting) {
        if (refused === undefined) commit.resolve(result);
        else commit.reject(refused);
      }
      for (const read of this.betweenGroups.splice(0)) read();
      if (this.queue.length > 0 || this.replacements.length > 0 || this.trimDue) this.schedule();
    };
    if (group.writes.length === 0) done();
    else this.flush(group).then(() => done(), done);
  }

  /** Rows that were trimmed meanwhile stay away. */
  private replace(group: Group, { values }: Replacement): void {
    for (const { key, revision, value } of values) {
      const row = this.reads.row(key.resource, revision);
      if (row === undefined) continue;
      const size = rowSize(key, value);
      const bytes = Buffer.allocUnsafeSlow(size);
      encodeRow(bytes, 0, { ...row, value });
      group.writes.push({ table: 'log', key: rowKey(key.resource, revision), value: bytes });
      if (this.reads.objectRow(key)?.revision === revision)
        group.writes.push({ table: 'objects', key: objectKey(key), value: encodeObjectRow(revision, size) });
    }
  }

  /** One transaction; resolved when it is on the disk. */
  private async flush(group: Group): Promise<void> {
    for (const resource of group.fresh) group.writes.push({ table: 'meta', key: floorKey(resource), value: encodeFloor(0, 0) });
    const space = this.space.inTheWay(group.writes);
    if (space !== undefined) await space;
    try {
      await this.root.batch(() => {
        for (const { table, key, value } of group.writes) {
          // The promise of the whole batch tells; those of its parts never do.
          if (value === undefined) void this.tables[table].remove(key);
          else void this.tables[table].put(key, value);
        }
      });
    } catch (error) {
      // The library keeps the true error in a promise beside the one it rejects with.
      await (typeof error === 'object' && error !== null && 'commitError' in error ? error.commitError : undefined);
      throw error;
    }
  }

  private settle(group: Group, trim: Trim | undefined): void {
    if (trim !== undefined) {
      const state = this.states.get(trim.resource);
      if (state !== undefined) {
        state.floor = trim.floor;
        state.historyAtFloor = trim.history;
      }
    }
    if (group.changes.length === 0) return;
    this.revision = group.revision;
    this.newest = Promise.resolve(group.revision);
    for (const resource of group.fresh) {
      this.setState({ resource, head: 1, floor: 0, history: 0, historyAtFloor: 0 });
      this.recent.begin(resource, 0);
    }
    const byResource = new Map<string, Change[]>();
    for (const change of group.changes) {
      const changes = byResource.get(change.key.resource);
      if (changes === undefined) byResource.set(change.key.resource, [change]);
      else changes.push(change);
      this.recent.add(change);
    }
    for (const [resource, changes] of byResource) {
      const state = this.states.get(resource);
      const head = changes.at(-1)?.revision;
      if (state === undefined || head === undefined) throw new Error(`no state of ${resource}`);
      state.head = head;
      state.history = group.history.get(resource) ?? state.history;
    }
    for (const [resource, changes] of byResource) this.notify(resource, changes);
  }

  private notify(resource: string, changes: readonly Change[]): void {
    for (const listener of this.listeners.get(resource) ?? []) {
      try {
        listener(changes);
      } catch (error) {
        this.logger.error('a subscriber of the log failed', { resource, error });
      }
    }
  }

  private refuse(error: unknown): StoreUnavailableError {
    if (isDiskFull(this.path, error)) {
      this.logger.error('no space is left for the store', { path: this.path, error });
      return new StoreUnavailableError(`no space is left for the data in ${this.path}`, false, { cause: error });
    }
    // The last sync may have reached the disk or not, and a second try proves nothing about the first.
    this.failure ??= new StoreUnavailableError(`the disk failed to take a write to ${this.path}; restart once it is well`, true, {
      cause: error,
    });
    this.logger.error('the store failed', { path: this.path, error });
    return this.failure;
  }

  private setState(state: ResourceState): void {
    this.states.set(state.resource, state);
  }

  // Reads

  /** Runs a read when no group is half way; at once when there is none. */
  private quiet<T>(read: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const run = (): void => {
        try {
          resolve(read());
        } catch (error) {
          reject(error);
        }
      };
      if (this.flushing === undefined) run();
      else this.betweenGroups.push(run);
    });
  }

  private recentTail(resource: string, after: number, limit: number): readonly Change[] | undefined {
    const state = this.states.get(resource);
    if (state === undefined || after >= state.head) return [];
    if (after < state.floor) throw new ExpiredError(resource, after, state.floor);
    return this.recent.since(resource, after, limit);
  }

  // History

  private sweep(): void {
    this.trimDue = true;
    this.stopSweep = this.clock.after(sweepEvery, () => this.sweep());
    this.schedule();
  }

  /** One small step a group, until nothing is due. */
  private planTrim(group: Group): Trim | undefined {
    const trim = planTrim(this.tables.log, this.states.values(), this.clock.now() - this.retention, this.historyBytes);
    this.trimDue = trim !== undefined;
    if (trim === undefined) return undefined;
    for (const key of trim.rows) group.writes.push({ table: 'log', key });
    group.writes.push({ table: 'meta', key: floorKey(trim.resource), value: encodeFloor(trim.floor, trim.history) });
    return trim;
  }
}

const reversed = (resource: string): { start: Buffer; end: Buffer } => {
  const { start, end } = resourceRange(resource);
  return { start: end, end: start };
};
