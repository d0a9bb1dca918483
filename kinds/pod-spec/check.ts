/**
 * How the rules of this folder report: they push into one list that stays empty on almost every write. Paths are linked
 * lists that become text only inside an error.
 */
import { invalid, notSupported, type Path, required } from '../field.ts';
import { negativeText } from '../metadata.ts';
import type { Rule } from '../names.ts';
import type { FieldError } from '../status.ts';

export type Errors = FieldError[];

/** Reports whatever `rule` has against `value`. */
export const check = (rule: Rule, value: string, path: Path, errors: Errors): void => {
  for (const text of rule(value)) errors.push(invalid(path, value, text));
};
/** As `check`, but an empty value is missing, not malformed. */
export const checkRequired = (rule: Rule, value: string | undefined, path: Path, errors: Errors): void => {
  if (value) check(rule, value, path, errors);
  else errors.push(required(path));
};
export const checkNonNegative = (value: number | undefined, path: Path, errors: Errors): void => {
  if (value !== undefined && value < 0) errors.push(invalid(path, value, negativeText));
};
export const checkPresent = (value: unknown, path: Path, errors: Errors): void => {
  if (value === undefined || value === '') errors.push(required(path));
};
/** One of `supported`, or absent. The order of `supported` is the one shown. */
export const checkOneOf = (value: string | undefined, supported: readonly string[], path: Path, errors: Errors): void => {
  if (value !== undefined && !supported.includes(value)) errors.push(notSupported(path, value, supported));
};
/** One of `supported`; empty counts as missing. */
export const checkChoice = (value: string | undefined, supported: readonly string[], path: Path, errors: Errors): void => {
  if (!value) errors.push(required(path));
  else if (!supported.includes(value)) errors.push(notSupported(path, value, supported));
};
