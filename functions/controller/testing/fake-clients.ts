/**
 * A small stand-in for the API over a log: what controllers rest on (revisions, guards, generations, grace, finalizers, status apart from
 * spec), without schemas, defaults and admission.
 */
import { type Clock, type Random, randomSuffix, timestamp } from '../../../kinds/environment.ts';
import { semanticEqual } from '../../../kinds/equality.ts';
import type { JsonObject, KubeObject } from '../../../kinds/object.ts';
import { mergePatch } from '../../../kinds/patch/index.ts';
import { alreadyExists, conflict, forbidden, notFound, optimisticLock, type StatusError } from '../../../kinds/status.ts';
import type { Pod } from '../../../kinds/types.ts';
import type { Guard, Log, Mutation, ObjectKey } from '../../../store/log.ts';
import type { Client, Clients, DeleteOptions, WriteOptions } from '../../client.ts';

/** One write as the API saw it, for tests that count or compare them. */
export interface Written {
  readonly user: string;
  readonly verb: string;
  readonly resource: string;
  readonly subresource: string;
  readonly name: string;
}

export interface FakeOptions {
  readonly log: Log;
  readonly clock: Clock;
  readonly random: Random;
  /** May refuse a write, as admission or authorization would. */
  refuse?(write: Written, object: KubeObject | undefined): StatusError | undefined;
}

const groupResource = (resource: string) => {
  const dot = resource.indexOf('.');
  return dot < 0 ? { group: '', resource } : { group: resource.slice(dot + 1), resource: resource.slice(0, dot) };
};
const decode = (bytes: Uint8Array): KubeObject => JSON.parse(Buffer.from(bytes).toString()) as KubeObject;
const encode = (object: KubeObject, revision: number): Uint8Array =>
  Buffer.from(JSON.stringify({ ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } }));

export const fakeClients = (options: FakeOptions): Clients & { readonly written: Written[] } => {
  const written: Written[] = [];
  const clientOf = (user: string): Client => new FakeClient(user, options, written);
  return {
    written,
    as: account => clientOf(`system:serviceaccount:kube-system:${account}`),
    asUser: name => clientOf(name),
  };
};

class FakeClient implements Client {
  readonly #user: string;
  readonly #options: FakeOptions;
  readonly #written: Written[];
  constructor(user: string, options: FakeOptions, written: Written[]) {
    this.#user = user;
    this.#options = options;
    this.#written = written;
  }

