/**
 * Replicas over any log.
 *
 * A replica is loaded once, then follows: by the changes the log hands over when it subscribed, else by its tail. Both end in `apply`,
 * which skips what is already in memory, so that neither order nor overlap of the two can hurt.
 *
 * Watchers do not have queues. Each has only its position, and takes what is above it from the events all watchers share, or from the
 * log's tail when it has fallen behind those. A watcher that is slow costs no memory; one so slow that history is gone gets `ExpiredError`.
 */
import type { Logger } from '../kinds/environment.ts';
import { ownBytes } from './bytes.ts';
import { ParsedObjects, PastEntry, readOrWhy, StoredEntry } from './entries.ts';
import { IndexedEntries } from './indexes.ts';
import { type Change, ExpiredError, type Log, StoreUnavailableError } from './log.ts';
import { Recent } from './recent-changes.ts';
import type { Entry, ListQuery, Replica, ReplicaEvent, Replicas } from './replica.ts';

export interface ReplicasOptions {
  readonly logger: Logger;
  /** Parsed objects are kept up to this many bytes of JSON. Default: 8 MiB. */
  readonly parsedBytes?: number;
}

export function createReplicas(log: Log, { logger, parsedBytes = 8 * 1024 * 1024 }: ReplicasOptions): Replicas {
  return new LogReplicas(log, logger, new ParsedObjects(parsedBytes));
}

const recentEvents = 1000;
const recentBytes = 512 * 1024;
/** A batch to a watcher; more would let one slow consumer hold much at once. */
const batchEvents = 500;

type Watched = { readonly events: readonly ReplicaEvent[]; readonly revision: number };

class LogReplica implements Replica {
  readonly resource: string;
  revision = 0;
  private readonly log: Log;
  private readonly logger: Logger;
  private readonly parsed: ParsedObjects;
  private entries = new IndexedEntries();
  private recent = new Recent<ReplicaEvent>(0, ({ entry }) => entry.revision);
  private recentBytes = 0;
  private readonly listeners = new Set<(events: readonly ReplicaEvent[]) => void>();
  private wakers = new Set<() => void>();
  private readonly unsubscribe: () => void;
  private catching: Promise<void> | undefined;
  /** What was handed over while catching up was left to the tail, which must get this far. */
  private wanted = 0;
  private closed = false;

  constructor(log: Log, resource: string, logger: Logger, parsed: ParsedObjects) {
    this.log = log;
    this.resource = resource;
    this.logger = logger.child({ resource });
    this.parsed = parsed;
    // Before the load begins, so that nothing can happen between the two.
    this.unsubscribe = log.subscribe(resource, changes => this.handed(changes));
    this.catching = this.reload();
  }

  async ready(): Promise<void> {
    await this.catching;
    this.catching = undefined;
    await this.sync();
  }

  sync(): Promise<number> {
    return this.log.head(this.resource).then(this.reach);
  }

  get(namespace: string, name: string): Entry | undefined {
    return this.entries.get(namespace, name);
  }

  list(query?: ListQuery): readonly Entry[] {
    return this.entries.list(query);
  }

