/** Where a pod may run: node and pod affinity, topology spread, tolerations. */
import { duplicate, forbidden, invalid, notSupported, type Path, required } from '../field.ts';
import { isDns1123Label, isDns1123Subdomain, isLabelValue, isQualifiedName, validateLabelSelector } from '../metadata.ts';
import type { LabelSelector } from '../types.ts';
import { check, checkOneOf, type Errors } from './check.ts';
import type {
  Affinity,
  NodeAffinity,
  NodeSelector,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PodAffinityTerm,
  Toleration,
  TopologySpreadConstraint,
} from './types.ts';

const checkExpression = (requirement: NodeSelectorRequirement, strict: boolean, path: Path, errors: Errors): void => {
  const values = requirement.values ?? [];
  switch (requirement.operator) {
    case 'In':
    case 'NotIn':
      if (values.length === 0) errors.push(required(path.child('values'), "must be specified when `operator` is 'In' or 'NotIn'"));
      break;
    case 'Exists':
    case 'DoesNotExist':
      if (values.length) errors.push(forbidden(path.child('values'), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
      break;
    case 'Gt':
    case 'Lt':
      if (values.length !== 1)
        errors.push(required(path.child('values'), "must be specified single value when `operator` is 'Lt' or 'Gt'"));
      break;
    default:
      errors.push(invalid(path.child('operator'), requirement.operator ?? '', 'not a valid selector operator'));
  }
  check(isQualifiedName, requirement.key ?? '', path.child('key'), errors);
  if (!strict) return;
  values.forEach((value, i) => {
    check(isLabelValue, value, path.child('values').index(i), errors);
  });
};
const checkFieldExpression = (requirement: NodeSelectorRequirement, path: Path, errors: Errors): void => {
  const values = requirement.values ?? [];
  if (requirement.operator !== 'In' && requirement.operator !== 'NotIn')
    errors.push(invalid(path.child('operator'), requirement.operator ?? '', 'not a valid selector operator'));
  else if (values.length !== 1)
    errors.push(required(path.child('values'), "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"));
  if (requirement.key !== 'metadata.name') {
    errors.push(invalid(path.child('key'), requirement.key ?? '', 'not a valid field selector key'));
    return;
  }
  values.forEach((value, i) => {
    check(isDns1123Subdomain, value, path.child('values').index(i), errors);
  });
};
const checkTerm = (term: NodeSelectorTerm, strict: boolean, path: Path, errors: Errors): void => {
  term.matchExpressions?.forEach((requirement, i) => {
    checkExpression(requirement, strict, path.child('matchExpressions').index(i), errors);
  });
  term.matchFields?.forEach((requirement, i) => {
    checkFieldExpression(requirement, path.child('matchFields').index(i), errors);
  });
};
export const checkNodeSelector = (selector: NodeSelector, path: Path, errors: Errors): void => {
  const at = path.child('nodeSelectorTerms');
  const terms = selector.nodeSelectorTerms ?? [];
  if (terms.length === 0) errors.push(required(at, 'must have at least one node selector term'));
  terms.forEach((term, i) => {
    checkTerm(term, true, at.index(i), errors);
  });
};
const requiredTerms = 'requiredDuringSchedulingIgnoredDuringExecution';
const preferredTerms = 'preferredDuringSchedulingIgnoredDuringExecution';
const checkWeight = (weight: number | undefined, path: Path, errors: Errors): void => {
  if (!weight || weight < 0 || weight > 100) errors.push(invalid(path.child('weight'), weight ?? 0, 'must be in the range 1-100'));
};
const checkNodeAffinity = (affinity: NodeAffinity, path: Path, errors: Errors): void => {
  const selector = affinity[requiredTerms];
  if (selector) checkNodeSelector(selector, path.child(requiredTerms), errors);
  affinity[preferredTerms]?.forEach((term, i) => {
    const at = path.child(preferredTerms).index(i);
    checkWeight(term.weight, at, errors);
    checkTerm(term.preference ?? {}, false, at.child('preference'), errors);
  });
};

const checkKeys = (keys: readonly string[] | undefined, selector: LabelSelector | undefined, path: Path, errors: Errors): void => {
  if (!keys?.length) return;
  if (!selector) errors.push(forbidden(path, 'must not be specified when labelSelector is not set'));
  else
    keys.forEach((key, i) => {
      check(isQualifiedName, key, path.index(i), errors);
    });
};
interface KeyedSelector {
  readonly matchLabelKeys?: string[];
  readonly mismatchLabelKeys?: string[];
  readonly labelSelector?: LabelSelector;
}
/** Keys whose values come from the pod's own labels; on creation they are merged into the selector, so once more is allowed. */
const checkLabelKeys = (term: KeyedSelector, path: Path, errors: Errors): void => {
  const { matchLabelKeys, mismatchLabelKeys, labelSelector } = term;
  if (!matchLabelKeys?.length && !mismatchLabelKeys?.length) return;
  checkKeys(matchLabelKeys, labelSelector, path.child('matchLabelKeys'), errors);
  checkKeys(mismatchLabelKeys, labelSelector, path.child('mismatchLabelKeys'), errors);
  if (labelSelector) {
    const seen = new Set(Object.keys(labelSelector.matchLabels ?? {}));
    for (const { key } of labelSelector.matchExpressions ?? []) {
      const at = matchLabelKeys?.lastIndexOf(key) ?? -1;
      if (at >= 0 && seen.has(key)) errors.push(invalid(path.index(at), key, 'exists in both matchLabelKeys and labelSelector'));
      seen.add(key);
    }
  }
  matchLabelKeys?.forEach((key, i) => {
    if (mismatchLabelKeys?.includes(key))
      errors.push(invalid(path.child('matchLabelKeys').index(i), key, 'exists in both matchLabelKeys and mismatchLabelKeys'));
  });
};

const checkPodTerm = (term: PodAffinityTerm, path: Path, errors: Errors): void => {
  if (term.labelSelector) errors.push(...validateLabelSelector(term.labelSelector, path.child('labelSelector')));
  if (term.namespaceSelector) errors.push(...validateLabelSelector(term.namespaceSelector, path.child('namespaceSelector')));
  for (const name of term.namespaces ?? []) check(isDns1123Label, name, path.child('namespace'), errors);
  checkLabelKeys(term, path, errors);
  if (!term.topologyKey) errors.push(required(path.child('topologyKey'), 'can not be empty'));
  check(isQualifiedName, term.topologyKey ?? '', path.child('topologyKey'), errors);
};
type PodTerms = NonNullable<Affinity['podAffinity']> | NonNullable<Affinity['podAntiAffinity']>;
const checkPodTerms = (terms: PodTerms, path: Path, errors: Errors): void => {
  terms[requiredTerms]?.forEach((term, i) => {
    checkPodTerm(term, path.child(requiredTerms).index(i), errors);
  });
  terms[preferredTerms]?.forEach((weighted, i) => {
    const at = path.child(preferredTerms).index(i);
    checkWeight(weighted.weight, at, errors);
    checkPodTerm(weighted.podAffinityTerm ?? { topologyKey: '' }, at.child('podAffinityTerm'), errors);
  });
};
export const checkAffinity = (affinity: Affinity | undefined, path: Path, errors: Errors): void => {
  if (!affinity) return;
  if (affinity.nodeAffinity) checkNodeAffinity(affinity.nodeAffinity, path.child('nodeAffinity'), errors);
  if (affinity.podAffinity) checkPodTerms(affinity.podAffinity, path.child('podAffinity'), errors);
  if (affinity.podAntiAffinity) checkPodTerms(affinity.podAntiAffinity, path.child('podAntiAffinity'), errors);
};

const inclusion = ['Honor', 'Ignore'];
const checkMinDomains = (constraint: TopologySpreadConstraint, path: Path, errors: Errors): void => {
  const { minDomains, whenUnsatisfiable } = constraint;
  if (minDomains === undefined) return;
  if (minDomains <= 0) errors.push(invalid(path, minDomains, 'must be greater than zero'));
  if (whenUnsatisfiable !== 'DoNotSchedule')
    errors.push(invalid(path, minDomains, `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable ?? ''}`));
};
export const checkSpread = (constraints: readonly TopologySpreadConstraint[] | undefined, path: Path, errors: Errors): void => {
  constraints?.forEach((constraint, i) => {
    const at = path.index(i);
    const { maxSkew = 0, topologyKey = '', whenUnsatisfiable = '' } = constraint;
    if (maxSkew <= 0) errors.push(invalid(at.child('maxSkew'), maxSkew, 'must be greater than zero'));
    if (!topologyKey) errors.push(required(at.child('topologyKey'), 'can not be empty'));
    if (whenUnsatisfiable !== 'DoNotSchedule' && whenUnsatisfiable !== 'ScheduleAnyway')
      errors.push(notSupported(at.child('whenUnsatisfiable'), whenUnsatisfiable, ['DoNotSchedule', 'ScheduleAnyway']));
    const again = constraints.some(
      (other, j) => j > i && (other.topologyKey ?? '') === topologyKey && (other.whenUnsatisfiable ?? '') === whenUnsatisfiable,
    );
    if (again) errors.push(duplicate(at.child('{topologyKey, whenUnsatisfiable}'), `{${topologyKey}, ${whenUnsatisfiable}}`));
    checkMinDomains(constraint, at.child('minDomains'), errors);
    checkOneOf(constraint.nodeAffinityPolicy, inclusion, at.child('nodeAffinityPolicy'), errors);
    checkOneOf(constraint.nodeTaintsPolicy, inclusion, at.child('nodeTaintsPolicy'), errors);
    checkLabelKeys(constraint, at, errors);
    if (constraint.labelSelector) errors.push(...validateLabelSelector(constraint.labelSelector, at.child('labelSelector')));
  });
};

const effects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];
export const checkTolerations = (tolerations: readonly Toleration[] | undefined, path: Path, errors: Errors): void => {
  tolerations?.forEach(({ key = '', operator = '', value = '', effect = '', tolerationSeconds }, i) => {
    const at = path.index(i);
    if (key) check(isQualifiedName, key, at.child('key'), errors);
    else if (operator !== 'Exists')
      errors.push(
        invalid(at.child('operator'), operator, 'operator must be Exists when `key` is empty, which means "match all values and all keys"'),
      );
    if (tolerationSeconds !== undefined && effect !== 'NoExecute')
      errors.push(invalid(at.child('effect'), effect, "effect must be 'NoExecute' when `tolerationSeconds` is set"));
    if (operator === '' || operator === 'Equal') {
      const problems = isLabelValue(value);
      if (problems.length) errors.push(invalid(at.child('operator'), value, problems.join(';')));
    } else if (operator === 'Exists') {
      if (value) errors.push(invalid(at.child('operator'), value, "value must be empty when `operator` is 'Exists'"));
    } else {
      // Comparisons are behind a gate that is off by default, but upstream lists them to those who try.
      const supported = operator === 'Lt' || operator === 'Gt' ? ['Equal', 'Exists', 'Lt', 'Gt'] : ['Equal', 'Exists'];
      errors.push(notSupported(at.child('operator'), operator, supported));
    }
    if (effect) checkOneOf(effect, effects, at.child('effect'), errors);
  });
};
