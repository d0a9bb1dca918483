/** Which IP families a Service has. The cluster is single-stack. */
import { invalid, root } from '../field.ts';
import { parseAddress } from '../ip.ts';
import type { FieldError } from '../status.ts';
import type { ServiceSpec } from '../types.ts';

/** The families that services can have an address of; the first is the default. */
export const clusterFamilies: readonly string[] = ['IPv4'];

const policyField = root('spec', 'ipFamilyPolicy');
const familiesField = root('spec', 'ipFamilies');
const addressesField = root('spec', 'clusterIPs');

/**
 * Fills in policy and families where they can be inferred. What contradicts the cluster is left for `validateFamilies`.
 */
export const initializeFamilies = (spec: ServiceSpec, previous: ServiceSpec | undefined): void => {
  if (spec.type === 'ExternalName') return;
  const selectorless = Object.keys(spec.selector ?? {}).length === 0;
  const open = spec.clusterIP === 'None' && selectorless;
  spec.ipFamilyPolicy ??= previous?.ipFamilyPolicy ?? (open ? 'RequireDualStack' : 'SingleStack');
  const addresses = spec.clusterIPs ?? [];
  const families = [...(spec.ipFamilies ?? [])];
  if (previous && spec.ipFamilyPolicy === 'SingleStack') {
    const unchanged = (one: readonly string[] = [], other: readonly string[] = []) => one.join() === other.join();
    if (addresses.length > 1 && unchanged(addresses, previous.clusterIPs)) spec.clusterIPs = addresses.slice(0, 1);
    if (families.length > 1 && unchanged(families, previous.ipFamilies)) families.length = 1;
  }
  (spec.clusterIPs ?? []).forEach((ip, i) => {
    const family = ip === 'None' ? undefined : parseAddress(ip)?.family;
    if (family && i >= families.length) families.push(family);
  });
  if (families.length === 0 && clusterFamilies[0]) families.push(clusterFamilies[0]);
  const both = open || clusterFamilies.length > 1;
  if (both && families.length === 1 && spec.ipFamilyPolicy !== 'SingleStack') families.push(families[0] === 'IPv4' ? 'IPv6' : 'IPv4');
  spec.ipFamilies = families;
};

/** Whether policy, families and addresses fit each other and the cluster. */
export const validateFamilies = (spec: ServiceSpec): FieldError[] => {
  if (spec.type === 'ExternalName') return [];
  const errors: FieldError[] = [];
  const { ipFamilyPolicy: policy, ipFamilies: families = [], clusterIPs = [] } = spec;
  if (policy === 'SingleStack') {
    const need = "must be 'RequireDualStack' or 'PreferDualStack' when multiple";
    if (clusterIPs.length === 2) errors.push(invalid(policyField, policy, `${need} cluster IPs are specified`));
    if (families.length === 2) errors.push(invalid(policyField, policy, `${need} IP families are specified`));
  }
  if (spec.clusterIP === 'None' && Object.keys(spec.selector ?? {}).length === 0) return errors;
  clusterIPs.slice(0, 2).forEach((ip, i) => {
    const family = parseAddress(ip)?.family;
    if (family && !clusterFamilies.includes(family) && families[i] === family)
      errors.push(invalid(addressesField.index(i), clusterIPs, `${family} is not configured on this cluster`));
  });
  if (policy === 'RequireDualStack' && clusterFamilies.length < 2)
    errors.push(invalid(policyField, policy, 'this cluster is not configured for dual-stack services'));
  if (errors.length) return errors;
  families.forEach((family, i) => {
    if (!clusterFamilies.includes(family) && (family === 'IPv4' || family === 'IPv6'))
      errors.push(invalid(familiesField.index(i), family, 'not configured on this cluster'));
  });
  return errors;
};