  async *watch(after: number, signal: AbortSignal): AsyncGenerator<Watched> {
    let position = after;
    let wake = (): void => {};
    // One for the whole watch: a signal may serve many watches, and each waits many times.
    const abort = (): void => wake();
    signal.addEventListener('abort', abort);
    try {
      while (!signal.aborted && !this.closed) {
        const shared = this.recent.since(position, batchEvents);
        const events = shared ?? (await this.past(position));
        if (signal.aborted) return;
        const last = events.at(-1)?.entry.revision;
        if (last !== undefined) {
          position = shared !== undefined && events.length < batchEvents ? Math.max(last, this.revision) : last;
          yield { events, revision: position };
        } else if (shared === undefined) {
          // Nothing lies between here and what is shared.
          position = Math.max(position, this.recent.floor);
        } else {
          await new Promise<void>(resolve => {
            wake = resolve;
            this.wakers.add(resolve);
          });
          this.wakers.delete(wake);
        }
      }
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  subscribe(listener: (events: readonly ReplicaEvent[]) => void): () => void {
    const own = (events: readonly ReplicaEvent[]): void => listener(events);
    this.listeners.add(own);
    return () => this.listeners.delete(own);
  }

  close(): void {
    this.closed = true;
    this.unsubscribe();
    this.listeners.clear();
    this.wake();
  }

  // Following

  /** A field, so that `sync` makes no closure. */
  private readonly reach = (head: number): number | Promise<number> => (head <= this.revision ? this.revision : this.catchUp(head));

  private async catchUp(head: number): Promise<number> {
    while (this.revision < head) {
      if (this.closed) throw new StoreUnavailableError('the store is closed', false);
      this.catching ??= this.follow(head).finally(() => {
        this.catching = undefined;
        // Handed over in the meantime, too late for the loop to see it.
        if (this.revision < this.wanted) this.nudge();
      });
      await this.catching;
    }
    return this.revision;
  }

  private async follow(head: number): Promise<void> {
    this.wanted = Math.max(this.wanted, head);
    while (this.revision < this.wanted && !this.closed) {
      const target = this.wanted;
      try {
        const changes = await this.log.tail(this.resource, this.revision);
        this.apply(changes);
        // Revisions may have gaps: all up to the head is settled, so what tail does not have will never come.
        if (changes.length === 0) this.revision = Math.max(this.revision, target);
      } catch (error) {
        if (!(error instanceof ExpiredError)) throw error;
        this.logger.warn('a replica fell behind the history of the log and is loaded again', {
          revision: this.revision,
          floor: error.floor,
        });
        await this.reload();
      }
    }
  }

  private handed(changes: readonly Change[]): void {
    const last = changes.at(-1)?.revision;
    if (this.closed || (last !== undefined && last <= this.revision)) return;
    // What was left to the tail must come before this.
    if (last !== undefined && this.catching === undefined && this.revision >= this.wanted) {
      this.apply(changes);
      return;
    }
    this.wanted = Math.max(this.wanted, last ?? 0);
    if (last === undefined || this.catching === undefined) this.nudge();
  }

  private nudge(): void {
    if (this.closed) return;
    this.sync().catch((error: unknown) => this.logger.warn('a replica could not catch up; its next reader will try again', { error }));
  }

  private apply(changes: readonly Change[]): void {
    const events: ReplicaEvent[] = [];
    for (const change of changes) {
      if (change.revision <= this.revision) continue;
      this.revision = change.revision;
      const { namespace, name } = change.key;
      const previous = this.entries.get(namespace, name);
      // Loads see objects newer than the revision they catch up from.
      if (previous !== undefined && previous.revision >= change.revision) continue;
      const entry = new StoredEntry(
        this.parsed,
        previous?.namespace ?? namespace,
        previous?.name ?? name,
        change.revision,
        ownValue(change),
      );
      if (change.type !== 'deleted') {
        this.entries.put(entry, previous);
        events.push(previous === undefined ? { type: 'ADDED', entry } : { type: 'MODIFIED', entry, previous });
      } else if (previous !== undefined) {
        this.entries.remove(previous);
        events.push({ type: 'DELETED', entry, previous });
      }
    }
    this.share(events);
    this.tell(events);
  }

  private share(events: readonly ReplicaEvent[]): void {
    for (const event of events) {
      this.recent.add(event);
      this.recentBytes += sizeOf(event);
    }
    while (this.recent.size > recentEvents || this.recentBytes > recentBytes) {
      const dropped = this.recent.drop();
      if (dropped === undefined) break;
      this.recentBytes -= sizeOf(dropped);
    }
    if (events.length > 0) this.wake();
  }

  private tell(events: readonly ReplicaEvent[]): void {
    if (events.length === 0) return;
    for (const listener of [...this.listeners]) {
      try {
        listener(events);
      } catch (error) {
        this.logger.error('a subscriber of a replica failed', { error });
      }
    }
  }

  // Loading

  /** Everything anew. Subscribers are told how it differs from what was here; watchers take their history from the log. */
  private async reload(): Promise<void> {
    let from = await this.log.head(this.resource);
    const loaded = new Map<string, StoredEntry>();
    const namespaces = new Map<string, string>();
    let newest = from;
    for await (const page of this.log.load(this.resource)) {
      from = page.from;
      for (const object of page.objects) {
        const { key, revision } = object;
        // One string a namespace, not one an object.
        const namespace = namespaces.get(key.namespace) ?? key.namespace;
        namespaces.set(namespace, namespace);
        newest = Math.max(newest, revision);
        loaded.set(`${namespace}\0${key.name}`, new StoredEntry(this.parsed, namespace, key.name, revision, ownValue(object)));
      }
    }
    // What a load saw is a state only once every change up to the newest revision in it is in it too.
    let revision = from;
    while (revision < newest) {
      const changes = await this.log.tail(this.resource, revision);
      revision = changes.at(-1)?.revision ?? newest;
      for (const change of changes) {
        const { type, key, revision: changed } = change;
        const id = `${key.namespace}\0${key.name}`;
        if ((loaded.get(id)?.revision ?? 0) >= changed) continue;
        if (type === 'deleted') loaded.delete(id);
        else loaded.set(id, new StoredEntry(this.parsed, key.namespace, key.name, changed, ownValue(change)));
      }
    }
    const before = this.entries.everything();
    this.entries = new IndexedEntries([...loaded.values()]);
    this.revision = revision;
    this.recent = new Recent(revision, ({ entry }) => entry.revision);
    this.recentBytes = 0;
    this.wake();
    this.tell(this.differences(before));
  }

  private differences(before: readonly StoredEntry[]): ReplicaEvent[] {
    if (this.listeners.size === 0) return [];
    const events: ReplicaEvent[] = [];
    for (const previous of before) {
      if (this.entries.get(previous.namespace, previous.name) !== undefined) continue;
      // When it went is not known any more; by now it has.
      const entry = new StoredEntry(this.parsed, previous.namespace, previous.name, this.revision, previous.stored);
      events.push({ type: 'DELETED', entry, previous });
    }
    const old = new IndexedEntries([...before]);
    for (const entry of this.entries.everything()) {
      const previous = old.get(entry.namespace, entry.name);
      if (previous === undefined) events.push({ type: 'ADDED', entry });
      else if (previous.revision !== entry.revision) events.push({ type: 'MODIFIED', entry, previous });
    }
    return events;
  }

  // Watching

  private async past(after: number): Promise<ReplicaEvent[]> {
    const changes = await this.log.tail(this.resource, after, batchEvents);
    return changes.map((change): ReplicaEvent => {
      const { type, key, revision } = change;
      const { namespace, name } = key;
      const previous = readOrWhy(() => change.previous);
      const value = readOrWhy(() => change.value);
      const entry = new StoredEntry(this.parsed, namespace, name, revision, value);
      const event = { type: eventTypes[type], entry };
      return previous === undefined ? event : { ...event, previous: new PastEntry(namespace, name, previous) };
    });
  }

  private wake(): void {
    for (const wake of [...this.wakers]) wake();
  }
}

const eventTypes = { created: 'ADDED', updated: 'MODIFIED', deleted: 'DELETED' } as const;
const ownValue = (of: { readonly value: Uint8Array }) => readOrWhy(() => ownBytes(of.value));
const bytesOf = (entry: Entry | undefined): number => (entry instanceof StoredEntry ? entry.size : 0);
const sizeOf = ({ entry, previous }: ReplicaEvent): number => bytesOf(entry) + bytesOf(previous);

class LogReplicas implements Replicas {
  private readonly log: Log;
  private readonly logger: Logger;
  private readonly parsed: ParsedObjects;
  private readonly opened = new Map<string, Promise<LogReplica>>();
  private readonly ready = new Map<string, LogReplica>();
  private closed = false;

  constructor(log: Log, logger: Logger, parsed: ParsedObjects) {
    this.log = log;
    this.logger = logger;
    this.parsed = parsed;
  }

  open(resource: string): Promise<Replica> {
    if (this.closed) return Promise.reject(new StoreUnavailableError('the store is closed', false));
    const known = this.opened.get(resource);
    if (known !== undefined) return known;
    const opening = this.load(resource);
    this.opened.set(resource, opening);
    return opening;
  }

  loaded(resource: string): Replica | undefined {
    return this.ready.get(resource);
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const replica of this.ready.values()) replica.close();
    // Loads under way close their replica themselves when they end.
    await Promise.allSettled(this.opened.values());
    this.ready.clear();
    this.opened.clear();
  }

  private async load(resource: string): Promise<LogReplica> {
    const replica = new LogReplica(this.log, resource, this.logger, this.parsed);
    try {
      await replica.ready();
      if (this.closed) throw new StoreUnavailableError('the store is closed', false);
    } catch (error) {
      replica.close();
      // The next to ask tries again.
      this.opened.delete(resource);
      throw error;
    }
    this.ready.set(resource, replica);
    return replica;
  }
}
