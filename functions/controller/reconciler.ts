/**
 * The contract of a reconciler: level-triggered, idempotent, safe in any number of copies. It gets a key, never an event; reads replicas;
 * writes through its client with expected revisions; and says when to look again. Throwing means: back off and try again.
 */
import type { Clock, Logger, Random } from '../../kinds/environment.ts';
import type { KubeObject } from '../../kinds/object.ts';
import type { Log } from '../../store/log.ts';
import type { Replica, ReplicaEvent, Replicas } from '../../store/replica.ts';
import type { Client } from '../client.ts';

/** `namespace/name`, or `/name` of a cluster-scoped object. */
export type Key = string;
export const keyOf = (object: { metadata: { namespace?: string; name: string } }): Key =>
  `${object.metadata.namespace ?? ''}/${object.metadata.name}`;
export const splitKey = (key: Key): { namespace: string; name: string } => {
  const slash = key.indexOf('/');
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
};

/** Which changes of a resource wake which keys. */
export interface Watch {
  /** The store's name of the resource. */
  readonly resource: string;
  /** Default: the key of the changed object itself. Replicas are loaded when it is called. */
  keys?(event: ReplicaEvent, replicas: ReconcileContext['replica']): Iterable<Key>;
}

export interface ReconcileContext {
  /** An opened replica; the host opens what `watches` and `reads` name. */
  replica(resource: string): Replica;
  readonly replicas: Replicas;
  readonly client: Client;
  /** Of guard rows (`log.guard`); reconcilers read objects from replicas only. */
  readonly log: Pick<Log, 'guard'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Records a Kubernetes Event about an object; repeated ones are counted, never thrown. */
  event(about: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string): void;
}

export interface Reconciler {
  /** Unique. Also the service account it writes as, unless `account` or `user` says otherwise: `deployment-controller`. */
  readonly name: string;
  /** The service account it writes as, where several reconcilers share one (`node-controller`). */
  readonly account?: string;
  /** Writes as this plain user instead of a service account (`system:kube-scheduler`). */
  readonly user?: string;
  /** What its Kubernetes Events name as their source; default: the account or the name. */
  readonly component?: string;
  /** How many keys may run at once; default 5. One key never runs twice at once. */
  readonly concurrency?: number;
  /** Read again when the host is told that what is served has changed. */
  readonly watches: readonly Watch[];
  /** Resources it only reads. */
  readonly reads?: readonly string[];
  reconcile(key: Key, context: ReconcileContext): Promise<Result>;
}

/** Nothing: done until something changes. `after`: look again then (ms), whatever happens. */
export type Result = undefined | { readonly after: number };
