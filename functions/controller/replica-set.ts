/**
 * Keeps the wished number of pods of a template alive: ReplicaSets and ReplicationControllers share the mechanism
 * (upstream: `pkg/controller/replicaset`).
 *
 * Order: the guard of the owner is read first, then the pods are caught up, then is decided what is missing; each creation bumps the guard
 * it was decided under. So a copy that decided on older pods loses its commit and looks again, and one missing pod is made once. The
 * count of the guard also names the pod, so that no name comes twice.
 */
import { timestamp } from '../../kinds/environment.ts';
import { semanticEqual } from '../../kinds/equality.ts';
import type { KubeObject } from '../../kinds/object.ts';
import { fromLabelSelector, matchesLabels } from '../../kinds/selector/label-selector.ts';
import { isAlreadyExists, isConflict, isNotFound } from '../../kinds/status.ts';
import type { LabelSelector, Pod, PodTemplateSpec, ReplicaSet } from '../../kinds/types.ts';
import { byDeletionOrder } from './deletion-order.ts';
import { namespaceIsGoing } from './errors.ts';
import { namePrefix, nthSuffix } from './names.ts';
import { claim, controllerOf, controllerReference, type OwnerKind, orphanChanged, ownerKeys } from './owners.ts';
import { availableIn, isActive, isReady, isTerminating } from './pod-state.ts';
import { type Key, keyOf, type ReconcileContext, type Reconciler, type Result, splitKey } from './reconciler.ts';

/** A ReplicaSet, or a ReplicationController seen as one. */
interface Flavor extends OwnerKind {
  readonly name: string;
  selector(owner: ReplicaSet): LabelSelector;
  /** Whether the status has `terminatingReplicas`. */
  readonly countsTerminating: boolean;
}

const replicaSets: Flavor = {
  name: 'replicaset-controller',
  resource: 'replicasets.apps',
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  selector: owner => owner.spec?.selector ?? {},
  countsTerminating: true,
};

const replicationControllers: Flavor = {
  name: 'replication-controller',
  resource: 'replicationcontrollers',
  apiVersion: 'v1',
  kind: 'ReplicationController',
  selector: owner => ({ matchLabels: (owner.spec?.selector ?? {}) as Record<string, string> }),
  countsTerminating: false,
};

/** At most so many pods are made or deleted in one go (upstream `BurstReplicas`). */
const burst = 500;
/** One commit's time for the usual small set, instead of one for each doubling from one. */
const firstBatch = 8;

const reconcilerOf = (flavor: Flavor): Reconciler => ({
  name: flavor.name,
  watches: [
    { resource: flavor.resource },
    {
      resource: 'pods',
      keys: (event, replica) => {
        const keys = ownerKeys(event, flavor);
        if (orphanChanged(event)) {
          for (const { object } of replica(flavor.resource).list({ namespace: event.entry.namespace })) {
            const selector = fromLabelSelector(flavor.selector(object as unknown as ReplicaSet));
            if (matchesLabels(selector, event.entry.object.metadata.labels)) keys.add(keyOf(object));
          }
        }
        return keys;
      },
    },
  ],
  reconcile: (key, context) => reconcile(flavor, key, context),
});

export const replicaSetReconciler = reconcilerOf(replicaSets);
export const replicationControllerReconciler = reconcilerOf(replicationControllers);

const reconcile = async (flavor: Flavor, key: Key, context: ReconcileContext): Promise<Result> => {
  const { namespace, name } = splitKey(key);
  const owners = context.replica(flavor.resource);
  await owners.sync();
  const owner = owners.get(namespace, name)?.object as ReplicaSet | undefined;
  if (!owner) return undefined;

  const failure = owner.metadata.deletionTimestamp ? undefined : await manage(flavor, owner, context);
  await context.replica('pods').sync();
  const pods = podsOf(flavor, owner, context);
  const now = context.clock.now();
  const status = statusOf(flavor, owner, pods, failure, now);
  if (!semanticEqual(status, owner.status)) {
    await context.client.update(flavor.resource, { ...owner, status } as ReplicaSet, { subresource: 'status' });
  }
  if (failure) throw failure;

  const minReady = owner.spec?.minReadySeconds ?? 0;
  if (minReady <= 0) return undefined;
  const waits = pods.active.map(pod => availableIn(pod, minReady, now)).filter(ms => ms !== undefined && ms > 0) as number[];
  return waits.length > 0 ? { after: Math.min(...waits) } : undefined;
};

