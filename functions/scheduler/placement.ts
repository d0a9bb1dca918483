/** Decides where a pod goes: pure, from a cluster as it is at one moment. */
import type { Random } from '../../kinds/environment.ts';
import type { Pod } from '../../kinds/types.ts';
import { type Cluster, maxScore, type NodeState, type Plugin, type Rejection } from './plugin.ts';

export type Placement = { readonly node: string } | { readonly message: string };

/** `only`: judge this node alone, but with the whole cluster in view. */
export const place = (pod: Pod, cluster: Cluster, plugins: readonly Plugin[], random: Random, only?: string): Placement => {
  const nodes = only === undefined ? cluster.nodes : cluster.nodes.filter(({ name }) => name === only);
  if (nodes.length === 0) return { message: 'no nodes available to schedule pods' };
  const judges = plugins.flatMap(plugin => {
    const judge = plugin.judge(pod, cluster);
    return judge ? [{ plugin, judge }] : [];
  });
  const rejections: Rejection[] = [];
  const fitting: NodeState[] = [];
  for (const node of nodes) {
    let rejection: Rejection | undefined;
    for (const { judge } of judges) {
      rejection = judge.filter?.(node);
      if (rejection) break;
    }
    if (rejection) rejections.push(rejection);
    else fitting.push(node);
  }
  if (fitting.length === 0) return { message: explain(nodes.length, rejections, pod) };

  const totals = fitting.map(() => 0);
  if (fitting.length > 1) {
    for (const { plugin, judge } of judges) {
      for (const [i, points] of (judge.scores?.(fitting) ?? []).entries())
        totals[i] = (totals[i] ?? 0) + Math.min(maxScore, points) * (plugin.weight ?? 1);
    }
  }
  const best = Math.max(...totals);
  const winners = fitting.filter((_, i) => totals[i] === best);
  const winner = winners[Math.floor(random.next() * winners.length)] ?? fitting[0];
  return { node: winner?.name ?? '' };
};

/** Upstream's `FitError` and what its preemption says when it finds nobody to move (`pkg/scheduler/framework/types.go`). */
const explain = (count: number, rejections: readonly Rejection[], pod: Pod): string => {
  const counted = histogram(rejections.flatMap(rejection => rejection.reasons));
  const helpless = 'Preemption is not helpful for scheduling';
  const nobody = 'No preemption victims found for incoming pod';
  const preemption =
    pod.spec?.preemptionPolicy === 'Never'
      ? 'not eligible due to preemptionPolicy=Never.'
      : `0/${count} nodes are available: ${histogram(rejections.map(({ final }) => (final ? helpless : nobody)))}.`;
  return `0/${count} nodes are available: ${counted}. no new claims to deallocate, preemption: ${preemption}`;
};

const histogram = (reasons: readonly string[]): string => {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts]
    .map(([reason, count]) => `${count} ${reason}`)
    .sort()
    .join(', ');
};
