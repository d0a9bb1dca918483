/** The Log port in plain memory: for unit tests, dry runs and simulation. What it forgets when the process ends is its only difference. */
import type { Clock } from '../kinds/environment.ts';
import { ownBytes } from './bytes.ts';
import { checkCommit, checkValue, keyText } from './limits.ts';
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

export interface MemoryOptions {
  readonly clock: Clock;
  /** How long history is kept, in milliseconds. Default: one hour. */
  readonly retention?: number;
}

export function memoryLog({ clock, retention = 3_600_000 }: MemoryOptions): Log {
  return new MemoryLog(clock, retention);
}

interface Resource {
  /** By `keyText`. */
  readonly objects: Map<string, StoredObject>;
  changes: Change[];
  head: number;
  floor: number;
  readonly listeners: Set<(changes: readonly Change[]) => void>;
  /** Has or had objects; a resource may also be known because someone listens for its first. */
  used: boolean;
}

class MemoryLog implements Log {
  private readonly clock: Clock;
  private readonly retention: number;
  private readonly byName = new Map<string, Resource>();
  private readonly guards = new Map<string, number>();
  private revision = 1;
  private closed = false;

  constructor(clock: Clock, retention: number) {
    this.clock = clock;
    this.retention = retention;
  }

  async commit(mutations: readonly Mutation[], guards: readonly Guard[] = []): Promise<CommitResult> {
    this.checkOpen();
    checkCommit(mutations, guards);
    const before = mutations.map(({ key }) => this.resource(key.resource).objects.get(keyText(key)));
    const conflicts = mutations.flatMap(({ expected }, index) => {
      const found = before[index]?.revision ?? 0;
      return found === expected ? [] : [{ index, found }];
    });
    const moved = guards.flatMap(({ row, seen }, index) => {
      const found = this.guards.get(row) ?? 0;
      return found === seen ? [] : [{ index, found }];
    });
    if (conflicts.length > 0 || moved.length > 0) return { committed: false, conflicts, guards: moved };

    const time = this.clock.now();
    const changes = mutations.map(({ type, key, value: make }, index): Change => {
      const revision = this.revision + 1 + index;
      const value = make(revision);
      checkValue(key, value);
      const previous = before[index]?.value;
      const changeType = type === 'delete' ? 'deleted' : previous === undefined ? 'created' : 'updated';
      return { type: changeType, key: { ...key }, revision, value: ownBytes(value), ...(previous && { previous }), time };
    });
    // From here on nothing can fail, so all of it happens.
    this.revision += changes.length;
    for (const { row, seen } of guards) this.guards.set(row, seen + 1);
    for (const change of changes) this.apply(change);
    for (const name of new Set(changes.map(({ key }) => key.resource))) {
      const own = changes.filter(({ key }) => key.resource === name);
      for (const listener of [...this.resource(name).listeners]) listener(own);
    }
    return { committed: true, revisions: changes.map(({ revision }) => revision) };
  }

  async guard(row: string): Promise<number> {
    this.checkOpen();
    return this.guards.get(row) ?? 0;
  }

  async get(key: ObjectKey): Promise<StoredObject | undefined> {
    this.checkOpen();
    return this.byName.get(key.resource)?.objects.get(keyText(key));
  }

  async *load(resource: string): AsyncGenerator<LoadPage> {
    this.checkOpen();
    const kept = this.byName.get(resource);
    if (kept === undefined || kept.objects.size === 0) return;
    yield { objects: [...kept.objects.values()], from: kept.head };
  }

  async tail(resource: string, after: number, limit = 1000): Promise<readonly Change[]> {
    this.checkOpen();
    const kept = this.byName.get(resource);
    if (kept === undefined) return [];
    this.forget(kept);
    if (after < kept.floor) throw new ExpiredError(resource, after, kept.floor);
    const start = kept.changes.findLastIndex(({ revision }) => revision <= after) + 1;
    return kept.changes.slice(start, start + limit);
  }

  async head(_resource: string): Promise<number> {
    this.checkOpen();
    return this.revision;
  }

  subscribe(resource: string, listener: (changes: readonly Change[]) => void): () => void {
    const { listeners } = this.resource(resource);
    const own = (changes: readonly Change[]): void => listener(changes);
    listeners.add(own);
    return () => listeners.delete(own);
  }

  async rewrite(resource: string, anew: Rewriting): Promise<number> {
    this.checkOpen();
    const kept = this.byName.get(resource);
    if (kept === undefined) return 0;
    // By identity: the state before a change is the same bytes as the state after the one before it, as long as that is kept.
    const rows = new Map<Uint8Array, StoredObject>();
    for (const { key, revision, value } of [...kept.objects.values(), ...kept.changes]) rows.set(value, { key, revision, value });
    for (const { key, previous } of kept.changes)
      if (previous !== undefined && !rows.has(previous)) rows.set(previous, { key, revision: 0, value: previous });
    const old = [...rows.values()];
    const news = await anew(old);
    this.checkOpen();
    const instead = new Map(old.flatMap(({ value }, index) => (news[index] ? [[value, news[index]] as const] : [])));
    const renewed = (value: Uint8Array): Uint8Array => instead.get(value) ?? value;
    for (const [id, object] of kept.objects) kept.objects.set(id, { ...object, value: renewed(object.value) });
    kept.changes = kept.changes.map(change => ({
      ...change,
      value: renewed(change.value),
      ...(change.previous && { previous: renewed(change.previous) }),
    }));
    return instead.size;
  }

  async resources(): Promise<readonly string[]> {
    this.checkOpen();
    return [...this.byName].flatMap(([name, { used }]) => (used ? [name] : [])).sort();
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const { listeners } of this.byName.values()) listeners.clear();
  }

  private apply(change: Change): void {
    const kept = this.resource(change.key.resource);
    kept.used = true;
    kept.head = change.revision;
    kept.changes.push(change);
    if (change.type === 'deleted') kept.objects.delete(keyText(change.key));
    else kept.objects.set(keyText(change.key), { key: change.key, revision: change.revision, value: change.value });
    if (kept.changes.length % 1024 === 0) this.forget(kept);
  }

  private forget(kept: Resource): void {
    const until = this.clock.now() - this.retention;
    if ((kept.changes[0]?.time ?? until) >= until) return;
    const first = kept.changes.findIndex(({ time }) => time >= until);
    const gone = kept.changes.slice(0, first === -1 ? undefined : first);
    kept.floor = gone.at(-1)?.revision ?? kept.floor;
    kept.changes = kept.changes.slice(gone.length);
  }

  private resource(name: string): Resource {
    const known = this.byName.get(name);
    if (known !== undefined) return known;
    const fresh: Resource = { objects: new Map(), changes: [], head: 1, floor: 0, listeners: new Set(), used: false };
    this.byName.set(name, fresh);
    return fresh;
  }

  private checkOpen(): void {
    if (this.closed) throw new StoreUnavailableError('the store is closed', false);
  }
}