interface Pods {
  active: Pod[];
  terminating: number;
}

const podsOf = (flavor: Flavor, owner: ReplicaSet, context: ReconcileContext): Pods => {
  const selector = fromLabelSelector(flavor.selector(owner));
  const uid = owner.metadata.uid ?? '';
  const pods: Pods = { active: [], terminating: 0 };
  for (const { object } of context.replica('pods').list({ namespace: owner.metadata.namespace ?? '', ownerUid: uid })) {
    const pod = object as Pod;
    if (controllerOf(pod)?.uid !== uid || !matchesLabels(selector, pod.metadata.labels)) continue;
    if (isActive(pod)) pods.active.push(pod);
    else if (isTerminating(pod)) pods.terminating++;
  }
  return pods;
};

/** Makes or deletes pods until their number is right; returns what went wrong, for the status to tell. */
const manage = async (flavor: Flavor, owner: ReplicaSet, context: ReconcileContext): Promise<Error | undefined> => {
  const wished = owner.spec?.replicas ?? 1;
  const row = `made/${owner.metadata.uid}`;
  // Starting slow and doubling, so that a quota or webhook that refuses one pod refuses few.
  let batch = firstBatch;
  let left = burst;
  for (;;) {
    const seen = await context.log.guard(row);
    await context.replica('pods').sync();
    await claim({
      owner,
      kind: flavor,
      selector: fromLabelSelector(flavor.selector(owner)),
      replica: context.replica('pods'),
      client: context.client,
      adoptable: pod => isActive(pod as Pod),
    });
    const { active } = podsOf(flavor, owner, context);
    if (active.length > wished) return remove(owner, active, Math.min(active.length - wished, burst), context);
    const count = Math.min(wished - active.length, batch, left);
    if (count <= 0) return undefined;
    const outcome = await make(flavor, owner, { row, seen, count }, context);
    if (outcome === 'namespace is going') return undefined;
    if (outcome instanceof Error) return outcome;
    // Lost some of the races against another copy, or the store took them in another order: one at a time then.
    batch = outcome === 'raced' ? 1 : batch * 2;
    left -= count;
  }
};

type Outcome = 'made' | 'raced' | 'namespace is going' | Error;

/** Creates pods number `seen`, `seen + 1`... at once; each commit rests on the one before it. */
const make = async (
  flavor: Flavor,
  owner: ReplicaSet,
  { row, seen, count }: { row: string; seen: number; count: number },
  context: ReconcileContext,
): Promise<Outcome> => {
  const results = await Promise.all(
    Array.from({ length: count }, async (_, i): Promise<Outcome> => {
      try {
        const pod = await create(flavor, owner, row, seen + i, context);
        context.event(owner, 'Normal', 'SuccessfulCreate', `Created pod: ${pod.metadata.name}`);
        return 'made';
      } catch (error) {
        if (isConflict(error)) return 'raced';
        if (namespaceIsGoing(error)) return 'namespace is going';
        return error instanceof Error ? error : new Error(String(error));
      }
    }),
  );
  const failure = results.find(result => result instanceof Error);
  if (failure instanceof Error) {
    context.event(owner, 'Warning', 'FailedCreate', `Error creating: ${failure.message}`);
    return failure;
  }
  return results.find(result => result === 'namespace is going') ?? results.find(result => result === 'raced') ?? 'made';
};

const create = async (flavor: Flavor, owner: ReplicaSet, row: string, n: number, context: ReconcileContext): Promise<Pod> => {
  const pod = podFrom(owner.spec?.template ?? {}, owner, flavor);
  // A stranger may hold a name, but not many.
  for (let attempt = 0; ; attempt++) {
    pod.metadata.name = `${namePrefix(pod.metadata.generateName ?? '')}${nthSuffix(owner.metadata.uid ?? '', n, attempt)}`;
    try {
      return await context.client.create('pods', pod, { guards: [{ row, seen: n }] });
    } catch (error) {
      if (!isAlreadyExists(error) || attempt >= 5) throw error;
      // Lost a race rather than met a stranger: the other copy has moved the guard.
      if ((await context.log.guard(row)) !== n) throw error;
    }
  }
};

