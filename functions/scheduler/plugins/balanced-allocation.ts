import { maxScore, type NodeState, type Plugin } from '../plugin.ts';
import { type Resources, requestsOf } from '../resources.ts';

/** Prefers nodes on which the pod evens out the use of cpu and memory. */
export const balancedAllocation: Plugin = {
  name: 'NodeResourcesBalancedAllocation',
  weight: 1,
  judge: pod => {
    const wanted = requestsOf(pod);
    if (!wanted.get('cpu') && !wanted.get('memory')) return undefined;
    return {
      scores: candidates =>
        candidates.map(node => Math.floor(maxScore / 2 + (maxScore / 2 + balance(node, wanted) - balance(node, new Map())) / 2)),
    };
  },
};

const balance = ({ allocatable, requested }: NodeState, extra: Resources): number => {
  const parts: number[] = [];
  for (const name of ['cpu', 'memory']) {
    const offered = allocatable.get(name) ?? 0;
    if (offered > 0) parts.push(Math.min(1, ((requested.get(name) ?? 0) + (extra.get(name) ?? 0)) / offered));
  }
  const [one, other] = parts;
  const deviation = one === undefined || other === undefined ? 0 : Math.abs(one - other) / 2;
  return Math.floor((1 - deviation) * maxScore);
};
