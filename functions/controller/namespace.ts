/**
 * Empties a namespace that is being deleted and lets it go: pods first, each with its grace, then all the rest
 * (upstream: `pkg/controller/namespace/deletion`). Nothing new can come, because the API refuses it.
 */
import { timestamp } from '../../kinds/environment.ts';
import type { ObjectMeta } from '../../kinds/object.ts';
import type { Registry, Resource } from '../../kinds/resource.ts';
import { isConflict, isNotFound } from '../../kinds/status.ts';
import type { Namespace } from '../../kinds/types.ts';
import type { Entry, ReplicaEvent } from '../../store/replica.ts';
import { type ExtensionContent, type ExtensionContents, type ExtensionDiscovered, noExtensionContents } from '../extension-content.ts';
import type { Key, ReconcileContext, Reconciler, Result, Watch } from './reconciler.ts';
import { splitKey } from './reconciler.ts';
import { deletableResources, inParallel } from './resources.ts';

const finalizer = 'kubernetes';
/** Deletions under way at once. */
const atOnce = 32;
/** Deletions wake the reconciler; this is for what leaves without one. */
const lookAgain = 15_000;

type Condition = NonNullable<NonNullable<Namespace['status']>['conditions']>[number];

/** What is left, by resource. */
type Left = ReadonlyMap<string, readonly { readonly object: { readonly metadata: ObjectMeta } }[]>;

export const namespaceReconciler = (registry: Registry, contents: ExtensionContents = noExtensionContents): Reconciler => {
  const extensions = contents.as('namespace-controller');
  const namespaced = (): Resource[] => deletableResources(registry).filter(resource => resource.namespaced);
  const leaves: Watch['keys'] = (event: ReplicaEvent, replica) => {
    if (event.type !== 'DELETED') return [];
    const namespace = replica('namespaces').get('', event.entry.namespace)?.object;
    return namespace?.metadata.deletionTimestamp ? [`/${event.entry.namespace}`] : [];
  };
  return {
    name: 'namespace-controller',
    concurrency: 10,
    get watches() {
      return [{ resource: 'namespaces' }, ...namespaced().map(({ storage }) => ({ resource: storage.name, keys: leaves }))];
    },
    reconcile: (key, context) => reconcile(key, context, namespaced(), extensions),
  };
};

