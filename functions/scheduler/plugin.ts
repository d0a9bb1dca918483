/**
 * What a scheduling plugin is. For one pod it looks once over the cluster (upstream's PreFilter and PreScore) and then judges node by node.
 * Plugins are pure: they see values and keep nothing.
 */
import type { LabelRequirements } from '../../kinds/selector/label-selector.ts';
import type { Namespace, Node, Pod } from '../../kinds/types.ts';
import type { Resources } from './resources.ts';

/** One node with what runs on it. */
export interface NodeState {
  readonly node: Node;
  readonly name: string;
  /** Neither succeeded nor failed. */
  readonly pods: readonly Pod[];
  readonly allocatable: Resources;
  /** The sum of requests of `pods`. */
  readonly requested: Resources;
  /** The same, counting a small amount for containers that request nothing (for scores only). */
  readonly assumed: Resources;
}

export interface Cluster {
  readonly nodes: readonly NodeState[];
  namespace(name: string): Namespace | undefined;
  /** What selects the pod's siblings: the Services before it and the controller above it. Undefined: it has none. */
  siblings(pod: Pod): LabelRequirements | undefined;
}

export interface Rejection {
  /** In upstream's words, as they are counted in `0/3 nodes are available: ...`. */
  readonly reasons: readonly string[];
  /** Removing other pods from the node would not help. */
  readonly final?: boolean;
}

export interface Judge {
  /** Undefined: the pod can run there. */
  filter?(node: NodeState): Rejection | undefined;
  /** How good the nodes are that passed all filters, each from 0 to 100. */
  scores?(candidates: readonly NodeState[]): readonly number[];
}

export interface Plugin {
  readonly name: string;
  /** Of the score (upstream's default profile). */
  readonly weight?: number;
  /** Undefined: nothing to say about this pod. */
  judge(pod: Pod, cluster: Cluster): Judge | undefined;
}

export const maxScore = 100;
/** The largest becomes 100; `reverse`: 0 becomes 100. (upstream `helper.DefaultNormalizeScore`) */
export const normalized = (scores: readonly number[], reverse = false): number[] => {
  const most = Math.max(0, ...scores);
  if (most === 0) return scores.map(() => (reverse ? maxScore : 0));
  return scores.map(score => {
    const part = Math.floor((score * maxScore) / most);
    return reverse ? maxScore - part : part;
  });
};
