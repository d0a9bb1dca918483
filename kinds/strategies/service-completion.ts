/**
 * What is filled in of a Service before anybody judges it: addresses and ports that the writer left out although they were
 * allocated, the pairs of old and new fields, and IP families (upstream: `pkg/registry/core/service/storage`, storage.go and
 * alloc.go). The cluster is single-stack.
 */
import { invalid, root } from '../field.ts';
import { parseAddress } from '../ip.ts';
import type { FieldError } from '../status.ts';
import type { ServiceSpec } from '../types.ts';
import { isAddressed, isSelectorless, needsHealthCheckPort, nodePortsOf, sameAddresses, sameList, wantsNodePorts } from './service-type.ts';
import { validateServiceAddresses } from './service-validation.ts';

/** The families that services can have an address of; the first is the default. */
const clusterFamilies: readonly string[] = ['IPv4'];

const policyField = root('spec', 'ipFamilyPolicy');
const familiesField = root('spec', 'ipFamilies');
const addressesField = root('spec', 'clusterIPs');

/** What was allocated stays, if the writer only left it out. */
const keepAllocated = (next: ServiceSpec, previous: ServiceSpec): void => {
  if (isAddressed(previous) && isAddressed(next)) {
    if (!next.clusterIP && previous.clusterIP) next.clusterIP = previous.clusterIP;
    if (!next.clusterIPs?.length && previous.clusterIPs?.length) next.clusterIPs = [...previous.clusterIPs];
  }
  if (wantsNodePorts(previous) && wantsNodePorts(next)) {
    const taken = new Set(nodePortsOf(next));
    const known = new Map((previous.ports ?? []).map(port => [port.name ?? '', port.nodePort]));
    const used = new Set(nodePortsOf(previous).filter(port => taken.has(port)));
    for (const port of next.ports ?? []) {
      const before = known.get(port.name ?? '');
      if (!port.nodePort && before && !used.has(before)) port.nodePort = before;
    }
  }
  if (needsHealthCheckPort(previous) && needsHealthCheckPort(next) && !next.healthCheckNodePort && previous.healthCheckNodePort)
    next.healthCheckNodePort = previous.healthCheckNodePort;
};

/** Old clients know `clusterIP` only; the list follows it. */
const pairAddresses = (next: ServiceSpec, previous?: ServiceSpec): void => {
  if (!previous) {
    if (next.clusterIP && !next.clusterIPs?.length) next.clusterIPs = [next.clusterIP];
    return;
  }
  const before = previous.clusterIP ?? '';
  const after = next.clusterIP ?? '';
  if (previous.clusterIPs?.length && !next.clusterIPs?.length && before === after) next.clusterIPs = [...previous.clusterIPs];
  if (before === after || !sameList(previous.clusterIPs, next.clusterIPs)) return;
  if (after === '') delete next.clusterIPs;
  else next.clusterIPs = [after];
};

/** A service that prefers two families is not moved to what the cluster has by now, unless it asks for it. */
const keepsPreference = (next: ServiceSpec, previous: ServiceSpec): boolean =>
  next.ipFamilyPolicy === 'PreferDualStack' &&
  previous.ipFamilyPolicy === 'PreferDualStack' &&
  next.type === previous.type &&
  sameAddresses(next, previous) &&
  sameList(next.ipFamilies, previous.ipFamilies);

/** Leaving out the second address or family is not enough to give it up. */
const cutBack = (next: ServiceSpec, previous: ServiceSpec): FieldError[] => {
  const { clusterIPs = [], ipFamilies = [], ipFamilyPolicy: policy } = next;
  if (policy === 'SingleStack') {
    if (clusterIPs.length > 1 && sameAddresses(previous, next)) next.clusterIPs = clusterIPs.slice(0, 1);
    if (ipFamilies.length > 1 && sameList(previous.ipFamilies, ipFamilies)) next.ipFamilies = ipFamilies.slice(0, 1);
    return [];
  }
  const reduced = (before: readonly string[] = [], after: readonly string[]) =>
    before.length === 2 && after.length === 1 && before[0] === after[0];
  const need = "must be 'SingleStack' to release the secondary";
  return [
    ...(reduced(previous.clusterIPs, clusterIPs) ? [invalid(policyField, policy ?? null, `${need} cluster IP`)] : []),
    ...(reduced(previous.ipFamilies, ipFamilies) ? [invalid(policyField, policy ?? null, `${need} IP family`)] : []),
  ];
};

const inferFamilies = (spec: ServiceSpec): FieldError[] => {
  const errors: FieldError[] = [];
  const { clusterIPs: addresses = [], ipFamilies: given = [], ipFamilyPolicy: policy } = spec;
  if (policy === 'SingleStack') {
    const need = "must be 'RequireDualStack' or 'PreferDualStack' when multiple";
    if (addresses.length === 2) errors.push(invalid(policyField, policy, `${need} cluster IPs are specified`));
    if (given.length === 2) errors.push(invalid(policyField, policy, `${need} IP families are specified`));
  }
  const families = [...given];
  for (const [i, ip] of addresses.entries()) {
    if (ip === 'None') break;
    const family = parseAddress(ip)?.family ?? '';
    if (i < families.length) continue;
    if (clusterFamilies.includes(family)) families.push(family);
    else errors.push(invalid(addressesField.index(i), addresses, `${family} is not configured on this cluster`));
  }
  if (families.length > 0) spec.ipFamilies = families;
  return errors;
};

const initializeFamilies = (next: ServiceSpec, previous: ServiceSpec | undefined): FieldError[] => {
  if (!isAddressed(next) || (previous && keepsPreference(next, previous))) return [];
  const open = isSelectorless(next);
  next.ipFamilyPolicy ??= previous?.ipFamilyPolicy ?? (open ? 'RequireDualStack' : 'SingleStack');
  const malformed = validateServiceAddresses(next, previous);
  if (malformed.length > 0) return malformed;
  const errors = [...(previous ? cutBack(next, previous) : []), ...inferFamilies(next)];
  if (errors.length > 0) return errors;
  const policy = next.ipFamilyPolicy;
  const families = [...(next.ipFamilies ?? [])];
  if (!open) {
    if (policy === 'RequireDualStack' && clusterFamilies.length < 2)
      errors.push(invalid(policyField, policy, 'this cluster is not configured for dual-stack services'));
    families.forEach((family, i) => {
      if (!clusterFamilies.includes(family)) errors.push(invalid(familiesField.index(i), family, 'not configured on this cluster'));
    });
    if (errors.length > 0) return errors;
  }
  if (families.length === 0 && clusterFamilies[0]) families.push(clusterFamilies[0]);
  const both = open || clusterFamilies.length > 1;
  if (both && families.length === 1 && policy !== 'SingleStack') families.push(families[0] === 'IPv4' ? 'IPv6' : 'IPv4');
  next.ipFamilies = families;
  return [];
};

/** Completes `next` in place; errors are told before any other of the Service. */
export const completeService = (next: ServiceSpec, previous: ServiceSpec | undefined): FieldError[] => {
  if (previous) keepAllocated(next, previous);
  pairAddresses(next, previous);
  return initializeFamilies(next, previous);
};
