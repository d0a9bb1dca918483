/** PriorityClass. */
import type * as generated from '@kubernetes/client-node';
import { oneOf } from '../checks.ts';
import { forbidden, root } from '../field.ts';
import { validateImmutable } from '../metadata.ts';
import type { FieldError } from '../status.ts';
import type { Strategy } from '../strategy.ts';
import { age } from '../table/age.ts';
import type { Kind } from '../types.ts';

type PriorityClass = Kind<generated.V1PriorityClass>;

export const systemPriorities: Readonly<Record<string, number>> = {
  'system-node-critical': 2_000_001_000,
  'system-cluster-critical': 2_000_000_000,
};
const highestUserPriority = 1_000_000_000;

/** Why a class with the reserved prefix is not one of the two that exist. */
const notSystem = ({ metadata: { name }, value, globalDefault }: PriorityClass): string | undefined => {
  const expected = Object.hasOwn(systemPriorities, name) ? systemPriorities[name] : undefined;
  if (expected === undefined) return `${name} is not a known system priority class`;
  if (expected !== value) return `value of ${name} PriorityClass must be ${expected}`;
  return globalDefault ? `globalDefault of ${name} PriorityClass must be false` : undefined;
};

export const priorityClass: Strategy<PriorityClass> = {
  defaults(object) {
    object.value ??= 0;
    object.preemptionPolicy ??= 'PreemptLowerPriority';
  },
  prepareForCreate(object) {
    object.metadata.generation = 1;
  },
  validateCreate(object) {
    const errors: FieldError[] = [];
    if (object.metadata.name?.startsWith('system-')) {
      const why = notSystem(object);
      if (why)
        errors.push(
          forbidden(root('metadata', 'name'), `priority class names with 'system-' prefix are reserved for system use only. error: ${why}`),
        );
    } else if ((object.value ?? 0) > highestUserPriority)
      errors.push(forbidden('value', `maximum allowed value of a user defined priority is ${highestUserPriority}`));
    if (object.preemptionPolicy !== undefined)
      errors.push(...oneOf(object.preemptionPolicy, ['PreemptLowerPriority', 'Never'], 'preemptionPolicy'));
    return errors;
  },
  validateUpdate: (next, previous) => [
    ...(next.value === previous.value ? [] : [forbidden('value', 'may not be changed in an update.')]),
    ...validateImmutable(next.preemptionPolicy, previous.preemptionPolicy, 'preemptionPolicy'),
  ],
  cells: (object, now) => [
    object.metadata.name,
    object.value ?? 0,
    object.globalDefault ?? false,
    age(object.metadata.creationTimestamp, now),
    object.preemptionPolicy ?? '',
  ],
};
