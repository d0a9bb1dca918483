/** Small checks that the strategies of many kinds share. */
import { type Field, invalid, notSupported, required } from './field.ts';
import { isDns1123Subdomain, isPortName, isPortNumber, type Rule } from './names.ts';
import { compare, isQuantity, parseQuantity, zero } from './quantity.ts';
import type { FieldError } from './status.ts';

/** Every reason why `rule` refuses `value`, at `field`. */
export const check = (rule: Rule, value: string, field: Field): FieldError[] => rule(value).map(text => invalid(field, value, text));

/** `value` must be one of `supported` (shown in this order). Empty counts as missing. */
export const oneOf = (value: string | undefined, supported: readonly string[], field: Field): FieldError[] => {
  if (!value) return [required(field)];
  return supported.includes(value) ? [] : [notSupported(field, value, supported)];
};
/** The same for a field that may be absent. */
export const optionalOneOf = (value: string | undefined | null, supported: readonly string[], field: Field): FieldError[] =>
  value === undefined || value === null || supported.includes(value) ? [] : [notSupported(field, value, supported)];

/** A pointer that must be set: empty is a value, and a wrong one. */
export const givenOneOf = (value: string | undefined | null, supported: readonly string[], field: Field): FieldError[] =>
  value === undefined || value === null ? [required(field)] : optionalOneOf(value, supported, field);

/** Where in `list` an item stands that stood there before. In one pass, because a list may be as long as a body. */
export const repeatsIn = (list: readonly unknown[]): ReadonlySet<number> => {
  const seen = new Set<unknown>();
  const found = new Set<number>();
  list.forEach((item, i) => {
    if (seen.has(item)) found.add(i);
    else seen.add(item);
  });
  return found;
};

export const protocols = ['SCTP', 'TCP', 'UDP'] as const;

/** A port as number or as name. */
export const validatePort = (port: number | string | undefined, field: Field): FieldError[] => {
  if (typeof port === 'string') return check(isPortName, port, field);
  return isPortNumber(port ?? 0).map(text => invalid(field, port ?? 0, text));
};
export const validatePortNumber = (port: number | undefined, field: Field): FieldError[] =>
  isPortNumber(port ?? 0).map(text => invalid(field, port ?? 0, text));

/** The name of a node, secret or class that a field refers to. */
export const validateReferenceName = (name: string | undefined, field: Field): FieldError[] =>
  name ? check(isDns1123Subdomain, name, field) : [required(field)];

export const validateNonNegativeQuantity = (text: string, field: Field): FieldError[] =>
  isQuantity(text) && compare(parseQuantity(text), zero) < 0 ? [invalid(field, text, 'must be greater than or equal to 0')] : [];
