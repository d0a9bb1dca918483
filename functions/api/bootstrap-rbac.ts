/**
 * Default roles and bindings that exist already get back what they have lost; what somebody added stays. One that says it is nobody's but its
 * owner's is left alone (component-helpers `auth/rbac/reconciliation`). Pure.
 */
import type { KubeObject } from '../../kinds/object.ts';
import type { PolicyRule } from '../../kinds/types.ts';
import { missingRules } from './authorization/rules.ts';
import { sameJson } from './wire.ts';

const autoUpdate = 'rbac.authorization.kubernetes.io/autoupdate';
const group = 'rbac.authorization.k8s.io/';

interface Role extends KubeObject {
  rules?: PolicyRule[] | null;
  aggregationRule?: { clusterRoleSelectors?: unknown[] };
}
interface Subject {
  kind: string;
  name: string;
  namespace?: string;
  apiGroup?: string;
}
interface Binding extends KubeObject {
  roleRef: { kind: string; name: string };
  subjects?: Subject[];
}

export type Reconciled =
  | { readonly type: 'same' }
  | { readonly type: 'changed'; readonly object: KubeObject }
  | { readonly type: 'replaced' };
const same: Reconciled = { type: 'same' };

/** `existing` as it should be, so that it grants at least what `expected` does. Objects of other kinds are as they should be. */
export const reconciled = (existing: KubeObject, expected: KubeObject): Reconciled => {
  if (!existing.apiVersion.startsWith(group) || existing.metadata.annotations?.[autoUpdate] === 'false') return same;
  if (existing.kind.endsWith('Binding')) return binding(existing as Binding, expected as Binding);
  return changed(existing, role(existing as Role, expected as Role));
};

const changed = (existing: KubeObject, object: KubeObject): Reconciled => (sameJson(existing, object) ? same : { type: 'changed', object });

const withMarks = <T extends KubeObject>(existing: T, expected: KubeObject): T => {
  const annotations = { ...expected.metadata.annotations, ...existing.metadata.annotations };
  const labels = { ...expected.metadata.labels, ...existing.metadata.labels };
  return {
    ...existing,
    metadata: {
      ...existing.metadata,
      ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
      ...(Object.keys(labels).length > 0 ? { labels } : {}),
    },
  };
};

const role = (existing: Role, expected: Role): Role => {
  const next = withMarks(existing, expected);
  const missing = missingRules(existing.rules ?? [], expected.rules ?? []);
  if (missing.length > 0) next.rules = [...(existing.rules ?? []), ...missing];
  if (!expected.aggregationRule) {
    delete next.aggregationRule;
    return next;
  }
  const selectors = existing.aggregationRule?.clusterRoleSelectors ?? [];
  const wanted = expected.aggregationRule.clusterRoleSelectors ?? [];
  const more = wanted.filter(one => !selectors.some(other => sameJson(one, other)));
  if (more.length > 0) next.aggregationRule = { ...existing.aggregationRule, clusterRoleSelectors: [...selectors, ...more] };
  return next;
};

const isSame = (one: Subject, other: Subject): boolean =>
  one.kind === other.kind && one.name === other.name && (one.namespace ?? '') === (other.namespace ?? '');

const binding = (existing: Binding, expected: Binding): Reconciled => {
  const [is, should] = [existing.roleRef, expected.roleRef];
  // What a binding refers to never changes, so it is made anew.
  if (is.kind !== should.kind || is.name !== should.name) return { type: 'replaced' };
  const next = withMarks(existing, expected);
  const subjects = existing.subjects ?? [];
  const missing = (expected.subjects ?? []).filter(one => !subjects.some(other => isSame(one, other)));
  if (missing.length > 0) next.subjects = [...subjects, ...missing];
  return changed(existing, next);
};
