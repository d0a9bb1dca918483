/**
 * The Log port: everything the store needs from a database, and all that must be written twice (embedded LMDB, DynamoDB).
 * The promises below are held by both adapters and proved by one suite, `test/contract/log-contract.ts`.
 *
 * - A revision is a positive integer, totally ordered within one resource. An empty resource has a head of at least 1.
 * - No revision is shown to anyone (answer of commit, get, head, tail, load) before every revision of that resource below it is
 *   settled: committed and flushed, or known never to come.
 * - A commit that was acknowledged survives `kill -9`, power loss and any crash.
 * - History is kept for a set time; `tail` from before it throws `ExpiredError`.
 */

export interface ObjectKey {
  /** The store's name of the resource: `pods`, `deployments.apps`. */
  readonly resource: string;
  /** Empty for cluster-scoped objects. */
  readonly namespace: string;
  readonly name: string;
}

export interface Mutation {
  readonly type: 'put' | 'delete';
  readonly key: ObjectKey;
  /** The revision this replaces; 0: the object must not exist. */
  readonly expected: number;
  /**
   * The object's JSON in UTF-8 as it will be sent to clients, made once the revision is known; it may be called again with another
   * revision. For a delete: the last state, as watchers will see it, carrying the revision of the deletion. At most 1.5 MiB.
   */
  value(revision: number): Uint8Array;
}

/** A small counter row (of an owner, a node) that must still be as it was seen; the same commit bumps it to `seen + 1`. */
export interface Guard {
  readonly row: string;
  readonly seen: number;
}

export type CommitResult =
  | { readonly committed: true /** One a mutation, in order. */; readonly revisions: readonly number[] }
  | {
      readonly committed: false;
      /** Mutations whose `expected` did not hold, by index, with the revision found (0: absent). */
      readonly conflicts: readonly { readonly index: number; readonly found: number }[];
      /** Guards that had moved, by index, with the count found. */
      readonly guards: readonly { readonly index: number; readonly found: number }[];
    };

export interface StoredObject {
  readonly key: ObjectKey;
  readonly revision: number;
  /** Of a log that encrypts, reading it throws `UnreadableError` where the value is damaged or its key is not here. */
  readonly value: Uint8Array;
}

/** What to put in the place of stored values, by index; undefined: it stays. */
export type Rewriting = (rows: readonly StoredObject[]) => Promise<readonly (Uint8Array | undefined)[]>;

export interface Change {
  readonly type: 'created' | 'updated' | 'deleted';
  readonly key: ObjectKey;
  readonly revision: number;
  /** The new object; of a deletion, the last state with the revision of the deletion. */
  readonly value: Uint8Array;
  /** What was there before; absent for a creation. Throws as `value` does. */
  readonly previous?: Uint8Array | undefined;
  /** Milliseconds since the epoch, by the writer's clock: for people and time travel, never for order. */
  readonly time: number;
}

export interface LoadPage {
  readonly objects: readonly StoredObject[];
  /** The same in every page: catch up with `tail` from here until every revision seen in the load is settled. */
  readonly from: number;
}

export interface Log {
  /** All or nothing, up to 50 mutations and guards together, at most one mutation an object. */
  commit(mutations: readonly Mutation[], guards?: readonly Guard[]): Promise<CommitResult>;
  /** The count of a guard row; 0 when it was never bumped. */
  guard(row: string): Promise<number>;
  /** Linearizable. */
  get(key: ObjectKey): Promise<StoredObject | undefined>;
  /** Every object of a resource, in pages. */
  load(resource: string): AsyncIterable<LoadPage>;
  /** Settled changes with a revision above `after`, in order, without gaps; at most `limit` (default 1000). Throws `ExpiredError`. */
  tail(resource: string, after: number, limit?: number): Promise<readonly Change[]>;
  /**
   * The newest revision up to which everything of this resource is settled: that of its last change, or above it where the adapter counts
   * the changes of all resources together.
   */
  head(resource: string): Promise<number>;
  /**
   * Calls back when the head of a resource may have moved, and where it is cheap hands over the changes, in order and gapless from the
   * subscription on. A hint to wake up on: correctness never rests on it, and an adapter may never call. Returns the unsubscription.
   */
  subscribe(resource: string, listener: (changes: readonly Change[]) => void): () => void;
  /**
   * Puts other bytes that mean the same in the place of stored values, current ones and kept history, each at its revision: nobody is told. Beside
   * commits and at any crash each value is as it was or as it is to be. Values committed meanwhile are handed over or not. Resolves with how many
   * were replaced, once all are.
   */
  rewrite(resource: string, anew: Rewriting): Promise<number>;
  /** Names of resources that have or had objects. */
  resources(): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** `tail` from a revision whose history is gone; `floor` is the oldest revision one can still start from. */
export class ExpiredError extends Error {
  readonly floor: number;
  constructor(resource: string, after: number, floor: number) {
    super(`history of ${resource} after revision ${after} is gone; the oldest kept is ${floor}`);
    this.name = 'ExpiredError';
    this.floor = floor;
  }
}

/** The database cannot take writes or answer now (full disk, throttled); nothing was half done unless `unknown`. */
export class StoreUnavailableError extends Error {
  /** The write may or may not have happened. */
  readonly unknown: boolean;
  constructor(message: string, unknown: boolean, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StoreUnavailableError';
    this.unknown = unknown;
  }
}

/** A stored value that cannot be read: its key is not here, or it is not what was written for this object. */
export class UnreadableError extends Error {
  readonly key: ObjectKey;
  constructor(key: ObjectKey, why: string) {
    super(`unable to transform key "/registry/${key.resource}/${key.namespace ? `${key.namespace}/` : ''}${key.name}": ${why}`);
    this.name = 'UnreadableError';
    this.key = key;
  }
}
