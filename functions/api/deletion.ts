/**
 * Deletion of one object (apiserver `pkg/registry/rest/delete.go` and `generic/registry/store.go`). It goes at once, or is marked and stays:
 * for its grace period (the agent then deletes with none), or until its finalizers are gone (the update that takes the last away deletes it).
 */

import { answersDeletionWithObject } from '../../kinds/deletion.ts';
import { timestamp } from '../../kinds/environment.ts';
import type { KubeObject } from '../../kinds/object.ts';
import { conflict, notFound, optimisticLock, type Status } from '../../kinds/status.ts';
import type { Entry } from '../../store/replica.ts';
import { put, remove } from './commit.ts';
import { type Answer, type Call, groupResource, objectAnswer, requireSegment, syncedReplica, toServed } from './context.ts';
import { prepare } from './conversion.ts';
import { mutate } from './mutate.ts';
import type { DeleteOptions } from './options.ts';
import { claim } from './store.ts';
import { validate } from './validate.ts';
import { copyJson, parse, sameJson, withRevision } from './wire.ts';

const definitions = 'customresourcedefinitions.apiextensions.k8s.io';
const cleanup = 'customresourcecleanup.apiextensions.k8s.io';
const orphan = 'orphan';
const foreground = 'foregroundDeletion';
const attempts = 32;

/** Objects that are never owners: no policy of the garbage collector applies (rest.Unsupported). */
const noDependents = new Set(['events']);

interface ConditionLike {
  readonly type: string;
}

export interface Deleted {
  /** Gone, rather than marked. */
  readonly gone: boolean;
  /** In the served version: what was deleted, or as it stays. */
  readonly object: KubeObject;
}

/** What is to be done about one object as it is now. */
type Plan =
  | { readonly type: 'nothing' }
  | { readonly type: 'mark'; readonly next: KubeObject /** It goes right after. */; readonly thenRemove: boolean }
  | { readonly type: 'remove' };

const served = async (call: Call, stored: KubeObject): Promise<KubeObject> => {
  await prepare(call, [stored]);
  return toServed(call.resource, stored);
};

export const deleteObject = async (call: Call, options: DeleteOptions): Promise<Deleted> => {
  requireSegment(call.name);
  const { services, resource } = call;
  const stored = resource.storage.name;
  let admitted = false;
  let marked: KubeObject | undefined;
  for (let attempt = 0; attempt < attempts; attempt++) {
    const replica = await syncedReplica(services, stored);
    const entry = replica.get(call.namespace, call.name);
    if (!entry) {
      // Marked by this call, then taken away by another: that is what was asked for.
      if (marked) return { gone: true, object: await served(call, marked) };
      throw notFound(groupResource(resource), call.name);
    }
    const before = await served(call, entry.object);
    if (!marked) checkPreconditions(call, before, options);
    const admission = { operation: 'DELETE' as const, previous: before, dryRun: options.dryRun, options: options.raw };
    if (!admitted) await mutate(call, admission);
    admitted = true;
    const plan = marked ? ({ type: 'remove' } as const) : planFor(call, entry, options);
    if (plan.type === 'nothing') return { gone: false, object: before };
    await validate(call, admission);
    if (plan.type === 'mark') {
      const object = plan.next;
      if (sameJson(object, entry.object) && !plan.thenRemove) return { gone: false, object: before };
      if (options.dryRun) return { gone: plan.thenRemove, object: await served(call, object) };
      const outcome = await put(call, object, entry.revision);
      if (outcome.type !== 'stored') continue;
      object.metadata.resourceVersion = String(outcome.stored.revision);
      if (!plan.thenRemove) return { gone: false, object: await served(call, object) };
      marked = object;
      continue;
    }
    if (options.dryRun) return { gone: true, object: before };
    const claims = await claim(call, undefined, before);
    const { apiVersion, kind } = entry.object;
    const outcome = await remove(
      call,
      entry.name,
      entry.revision,
      revision => withRevision(entry.bytes, apiVersion, kind, revision),
      claims,
    );
    if (outcome.type !== 'stored') continue;
    return { gone: true, object: await served(call, parse(outcome.stored.bytes)) };
  }
  throw conflict(groupResource(resource), call.name, optimisticLock);
};

