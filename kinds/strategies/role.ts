/** Role and ClusterRole. */
import { invalid, type Path, required, root } from '../field.ts';
import { isPathSegment, validateLabelSelector } from '../metadata.ts';
import type { FieldError } from '../status.ts';
import type { Strategy } from '../strategy.ts';
import type { ClusterRole, PolicyRule, Role } from '../types.ts';
import { wholeAndChange } from './metadata-checks.ts';

export const validatePolicyRule = (rule: PolicyRule, namespaced: boolean, field: Path): FieldError[] => {
  const errors: FieldError[] = [];
  const { verbs, apiGroups, resources, resourceNames, nonResourceURLs } = rule;
  if (!verbs?.length) errors.push(required(field.child('verbs'), 'verbs must contain at least one value'));
  if (nonResourceURLs?.length) {
    const urls = field.child('nonResourceURLs');
    if (namespaced) errors.push(invalid(urls, nonResourceURLs, 'namespaced rules cannot apply to non-resource URLs'));
    if (apiGroups?.length || resources?.length || resourceNames?.length)
      errors.push(invalid(urls, nonResourceURLs, 'rules cannot apply to both regular resources and non-resource URLs'));
    return errors;
  }
  if (!apiGroups?.length) errors.push(required(field.child('apiGroups'), 'resource rules must supply at least one api group'));
  if (!resources?.length) errors.push(required(field.child('resources'), 'resource rules must supply at least one resource'));
  return errors;
};
const rulesField = root('rules');
const validateRules = (rules: readonly PolicyRule[] | null | undefined, namespaced: boolean): FieldError[] =>
  rules?.flatMap((rule, i) => validatePolicyRule(rule, namespaced, rulesField.index(i))) ?? [];

export const role: Strategy<Role> = {
  metadataChecks: wholeAndChange,
  nameRule: isPathSegment,
  allowCreateOnUpdate: true,
  validate: object => validateRules(object.rules, true),
  cells: object => [object.metadata.name, object.metadata.creationTimestamp ?? null],
};

const selectorsField = root('aggregationRule', 'clusterRoleSelectors');
export const clusterRole: Strategy<ClusterRole> = {
  metadataChecks: wholeAndChange,
  nameRule: isPathSegment,
  allowCreateOnUpdate: true,
  validate(object) {
    const errors = validateRules(object.rules, false);
    if (!object.aggregationRule) return errors;
    const selectors = object.aggregationRule.clusterRoleSelectors ?? [];
    if (selectors.length === 0)
      errors.push(required(selectorsField, 'at least one clusterRoleSelector required if aggregationRule is non-nil'));
    selectors.forEach((selector, i) => {
      const field = selectorsField.index(i);
      const problems = validateLabelSelector(selector, field);
      errors.push(...problems);
      if (problems.length) errors.push(invalid(field, null, 'invalid label selector.'));
    });
    return errors;
  },
  cells: object => [object.metadata.name, object.metadata.creationTimestamp ?? null],
};
