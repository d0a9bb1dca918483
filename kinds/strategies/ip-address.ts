/** IPAddress: a claim on one address; its name is the address. */
import type * as generated from '@kubernetes/client-node';
import { check } from '../checks.ts';
import { required, root } from '../field.ts';
import { formatAddress, parseAddress } from '../ip.ts';
import { isDns1123Subdomain, isPathSegment, validateImmutable } from '../metadata.ts';
import type { FieldError } from '../status.ts';
import type { Strategy } from '../strategy.ts';
import { age } from '../table/age.ts';
import type { Kind } from '../types.ts';
import { wholeAndChange } from './metadata-checks.ts';

type IpAddress = Kind<generated.V1IPAddress>;
const parentField = root('spec', 'parentRef');

const addressProblems = (name: string): string[] => {
  const address = parseAddress(name);
  if (!address) return ['must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'];
  if (address.leadingZeros) return ['must not have leading 0s'];
  if (address.mapped) return ['must not be an IPv4-mapped IPv6 address'];
  const canonical = formatAddress(address);
  return canonical === name ? [] : [`must be in canonical form ("${canonical}")`];
};

export const ipAddress: Strategy<IpAddress> = {
  metadataChecks: wholeAndChange,
  nameRule: addressProblems,
  validate(object) {
    const parent = object.spec?.parentRef;
    if (!parent) return [required(parentField)];
    const errors: FieldError[] = [];
    if (parent.group) errors.push(...check(isDns1123Subdomain, parent.group, parentField.child('group')));
    for (const name of ['resource', 'name'] as const) {
      const field = parentField.child(name);
      errors.push(...(parent[name] ? check(isPathSegment, parent[name], field) : [required(field)]));
    }
    if (parent.namespace) errors.push(...check(isPathSegment, parent.namespace, parentField.child('namespace')));
    return errors;
  },
  validateUpdate: (next, previous) =>
    validateImmutable(next.spec?.parentRef, previous.spec?.parentRef, parentField, 'networking.v1.ParentReference'),
  cells(object, now) {
    const parent = object.spec?.parentRef;
    const kind = parent && `${parent.resource}${parent.group ? `.${parent.group}` : ''}`.toLowerCase();
    const text = parent ? [kind, ...(parent.namespace ? [parent.namespace] : []), parent.name].join('/') : '<none>';
    // Upstream sends the age as well, though it has no column.
    return [object.metadata.name, text, age(object.metadata.creationTimestamp, now)];
  },
};
