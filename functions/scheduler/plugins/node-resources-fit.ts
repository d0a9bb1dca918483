import { maxScore, type NodeState, type Plugin } from '../plugin.ts';
import { assumedRequestsOf, type Resources, requestsOf } from '../resources.ts';

/** Requests must fit into what is free; the emptier a node would be afterwards, the better (`LeastAllocated`). */
export const nodeResourcesFit: Plugin = {
  name: 'NodeResourcesFit',
  weight: 1,
  judge: pod => {
    const wanted = [...requestsOf(pod)].filter(([, amount]) => amount > 0).sort(byImportance);
    const assumed = assumedRequestsOf(pod);
    return {
      filter: ({ pods, allocatable, requested }) => {
        const reasons: string[] = [];
        let final = false;
        if (pods.length + 1 > (allocatable.get('pods') ?? 0)) reasons.push('Too many pods');
        for (const [name, amount] of wanted) {
          const offered = allocatable.get(name) ?? 0;
          if (amount <= offered - (requested.get(name) ?? 0)) continue;
          reasons.push(`Insufficient ${name}`);
          if (amount > offered) final = true;
        }
        return reasons.length > 0 ? { reasons, final } : undefined;
      },
      scores: candidates => candidates.map(node => leastAllocated(node, assumed)),
    };
  },
};

const leastAllocated = (node: NodeState, assumed: Resources): number => {
  let sum = 0;
  let count = 0;
  for (const name of ['cpu', 'memory']) {
    const offered = node.allocatable.get(name) ?? 0;
    if (offered === 0) continue;
    const used = (node.assumed.get(name) ?? 0) + (assumed.get(name) ?? 0);
    sum += used > offered ? 0 : Math.floor(((offered - used) * maxScore) / offered);
    count++;
  }
  return count === 0 ? 0 : Math.floor(sum / count);
};

const order = ['cpu', 'memory', 'ephemeral-storage'];
const rank = (name: string): number => (order.includes(name) ? order.indexOf(name) : order.length);
const byImportance = ([a]: [string, number], [b]: [string, number]): number => rank(a) - rank(b) || (a < b ? -1 : 1);