const checkPreconditions = (call: Call, object: KubeObject, { preconditions }: DeleteOptions): void => {
  if (!preconditions) return;
  const { resource } = call;
  const { uid, resourceVersion, name } = object.metadata;
  const wrongUid = preconditions.uid !== undefined && preconditions.uid !== uid;
  const wrongRevision = preconditions.resourceVersion !== undefined && preconditions.resourceVersion !== resourceVersion;
  if (!wrongUid && !wrongRevision) return;
  if (resource.storage.name === 'namespaces') {
    const why = wrongUid
      ? `UID in precondition: ${preconditions.uid}, UID in object meta: ${uid}`
      : `ResourceVersion in precondition: ${preconditions.resourceVersion}, ResourceVersion in object meta: ${resourceVersion}`;
    throw conflict(groupResource(resource), name, `Precondition failed: ${why}`);
  }
  const why = wrongUid
    ? `the UID in the precondition (${preconditions.uid}) does not match the UID in record (${uid}). The object might have been deleted and then recreated`
    : `the ResourceVersion in the precondition (${preconditions.resourceVersion}) does not match the ResourceVersion in record (${resourceVersion}). The object might have been modified`;
  throw conflict({ group: resource.group, resource: resource.kind }, name, why);
};

const planFor = (call: Call, entry: Entry, options: DeleteOptions): Plan => {
  if (call.resource.storage.name === 'namespaces') return planForNamespace(call, entry, options);
  if (call.resource.storage.name === definitions && !entry.object.metadata.deletionTimestamp) return planForDefinition(call, entry);
  const { resource, services } = call;
  const now = services.clock.now();
  const { metadata } = entry.object;
  const next = parse(entry.bytes);
  const grace = beginGrace(call, next, options, now);
  if (grace === 'pending') return { type: 'nothing' };
  if (!noDependents.has(resource.storage.name)) setCollectorFinalizers(next, options, resource.strategy.defaultPropagation ?? 'background');
  const held = (next.metadata.finalizers?.length ?? 0) > 0;
  if (grace === undefined) {
    if (!held) return { type: 'remove' };
    if (!metadata.deletionTimestamp && (metadata.generation ?? 0) > 0) next.metadata.generation = (metadata.generation ?? 0) + 1;
    if (!metadata.deletionTimestamp || Date.parse(metadata.deletionTimestamp) > now) next.metadata.deletionTimestamp = timestamp(now);
    next.metadata.deletionGracePeriodSeconds = 0;
    return { type: 'mark', next, thenRemove: false };
  }
  return { type: 'mark', next, thenRemove: !held && grace === 0 };
};

/** Seconds of grace that `next` was marked with, `pending` where an earlier deletion runs on, undefined where the kind has none. */
const beginGrace = (call: Call, next: KubeObject, options: DeleteOptions, now: number): number | 'pending' | undefined => {
  const { strategy } = call.resource;
  if (!strategy.gracePeriod) return undefined;
  const { metadata } = next;
  const requested = options.gracePeriodSeconds;
  if (metadata.deletionTimestamp) {
    const running = metadata.deletionGracePeriodSeconds ?? 0;
    if (running === 0) return undefined;
    // A grace period that runs may only be shortened.
    if (requested === undefined || requested >= running) return 'pending';
    metadata.deletionTimestamp = timestamp(Date.parse(metadata.deletionTimestamp) - (running - requested) * 1000);
    metadata.deletionGracePeriodSeconds = requested;
    return requested;
  }
  const grace = strategy.gracePeriod(toServed(call.resource, next), requested);
  if (grace === undefined) return undefined;
  metadata.deletionTimestamp = timestamp(now + grace * 1000);
  metadata.deletionGracePeriodSeconds = grace;
  if ((metadata.generation ?? 0) > 0) metadata.generation = (metadata.generation ?? 0) + 1;
  return grace;
};

const setFinalizers = (object: KubeObject, finalizers: string[]): void => {
  if (finalizers.length > 0) object.metadata.finalizers = finalizers;
  else delete object.metadata.finalizers;
};

