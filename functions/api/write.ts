/**
 * Creation and change of one object, for requests and in-process clients alike. An attempt runs mutate -> strategy -> validate -> store on a
 * copy of its own; an attempt that lost a race is made again on what is there now, unless the writer named the revision it saw.
 */
import type { KubeObject } from '../../kinds/object.ts';
import { isCustomResource } from '../../kinds/resource.ts';
import { conflict, optimisticLock } from '../../kinds/status.ts';
import { type Call, groupResource, type ObjectAnswer, requireSegment, syncedReplica, toServed, type WriteOptions } from './context.ts';
import { prepare, prepareEntries } from './conversion.ts';
import { renewManagedFields } from './managed-fields.ts';
import { persist } from './pipeline.ts';
import type { Draft, Written } from './store.ts';
import { dedupOwners, ensureNamespace, resetStatus, wipeSystemMetadata } from './strategy.ts';
import { copyJson, parse } from './wire.ts';

const attempts = 32;

/** `object` is the call's own copy, decoded and complete with defaults. */
export const createObject = async (call: Call, object: KubeObject, options: WriteOptions): Promise<Written> => {
  ensureNamespace(call, object);
  wipeSystemMetadata(object);
  dedupOwners(call, object);
  resetStatus(call.resource, object);
  await renewManagedFields(call, options, object, undefined);
  return insert(call, object, options);
};

/** Creation of what already has its managed fields (server-side apply). */
export const insert = async (call: Call, object: KubeObject, options: WriteOptions): Promise<Written> => {
  // Claims complete the object in place, so a second attempt needs a copy from before.
  const claims = call.services.allocators.has(call.resource.storage.name);
  for (let attempt = 0; attempt < attempts; attempt++) {
    const written = await persist(call, { object: claims ? copyJson(object) : object }, options, attempt);
    if (written) return written;
  }
  throw conflict(groupResource(call.resource), object.metadata.name, optimisticLock);
};

/**
 * `produce` makes the new object from what is stored, undefined where there is nothing (throwing `notFound` or giving what is to be created).
 * Its argument is shared: it answers with a copy of its own, managed fields included.
 */
export const updateObject = async (
  call: Call,
  options: WriteOptions,
  produce: (previous: Draft['previous'], attempt: number) => Promise<KubeObject> | KubeObject,
): Promise<Written> => {
  requireSegment(call.name);
  for (let attempt = 0; attempt < attempts; attempt++) {
    const replica = await syncedReplica(call.services, call.resource.storage.name);
    const entry = replica.get(call.namespace, call.name);
    if (entry) await prepareEntries(call, [entry]);
    const previous = entry && { entry, object: toServed(call.resource, entry.object) };
    const object = await produce(previous, attempt);
    const warnings = call.warnings.length;
    try {
      const written = await persist(call, previous ? { object, previous } : { object }, options, attempt);
      if (written) return written;
    } catch (error) {
      // Created by another writer since the look: change that one.
      if (previous || attempt + 1 === attempts || !lostCreation(error)) throw error;
    }
    call.warnings.length = warnings;
  }
  throw conflict(groupResource(call.resource), call.name, optimisticLock);
};

const lostCreation = (error: unknown): boolean => (error as { reason?: string }).reason === 'AlreadyExists';

export const answerOf = async (call: Call, written: Written, code = written.created ? 201 : 200): Promise<ObjectAnswer> => {
  const { stored } = written;
  // Of a custom resource, the stored version may keep less than was sent.
  const { storage, strategy } = call.resource;
  const lossy = stored && (storage.toStored || storage.conversion) && isCustomResource(call.resource);
  const form = lossy ? parse(stored.bytes) : undefined;
  if (form) await prepare(call, [form]);
  const made = form ? toServed(call.resource, form) : written.object;
  const object = strategy.completeRead?.(made) ?? made;
  const plain = stored && !call.resource.storage.fromStored;
  return { type: 'object', code, object: () => object, ...(plain ? { bytes: stored.bytes } : {}) };
};