const reconcile = async (
  key: Key,
  context: ReconcileContext,
  resources: readonly Resource[],
  extensions: ExtensionContent,
): Promise<Result> => {
  const { name } = splitKey(key);
  await context.replica('namespaces').sync();
  const namespace = context.replica('namespaces').get('', name)?.object as Namespace | undefined;
  if (!namespace?.metadata.deletionTimestamp) return undefined;
  if (!namespace.spec?.finalizers?.includes(finalizer)) return undefined;

  const names = resources.map(({ storage }) => storage.name);
  const errors = await removeAll(name, ['pods'], context);
  let left: Left = await remaining(name, names, context);
  const found = await extensions.discover();
  if (!left.has('pods')) {
    errors.push(...(await removeAll(name, names, context)));
    const elsewhere = await removeFrom(extensions, found, name);
    errors.push(...elsewhere.errors);
    left = new Map([...(await remaining(name, names, context)), ...elsewhere.left]);
  }
  if (left.size > 0 || errors.length > 0 || found.failed.length > 0) {
    await writeConditions(namespace, conditionsOf(left, errors, found), context);
    const [first] = errors;
    if (first) throw first;
    return { after: lookAgain };
  }
  const finalizers = namespace.spec.finalizers.filter(each => each !== finalizer);
  try {
    const next = { ...namespace, spec: { ...namespace.spec, finalizers } };
    await context.client.update('namespaces', next, { subresource: 'finalize' });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  return undefined;
};

/** What is in the namespace now, by resource. */
const remaining = async (
  namespace: string,
  names: readonly string[],
  context: ReconcileContext,
): Promise<Map<string, readonly Entry[]>> => {
  const left = new Map<string, readonly Entry[]>();
  await Promise.all(names.map(name => context.replica(name).sync()));
  for (const name of names) {
    const entries = context.replica(name).list({ namespace });
    if (entries.length > 0) left.set(name, entries);
  }
  return left;
};

const removeAll = async (namespace: string, names: readonly string[], context: ReconcileContext): Promise<Error[]> => {
  const left = await remaining(namespace, names, context);
  const doomed = [...left].flatMap(([resource, entries]) =>
    entries.filter(({ object }) => !object.metadata.deletionTimestamp).map(entry => ({ resource, entry })),
  );
  return inParallel(doomed, atOnce, async ({ resource, entry }) => {
    try {
      await context.client.delete(resource, namespace, entry.name, { propagationPolicy: 'Background' });
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  });
};

/** Deletes what extension API servers hold of a namespace, and tells what is left. */
const removeFrom = async (
  extensions: ExtensionContent,
  { resources }: ExtensionDiscovered,
  namespace: string,
): Promise<{ left: Left; errors: Error[] }> => {
  const left = new Map<string, { object: { metadata: ObjectMeta } }[]>();
  const namespaced = resources.filter(resource => resource.namespaced);
  const errors = await inParallel(namespaced, atOnce, async resource => {
    const before = await extensions.list(resource, namespace);
    if (before.length === 0) return;
    const doomed = before.filter(({ deletionTimestamp }) => !deletionTimestamp);
    const [failure] = await inParallel(doomed, atOnce, metadata => extensions.delete(resource, metadata, 'Background'));
    const after = await extensions.list(resource, namespace);
    if (after.length > 0)
      left.set(
        `${resource.resource}.${resource.group}`,
        after.map(metadata => ({ object: { metadata } })),
      );
    if (failure) throw failure;
  });
  return { left, errors };
};

const writeConditions = async (namespace: Namespace, wanted: readonly Condition[], context: ReconcileContext): Promise<void> => {
  const known = namespace.status?.conditions ?? [];
  const now = timestamp(context.clock.now());
  let changed = false;
  const conditions = wanted.map(next => {
    const before = known.find(({ type }) => type === next.type);
    if (before?.status === next.status && before.reason === next.reason && before.message === next.message) return before;
    changed = true;
    return { ...next, lastTransitionTime: before?.status === next.status ? (before.lastTransitionTime ?? now) : now };
  });
  if (!changed) return;
  const others = known.filter(({ type }) => !conditions.some(each => each.type === type));
  const next = { ...namespace, status: { ...namespace.status, conditions: [...others, ...conditions] } };
  await context.client.update('namespaces', next, { subresource: 'status' });
};

const conditionsOf = (left: Left, errors: readonly Error[], { failed }: ExtensionDiscovered): Condition[] => {
  const holds = (type: string, reason: string, message: string): Condition => ({ type, status: 'True', reason, message });
  const fine = (type: string, reason: string, message: string): Condition => ({ type, status: 'False', reason, message });
  const counts = [...left].map(
    ([resource, entries]) => `${resource}${resource.includes('.') ? '' : '.'} has ${entries.length} resource instances`,
  );
  const finalizers = new Map<string, number>();
  for (const entries of left.values()) {
    for (const { object } of entries) {
      for (const each of object.metadata.finalizers ?? []) finalizers.set(each, (finalizers.get(each) ?? 0) + 1);
    }
  }
  const held = [...finalizers].map(([each, count]) => `${each} in ${count} resource instances`).sort();
  const messages = errors.map(error => error.message).sort();
  return [
    failed.length > 0
      ? holds('NamespaceDeletionDiscoveryFailure', 'DiscoveryFailed', discoveryFailure(failed))
      : fine('NamespaceDeletionDiscoveryFailure', 'ResourcesDiscovered', 'All resources successfully discovered'),
    fine('NamespaceDeletionGroupVersionParsingFailure', 'ParsedGroupVersions', 'All legacy kube types successfully parsed'),
    messages.length > 0
      ? holds(
          'NamespaceDeletionContentFailure',
          'ContentDeletionFailed',
          `Failed to delete all resource types, ${messages.length} remaining: ${messages.join(', ')}`,
        )
      : fine('NamespaceDeletionContentFailure', 'ContentDeleted', 'All content successfully deleted, may be waiting on finalization'),
    counts.length > 0
      ? holds('NamespaceContentRemaining', 'SomeResourcesRemain', `Some resources are remaining: ${counts.sort().join(', ')}`)
      : fine('NamespaceContentRemaining', 'ContentRemoved', 'All content successfully removed'),
    held.length > 0
      ? holds(
          'NamespaceFinalizersRemaining',
          'SomeFinalizersRemain',
          `Some content in the namespace has finalizers remaining: ${held.join(', ')}`,
        )
      : fine('NamespaceFinalizersRemaining', 'ContentHasNoFinalizers', 'All content-preserving finalizers finished'),
  ];
};

const discoveryFailure = (failed: ExtensionDiscovered['failed']): string => {
  const groups = failed.map(({ groupVersion, message }) => `${groupVersion}: ${message}`).sort();
  const list = `unable to retrieve the complete list of server APIs: ${groups.join(', ')}`;
  return `Discovery failed for some groups, ${failed.length} failing: ${list}`;
};
