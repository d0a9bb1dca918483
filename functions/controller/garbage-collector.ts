/**
 * Deletes what no owner holds any more, and waits for dependents where a deletion asked to (upstream: `pkg/controller/garbagecollector`).
 *
 * No graph is kept: replicas know who depends on a uid. An object is looked at when its owners change, when one of them goes, and when it
 * itself is being deleted with a say about its dependents. A dependent that appears after its owner went is looked at as it appears.
 */
import type { KubeObject, OwnerReference } from '../../kinds/object.ts';
import type { Registry, Resource } from '../../kinds/resource.ts';
import { conflict, isNotFound } from '../../kinds/status.ts';
import type { Entry, ReplicaEvent } from '../../store/replica.ts';
import type { DeleteOptions } from '../client.ts';
import { type ExtensionContent, type ExtensionContents, noExtensionContents } from '../extension-content.ts';
import type { Key, ReconcileContext, Reconciler, Result } from './reconciler.ts';
import { deletableResources, inParallel } from './resources.ts';

const foreground = 'foregroundDeletion';
const orphan = 'orphan';
/** Events about an object die by age, not with it (upstream's ignored resources). */
const ignored = new Set(['events', 'events.events.k8s.io']);
const atOnce = 32;
/** An owner of a kind that is not served now may be known later. */
const unknownKind = 60_000;

/** `resource namespace/name`: keys of this reconciler span all resources. */
const keyOf = (resource: string, { namespace, name }: { namespace: string; name: string }): Key => `${resource} ${namespace}/${name}`;
const splitKey = (key: Key): { resource: string; namespace: string; name: string } => {
  const space = key.indexOf(' ');
  const slash = key.indexOf('/', space);
  return { resource: key.slice(0, space), namespace: key.slice(space + 1, slash), name: key.slice(slash + 1) };
};

const ownersText = Buffer.from('"ownerReferences"');
const finalizersText = Buffer.from('"finalizers"');
/** Most objects have neither; they are not even parsed. */
const mayMatter = ({ bytes }: Entry): boolean => {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return text.includes(ownersText) || text.includes(finalizersText);
};

const holdsFor = ({ metadata }: KubeObject, finalizer: string): boolean =>
  metadata.deletionTimestamp !== undefined && (metadata.finalizers?.includes(finalizer) ?? false);

export const garbageCollector = (registry: Registry, contents: ExtensionContents = noExtensionContents): Reconciler => {
  let all: Resource[] = [];
  let collected: Resource[] = [];
  const resources = (): Resource[] => {
    const now = deletableResources(registry);
    if (now !== all) collected = now.filter(({ storage }) => !ignored.has(storage.name));
    all = now;
    return collected;
  };
  const collect = new Collector(registry, resources, contents.as('generic-garbage-collector'));
  return {
    name: 'generic-garbage-collector',
    concurrency: 20,
    get watches() {
      return resources().map(({ storage: { name } }) => ({
        resource: name,
        keys: (event: ReplicaEvent, replica: ReconcileContext['replica']) => collect.keys(name, event, replica),
      }));
    },
    reconcile: (key, context) => collect.reconcile(key, context),
  };
};

/** `elsewhere`: by an object of an extension API server, of whose end nobody here hears. */
type Held = 'held' | 'elsewhere' | 'gone' | 'waiting' | 'unknown';

class Collector {
  private readonly registry: Registry;
  private readonly resources: () => Resource[];
  private readonly extensions: ExtensionContent;
  constructor(registry: Registry, resources: () => Resource[], extensions: ExtensionContent) {
    this.registry = registry;
    this.resources = resources;
    this.extensions = extensions;
  }

  *keys(resource: string, { type, entry, previous }: ReplicaEvent, replica: ReconcileContext['replica']): Iterable<Key> {
    if (!mayMatter(entry) && type === 'ADDED') return;
    const { object } = entry;
    const owners = object.metadata.ownerReferences ?? [];
    const before = previous?.object.metadata.ownerReferences ?? [];
    const ownersChanged = JSON.stringify(owners) !== JSON.stringify(before);
    const dying = holdsFor(object, foreground) || holdsFor(object, orphan);
    if (type !== 'DELETED' && (dying || (owners.length > 0 && (ownersChanged || type === 'ADDED')))) yield keyOf(resource, entry);
    const startsWaiting = dying && !(previous && (holdsFor(previous.object, foreground) || holdsFor(previous.object, orphan)));
    if (type === 'DELETED' || startsWaiting) {
      for (const each of this.dependents(object.metadata.uid ?? '', replica)) yield keyOf(each.resource, each.entry);
    }
    // Owners that wait for this one.
    if (type === 'DELETED' || (type === 'MODIFIED' && ownersChanged)) {
      for (const reference of [...owners, ...before]) {
        const owner = this.find(reference, entry.namespace, replica);
        if (owner && holdsFor(owner.entry.object, foreground)) yield keyOf(owner.resource, owner.entry);
      }
    }
  }

