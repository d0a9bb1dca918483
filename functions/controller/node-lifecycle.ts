/**
 * Notices nodes that went silent: their conditions become Unknown, their pods not ready, and taints keep new pods away and, as long as some
 * node still works, drive the old ones out (upstream: `pkg/controller/nodelifecycle`).
 */
import { timestamp } from '../../kinds/environment.ts';
import { semanticEqual } from '../../kinds/equality.ts';
import type { JsonObject } from '../../kinds/object.ts';
import { isNotFound } from '../../kinds/status.ts';
import type { Lease, Node, Pod, Taint } from '../../kinds/types.ts';
import { isReady } from './pod-state.ts';
import { type ReconcileContext, type Reconciler, splitKey } from './reconciler.ts';

/** After the last sign of life. */
const monitorGrace = 40_000;
/** For a node that has never reported. */
const startupGrace = 60_000;
const leases = 'leases.coordination.k8s.io';
const leaseNamespace = 'kube-node-lease';

const notReady = 'node.kubernetes.io/not-ready';
const unreachable = 'node.kubernetes.io/unreachable';
const unschedulable = 'node.kubernetes.io/unschedulable';
/** Condition, status and the NoSchedule taint they stand for. */
const taintOf: readonly [string, string, string][] = [
  ['Ready', 'False', notReady],
  ['Ready', 'Unknown', unreachable],
  ['MemoryPressure', 'True', 'node.kubernetes.io/memory-pressure'],
  ['DiskPressure', 'True', 'node.kubernetes.io/disk-pressure'],
  ['NetworkUnavailable', 'True', 'node.kubernetes.io/network-unavailable'],
  ['PIDPressure', 'True', 'node.kubernetes.io/pid-pressure'],
];

type Condition = NonNullable<NonNullable<Node['status']>['conditions']>[number];
const readyOf = (node: Node): Condition | undefined => node.status?.conditions?.find(({ type }) => type === 'Ready');
const works = (node: Node): boolean => readyOf(node)?.status === 'True';

/**
 * `silentSince`: signs of life from before count as given then. Nodes cannot renew while the control plane is down, so the one that just
 * started must wait for them (default: the first look); where the API never stops, pass 0.
 */
export const nodeLifecycle = ({ silentSince }: { silentSince?: number } = {}): Reconciler => {
  let start = silentSince;
  return {
    name: 'node-lifecycle-controller',
    account: 'node-controller',
    watches: [
      {
        resource: 'nodes',
        keys: ({ type, entry, previous }, replica) => {
          const own = `/${entry.name}`;
          const was = previous ? works(previous.object as Node) : false;
          // Whether any node works decides over eviction on all.
          const turned = type === 'DELETED' || was !== works(entry.object as Node);
          if (!turned) return [own];
          return [
            own,
            ...replica('nodes')
              .list()
              .map(({ name }) => `/${name}`),
          ];
        },
      },
      // Renewals move the deadline, which is looked at when it is due.
      { resource: leases, keys: ({ type, entry }) => (type === 'ADDED' && entry.namespace === leaseNamespace ? [`/${entry.name}`] : []) },
    ],
    reads: ['pods'],
    async reconcile(key, context) {
      start ??= context.clock.now();
      const { name } = splitKey(key);
      await Promise.all([context.replica('nodes').sync(), context.replica(leases).sync()]);
      const stored = context.replica('nodes').get('', name)?.object as Node | undefined;
      if (!stored || stored.metadata.deletionTimestamp) return undefined;
      const left = deadline(stored, start, context) - context.clock.now();
      const node = left <= 0 ? await declareUnknown(stored, context) : stored;
      if (readyOf(node)?.status === 'Unknown') await markPodsNotReady(node, context);
      await setTaints(node, context);
      return left > 0 ? { after: left } : undefined;
    },
  };
};

const deadline = (node: Node, start: number, context: ReconcileContext): number => {
  const lease = context.replica(leases).get(leaseNamespace, node.metadata.name)?.object as Lease | undefined;
  const ready = readyOf(node);
  const signs = [lease?.spec?.renewTime, ready?.lastHeartbeatTime, node.metadata.creationTimestamp ?? undefined];
  const last = Math.max(start, ...signs.map(time => Date.parse(time ?? '')).filter(time => !Number.isNaN(time)));
  return last + (ready || lease ? monitorGrace : startupGrace);
};

