import { fromLabelSelector, type LabelRequirements, matchesLabels } from '../../../kinds/selector/label-selector.ts';
import type { Pod, PodSpec } from '../../../kinds/types.ts';
import { untolerated } from '../../controller/tolerations.ts';
import { allowsNode } from '../node-selection.ts';
import { type Cluster, maxScore, type NodeState, type Plugin } from '../plugin.ts';

type Constraint = NonNullable<PodSpec['topologySpreadConstraints']>[number];
interface Rule {
  readonly constraint: Constraint;
  readonly selector: LabelRequirements;
}

const hostname = 'kubernetes.io/hostname';
/** What holds for pods that say nothing (upstream `systemDefaultConstraints`). */
const defaults: readonly Constraint[] = [
  { topologyKey: hostname, whenUnsatisfiable: 'ScheduleAnyway', maxSkew: 3 },
  { topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'ScheduleAnyway', maxSkew: 5 },
];

/** Spreads a pod and its like evenly over hosts, zones or what else labels of nodes tell apart. */
export const podTopologySpread: Plugin = {
  name: 'PodTopologySpread',
  weight: 2,
  judge: (pod, cluster) => {
    const own = pod.spec?.topologySpreadConstraints ?? [];
    const siblings = own.length === 0 ? cluster.siblings(pod) : undefined;
    const rules: Rule[] = siblings
      ? defaults.map(constraint => ({ constraint, selector: siblings }))
      : own.map(constraint => ({ constraint, selector: selectorOf(constraint, pod) }));
    const hard = rules.filter(({ constraint }) => constraint.whenUnsatisfiable === 'DoNotSchedule');
    const soft = rules.filter(({ constraint }) => constraint.whenUnsatisfiable === 'ScheduleAnyway');
    return {
      ...(hard.length > 0 ? { filter: filterBy(hard, pod, cluster) } : {}),
      ...(soft.length > 0 ? { scores: candidates => score(soft, pod, cluster, candidates, own.length > 0) } : {}),
    };
  },
};

const selectorOf = ({ labelSelector, matchLabelKeys }: Constraint, pod: Pod): LabelRequirements => {
  const keys = (matchLabelKeys ?? []).filter(key => pod.metadata.labels?.[key] !== undefined);
  const same = Object.fromEntries(keys.map(key => [key, pod.metadata.labels?.[key] ?? '']));
  return [...fromLabelSelector(labelSelector), ...(keys.length > 0 ? fromLabelSelector({ matchLabels: same }) : [])];
};

const topology = ({ node }: NodeState, key: string): string | undefined => node.metadata.labels?.[key];
const hasAll = (node: NodeState, rules: readonly Rule[]): boolean =>
  rules.every(({ constraint }) => topology(node, constraint.topologyKey) !== undefined);

/** Whether a node's pods are counted at all. */
const counts = ({ constraint }: Rule, pod: Pod, { node }: NodeState): boolean =>
  (constraint.nodeAffinityPolicy === 'Ignore' || allowsNode(pod.spec, node)) &&
  (constraint.nodeTaintsPolicy !== 'Honor' || !untolerated(node.spec?.taints, pod.spec?.tolerations, ['NoSchedule', 'NoExecute']));

const alike = ({ selector }: Rule, pod: Pod, { pods }: NodeState): number =>
  selector.length === 0
    ? 0
    : pods.filter(
        ({ metadata }) =>
          !metadata.deletionTimestamp && metadata.namespace === pod.metadata.namespace && matchesLabels(selector, metadata.labels),
      ).length;

const filterBy = (rules: readonly Rule[], pod: Pod, cluster: Cluster) => {
  const known = rules.map(rule => {
    const perValue = new Map<string, number>();
    for (const node of cluster.nodes) {
      const value = topology(node, rule.constraint.topologyKey);
      if (value === undefined || !hasAll(node, rules) || !counts(rule, pod, node)) continue;
      perValue.set(value, (perValue.get(value) ?? 0) + alike(rule, pod, node));
    }
    const least = perValue.size < (rule.constraint.minDomains ?? 1) ? 0 : Math.min(...perValue.values());
    return { ...rule, perValue, least, self: matchesLabels(rule.selector, pod.metadata.labels) ? 1 : 0 };
  });
  return (node: NodeState) => {
    for (const { constraint, perValue, least, self } of known) {
      const value = topology(node, constraint.topologyKey);
      if (value === undefined) {
        return { reasons: ["node(s) didn't match pod topology spread constraints (missing required label)"], final: true };
      }
      if ((perValue.get(value) ?? 0) + self - least > constraint.maxSkew) {
        return { reasons: ["node(s) didn't match pod topology spread constraints"] };
      }
    }
    return undefined;
  };
};

const score = (
  rules: readonly Rule[],
  pod: Pod,
  cluster: Cluster,
  candidates: readonly NodeState[],
  needsAll: boolean,
): readonly number[] => {
  const judged = candidates.filter(node => !needsAll || hasAll(node, rules));
  const known = rules.map(rule => {
    const key = rule.constraint.topologyKey;
    const perValue = new Map<string, number>();
    if (key !== hostname) {
      for (const node of judged) perValue.set(topology(node, key) ?? '', 0);
      for (const node of cluster.nodes) {
        const value = topology(node, key) ?? '';
        const before = perValue.get(value);
        if (before === undefined || (needsAll && !hasAll(node, rules)) || !counts(rule, pod, node)) continue;
        perValue.set(value, before + alike(rule, pod, node));
      }
    }
    return { rule, key, perValue, weight: Math.log((key === hostname ? judged.length : perValue.size) + 2) };
  });
  const raw = candidates.map(node => {
    if (!judged.includes(node)) return undefined;
    let sum = 0;
    for (const { rule, key, perValue, weight } of known) {
      const value = topology(node, key);
      if (value === undefined) continue;
      const count = key === hostname ? alike(rule, pod, node) : (perValue.get(value) ?? 0);
      sum += count * weight + rule.constraint.maxSkew - 1;
    }
    return Math.round(sum);
  });
  const values = raw.filter(value => value !== undefined);
  const [most, least] = [Math.max(0, ...values), Math.min(...values)];
  return raw.map(value => {
    if (value === undefined) return 0;
    return most === 0 ? maxScore : Math.floor((maxScore * (most + least - value)) / most);
  });
};
