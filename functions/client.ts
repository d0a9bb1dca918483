/**
 * The Client port: how controllers and the scheduler write. Implemented by the API's own pipeline in the same process, so each write goes
 * through admission, validation, quota and managed fields, as the identity the client was made for. Errors are `StatusError`s.
 */
import type { JsonObject, KubeObject } from '../kinds/object.ts';
import type { Guard } from '../store/log.ts';

export interface WriteOptions {
  readonly subresource?: string;
  /** Rows that must be as they were seen, or the write fails with a conflict. */
  readonly guards?: readonly Guard[];
  readonly fieldManager?: string;
}

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
}

/** `resource` is always the store's name of it: `pods`, `deployments.apps`. `namespace` is empty for cluster-scoped kinds. */
export interface Client {
  /** Linearizable. */
  get<T extends KubeObject = KubeObject>(resource: string, namespace: string, name: string): Promise<T>;
  create<T extends KubeObject>(resource: string, object: T, options?: WriteOptions): Promise<T>;
  /** Creates a subresource of an object, e.g. the Binding or Eviction of a pod. */
  createSubresource(
    resource: string,
    namespace: string,
    name: string,
    subresource: string,
    body: KubeObject,
    options?: WriteOptions,
  ): Promise<KubeObject>;
  update<T extends KubeObject>(resource: string, object: T, options?: WriteOptions): Promise<T>;
  patch<T extends KubeObject = KubeObject>(
    resource: string,
    namespace: string,
    name: string,
    type: 'merge' | 'strategic' | 'json' | 'apply',
    patch: JsonObject | JsonObject[],
    options?: WriteOptions & { readonly force?: boolean },
  ): Promise<T>;
  /** A missing object is a `NotFound` error, as everywhere. */
  delete(resource: string, namespace: string, name: string, options?: DeleteOptions): Promise<void>;
}

/** One client an identity: `as('deployment-controller')` writes as `system:serviceaccount:kube-system:deployment-controller`. */
export interface Clients {
  as(serviceAccount: string): Client;
  /** As a plain user, e.g. `system:kube-scheduler`. */
  asUser(name: string, groups?: readonly string[]): Client;
}