const declareUnknown = async (node: Node, context: ReconcileContext): Promise<Node> => {
  const now = timestamp(context.clock.now());
  const known = node.status?.conditions ?? [];
  const unknown = (type: string): Condition => {
    const before = known.find(condition => condition.type === type);
    if (before?.status === 'Unknown') return before;
    return before
      ? {
          ...before,
          status: 'Unknown',
          reason: 'NodeStatusUnknown',
          message: 'Kubelet stopped posting node status.',
          lastTransitionTime: now,
        }
      : {
          type,
          status: 'Unknown',
          reason: 'NodeStatusNeverUpdated',
          message: 'Kubelet never posted node status.',
          lastHeartbeatTime: node.metadata.creationTimestamp ?? now,
          lastTransitionTime: now,
        };
  };
  const watched = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'];
  const others = known.filter(({ type }) => !watched.includes(type));
  const conditions = [...others, ...watched.map(unknown)];
  if (conditions.every(condition => known.includes(condition))) return node;
  const next = await context.client.update('nodes', { ...node, status: { ...node.status, conditions } } as Node, { subresource: 'status' });
  if (works(node)) context.event(node, 'Normal', 'NodeNotReady', `Node ${node.metadata.name} status is now: NodeNotReady`);
  return next;
};

/** Nobody else will say so: the agent that would is silent. */
const markPodsNotReady = async (node: Node, context: ReconcileContext): Promise<void> => {
  await context.replica('pods').sync();
  for (const { object } of context.replica('pods').list({ nodeName: node.metadata.name })) {
    const pod = object as Pod;
    if (!isReady(pod)) continue;
    const condition = { type: 'Ready', status: 'False', lastTransitionTime: timestamp(context.clock.now()) };
    const patch = { metadata: { uid: pod.metadata.uid ?? '' }, status: { conditions: [condition] } };
    context.event(pod, 'Warning', 'NodeNotReady', 'Node is not ready');
    try {
      await context.client.patch('pods', pod.metadata.namespace ?? '', pod.metadata.name, 'strategic', patch, { subresource: 'status' });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
};

const setTaints = async (node: Node, context: ReconcileContext): Promise<void> => {
  const wanted: { key: string; effect: string }[] = [];
  for (const { type, status } of node.status?.conditions ?? []) {
    const key = taintOf.find(([condition, value]) => condition === type && value === status)?.[2];
    if (key) wanted.push({ key, effect: 'NoSchedule' });
  }
  if (node.spec?.unschedulable) wanted.push({ key: unschedulable, effect: 'NoSchedule' });
  const state = readyOf(node)?.status;
  // When no node works, the fault is more likely here than in all of them, and pods would have nowhere to go.
  const somewhere = context
    .replica('nodes')
    .list()
    .some(({ object }) => works(object as Node));
  if (somewhere && state === 'False') wanted.push({ key: notReady, effect: 'NoExecute' });
  if (somewhere && state === 'Unknown') wanted.push({ key: unreachable, effect: 'NoExecute' });

  const current = node.spec?.taints ?? [];
  const conditional = new Set(taintOf.map(([, , key]) => key));
  const ours = ({ key, effect }: Taint): boolean =>
    effect === 'NoSchedule'
      ? key === unschedulable || conditional.has(key)
      : effect === 'NoExecute' && [notReady, unreachable].includes(key);
  const timeAdded = timestamp(context.clock.now());
  const taints = [
    ...current.filter(taint => !ours(taint) || wanted.some(({ key, effect }) => taint.key === key && taint.effect === effect)),
    ...wanted
      .filter(({ key, effect }) => !current.some(taint => taint.key === key && taint.effect === effect))
      .map(taint => ({ ...taint, timeAdded })),
  ];
  if (semanticEqual(taints, current)) return;
  const { name, uid = '', resourceVersion = '' } = node.metadata;
  const patch = { metadata: { uid, resourceVersion }, spec: { taints: taints.length > 0 ? taints : null } };
  await context.client.patch('nodes', '', name, 'merge', patch as unknown as JsonObject);
};