  async reconcile(key: Key, context: ReconcileContext): Promise<Result> {
    const { resource, namespace, name } = splitKey(key);
    const replica = context.replica(resource);
    await replica.sync();
    const entry = replica.get(namespace, name);
    if (!entry) return undefined;
    const { object } = entry;
    if (object.metadata.deletionTimestamp) {
      if (holdsFor(object, orphan)) await this.setFree(resource, object, context);
      else if (holdsFor(object, foreground)) await this.waitForDependents(resource, object, context);
      return undefined;
    }
    const references = object.metadata.ownerReferences ?? [];
    if (references.length === 0) return undefined;

    await Promise.all(references.map(reference => this.ownerReplica(reference, context)?.sync()));
    const states = await Promise.all(
      references.map(async reference => ({ reference, held: await this.judge(reference, resource, entry, context) })),
    );
    const holding = states.filter(({ held }) => held === 'held' || held === 'elsewhere' || held === 'unknown');
    const later = states.some(({ held }) => held === 'elsewhere' || held === 'unknown') ? { after: unknownKind } : undefined;
    if (holding.length === states.length) return later;
    if (holding.length > 0) {
      await this.setOwners(
        resource,
        object,
        holding.map(({ reference }) => reference),
        context,
      );
      return later;
    }
    if (states.some(({ held }) => held === 'waiting')) {
      const dependents = this.dependents(object.metadata.uid ?? '', context.replica);
      // Two that wait for each other would wait forever: one lets go.
      if (dependents.some(each => holdsFor(each.entry.object, foreground))) {
        const unblocked = references.map(reference => ({ ...reference, blockOwnerDeletion: false }));
        await this.setOwners(resource, object, unblocked, context);
        return undefined;
      }
      await this.remove(resource, object, dependents.length > 0 ? 'Foreground' : 'Background', context);
      return undefined;
    }
    const finalizers = object.metadata.finalizers ?? [];
    const policy = finalizers.includes(orphan) ? 'Orphan' : finalizers.includes(foreground) ? 'Foreground' : 'Background';
    await this.remove(resource, object, policy, context);
    return undefined;
  }

  /** Whether an owner reference still holds its dependent. */
  private async judge(reference: OwnerReference, resource: string, entry: Entry, context: ReconcileContext): Promise<Held> {
    const kind = this.kindOf(reference);
    if (!kind) return this.judgeElsewhere(reference, entry, context);
    if (!this.isCollected(kind)) return 'unknown';
    if (kind.namespaced && entry.namespace === '') {
      // Nobody can tell which namespace is meant: the object is never collected.
      const message = `ownerRef [${reference.apiVersion}/${reference.kind}, namespace: , name: ${reference.name}, uid: ${reference.uid}] does not exist in namespace ""`;
      context.logger.warn('a cluster-scoped object names a namespaced owner', { resource, name: entry.name, message });
      return 'held';
    }
    const owner = this.find(reference, entry.namespace, context.replica)?.entry.object;
    if (!owner || owner.metadata.uid !== reference.uid) return 'gone';
    return reference.blockOwnerDeletion && holdsFor(owner, foreground) ? 'waiting' : 'held';
  }

  private async judgeElsewhere(reference: OwnerReference, { namespace }: Entry, { logger }: ReconcileContext): Promise<Held> {
    try {
      const { resources } = await this.extensions.discover();
      const [group = ''] = reference.apiVersion.split('/');
      const kind = resources.find(one => one.group === group && one.kind === reference.kind);
      if (!kind) return 'unknown';
      const owner = await this.extensions.get(kind, namespace, reference.name);
      return owner?.uid === reference.uid ? 'elsewhere' : 'gone';
    } catch (error) {
      logger.debug('an owner could not be asked for', { kind: reference.kind, name: reference.name, error: String(error) });
      return 'unknown';
    }
  }

