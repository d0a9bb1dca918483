/** What the workloads that own pods have in common besides their template: counts, percentages, status. */
import { invalid, type Path } from '../field.ts';
import { isPercent, negativeText } from '../metadata.ts';
import { checkNonNegative, type Errors } from './check.ts';

export type IntOrPercent = number | string | undefined;

export const checkIntOrPercent = (value: IntOrPercent, path: Path, errors: Errors): void => {
  if (typeof value === 'string') for (const text of isPercent(value)) errors.push(invalid(path, value, text));
  else if ((value ?? 0) < 0) errors.push(invalid(path, value, negativeText));
};
const percentOf = (value: IntOrPercent): number | undefined =>
  typeof value === 'string' && isPercent(value).length === 0 ? Number(value.slice(0, -1)) : undefined;
/** The number, or the number of per cent; text that is neither counts as the number it begins with, as in Go: 0. */
export const amountOf = (value: IntOrPercent): number => {
  const percent = percentOf(value);
  if (percent !== undefined) return percent;
  return typeof value === 'string' ? (/^[+-]?[0-9]+$/.test(value) ? Number(value) : 0) : (value ?? 0);
};
export const checkAtMostWhole = (value: IntOrPercent, path: Path, errors: Errors): void => {
  if ((percentOf(value) ?? 0) > 100) errors.push(invalid(path, value, 'must not be greater than 100%'));
};

export const checkCounts = (
  object: Readonly<Record<string, unknown>> | undefined,
  fields: readonly string[],
  path: Path,
  errors: Errors,
): void => {
  for (const field of fields) {
    const value = object?.[field];
    if (typeof value === 'number') checkNonNegative(value, path.child(field), errors);
  }
};
type Counts = Readonly<Record<string, unknown>>;
const count = (status: Counts, field: string): number => {
  const value = status[field];
  return typeof value === 'number' ? value : 0;
};
/** None of `fields` may exceed `replicas`, nor the available replicas the ready ones. `than` is how the text names the latter. */
export const checkReplicaStatus = (status: Counts, fields: readonly string[], than: string, path: Path, errors: Errors): void => {
  for (const field of fields) {
    if (count(status, field) > count(status, 'replicas'))
      errors.push(invalid(path.child(field), count(status, field), 'cannot be greater than status.replicas'));
  }
  const available = count(status, 'availableReplicas');
  if (available > count(status, 'readyReplicas'))
    errors.push(invalid(path.child('availableReplicas'), available, `cannot be greater than ${than}`));
};
/** Names made with the collision count must never come again. */
export const checkCollisions = (next: number | undefined, previous: number | undefined, path: Path, errors: Errors): void => {
  if (previous !== undefined && (next ?? -1) < previous)
    errors.push(invalid(path.child('collisionCount'), next ?? 0, 'cannot be decremented'));
};
