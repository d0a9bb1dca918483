/**
 * Gives every pending pod a node. Decisions are made one after the other, over all that is known and what was just decided; bindings are
 * written behind them, several at once. A binding carries the guard rows of its node (`allocations.ts`), read before the pods were caught
 * up: no two copies can both fill the same room.
 *
 * A pod that fits nowhere says why in its PodScheduled condition and waits for a change of nodes or pods, or for its time.
 */
import { timestamp } from '../../kinds/environment.ts';
import { semanticEqual } from '../../kinds/equality.ts';
import { fromLabelSelector, type LabelRequirements, matchesLabels } from '../../kinds/selector/label-selector.ts';
import type { Namespace, Node, Pod, ReplicaSet, Service } from '../../kinds/types.ts';
import type { Guard } from '../../store/log.ts';
import type { ReplicaEvent } from '../../store/replica.ts';
import { controllerOf } from '../controller/owners.ts';
import { type Key, type ReconcileContext, type Reconciler, type Result, splitKey } from '../controller/reconciler.ts';
import { Allocations, type Claim } from './allocations.ts';
import { place } from './placement.ts';
import type { Cluster, NodeState } from './plugin.ts';
import { plugins } from './plugins/index.ts';
import { allocatableOf, assumedRequestsOf, requestsOf, totalOf } from './resources.ts';

export const schedulerName = 'default-scheduler';
/** A second, doubling up to five minutes (upstream's `podMaxInUnschedulablePodsDuration`). */
const retryAfter = (attempts: number): number => Math.min(1000 * 2 ** attempts, 300_000);

export const createScheduler = (): Reconciler => {
  /** Pods that fit nowhere when last looked at, with how often that was. A cache: at start every pending pod is looked at again. */
  const waiting = new Map<Key, number>();
  const desk: Desk = { waiting, turn: oneAtATime(), allocations: undefined };

  return {
    name: 'scheduler',
    user: 'system:kube-scheduler',
    component: schedulerName,
    concurrency: 32,
    watches: [
      {
        resource: 'pods',
        keys: event => {
          const key = `${event.entry.namespace}/${event.entry.name}`;
          if (event.type === 'DELETED') waiting.delete(key);
          const pod = event.entry.object as Pod;
          if (event.type !== 'DELETED' && !pod.spec?.nodeName) return changedForScheduling(event) ? [key] : [];
          return waiting.size > 0 && makesRoom(event) ? [...waiting.keys()] : [];
        },
      },
      { resource: 'nodes', keys: event => (waiting.size > 0 && nodeMatters(event) ? [...waiting.keys()] : []) },
    ],
    reads: ['namespaces', 'services', ...controllers.values()],
    reconcile: (key, context) => schedule(key, context, desk),
  };
};

interface Desk {
  readonly waiting: Map<Key, number>;
  readonly turn: ReturnType<typeof oneAtATime>;
  allocations: Allocations | undefined;
}

/** Runs asynchronous work strictly in the order it was asked for. */
const oneAtATime = () => {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(work: () => Promise<T>): Promise<T> => {
    const mine = last.then(work, work);
    last = mine.catch(() => undefined);
    return mine;
  };
};

const schedule = async (key: Key, context: ReconcileContext, desk: Desk): Promise<Result> => {
  desk.allocations ??= new Allocations(context.log, context.random.uuid());
  const { allocations, waiting } = desk;
  const decision = await desk.turn(() => decide(key, context, allocations));
  if (!decision) {
    waiting.delete(key);
    return undefined;
  }
  if ('message' in decision) return refuse(key, decision.pod, decision.message, context, waiting);
  const { pod, claim } = decision;
  try {
    await bind(pod, claim.node, claim.guards, context);
    // Until the replica shows the binding, the pod counts by its claim.
    await context.replica('pods').sync();
  } catch (error) {
    claim.failed();
    throw error;
  } finally {
    claim.done();
  }
  waiting.delete(key);
  return undefined;
};

type Decision = undefined | { pod: Pod; message: string } | { pod: Pod; claim: Claim };

const decide = async (key: Key, context: ReconcileContext, allocations: Allocations): Promise<Decision> => {
  const { namespace, name } = splitKey(key);
  const pods = context.replica('pods');
  const nodes = context.replica('nodes');
  for (;;) {
    await Promise.all([pods.sync(), nodes.sync()]);
    const pod = pods.get(namespace, name)?.object as Pod | undefined;
    if (!pod || !isOurs(pod)) return undefined;
    const placement = place(pod, clusterOf(context, allocations), plugins, context.random);
    if ('message' in placement) return { pod, message: placement.message };
    const { node } = placement;
    if (!allocations.isOpen(node)) {
      // The guard is read first, then all is looked at again: what was bound before the guard was read is now seen.
      await allocations.open(node);
      await Promise.all([pods.sync(), nodes.sync()]);
      const current = pods.get(namespace, name)?.object as Pod | undefined;
      const same = current !== undefined && current.metadata.uid === pod.metadata.uid && isOurs(current);
      if (!same || 'message' in place(current, clusterOf(context, allocations), plugins, context.random, node)) {
        allocations.release(node);
        continue;
      }
    }
    return { pod, claim: allocations.claim(node, pod) };
  }
};