/** The garbage collector acts on these two; the request's policy outdoes what is there, which outdoes the kind's default. */
const setCollectorFinalizers = (object: KubeObject, options: DeleteOptions, fallback: 'background' | 'orphan'): void => {
  const present = object.metadata.finalizers ?? [];
  const { orphanDependents, propagationPolicy } = options;
  let orphans: boolean;
  let first: boolean;
  if (orphanDependents !== undefined) {
    orphans = orphanDependents;
    first = false;
  } else if (propagationPolicy !== undefined) {
    orphans = propagationPolicy === 'Orphan';
    first = propagationPolicy === 'Foreground';
  } else {
    const earlier = present.find(name => name === orphan || name === foreground);
    orphans = earlier === undefined ? fallback === 'orphan' : earlier === orphan;
    first = earlier === foreground;
  }
  const others = present.filter(name => name !== orphan && name !== foreground);
  const wanted = [...others, ...(orphans ? [orphan] : []), ...(first ? [foreground] : [])];
  if (wanted.length !== present.length || wanted.some(name => !present.includes(name))) setFinalizers(object, wanted);
};

/** The objects of a CustomResourceDefinition go before it does; who asked for it makes no difference. */
const planForDefinition = (call: Call, entry: Entry): Plan => {
  const next = parse(entry.bytes) as KubeObject & { status?: { conditions?: ConditionLike[] } };
  const now = timestamp(call.services.clock.now());
  next.metadata.deletionTimestamp = now;
  const finalizers = next.metadata.finalizers ?? [];
  if (!finalizers.includes(cleanup)) next.metadata.finalizers = [...finalizers, cleanup];
  const others = next.status?.conditions?.filter(({ type }) => type !== 'Terminating') ?? [];
  const terminating = {
    lastTransitionTime: now,
    message: 'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon',
    reason: 'InstanceDeletionPending',
    status: 'True',
    type: 'Terminating',
  };
  next.status = { ...next.status, conditions: [...others, terminating] };
  return { type: 'mark', next, thenRemove: false };
};

/** A namespace first stops taking new content; it goes when its own finalizers (`spec.finalizers`) and those of its metadata are gone. */
const planForNamespace = (call: Call, entry: Entry, options: DeleteOptions): Plan => {
  const namespace = entry.object as KubeObject & { spec?: { finalizers?: string[] }; status?: { phase?: string } };
  if (!namespace.metadata.deletionTimestamp) {
    const next = parse(entry.bytes) as typeof namespace;
    next.metadata.deletionTimestamp = timestamp(call.services.clock.now());
    next.status = { ...next.status, phase: 'Terminating' };
    const present = next.metadata.finalizers ?? [];
    const { orphanDependents, propagationPolicy } = options;
    const wants = (name: string, byFlag: boolean, policy: string): boolean =>
      orphanDependents !== undefined
        ? orphanDependents === byFlag
        : propagationPolicy !== undefined
          ? propagationPolicy === policy
          : present.includes(name);
    const others = present.filter(name => name !== orphan && name !== foreground);
    setFinalizers(next, [
      ...others,
      ...(wants(orphan, true, 'Orphan') ? [orphan] : []),
      ...(wants(foreground, false, 'Foreground') ? [foreground] : []),
    ]);
    return { type: 'mark', next, thenRemove: false };
  }
  if (namespace.spec?.finalizers?.length) return { type: 'nothing' };
  if (namespace.metadata.finalizers?.length) {
    const next = copyJson(namespace as KubeObject);
    next.metadata.deletionGracePeriodSeconds = 0;
    return { type: 'mark', next, thenRemove: false };
  }
  return { type: 'remove' };
};

export const deletionAnswer = (call: Call, options: DeleteOptions, { gone, object }: Deleted): Answer => {
  const { resource } = call;
  // Whoever waits for dependents to go is told so (apiserver `pkg/endpoints/handlers/delete.go`).
  if (!gone && options.orphanDependents === false) return objectAnswer(202, object);
  if (!gone || answersDeletionWithObject(resource)) return objectAnswer(200, object);
  const { name, uid } = object.metadata;
  const status: Status = {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: { name, ...(resource.group ? { group: resource.group } : {}), kind: resource.resource, ...(uid ? { uid } : {}) },
  };
  return objectAnswer(200, status as unknown as KubeObject);
};
