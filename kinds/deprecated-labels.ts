/** Labels of nodes that have other names by now; whoever selects by them is told (upstream `pkg/api/node/util.go`). */
import type { Path } from './field.ts';

const texts = new Map([
  ['beta.kubernetes.io/arch', 'deprecated since v1.14; use "kubernetes.io/arch" instead'],
  ['beta.kubernetes.io/os', 'deprecated since v1.14; use "kubernetes.io/os" instead'],
  ['failure-domain.beta.kubernetes.io/region', 'deprecated since v1.17; use "topology.kubernetes.io/region" instead'],
  ['failure-domain.beta.kubernetes.io/zone', 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead'],
  ['beta.kubernetes.io/instance-type', 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead'],
  ['app.kubernetes.io/created-by', 'deprecated since v1.9'],
  ['scheduler.alpha.kubernetes.io/preferAvoidPods', 'deprecated since v1.22; use Taints and Tolerations instead'],
  ['node-role.kubernetes.io/master', 'use "node-role.kubernetes.io/control-plane" instead'],
]);

/** Undefined for a label that is in use. */
export const deprecatedLabel = (key: string): string | undefined => texts.get(key);

interface Selector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly { readonly key?: string }[];
}
/** Of a label selector, or of a term of a node selector. */
export const selectorWarnings = (selector: Selector | undefined, field: Path): string[] => {
  const list: string[] = [];
  selector?.matchExpressions?.forEach(({ key = '' }, i) => {
    const text = texts.get(key);
    if (text) list.push(`${field.child('matchExpressions').index(i).child('key')}: ${key} is ${text}`);
  });
  for (const key of Object.keys(selector?.matchLabels ?? {})) {
    const text = texts.get(key);
    if (text) list.push(`${field.child('matchLabels', key)}: ${text}`);
  }
  return list;
};
