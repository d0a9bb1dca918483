/** The store stage: the object is written, or goes where the write took its last finalizer, with what it claims beyond itself. */
import type { KubeObject } from '../../kinds/object.ts';
import { alreadyExists, StatusError } from '../../kinds/status.ts';
import type { Entry } from '../../store/replica.ts';
import type { AroundCommit } from './admission.ts';
import { type Allocation, type Completion, nothingClaimed } from './allocator.ts';
import { type Outcome, put, remove, type Stored } from './commit.ts';
import { type Call, groupResource, syncedReplica, type WriteOptions } from './context.ts';
import { storedForm } from './stored-form.ts';
import { sameJson, withRevision } from './wire.ts';

/** A write on its way to the store. Objects are in the served version; `object` is the write's own copy. */
export interface Draft {
  readonly object: KubeObject;
  /** What it replaces; absent: it is created. */
  readonly previous?: { readonly entry: Entry; readonly object: KubeObject };
}

/** An object as it was written; `undefined` where the attempt lost a race. */
export interface Written {
  readonly created: boolean;
  readonly object: KubeObject;
  /** In the stored version. */
  readonly stored?: Stored;
}

/** Fills in what the object needs beyond itself. */
export const complete = async (call: Call, { object, previous }: Draft, completion: Completion): Promise<void> => {
  if (call.subresource !== '') return;
  for (const allocator of call.services.allocators.get(call.resource.storage.name) ?? [])
    await allocator.complete(object, previous?.object, completion);
};

/** Claims what the object needs beyond itself. */
export const claim = async (call: Call, next: KubeObject | undefined, previous: KubeObject | undefined): Promise<Allocation> => {
  const allocators = call.services.allocators.get(call.resource.storage.name);
  if (!allocators) return nothingClaimed;
  const claims = [];
  for (const allocator of allocators) claims.push(await allocator.claim(next, previous));
  const only = claims.length === 1 ? claims[0] : undefined;
  return only ?? { mutations: claims.flatMap(c => c.mutations), guards: claims.flatMap(c => c.guards ?? []) };
};

/** The last step of an attempt. Undefined: the object or a claim was lost to another writer. */
export const storeDraft = async (
  call: Call,
  draft: Draft,
  options: WriteOptions,
  /** Of admission. */
  around?: AroundCommit,
): Promise<Written | undefined> => {
  const { object, previous } = draft;
  if (previous && finished(object, previous.object)) return deleteByUpdate(call, draft, options);
  const { resourceVersion } = object.metadata;
  if (!previous && !options.dryRun && resourceVersion && resourceVersion !== '0' && /^\d+$/.test(resourceVersion))
    throw new StatusError(500, '', 'resourceVersion should not be set on objects to be created');
  const claims = await claim(call, object, previous?.object);
  // Shown by a dry run and stored by nobody.
  if (!options.dryRun) delete (object.metadata as { selfLink?: unknown }).selfLink;
  const { stored: form, served } = await storedForm(call, object, previous?.entry.object);
  if (previous && sameJson({ ...form, metadata: { ...form.metadata, resourceVersion: undefined } }, withoutRevision(previous.entry.object)))
    return { created: false, object: served, stored: { revision: previous.entry.revision, bytes: previous.entry.bytes } };
  if (options.dryRun) {
    if (!previous && (await existing(call, object.metadata.name))) throw await taken(call, object);
    await around?.(async () => dryRun, call.services.log);
    if (previous) served.metadata.resourceVersion = String(previous.entry.revision);
    else delete served.metadata.resourceVersion;
    return { created: !previous, object: served };
  }
  const commit = (more: Allocation): Promise<Outcome> => put(call, form, previous?.entry.revision ?? 0, both(claims, more));
  const outcome = await (around ? around(commit, call.services.log) : commit(nothingClaimed));
  if (outcome.type === 'stored') {
    served.metadata.resourceVersion = String(outcome.stored.revision);
    return { created: !previous, object: served, stored: outcome.stored };
  }
  if (outcome.type === 'lost' && !previous) throw await taken(call, object);
  return undefined;
};

const existing = async (call: Call, name: string): Promise<Entry | undefined> =>
  (await syncedReplica(call.services, call.resource.storage.name)).get(call.namespace, name);

/** A name was generated in vain, as far as a prefix tells; or whoever waits for an object to go wants to know that it is on its way. */
const taken = async (call: Call, { metadata }: KubeObject): Promise<StatusError> => {
  const { name, generateName } = metadata;
  const refusal = alreadyExists(groupResource(call.resource), name);
  const { message, status } = refusal;
  if (generateName)
    return new StatusError(409, 'AlreadyExists', `${message}, the server was not able to generate a unique name for the object`, {
      ...status.details,
      retryAfterSeconds: 1,
    });
  if (!(await existing(call, name))?.object.metadata.deletionTimestamp) return refusal;
  return new StatusError(409, 'AlreadyExists', `object is being deleted: ${message}`, status.details);
};

const dryRun: Outcome = { type: 'stored', stored: { revision: 0, bytes: new Uint8Array() } };

const both = (one: Allocation, other: Allocation): Allocation =>
  other === nothingClaimed
    ? one
    : { mutations: [...one.mutations, ...other.mutations], guards: [...(one.guards ?? []), ...(other.guards ?? [])] };

const withoutRevision = (object: KubeObject): KubeObject => {
  const { resourceVersion: _, ...metadata } = object.metadata;
  return { ...object, metadata };
};

/** An object that waits for its finalizers goes with the update that takes the last one away. */
const finished = (next: KubeObject, previous: KubeObject): boolean => {
  const { deletionTimestamp, deletionGracePeriodSeconds } = previous.metadata;
  if (!deletionTimestamp || next.metadata.finalizers?.length || deletionGracePeriodSeconds) return false;
  const spec = next['spec'] as { finalizers?: string[] } | undefined;
  return next.kind !== 'Namespace' || next.apiVersion !== 'v1' || !spec?.finalizers?.length;
};

/** Watchers see the object as it was before; the writer gets what it wrote, with the revision it replaced. */
const deleteByUpdate = async (call: Call, draft: Draft, options: WriteOptions): Promise<Written | undefined> => {
  const { object, previous } = draft;
  if (!previous) return undefined;
  const { entry } = previous;
  object.metadata.resourceVersion = String(entry.revision);
  if (options.dryRun) return { created: false, object };
  const claims = await claim(call, undefined, previous.object);
  const { apiVersion, kind } = entry.object;
  const outcome = await remove(call, entry.name, entry.revision, revision => withRevision(entry.bytes, apiVersion, kind, revision), claims);
  return outcome.type === 'stored' ? { created: false, object } : undefined;
};
