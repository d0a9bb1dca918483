/** Deletes pods from nodes whose NoExecute taints they do not tolerate, or no longer (upstream: `pkg/controller/tainteviction`). */
import { timestamp } from '../../kinds/environment.ts';
import { semanticEqual } from '../../kinds/equality.ts';
import { isNotFound } from '../../kinds/status.ts';
import type { Node, Pod, Taint, Toleration } from '../../kinds/types.ts';
import { type Key, type ReconcileContext, type Reconciler, splitKey } from './reconciler.ts';
import { tolerates } from './tolerations.ts';

const noExecute = (node: Node | undefined): Taint[] => (node?.spec?.taints ?? []).filter(({ effect }) => effect === 'NoExecute');

export const taintEviction = (): Reconciler => {
  /** When a taint without a time of its own was first seen on a pod's node. */
  const noticed = new Map<Key, number>();
  return {
    name: 'taint-eviction-controller',
    account: 'node-controller',
    component: 'taint-eviction-controller',
    watches: [
      {
        resource: 'pods',
        keys: ({ type, entry, previous }, replica) => {
          const key = `${entry.namespace}/${entry.name}`;
          if (type === 'DELETED') noticed.delete(key);
          const pod = entry.object as Pod;
          const before = previous?.object as Pod | undefined;
          if (type === 'DELETED' || !pod.spec?.nodeName) return [];
          const same = before?.spec?.nodeName === pod.spec.nodeName && semanticEqual(before.spec.tolerations, pod.spec.tolerations);
          return !same && noExecute(replica('nodes').get('', pod.spec.nodeName)?.object as Node | undefined).length > 0 ? [key] : [];
        },
      },
      {
        resource: 'nodes',
        keys: ({ type, entry, previous }, replica) => {
          const taints = noExecute(entry.object as Node);
          if (type === 'DELETED' || semanticEqual(taints, noExecute(previous?.object as Node | undefined))) return [];
          return replica('pods')
            .list({ nodeName: entry.name })
            .map(({ namespace, name }) => `${namespace}/${name}`);
        },
      },
    ],
    async reconcile(key, context) {
      const { namespace, name } = splitKey(key);
      const pod = context.replica('pods').get(namespace, name)?.object as Pod | undefined;
      const node = pod?.spec?.nodeName ? context.replica('nodes').get('', pod.spec.nodeName)?.object : undefined;
      const taints = noExecute(node as Node | undefined);
      if (!pod || pod.metadata.deletionTimestamp || taints.length === 0) {
        noticed.delete(key);
        return undefined;
      }
      const now = context.clock.now();
      if (!noticed.has(key)) noticed.set(key, now);
      const due = Math.min(...taints.map(taint => dueBy(taint, pod.spec?.tolerations ?? [], noticed.get(key) ?? now)));
      if (due === Number.POSITIVE_INFINITY) return undefined;
      if (due > now) return { after: due - now };
      await evict(pod, context);
      return undefined;
    },
  };
};

/** When the pod must go because of a taint. */
const dueBy = (taint: Taint, tolerations: readonly Toleration[], noticed: number): number => {
  const covering = tolerations.filter(toleration => tolerates(toleration, taint));
  if (covering.length === 0) return Number.NEGATIVE_INFINITY;
  const seconds = covering.map(toleration => toleration.tolerationSeconds).filter(limit => limit !== undefined);
  if (seconds.length === 0) return Number.POSITIVE_INFINITY;
  const added = Date.parse(taint.timeAdded ?? '');
  return (Number.isNaN(added) ? noticed : added) + Math.max(0, Math.min(...seconds)) * 1000;
};

const evict = async (pod: Pod, context: ReconcileContext): Promise<void> => {
  const { namespace = '', name, uid = '' } = pod.metadata;
  context.event(pod, 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${namespace}/${name}`);
  const condition = {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'DeletionByTaintManager',
    message: 'Taint manager: deleting due to NoExecute taint',
    lastTransitionTime: timestamp(context.clock.now()),
  };
  try {
    const patch = { metadata: { uid }, status: { conditions: [condition] } };
    await context.client.patch('pods', namespace, name, 'strategic', patch, { subresource: 'status' });
    await context.client.delete('pods', namespace, name, { preconditions: { uid } });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
};
