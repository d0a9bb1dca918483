/** PodDisruptionBudget. */
import type * as generated from '@kubernetes/client-node';
import { check, optionalOneOf } from '../checks.ts';
import { type Field, invalid, root } from '../field.ts';
import { internalForm } from '../internal-form.ts';
import { isPercent, validateConditions, validateLabelSelector, validateNonNegative } from '../metadata.ts';
import type { FieldError } from '../status.ts';
import type { Strategy } from '../strategy.ts';
import { age } from '../table/age.ts';
import type { Kind } from '../types.ts';
import { keepAllButStatus } from './status-update.ts';

type Budget = Kind<generated.V1PodDisruptionBudget>;
const specField = root('spec');
const statusField = root('status');

const validateShare = (share: number | string | undefined, field: Field): FieldError[] => {
  if (share === undefined) return [];
  if (typeof share === 'number') return validateNonNegative(share, field);
  const errors = check(isPercent, share, field);
  return errors.length === 0 && Number(share.slice(0, -1)) > 100 ? [invalid(field, share, 'must not be greater than 100%')] : errors;
};

export const podDisruptionBudget: Strategy<Budget> = {
  nameRule: 'path-segment',
  metadataChecks: { create: false, update: [] },
  generation: true,
  allowUnconditionalUpdate: false,
  validate({ spec = {} }) {
    const { minAvailable, maxUnavailable, selector, unhealthyPodEvictionPolicy: policy } = spec;
    const errors: FieldError[] = [];
    if (minAvailable !== undefined && maxUnavailable !== undefined) {
      const shown = internalForm('policy.v1.PodDisruptionBudgetSpec', spec);
      errors.push(invalid(specField, shown, 'minAvailable and maxUnavailable cannot be both set'));
    }
    errors.push(...validateShare(minAvailable, specField.child('minAvailable')));
    errors.push(...validateShare(maxUnavailable, specField.child('maxUnavailable')));
    errors.push(...validateLabelSelector(selector, specField.child('selector')));
    errors.push(...optionalOneOf(policy, ['AlwaysAllow', 'IfHealthyBudget'], specField.child('unhealthyPodEvictionPolicy')));
    return errors;
  },
  subresources: {
    status: {
      prepareForUpdate: keepAllButStatus,
      validateUpdate({ status }) {
        if (!status) return [];
        const counts = ['disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods'] as const;
        return [
          ...validateConditions(status.conditions, statusField.child('conditions')),
          ...counts.flatMap(name => validateNonNegative(status[name], statusField.child(name))),
        ];
      },
    },
  },
  cells: ({ metadata, spec = {}, status }, now) => [
    metadata.name,
    String(spec.minAvailable ?? 'N/A'),
    String(spec.maxUnavailable ?? 'N/A'),
    status?.disruptionsAllowed ?? 0,
    age(metadata.creationTimestamp, now),
  ],
};