  async get<T extends KubeObject>(resource: string, namespace: string, name: string): Promise<T> {
    return (await this.#read({ resource, namespace, name })).object as T;
  }

  async create<T extends KubeObject>(resource: string, object: T, options: WriteOptions = {}): Promise<T> {
    const { clock, random } = this.#options;
    const next = structuredClone(object);
    const meta = next.metadata;
    meta.name ||= `${meta.generateName ?? ''}${randomSuffix(random)}`;
    meta.uid = random.uuid();
    meta.creationTimestamp = timestamp(clock.now());
    meta.generation = 1;
    this.#note('create', resource, '', meta.name, next);
    const key = { resource, namespace: meta.namespace ?? '', name: meta.name };
    return (await this.#commit({ type: 'put', key, expected: 0, value: revision => encode(next, revision) }, options.guards)) as T;
  }

  async createSubresource(
    resource: string,
    namespace: string,
    name: string,
    subresource: string,
    body: KubeObject,
    options: WriteOptions = {},
  ): Promise<KubeObject> {
    this.#note('create', resource, subresource, name, body);
    if (resource !== 'pods' || subresource !== 'binding') throw new Error(`the fake has no ${resource}/${subresource}`);
    const { object, revision } = await this.#read({ resource, namespace, name });
    const pod = object as Pod;
    if (pod.spec?.nodeName) {
      throw conflict(groupResource(resource), name, `pod ${name} is already assigned to node "${pod.spec.nodeName}"`);
    }
    const target = body['target'] as { name: string };
    const others = (pod.status?.conditions ?? []).filter(condition => condition.type !== 'PodScheduled');
    const next = {
      ...pod,
      spec: { ...pod.spec, nodeName: target.name },
      status: { ...pod.status, conditions: [...others, { type: 'PodScheduled', status: 'True' }] },
    } as KubeObject;
    return this.#put({ resource, namespace, name }, revision, next, options.guards);
  }

  async update<T extends KubeObject>(resource: string, object: T, options: WriteOptions = {}): Promise<T> {
    const { namespace = '', name, resourceVersion } = object.metadata;
    this.#note('update', resource, options.subresource ?? '', name, object);
    const { object: current, revision } = await this.#read({ resource, namespace, name });
    if (resourceVersion && resourceVersion !== String(revision)) throw conflict(groupResource(resource), name, optimisticLock);
    return (await this.#write({ resource, namespace, name }, revision, current, structuredClone(object), options)) as T;
  }

  async patch<T extends KubeObject>(
    resource: string,
    namespace: string,
    name: string,
    type: string,
    patch: JsonObject | JsonObject[],
    options: WriteOptions = {},
  ): Promise<T> {
    this.#note('patch', resource, options.subresource ?? '', name, undefined);
    // One applier of what it owns alone: the same as a strategic merge.
    if (type === 'json') throw new Error(`the fake has no ${type} patch`);
    // Tried again as the API does when somebody else wrote in between.
    for (;;) {
      const { object, revision } = await this.#read({ resource, namespace, name });
      const { uid, resourceVersion } = (patch as { metadata?: { uid?: string; resourceVersion?: string } }).metadata ?? {};
      if (uid && uid !== object.metadata.uid) throw conflict(groupResource(resource), name, 'the uid differs');
      if (resourceVersion && resourceVersion !== String(revision)) throw conflict(groupResource(resource), name, 'the object is newer');
      const next = (type === 'merge'
        ? mergePatch(object as unknown as JsonObject, patch as JsonObject)
        : strategic(object, patch)) as unknown as KubeObject;
      try {
        return (await this.#write({ resource, namespace, name }, revision, object, next, options)) as T;
      } catch (error) {
        if (options.guards || !(error instanceof Error) || !error.message.includes(optimisticLock)) throw error;
      }
    }
  }

  async delete(resource: string, namespace: string, name: string, options: DeleteOptions = {}): Promise<void> {
    const key = { resource, namespace, name };
    const { object, revision } = await this.#read(key);
    this.#note('delete', resource, '', name, object);
    const { uid, resourceVersion } = options.preconditions ?? {};
    if ((uid && uid !== object.metadata.uid) || (resourceVersion && resourceVersion !== String(revision))) {
      throw conflict(groupResource(resource), name, 'Precondition failed');
    }
    const finalizers = new Set(object.metadata.finalizers);
    if (options.propagationPolicy === 'Orphan') finalizers.add('orphan');
    if (options.propagationPolicy === 'Foreground') finalizers.add('foregroundDeletion');
    const grace = graceOf(resource, object, options.gracePeriodSeconds);
    const namespaceHeld = resource === 'namespaces' && ((object['spec'] as { finalizers?: string[] })?.finalizers ?? []).length > 0;
    if (finalizers.size === 0 && grace === 0 && !namespaceHeld) {
      await this.#commit({ type: 'delete', key, expected: revision, value: at => encode(object, at) });
      return;
    }
    const next = structuredClone(object);
    next.metadata.deletionTimestamp ??= timestamp(this.#options.clock.now() + grace * 1000);
    next.metadata.deletionGracePeriodSeconds = grace;
    if (finalizers.size > 0) next.metadata.finalizers = [...finalizers];
    if (resource === 'namespaces') next['status'] = { ...(next['status'] as object), phase: 'Terminating' };
    if (!semanticEqual(next, object)) await this.#put(key, revision, next);
  }

  #note(verb: string, resource: string, subresource: string, name: string, object: KubeObject | undefined): void {
    const write = { user: this.#user, verb, resource, subresource, name };
    this.#written.push(write);
    const refusal = this.#options.refuse?.(write, object);
    if (refusal) throw refusal;
  }

  async #read(key: ObjectKey): Promise<{ object: KubeObject; revision: number }> {
    const found = await this.#options.log.get(key);
    if (!found) throw notFound(groupResource(key.resource), key.name);
    return { object: decode(found.value), revision: found.revision };
  }

  async #write(key: ObjectKey, revision: number, current: KubeObject, next: KubeObject, options: WriteOptions): Promise<KubeObject> {
    const { subresource, guards } = options;
    if (next.metadata.uid !== current.metadata.uid) throw conflict(groupResource(key.resource), key.name, 'the uid differs');
    const merged: KubeObject =
      subresource === 'status' || subresource === 'approval'
        ? { ...current, metadata: { ...current.metadata, ...annotations(next) }, status: next['status'] }
        : subresource === 'finalize'
          ? { ...current, spec: next['spec'] }
          : { ...next, ...(key.resource === 'events' ? {} : { status: current['status'] }) };
    const { resourceVersion: _, ...metadata } = merged.metadata;
    merged.metadata = { ...metadata, ...keep(current) };
    if (!semanticEqual(merged['spec'], current['spec'])) merged.metadata.generation = (current.metadata.generation ?? 0) + 1;
    const ended = subresource === 'finalize' && ((merged['spec'] as { finalizers?: string[] }).finalizers ?? []).length === 0;
    const finalizers = merged.metadata.finalizers ?? [];
    if (current.metadata.deletionTimestamp && finalizers.length === 0 && (ended || (current.metadata.finalizers ?? []).length > 0)) {
      await this.#commit({ type: 'delete', key, expected: revision, value: at => encode(merged, at) });
      return merged;
    }
    const before = { ...current, metadata: { ...current.metadata, resourceVersion: '' } };
    if (semanticEqual({ ...merged, metadata: { ...merged.metadata, resourceVersion: '' } }, before)) return current;
    return this.#put(key, revision, merged, guards);
  }

  #put(key: ObjectKey, revision: number, object: KubeObject, guards?: readonly Guard[]): Promise<KubeObject> {
    return this.#commit({ type: 'put', key, expected: revision, value: at => encode(object, at) }, guards);
  }

  async #commit(mutation: Mutation, guards: readonly Guard[] = []): Promise<KubeObject> {
    const result = await this.#options.log.commit([mutation], guards);
    const { key } = mutation;
    if (result.committed) return decode(mutation.value(result.revisions[0] ?? 0));
    if (mutation.expected === 0 && result.conflicts.length > 0) throw alreadyExists(groupResource(key.resource), key.name);
    throw conflict(groupResource(key.resource), key.name, result.conflicts.length > 0 ? optimisticLock : 'a guard has moved');
  }
}

const annotations = (object: KubeObject) => (object.metadata.annotations ? { annotations: object.metadata.annotations } : {});
const keep = ({ metadata: { uid, creationTimestamp, generation, deletionTimestamp, deletionGracePeriodSeconds } }: KubeObject) => ({
  ...(uid ? { uid } : {}),
  ...(creationTimestamp ? { creationTimestamp } : {}),
  ...(generation ? { generation } : {}),
  ...(deletionTimestamp ? { deletionTimestamp } : {}),
  ...(deletionGracePeriodSeconds === undefined ? {} : { deletionGracePeriodSeconds }),
});

const graceOf = (resource: string, object: KubeObject, requested: number | undefined): number => {
  const pod = object as Pod;
  if (resource !== 'pods' || !pod.spec?.nodeName) return 0;
  if (pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') return 0;
  return requested ?? pod.spec.terminationGracePeriodSeconds ?? 30;
};

/** Merge patch, but lists that go by a key merge by it. */
const strategic = (target: KubeObject, patch: JsonObject | JsonObject[]): JsonObject => {
  const next = structuredClone(patch) as unknown as { metadata?: JsonObject; status?: JsonObject };
  byKey(next.metadata, target.metadata as unknown as JsonObject, 'ownerReferences', 'uid');
  byKey(next.status, target['status'] as JsonObject | undefined, 'conditions', 'type');
  return mergePatch(target as unknown as JsonObject, next as unknown as JsonObject) as JsonObject;
};
const byKey = (patch: JsonObject | undefined, target: JsonObject | undefined, field: string, key: string): void => {
  const changes = patch?.[field] as JsonObject[] | undefined;
  if (!patch || !changes) return;
  const items = new Map(((target?.[field] ?? []) as JsonObject[]).map(item => [item[key], item]));
  for (const { $patch, ...change } of changes) {
    if ($patch === 'delete') items.delete(change[key] ?? null);
    else items.set(change[key] ?? null, { ...items.get(change[key] ?? null), ...change });
  }
  patch[field] = [...items.values()];
};

export const refused = (resource: string, name: string, why: string): StatusError => forbidden(groupResource(resource), name, why);
