import { fromLabelSelector, type LabelRequirements, matchesLabels } from '../../../kinds/selector/label-selector.ts';
import type { Pod, PodSpec } from '../../../kinds/types.ts';
import { type Cluster, maxScore, type NodeState, type Plugin, type Rejection } from '../plugin.ts';

type Affinity = NonNullable<PodSpec['affinity']>;
type RawTerm = NonNullable<NonNullable<Affinity['podAffinity']>['requiredDuringSchedulingIgnoredDuringExecution']>[number];
type RawWeighted = NonNullable<NonNullable<Affinity['podAffinity']>['preferredDuringSchedulingIgnoredDuringExecution']>[number];

interface Term {
  readonly key: string;
  readonly selector: LabelRequirements;
  readonly namespaces: ReadonlySet<string>;
  readonly namespaceSelector: LabelRequirements | undefined;
  readonly weight: number;
}
interface Terms {
  readonly affinity: readonly Term[];
  readonly antiAffinity: readonly Term[];
  readonly preferred: readonly Term[];
  readonly avoided: readonly Term[];
}

const termOf = (raw: RawTerm, owner: Pod, weight: number): Term => {
  const listed = raw.namespaces ?? [];
  return {
    key: raw.topologyKey,
    selector: fromLabelSelector(raw.labelSelector),
    namespaces: new Set(listed.length === 0 && !raw.namespaceSelector ? [owner.metadata.namespace ?? ''] : listed),
    namespaceSelector: raw.namespaceSelector ? fromLabelSelector(raw.namespaceSelector) : undefined,
    weight,
  };
};

const none: Terms = { affinity: [], antiAffinity: [], preferred: [], avoided: [] };
const remembered = new WeakMap<Pod, Terms>();
const termsOf = (pod: Pod): Terms => {
  const { podAffinity, podAntiAffinity } = pod.spec?.affinity ?? {};
  if (!podAffinity && !podAntiAffinity) return none;
  const known = remembered.get(pod);
  if (known) return known;
  const hard = (list: RawTerm[] | undefined): Term[] => (list ?? []).map(term => termOf(term, pod, 1));
  const soft = (list: RawWeighted[] | undefined): Term[] =>
    (list ?? []).map(({ weight, podAffinityTerm }) => termOf(podAffinityTerm, pod, weight));
  const terms: Terms = {
    affinity: hard(podAffinity?.requiredDuringSchedulingIgnoredDuringExecution),
    antiAffinity: hard(podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution),
    preferred: soft(podAffinity?.preferredDuringSchedulingIgnoredDuringExecution),
    avoided: soft(podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution),
  };
  remembered.set(pod, terms);
  return terms;
};

const matches = (term: Term, pod: Pod, cluster: Cluster): boolean => {
  const namespace = pod.metadata.namespace ?? '';
  const inNamespace =
    term.namespaces.has(namespace) ||
    (term.namespaceSelector !== undefined && matchesLabels(term.namespaceSelector, cluster.namespace(namespace)?.metadata.labels ?? {}));
  return inNamespace && matchesLabels(term.selector, pod.metadata.labels);
};

/** Sums by topology: `zone` and its value. */
class Tally {
  private readonly sums = new Map<string, number>();
  add({ node }: NodeState, key: string, amount: number): void {
    const value = node.metadata.labels?.[key];
    if (value !== undefined) this.sums.set(`${key}\n${value}`, (this.sums.get(`${key}\n${value}`) ?? 0) + amount);
  }
  of({ node }: NodeState, key: string): number {
    const value = node.metadata.labels?.[key];
    return value === undefined ? 0 : (this.sums.get(`${key}\n${value}`) ?? 0);
  }
  overall({ node }: NodeState): number {
    let sum = 0;
    for (const [key, value] of Object.entries(node.metadata.labels ?? {})) sum += this.sums.get(`${key}\n${value}`) ?? 0;
    return sum;
  }
  get empty(): boolean {
    return this.sums.size === 0;
  }
}

/** Near some pods, away from others; and pods that are there may have their own say about the newcomer. */
export const interPodAffinity: Plugin = {
  name: 'InterPodAffinity',
  weight: 2,
  judge: (pod, cluster) => {
    const own = termsOf(pod);
    const near = new Tally();
    const away = new Tally();
    const unwelcome = new Tally();
    const liking = new Tally();
    const speaks = own !== none;
    for (const node of cluster.nodes) {
      for (const other of node.pods) {
        const theirs = termsOf(other);
        if (!speaks && theirs === none) continue;
        if (own.affinity.length > 0 && own.affinity.every(term => matches(term, other, cluster))) {
          for (const term of own.affinity) near.add(node, term.key, 1);
        }
        for (const term of own.antiAffinity) if (matches(term, other, cluster)) away.add(node, term.key, 1);
        for (const term of theirs.antiAffinity) if (matches(term, pod, cluster)) unwelcome.add(node, term.key, 1);
        for (const term of own.preferred) if (matches(term, other, cluster)) liking.add(node, term.key, term.weight);
        for (const term of own.avoided) if (matches(term, other, cluster)) liking.add(node, term.key, -term.weight);
        for (const term of [...theirs.affinity, ...theirs.preferred])
          if (matches(term, pod, cluster)) liking.add(node, term.key, term.weight);
        for (const term of theirs.avoided) if (matches(term, pod, cluster)) liking.add(node, term.key, -term.weight);
      }
    }
    if (!speaks && unwelcome.empty && liking.empty) return undefined;
    // The first of a series that wants to be near its like must be able to start it.
    const first = near.empty && own.affinity.every(term => matches(term, pod, cluster));
    return {
      filter: node => filter(node, own, { near, away, unwelcome }, first),
      ...(liking.empty ? {} : { scores: candidates => stretched(candidates.map(node => liking.overall(node))) }),
    };
  },
};

const filter = (
  node: NodeState,
  { affinity, antiAffinity }: Terms,
  { near, away, unwelcome }: { near: Tally; away: Tally; unwelcome: Tally },
  first: boolean,
): Rejection | undefined => {
  const placed = affinity.every(({ key }) => node.node.metadata.labels?.[key] !== undefined);
  const satisfied = affinity.every(({ key }) => near.of(node, key) > 0);
  if (affinity.length > 0 && (!placed || (!satisfied && !first))) {
    return { reasons: ["node(s) didn't match pod affinity rules"], final: true };
  }
  if (antiAffinity.some(({ key }) => away.of(node, key) > 0)) return { reasons: ["node(s) didn't match pod anti-affinity rules"] };
  if (unwelcome.overall(node) > 0) return { reasons: ["node(s) didn't satisfy existing pods anti-affinity rules"] };
  return undefined;
};

/** The least liked becomes 0, the most liked 100. */
const stretched = (scores: readonly number[]): number[] => {
  const [most, least] = [Math.max(...scores), Math.min(...scores)];
  return scores.map(score => (most === least ? 0 : Math.floor((maxScore * (score - least)) / (most - least))));
};