const podFrom = (template: PodTemplateSpec, owner: ReplicaSet, flavor: Flavor): Pod => {
  const { labels, annotations, finalizers } = template.metadata ?? {};
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: '',
      generateName: `${owner.metadata.name}-`,
      ...(owner.metadata.namespace ? { namespace: owner.metadata.namespace } : {}),
      ...(labels ? { labels: { ...labels } } : {}),
      ...(annotations ? { annotations: { ...annotations } } : {}),
      ...(finalizers ? { finalizers: [...finalizers] } : {}),
      ownerReferences: [controllerReference(owner, flavor)],
    },
    ...(template.spec ? { spec: structuredClone(template.spec) } : {}),
  };
};

const remove = async (owner: ReplicaSet, active: Pod[], count: number, context: ReconcileContext): Promise<Error | undefined> => {
  const siblings = siblingsPerNode(owner, context);
  const victims = byDeletionOrder(active, siblings, context.clock.now()).slice(0, count);
  const failures = await Promise.all(
    victims.map(async ({ metadata: { namespace = '', name, uid = '' } }) => {
      try {
        await context.client.delete('pods', namespace, name, { preconditions: { uid } });
        context.event(owner, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`);
        return undefined;
      } catch (error) {
        if (isNotFound(error) || isConflict(error)) return undefined;
        const failure = error instanceof Error ? error : new Error(String(error));
        context.event(owner, 'Warning', 'FailedDelete', `Error deleting: ${failure.message}`);
        return new Error(`unable to delete pods: ${failure.message}`);
      }
    }),
  );
  return failures.find(failure => failure !== undefined);
};

/** Ready pods by node, of all owners under the same Deployment: those crowded together go first. */
const siblingsPerNode = (owner: ReplicaSet, context: ReconcileContext): Map<string, number> => {
  const counts = new Map<string, number>();
  const namespace = owner.metadata.namespace ?? '';
  const parent = controllerOf(owner)?.uid;
  const uids = parent
    ? context
        .replica(ownersResource(owner))
        .list({ namespace, ownerUid: parent })
        .map(entry => entry.object.metadata.uid ?? '')
    : [owner.metadata.uid ?? ''];
  for (const uid of uids) {
    for (const { object } of context.replica('pods').list({ namespace, ownerUid: uid })) {
      const pod = object as Pod;
      const node = pod.spec?.nodeName;
      if (node && isActive(pod) && isReady(pod)) counts.set(node, (counts.get(node) ?? 0) + 1);
    }
  }
  return counts;
};
const ownersResource = (owner: KubeObject): string => (owner.kind === 'ReplicaSet' ? replicaSets : replicationControllers).resource;

const statusOf = (flavor: Flavor, owner: ReplicaSet, pods: Pods, failure: Error | undefined, now: number): ReplicaSet['status'] => {
  const labels = Object.entries(owner.spec?.template?.metadata?.labels ?? {});
  const minReady = owner.spec?.minReadySeconds ?? 0;
  let labeled = 0;
  let ready = 0;
  let available = 0;
  for (const pod of pods.active) {
    if (labels.every(([name, value]) => pod.metadata.labels?.[name] === value)) labeled++;
    if (isReady(pod)) ready++;
    if (availableIn(pod, minReady, now) === 0) available++;
  }
  const others = (owner.status?.conditions ?? []).filter(condition => condition.type !== 'ReplicaFailure');
  const known = owner.status?.conditions?.find(condition => condition.type === 'ReplicaFailure');
  const reason = pods.active.length > (owner.spec?.replicas ?? 1) ? 'FailedDelete' : 'FailedCreate';
  const condition = failure
    ? (known ?? {
        type: 'ReplicaFailure',
        status: 'True',
        lastTransitionTime: timestamp(now),
        reason,
        message: failure.message,
      })
    : undefined;
  const conditions = condition ? [...others, condition] : others;
  return {
    replicas: pods.active.length,
    ...(labeled > 0 ? { fullyLabeledReplicas: labeled } : {}),
    ...(ready > 0 ? { readyReplicas: ready } : {}),
    ...(available > 0 ? { availableReplicas: available } : {}),
    ...(flavor.countsTerminating ? { terminatingReplicas: pods.terminating } : {}),
    observedGeneration: owner.metadata.generation ?? 0,
    ...(conditions.length > 0 ? { conditions } : {}),
  };
};
