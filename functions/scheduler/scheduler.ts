/**
 * Gives every pending pod a node. The decision is made on the pods known now; before it is committed, the node's guard row is read, the
 * replicas catch up and the node is judged once more: the binding carries the guard, so two copies can never both fill the same room.
 *
 * A pod that fits nowhere says why in its PodScheduled condition and waits for a change of nodes or pods, or for its time.
 */
import { timestamp } from '../../kinds/environment.ts';
import { semanticEqual } from '../../kinds/equality.ts';
import { fromLabelSelector, type LabelRequirements, matchesLabels } from '../../kinds/selector/label-selector.ts';
import type { Namespace, Node, Pod, ReplicaSet, Service } from '../../kinds/types.ts';
import type { ReplicaEvent } from '../../store/replica.ts';
import { controllerOf } from '../controller/owners.ts';
import { type Key, type ReconcileContext, type Reconciler, type Result, splitKey } from '../controller/reconciler.ts';
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

  return {
    name: 'scheduler',
    user: 'system:kube-scheduler',
    component: schedulerName,
    // One at a time: all decide over the same nodes.
    concurrency: 1,
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
    reads: ['namespaces', 'services', ...Object.values(controllers)],
    reconcile: (key, context) => schedule(key, context, waiting),
  };
};

const schedule = async (key: Key, context: ReconcileContext, waiting: Map<Key, number>): Promise<Result> => {
  const { namespace, name } = splitKey(key);
  const pods = context.replica('pods');
  const nodes = context.replica('nodes');
  await Promise.all([pods.sync(), nodes.sync()]);
  for (;;) {
    const pod = pods.get(namespace, name)?.object as Pod | undefined;
    if (!pod || !isOurs(pod)) {
      waiting.delete(key);
      return undefined;
    }
    const placement = place(pod, clusterOf(context), plugins, context.random);
    if ('message' in placement) return refuse(key, pod, placement.message, context, waiting);

    const row = `node-allocation/${placement.node}`;
    const seen = await context.log.guard(row);
    await Promise.all([pods.sync(), nodes.sync()]);
    const current = pods.get(namespace, name)?.object as Pod | undefined;
    if (!current || current.metadata.uid !== pod.metadata.uid || !isOurs(current)) continue;
    const still = place(current, clusterOf(context), plugins, context.random, placement.node);
    if ('message' in still) continue;

    await bind(current, placement.node, [{ row, seen }], context);
    waiting.delete(key);
    return undefined;
  }
};

const bind = async (pod: Pod, node: string, guards: { row: string; seen: number }[], context: ReconcileContext): Promise<void> => {
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

const clusterOf = (context: ReconcileContext): Cluster => ({
  nodes: context
    .replica('nodes')
    .list()
    .map(entry => stateOf(entry.object as Node, context)),
  namespace: name => context.replica('namespaces').get('', name)?.object as Namespace | undefined,
  siblings: pod => siblingsOf(pod, context),
});

const controllers: Readonly<Record<string, string>> = {
  ReplicaSet: 'replicasets.apps',
  StatefulSet: 'statefulsets.apps',
  ReplicationController: 'replicationcontrollers',
};

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
  const resource = owner && controllers[owner.kind];
  const selector = resource && (context.replica(resource).get(namespace, owner.name)?.object as ReplicaSet | undefined)?.spec?.selector;
  if (selector) {
    const labels = owner.kind === 'ReplicationController' ? { matchLabels: selector as Record<string, string> } : selector;
    requirements.push(...fromLabelSelector(labels));
  }
  return requirements.length > 0 ? requirements : undefined;
};

const stateOf = (node: Node, context: ReconcileContext): NodeState => {
  const name = node.metadata.name;
  const pods = context
    .replica('pods')
    .list({ nodeName: name })
    .map(entry => entry.object as Pod)
    .filter(pod => pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed');
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
