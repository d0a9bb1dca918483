/** Which pods a scale-down takes first (upstream: `ActivePodsWithRanks` in `controller_utils.go`). */
import type { Pod } from '../../kinds/types.ts';
import { isReady, podCondition } from './pod-state.ts';

const phases = ['Pending', 'Unknown', 'Running'];
const phaseRank = (pod: Pod): number => Math.max(0, phases.indexOf(pod.status?.phase ?? 'Pending'));

const deletionCost = (pod: Pod): number => {
  const text = pod.metadata.annotations?.['controller.kubernetes.io/pod-deletion-cost'] ?? '0';
  return /^(0|-?[1-9][0-9]*)$/.test(text) ? Number(text) : 0;
};

const readySince = (pod: Pod): number => Date.parse(podCondition(pod, 'Ready')?.lastTransitionTime ?? '');
const createdAt = (pod: Pod): number => Date.parse(pod.metadata.creationTimestamp ?? '');

const restarts = (statuses: { restartCount: number }[] | undefined): number =>
  Math.max(0, ...(statuses ?? []).map(status => status.restartCount));

/** Ages are told apart by their power of two only, so that not always the newest go. */
const logarithm = (since: number, now: number): number => (now > since ? Math.floor(Math.log2((now - since) * 1e6)) : -1);
const byAge = (a: Pod, b: Pod, since: (pod: Pod) => number, now: number): number => {
  const [one, other] = [since(a), since(b)];
  if (one === other || (Number.isNaN(one) && Number.isNaN(other))) return 0;
  if (Number.isNaN(one) || Number.isNaN(other)) return Number.isNaN(one) ? -1 : 1;
  const difference = logarithm(one, now) - logarithm(other, now);
  if (difference !== 0) return difference;
  return (a.metadata.uid ?? '') < (b.metadata.uid ?? '') ? -1 : 1;
};

/** The pods, first to go first. `readyOnNode` counts ready siblings on each node. */
export const byDeletionOrder = (pods: readonly Pod[], readyOnNode: ReadonlyMap<string, number>, now: number): Pod[] => {
  const crowd = (pod: Pod): number => readyOnNode.get(pod.spec?.nodeName ?? '') ?? 0;
  const compare = (a: Pod, b: Pod): number => {
    const [assigned, other] = [Boolean(a.spec?.nodeName), Boolean(b.spec?.nodeName)];
    if (assigned !== other) return assigned ? 1 : -1;
    if (phaseRank(a) !== phaseRank(b)) return phaseRank(a) - phaseRank(b);
    if (isReady(a) !== isReady(b)) return isReady(a) ? 1 : -1;
    if (deletionCost(a) !== deletionCost(b)) return deletionCost(a) - deletionCost(b);
    if (crowd(a) !== crowd(b)) return crowd(b) - crowd(a);
    const readiness = isReady(a) ? byAge(a, b, readySince, now) : 0;
    if (readiness !== 0) return readiness;
    const moreRestarts = restarts(b.status?.containerStatuses) - restarts(a.status?.containerStatuses);
    if (moreRestarts !== 0) return moreRestarts;
    return byAge(a, b, createdAt, now);
  };
  return [...pods].sort(compare);
};
