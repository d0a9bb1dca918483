/**
 * The Replica port: one resource held in memory, caught up from the log's tail, from which API, controllers and scheduler all read.
 * `openReplica` in `replica-on-log.ts` makes one over any `Log`.
 */
import type { KubeObject } from '../kinds/object.ts';

/** One object as of one revision. Immutable and shared by all readers: never change `object`, clone it. */
export interface Entry {
  readonly namespace: string;
  readonly name: string;
  readonly revision: number;
  /** The stored JSON, as sent on the wire. */
  readonly bytes: Uint8Array;
  /** Parsed on first use and kept. */
  readonly object: KubeObject;
}

export interface ReplicaEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  /** The new state; of a deletion the last state, with the revision of the deletion. */
  readonly entry: Entry;
  /** What it was before; absent for ADDED. */
  readonly previous?: Entry;
}

/** Narrows a list by index. All given parts must hold; label equality is checked on the object's labels. */
export interface ListQuery {
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Of any owner reference. */
  readonly ownerUid?: string;
  /** `spec.nodeName`. */
  readonly nodeName?: string;
  /** Also those that cannot be read, whatever the indexes are asked: nobody knows whether they are meant. */
  readonly orUnreadable?: boolean;
}

export interface Replica {
  /** The store's name of the resource. */
  readonly resource: string;
  /** Everything up to this revision is in memory. */
  readonly revision: number;
  /** Catches up with the log's head, so that what is read next is linearizable. Returns `revision`. */
  sync(): Promise<number>;
  get(namespace: string, name: string): Entry | undefined;
  /** In the order of `namespace/name` as one text, which is etcd's. */
  list(query?: ListQuery): readonly Entry[];
  /**
   * Every change above `after`, in order, without gap or repeat, as batches; ends when `signal` aborts. Past changes come from history;
   * throws `ExpiredError` when `after` is no longer kept. `revision` of a batch: all up to it has been delivered (a bookmark).
   */
  watch(after: number, signal: AbortSignal): AsyncIterable<{ readonly events: readonly ReplicaEvent[]; readonly revision: number }>;
  /** Called with each batch as it is applied. Returns the unsubscription. For controllers, which re-list when they start. */
  subscribe(listener: (events: readonly ReplicaEvent[]) => void): () => void;
}

/** Replicas by the store's name of the resource; each is loaded at its first use and then shared. */
export interface Replicas {
  /** Loaded and caught up at least once. */
  open(resource: string): Promise<Replica>;
  /** The replica if it is already loaded. */
  loaded(resource: string): Replica | undefined;
  close(): Promise<void>;
}
