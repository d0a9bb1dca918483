/** Node selector terms (upstream: `component-helpers/scheduling/corev1/nodeaffinity`). */
import type { Node, PodSpec } from '../../kinds/types.ts';

type Affinity = NonNullable<NonNullable<PodSpec['affinity']>['nodeAffinity']>;
export type NodeSelectorTerm = NonNullable<Affinity['requiredDuringSchedulingIgnoredDuringExecution']>['nodeSelectorTerms'][number];
type Requirement = NonNullable<NodeSelectorTerm['matchExpressions']>[number];

const integer = /^[+-]?[0-9]+$/;
const compares = (value: string, bound: string | undefined, test: (a: bigint, b: bigint) => boolean): boolean =>
  bound !== undefined && integer.test(value) && integer.test(bound) && test(BigInt(value), BigInt(bound));

const holds = ({ operator, values = [] }: Requirement, value: string | undefined): boolean => {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return value !== undefined && compares(value, values[0], (a, b) => a > b);
    case 'Lt':
      return value !== undefined && compares(value, values[0], (a, b) => a < b);
    default:
      return false;
  }
};

/** An empty term matches no node. */
export const matchesTerm = (term: NodeSelectorTerm, node: Node): boolean => {
  const { matchExpressions = [], matchFields = [] } = term;
  if (matchExpressions.length === 0 && matchFields.length === 0) return false;
  return (
    matchExpressions.every(requirement => holds(requirement, label(node, requirement.key))) &&
    matchFields.every(requirement => holds(requirement, requirement.key === 'metadata.name' ? node.metadata.name : undefined))
  );
};

const label = (node: Node, key: string): string | undefined => {
  const labels = node.metadata.labels;
  return labels && Object.hasOwn(labels, key) ? labels[key] : undefined;
};

/** Whether the pod's node selector and required node affinity allow the node. */
export const allowsNode = (spec: PodSpec | undefined, node: Node): boolean => {
  for (const [key, value] of Object.entries(spec?.nodeSelector ?? {})) if (label(node, key) !== value) return false;
  const required = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return !required || required.nodeSelectorTerms.some(term => matchesTerm(term, node));
};
