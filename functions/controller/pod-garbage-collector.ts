/**
 * Removes pods nobody else can: on nodes that are gone, terminating without a node or on a node taken out of service, and finished ones
 * beyond a threshold (upstream: `pkg/controller/podgc`).
 */
import { timestamp } from '../../kinds/environment.ts';
import { isNotFound } from '../../kinds/status.ts';
import type { Node, Pod } from '../../kinds/types.ts';
import { isTerminal } from './pod-state.ts';
import { type Key, type ReconcileContext, type Reconciler, splitKey } from './reconciler.ts';
import { inParallel } from './resources.ts';

/** A node may be missing for a moment only, as when it registers anew. */
const quarantine = 40_000;
/** The key under which finished pods are counted; no pod has it. */
const finished: Key = '/';

export const podGarbageCollector = ({ threshold = 12_500 }: { threshold?: number } = {}): Reconciler => {
  /** Since when a node has been missing. */
  const missing = new Map<string, number>();
  return {
    name: 'pod-garbage-collector',
    watches: [
      {
        resource: 'pods',
        keys: ({ type, entry, previous }, replica) => {
          const pod = entry.object as Pod;
          const keys: Key[] = [];
          if (type === 'DELETED') return keys;
          const { nodeName } = pod.spec ?? {};
          const stray = nodeName ? !replica('nodes').get('', nodeName) : false;
          if (stray || pod.metadata.deletionTimestamp) keys.push(`${entry.namespace}/${entry.name}`);
          if (isTerminal(pod) && !(previous && isTerminal(previous.object as Pod))) keys.push(finished);
          return keys;
        },
      },
      {
        resource: 'nodes',
        keys: ({ type, entry }, replica) => {
          if (type !== 'DELETED') missing.delete(entry.name);
          const outOfService = type !== 'DELETED' && isOutOfService(entry.object as Node);
          if (type !== 'DELETED' && !outOfService) return [];
          return replica('pods')
            .list({ nodeName: entry.name })
            .map(({ namespace, name }) => `${namespace}/${name}`);
        },
      },
    ],
    async reconcile(key, context) {
      if (key === finished) return collectFinished(threshold, context);
      const { namespace, name } = splitKey(key);
      await Promise.all([context.replica('pods').sync(), context.replica('nodes').sync()]);
      const pod = context.replica('pods').get(namespace, name)?.object as Pod | undefined;
      if (!pod) return undefined;
      const nodeName = pod.spec?.nodeName;
      if (!nodeName) {
        if (pod.metadata.deletionTimestamp) await failAndDelete(pod, undefined, context);
        return undefined;
      }
      const node = context.replica('nodes').get('', nodeName)?.object as Node | undefined;
      if (node) {
        if (pod.metadata.deletionTimestamp && isOutOfService(node)) await failAndDelete(pod, undefined, context);
        return undefined;
      }
      const now = context.clock.now();
      const since = missing.get(nodeName) ?? now;
      missing.set(nodeName, since);
      if (now < since + quarantine) return { after: since + quarantine - now };
      await failAndDelete(pod, 'PodGC: node no longer exists', context);
      return undefined;
    },
  };
};

const isOutOfService = (node: Node): boolean =>
  (node.spec?.taints ?? []).some(({ key }) => key === 'node.kubernetes.io/out-of-service') &&
  !node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');

const collectFinished = async (threshold: number, context: ReconcileContext): Promise<undefined> => {
  const all = context.replica('pods').list();
  if (threshold <= 0 || all.length <= threshold) return undefined;
  const done = all.map(({ object }) => object as Pod).filter(isTerminal);
  const evicted = (pod: Pod): number => (pod.status?.phase === 'Failed' && pod.status.reason === 'Evicted' ? 0 : 1);
  const created = (pod: Pod): string => pod.metadata.creationTimestamp ?? '';
  done.sort((a, b) => evicted(a) - evicted(b) || (created(a) < created(b) ? -1 : created(a) > created(b) ? 1 : 0));
  const [failure] = await inParallel(done.slice(0, Math.max(0, done.length - threshold)), 16, pod =>
    failAndDelete(pod, undefined, context),
  );
  if (failure) throw failure;
  return undefined;
};

const failAndDelete = async (pod: Pod, why: string | undefined, context: ReconcileContext): Promise<void> => {
  const { namespace = '', name, uid = '' } = pod.metadata;
  const condition = {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'DeletionByPodGC',
    message: why ?? '',
    lastTransitionTime: timestamp(context.clock.now()),
  };
  try {
    if (!isTerminal(pod)) {
      const patch = { metadata: { uid }, status: { phase: 'Failed', ...(why ? { conditions: [condition] } : {}) } };
      await context.client.patch('pods', namespace, name, 'strategic', patch, { subresource: 'status' });
    }
    await context.client.delete('pods', namespace, name, { gracePeriodSeconds: 0, preconditions: { uid } });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
};