const bind = async (pod: Pod, node: string, guards: readonly Guard[], context: ReconcileContext): Promise<void> => {
  const { namespace = '', name, uid } = pod.metadata;
  const binding = {
    apiVersion: 'v1',
    kind: 'Binding',
    metadata: { name, namespace, ...(uid ? { uid } : {}) },
    target: { kind: 'Node', name: node },
  };
  await context.client.createSubresource('pods', namespace, name, 'binding', binding, { guards });
  context.event(pod, 'Normal', 'Scheduled', `Successfully assigned ${namespace}/${name} to ${node}`);
};

const refuse = async (key: Key, pod: Pod, message: string, context: ReconcileContext, waiting: Map<Key, number>): Promise<Result> => {
  const attempts = waiting.get(key) ?? 0;
  waiting.set(key, attempts + 1);
  context.event(pod, 'Warning', 'FailedScheduling', message);
  const known = pod.status?.conditions?.find(condition => condition.type === 'PodScheduled');
  const next = {
    type: 'PodScheduled',
    status: 'False',
    reason: 'Unschedulable',
    message,
    ...(pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
  };
  const { lastTransitionTime, lastProbeTime, ...said } = known ?? {};
  if (!semanticEqual(said, next)) {
    const since = known?.status === 'False' && lastTransitionTime ? lastTransitionTime : timestamp(context.clock.now());
    const patch = { metadata: { uid: pod.metadata.uid ?? '' }, status: { conditions: [{ ...next, lastTransitionTime: since }] } };
    const { namespace = '', name } = pod.metadata;
    await context.client.patch('pods', namespace, name, 'strategic', patch, { subresource: 'status' });
  }
  return { after: retryAfter(attempts) };
};

/** Pending, for this scheduler, and not held back. */
const isOurs = (pod: Pod): boolean =>
  !pod.spec?.nodeName &&
  !pod.metadata.deletionTimestamp &&
  (pod.spec?.schedulerName ?? schedulerName) === schedulerName &&
  (pod.spec?.schedulingGates ?? []).length === 0 &&
  pod.status?.phase !== 'Succeeded' &&
  pod.status?.phase !== 'Failed';

const clusterOf = (context: ReconcileContext, allocations: Allocations): Cluster => ({
  nodes: context
    .replica('nodes')
    .list()
    .map(entry => stateOf(entry.object as Node, context, allocations)),
  namespace: name => context.replica('namespaces').get('', name)?.object as Namespace | undefined,
  siblings: pod => siblingsOf(pod, context),
});

const controllers = new Map([
  ['ReplicaSet', 'replicasets.apps'],
  ['StatefulSet', 'statefulsets.apps'],
  ['ReplicationController', 'replicationcontrollers'],
]);

/** Upstream's `helper.DefaultSelector`. */
const siblingsOf = (pod: Pod, context: ReconcileContext): LabelRequirements | undefined => {
  const namespace = pod.metadata.namespace ?? '';
  const requirements: LabelRequirements[number][] = [];
  for (const { object } of context.replica('services').list({ namespace })) {
    const selector = (object as Service).spec?.selector;
    if (!selector || Object.keys(selector).length === 0) continue;
    const wanted = fromLabelSelector({ matchLabels: selector });
    if (matchesLabels(wanted, pod.metadata.labels)) requirements.push(...wanted);
  }
  const owner = controllerOf(pod);
  const resource = owner && controllers.get(owner.kind);
  const selector = resource && (context.replica(resource).get(namespace, owner.name)?.object as ReplicaSet | undefined)?.spec?.selector;
  if (selector) {
    const labels = owner.kind === 'ReplicationController' ? { matchLabels: selector as Record<string, string> } : selector;
    requirements.push(...fromLabelSelector(labels));
  }
  return requirements.length > 0 ? requirements : undefined;
};

const stateOf = (node: Node, context: ReconcileContext, allocations: Allocations): NodeState => {
  const name = node.metadata.name;
  const pods = context
    .replica('pods')
    .list({ nodeName: name })
    .map(entry => entry.object as Pod)
    .filter(pod => pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed');
  for (const claimed of allocations.claimedOn(name))
    if (!pods.some(({ metadata }) => metadata.uid === claimed.metadata.uid)) pods.push(claimed);
  return {
    node,
    name,
    pods,
    allocatable: allocatableOf(node),
    requested: totalOf(pods, requestsOf),
    assumed: totalOf(pods, assumedRequestsOf),
  };
};

/** Of a pending pod: new, or changed in more than its status. */
const changedForScheduling = ({ entry, previous }: ReplicaEvent): boolean =>
  !previous ||
  !semanticEqual(entry.object['spec'], previous.object['spec']) ||
  !semanticEqual(entry.object.metadata.labels, previous.object.metadata.labels);

/** A pod that went, ended or changed its labels may let another in. */
const makesRoom = ({ type, entry, previous }: ReplicaEvent): boolean => {
  if (type === 'DELETED') return true;
  const [pod, before] = [entry.object as Pod, previous?.object as Pod | undefined];
  if (!before?.spec?.nodeName) return true;
  return pod.status?.phase !== before.status?.phase || !semanticEqual(pod.metadata.labels, before.metadata.labels);
};

/** Heartbeats come every few seconds and change nothing that a pod waits for. */
const nodeMatters = ({ type, entry, previous }: ReplicaEvent): boolean => {
  if (type === 'DELETED') return false;
  if (!previous) return true;
  const [node, before] = [entry.object as Node, previous.object as Node];
  return (
    !semanticEqual(node.spec, before.spec) ||
    !semanticEqual(node.metadata.labels, before.metadata.labels) ||
    !semanticEqual(node.status?.allocatable, before.status?.allocatable)
  );
};
