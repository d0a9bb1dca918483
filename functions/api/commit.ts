/** One commit of the object, what it claims and the guards it was decided under. All or nothing. */
import type { KubeObject } from '../../kinds/object.ts';
import { conflict, optimisticLock, StatusError } from '../../kinds/status.ts';
import type { Guard, Mutation, ObjectKey } from '../../store/log.ts';
import { type Allocation, nothingClaimed } from './allocator.ts';
import { type Call, groupResource } from './context.ts';
import { atRevision, serialize } from './wire.ts';

/** etcd's limit on one request, which is what clients know as the largest object. */
export const maxObjectBytes = 1.5 * 1024 * 1024;
/** What is left when kind, version and revision are written. */
const limit = maxObjectBytes - 512;

export interface Stored {
  readonly revision: number;
  /** In the stored version. */
  readonly bytes: Uint8Array;
}

/** `lost`: the object was not as expected. `claimed`: somebody else holds what was to be claimed. */
export type Outcome =
  | { readonly type: 'stored'; readonly stored: Stored }
  | { readonly type: 'lost'; readonly found: number }
  | { readonly type: 'claimed' };

export const keyOf = (call: Call, name: string): ObjectKey => ({ resource: call.resource.storage.name, namespace: call.namespace, name });

/** `object` is in the stored version. */
export const put = (call: Call, object: KubeObject, expected: number, claims: Allocation = nothingClaimed): Promise<Outcome> => {
  const serialized = serialize(object);
  // A UTF-16 unit is at most three bytes; only near the limit is it worth counting.
  if (serialized.tail.length * 3 > limit && Buffer.byteLength(serialized.tail) > limit)
    throw new StatusError(500, '', 'etcdserver: request is too large');
  return commit(call, 'put', keyOf(call, object.metadata.name), expected, revision => atRevision(serialized, revision), claims);
};

export const remove = (
  call: Call,
  name: string,
  expected: number,
  value: (revision: number) => Uint8Array,
  claims: Allocation = nothingClaimed,
): Promise<Outcome> => commit(call, 'delete', keyOf(call, name), expected, value, claims);

const commit = async (
  call: Call,
  type: Mutation['type'],
  key: ObjectKey,
  expected: number,
  make: (revision: number) => Uint8Array,
  claims: Allocation,
): Promise<Outcome> => {
  let bytes: Uint8Array | undefined;
  let madeFor = 0;
  const mutation: Mutation = {
    type,
    key,
    expected,
    value: revision => {
      bytes = make(revision);
      madeFor = revision;
      return bytes;
    },
  };
  const mutations = claims.mutations.length > 0 ? [mutation, ...claims.mutations] : [mutation];
  const guards: readonly Guard[] = claims.guards?.length ? [...call.guards, ...claims.guards] : call.guards;
  const result = await call.services.log.commit(mutations, guards);
  if (result.committed) {
    const revision = result.revisions[0] ?? 0;
    // The store may have asked for the value more than once; the last one need not be the one that was committed.
    return { type: 'stored', stored: { revision, bytes: bytes && madeFor === revision ? bytes : make(revision) } };
  }
  const own = result.conflicts.find(({ index }) => index === 0);
  if (own) return { type: 'lost', found: own.found };
  if (result.guards.some(({ index }) => index < call.guards.length)) throw conflict(groupResource(call.resource), key.name, optimisticLock);
  return { type: 'claimed' };
};
