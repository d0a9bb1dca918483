/** What a pod's status says, in the words controllers share (upstream: `pkg/api/v1/pod/util.go`, `controller_utils.go`). */
import type { Pod } from '../../kinds/types.ts';

export const podCondition = (pod: Pod, type: string) => pod.status?.conditions?.find(condition => condition.type === type);

export const isReady = (pod: Pod): boolean => podCondition(pod, 'Ready')?.status === 'True';

export const isTerminal = (pod: Pod): boolean => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';

/** Neither finished nor being deleted. */
export const isActive = (pod: Pod): boolean => !isTerminal(pod) && !pod.metadata.deletionTimestamp;

export const isTerminating = (pod: Pod): boolean => !isTerminal(pod) && pod.metadata.deletionTimestamp !== undefined;

/** Milliseconds until the pod has been ready for so long; 0: it is available; undefined: not ready. */
export const availableIn = (pod: Pod, minReadySeconds: number, now: number): number | undefined => {
  if (!isReady(pod)) return undefined;
  if (minReadySeconds <= 0) return 0;
  const since = Date.parse(podCondition(pod, 'Ready')?.lastTransitionTime ?? '');
  return Number.isNaN(since) ? undefined : Math.max(0, since + minReadySeconds * 1000 - now);
};