  private kindOf({ apiVersion, kind }: OwnerReference): Resource | undefined {
    const exact = this.registry.findKind(apiVersion, kind);
    if (exact) return exact;
    const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
    return this.registry.all().find(resource => resource.group === group && resource.kind === kind);
  }

  /** What cannot be listed or deleted (reviews, bindings), and events, own nothing. */
  private isCollected({ storage }: Resource): boolean {
    return this.resources().some(resource => resource.storage.name === storage.name);
  }

  private ownerReplica(reference: OwnerReference, context: ReconcileContext) {
    const kind = this.kindOf(reference);
    return kind && this.isCollected(kind) ? context.replica(kind.storage.name) : undefined;
  }

  private find(reference: OwnerReference, namespace: string, replica: ReconcileContext['replica']) {
    const kind = this.kindOf(reference);
    if (!kind || !this.isCollected(kind)) return undefined;
    const entry = replica(kind.storage.name).get(kind.namespaced ? namespace : '', reference.name);
    return entry && { resource: kind.storage.name, entry };
  }

  private dependents(uid: string, replica: ReconcileContext['replica']): { resource: string; entry: Entry }[] {
    if (!uid) return [];
    return this.resources().flatMap(({ storage: { name } }) =>
      replica(name)
        .list({ ownerUid: uid })
        .map(entry => ({ resource: name, entry })),
    );
  }

  private async currentDependents(object: KubeObject, context: ReconcileContext) {
    await Promise.all(this.resources().map(({ storage }) => context.replica(storage.name).sync()));
    return this.dependents(object.metadata.uid ?? '', context.replica);
  }

  private async waitForDependents(resource: string, object: KubeObject, context: ReconcileContext): Promise<void> {
    const dependents = await this.currentDependents(object, context);
    const blocks = ({ metadata }: KubeObject): boolean =>
      metadata.ownerReferences?.some(reference => reference.uid === object.metadata.uid && reference.blockOwnerDeletion) ?? false;
    if (!dependents.some(({ entry }) => blocks(entry.object))) await this.dropFinalizer(resource, object, foreground, context);
  }

  private async setFree(resource: string, object: KubeObject, context: ReconcileContext): Promise<void> {
    const dependents = await this.currentDependents(object, context);
    const [failure] = await inParallel(dependents, atOnce, async each => {
      const others = each.entry.object.metadata.ownerReferences?.filter(({ uid }) => uid !== object.metadata.uid) ?? [];
      await this.setOwners(each.resource, each.entry.object, others, context);
    });
    if (failure) throw failure;
    await this.dropFinalizer(resource, object, orphan, context);
  }

  private async dropFinalizer(resource: string, object: KubeObject, finalizer: string, context: ReconcileContext): Promise<void> {
    const finalizers = (object.metadata.finalizers ?? []).filter(each => each !== finalizer);
    await this.patch(resource, object, { finalizers: finalizers.length > 0 ? finalizers : null }, context);
  }

  private async setOwners(
    resource: string,
    object: KubeObject,
    owners: readonly OwnerReference[],
    context: ReconcileContext,
  ): Promise<void> {
    const ownerReferences = owners.length > 0 ? owners.map(owner => ({ ...owner })) : null;
    await this.patch(resource, object, { ownerReferences }, context);
  }

  /** Only over the revision that was judged. */
  private async patch(resource: string, { metadata }: KubeObject, change: object, context: ReconcileContext): Promise<void> {
    const { uid = '', resourceVersion = '', namespace = '', name } = metadata;
    try {
      await context.client.patch(resource, namespace, name, 'merge', { metadata: { uid, resourceVersion, ...change } });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  private async remove(
    resource: string,
    { metadata }: KubeObject,
    propagationPolicy: NonNullable<DeleteOptions['propagationPolicy']>,
    context: ReconcileContext,
  ): Promise<void> {
    const { uid, resourceVersion, namespace = '', name } = metadata;
    if (!uid || !resourceVersion) throw conflict({ group: '', resource }, name, 'the object has no uid');
    try {
      await context.client.delete(resource, namespace, name, { propagationPolicy, preconditions: { uid, resourceVersion } });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}
