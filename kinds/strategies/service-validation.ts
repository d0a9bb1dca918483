/** Rules over a Service (upstream: `pkg/apis/core/validation/validation.go`). */
import { check, oneOf, optionalOneOf, protocols, repeatsIn, validatePort, validatePortNumber } from '../checks.ts';
import { duplicate, forbidden, invalid, notSupported, type Path, required, root } from '../field.ts';
import { parseAddress, validateAddress, validateBlock, validateEndpointAddress } from '../ip.ts';
import { isDns1123Label, isDns1123Subdomain, isQualifiedName, validateLabels } from '../metadata.ts';
import type { FieldError } from '../status.ts';
import type { Service, ServiceSpec } from '../types.ts';
import { isExternallyAccessible } from './service-type.ts';

type Port = NonNullable<ServiceSpec['ports']>[number];
const specField = root('spec');
const portsField = specField.child('ports');
const addressesField = specField.child('clusterIPs');
const familiesField = specField.child('ipFamilies');
const policyField = specField.child('ipFamilyPolicy');
const balancerOnly = "may only be used when `type` is 'LoadBalancer'";

const isHeadless = ({ clusterIPs }: ServiceSpec): boolean => clusterIPs?.length === 1 && clusterIPs[0] === 'None';
const validateServicePort = (port: Port, nameRequired: boolean, names: Set<string>, field: Path): FieldError[] => {
  const errors: FieldError[] = [];
  if (port.name) {
    errors.push(...check(isDns1123Label, port.name, field.child('name')));
    if (names.has(port.name)) errors.push(duplicate(field.child('name'), port.name));
    names.add(port.name);
  } else if (nameRequired) errors.push(required(field.child('name')));
  errors.push(...validatePortNumber(port.port, field.child('port')), ...oneOf(port.protocol, protocols, field.child('protocol')));
  errors.push(...validatePort(port.targetPort, field.child('targetPort')));
  if (port.appProtocol !== undefined) errors.push(...check(isQualifiedName, port.appProtocol, field.child('appProtocol')));
  return errors;
};

const validatePorts = ({ ports = [], type }: ServiceSpec): FieldError[] => {
  const errors: FieldError[] = [];
  const names = new Set<string>();
  const seen = new Set<string>();
  const seenNodePorts = new Set<string>();
  errors.push(...ports.flatMap((port, i) => validateServicePort(port, ports.length > 1, names, portsField.index(i))));
  ports.forEach((port, i) => {
    const field = portsField.index(i);
    if (port.nodePort) {
      if (type === 'ClusterIP') errors.push(forbidden(field.child('nodePort'), "may not be used when `type` is 'ClusterIP'"));
      const id = `${port.protocol}/${port.nodePort}`;
      if (seenNodePorts.has(id)) errors.push(duplicate(field.child('nodePort'), port.nodePort));
      seenNodePorts.add(id);
    }
    const id = `${port.protocol}/${port.port}`;
    // The Go type has no field tags, and clients see all of its fields.
    if (seen.has(id))
      errors.push(duplicate(field, { Name: '', Protocol: port.protocol, AppProtocol: null, Port: port.port, TargetPort: 0, NodePort: 0 }));
    seen.add(id);
  });
  return errors;
};

const validateByType = (spec: ServiceSpec): FieldError[] => {
  const errors: FieldError[] = [];
  switch (spec.type) {
    case 'LoadBalancer':
    case 'NodePort':
      if (isHeadless(spec)) errors.push(invalid(addressesField.index(0), 'None', `may not be set to 'None' for ${spec.type} services`));
      break;
    case 'ExternalName': {
      const why = 'may not be set for ExternalName services';
      if (spec.clusterIPs?.length) errors.push(forbidden(addressesField, why));
      if (spec.ipFamilies?.length) errors.push(forbidden(familiesField, why));
      if (spec.ipFamilyPolicy !== undefined) errors.push(forbidden(policyField, why));
      const name = (spec.externalName ?? '').replace(/\.$/, '');
      const field = specField.child('externalName');
      errors.push(...(name ? check(isDns1123Subdomain, name, field) : [required(field)]));
    }
  }
  return errors;
};

const validateAffinity = ({ sessionAffinity, sessionAffinityConfig: config }: ServiceSpec): FieldError[] => {
  const field = specField.child('sessionAffinityConfig');
  const errors = oneOf(sessionAffinity, ['ClientIP', 'None'], specField.child('sessionAffinity'));
  if (sessionAffinity === 'None' && config) errors.push(forbidden(field, 'must not be set when session affinity is None'));
  if (sessionAffinity !== 'ClientIP') return errors;
  const timeout = config?.clientIP?.timeoutSeconds;
  if (!config) errors.push(required(field, 'when session affinity type is ClientIP'));
  else if (!config.clientIP) errors.push(required(field.child('clientIP'), 'when session affinity type is ClientIP'));
  else if (timeout === undefined)
    errors.push(required(field.child('clientIP', 'timeoutSeconds'), 'when session affinity type is ClientIP'));
  else if (timeout <= 0 || timeout > 86_400)
    errors.push(invalid(field.child('clientIP', 'timeoutSeconds'), timeout, 'must be greater than 0 and less than 86400'));
  return errors;
};

/** Cluster IPs, families and policy among themselves. */
export const validateServiceAddresses = (spec: ServiceSpec, previous: ServiceSpec | undefined): FieldError[] => {
  if (spec.type === 'ExternalName') return [];
  const errors: FieldError[] = [];
  const { clusterIP = '', clusterIPs: addresses = [], ipFamilies: families = [] } = spec;
  if (clusterIP) {
    if (addresses.length === 0) errors.push(required(addressesField));
    else if (addresses[0] !== clusterIP) errors.push(invalid(addressesField, addresses, 'first value must match `clusterIP`'));
  } else if (addresses.length) errors.push(invalid(addressesField, addresses, 'must be empty when `clusterIP` is not specified'));
  const repeats = repeatsIn(families);
  families.forEach((family, i) => {
    if (family !== 'IPv4' && family !== 'IPv6') errors.push(notSupported(familiesField.index(i), family, ['IPv4', 'IPv6']));
    if (repeats.has(i)) errors.push(duplicate(familiesField.index(i), family));
  });
  errors.push(...optionalOneOf(spec.ipFamilyPolicy, ['PreferDualStack', 'RequireDualStack', 'SingleStack'], policyField));
  const malformed = addresses.flatMap((ip, i) => {
    if (i === 0 && ip === 'None')
      return addresses.length > 1 ? [invalid(addressesField, addresses, "'None' must be the first and only value")] : [];
    return previous?.clusterIPs?.includes(ip) ? [] : validateAddress(ip, addressesField.index(i));
  });
  errors.push(...malformed);
  if (addresses.length > 2) errors.push(invalid(addressesField, addresses, 'may only hold up to 2 values'));
  if (malformed.length) return errors;
  const found = addresses.map(ip => parseAddress(ip)?.family);
  if (addresses.length > 1 && new Set(found).size < 2)
    errors.push(invalid(addressesField, addresses, 'may specify no more than one IP for each IP family'));
  if (isHeadless(spec)) return errors;
  addresses.forEach((ip, i) => {
    const expected = families[i];
    if ((expected === 'IPv4' || expected === 'IPv6') && found[i] !== expected)
      errors.push(invalid(addressesField.index(i), ip, `expected an ${expected} value as indicated by \`ipFamilies[${i}]\``));
  });
  return errors;
};

const rangesAnnotation = 'service.beta.kubernetes.io/load-balancer-source-ranges';
const validateSourceRanges = ({ metadata }: Service, spec: ServiceSpec): FieldError[] => {
  const balancer = spec.type === 'LoadBalancer';
  if (spec.loadBalancerSourceRanges?.length) {
    // Upstream writes this field with a capital letter.
    const field = specField.child('LoadBalancerSourceRanges');
    const ranges = spec.loadBalancerSourceRanges.flatMap((block, i) => validateBlock(block.trim(), field.index(i)));
    return balancer ? ranges : [forbidden(field, balancerOnly), ...ranges];
  }
  const text = metadata.annotations?.[rangesAnnotation];
  if (text === undefined) return [];
  const field = root('metadata', 'annotations').key(rangesAnnotation);
  const blocks = text.trim() ? text.split(',').flatMap(block => validateBlock(block.trim(), field)) : [];
  return balancer ? blocks : [forbidden(field, balancerOnly), ...blocks];
};

const validateTraffic = (spec: ServiceSpec): FieldError[] => {
  const errors: FieldError[] = [];
  const policy = specField.child('externalTrafficPolicy');
  if (isExternallyAccessible(spec)) errors.push(...oneOf(spec.externalTrafficPolicy, ['Cluster', 'Local'], policy));
  else if (spec.externalTrafficPolicy)
    errors.push(invalid(policy, spec.externalTrafficPolicy, 'may only be set for externally-accessible services'));
  const port = spec.healthCheckNodePort;
  const portField = specField.child('healthCheckNodePort');
  if (spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local') {
    errors.push(...(port ? validatePortNumber(port, portField) : [required(portField)]));
  } else if (port)
    errors.push(invalid(portField, port, "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"));
  const inner = specField.child('internalTrafficPolicy');
  if (spec.internalTrafficPolicy !== undefined) errors.push(...optionalOneOf(spec.internalTrafficPolicy, ['Cluster', 'Local'], inner));
  else if (['NodePort', 'LoadBalancer', 'ClusterIP'].includes(spec.type ?? '')) errors.push(required(inner));
  const distributions = ['PreferClose', 'PreferSameZone', 'PreferSameNode'];
  errors.push(...optionalOneOf(spec.trafficDistribution, distributions, specField.child('trafficDistribution')));
  return errors;
};

const validateClass = ({ type, loadBalancerClass }: ServiceSpec): FieldError[] => {
  if (loadBalancerClass === undefined) return [];
  const field = specField.child('loadBalancerClass');
  return type === 'LoadBalancer' ? check(isQualifiedName, loadBalancerClass, field) : [forbidden(field, balancerOnly)];
};

const types = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const hintsAnnotation = 'service.kubernetes.io/topology-aware-hints';
const modeAnnotation = 'service.kubernetes.io/topology-mode';

export const validateService = (object: Service): FieldError[] => {
  const spec = object.spec ?? {};
  const errors: FieldError[] = [];
  const { [hintsAnnotation]: hints, [modeAnnotation]: mode } = object.metadata.annotations ?? {};
  if (hints !== undefined && mode !== undefined && hints !== mode)
    errors.push(
      invalid(
        root('metadata', 'annotations').key(modeAnnotation),
        mode,
        `must match annotations[${hintsAnnotation}] when both are specified`,
      ),
    );
  if (!spec.ports?.length && !isHeadless(spec) && spec.type !== 'ExternalName') errors.push(required(portsField));
  errors.push(...validateByType(spec), ...validatePorts(spec), ...validateLabels(spec.selector, specField.child('selector')));
  errors.push(...validateAffinity(spec));
  errors.push(...validateServiceAddresses(spec, undefined));
  spec.externalIPs?.forEach((ip, i) => {
    const field = specField.child('externalIPs').index(i);
    const malformed = validateAddress(ip, field);
    errors.push(...(malformed.length ? malformed : validateEndpointAddress(ip, field)));
  });
  errors.push(...oneOf(spec.type, types, specField.child('type')), ...validateSourceRanges(object, spec));
  if (spec.allocateLoadBalancerNodePorts !== undefined && spec.type !== 'LoadBalancer')
    errors.push(forbidden(specField.child('allocateLoadBalancerNodePorts'), balancerOnly));
  return [...errors, ...validateClass(spec), ...validateTraffic(spec)];
};

const fixedText = 'may not change once set';
/** Addresses and families of a Service can be extended and cut back, but the first stays. */
export const validateServiceUpdate = (next: Service, previous: Service): FieldError[] => {
  const errors: FieldError[] = [];
  const after = next.spec ?? {};
  const before = previous.spec ?? {};
  if (after.type === 'LoadBalancer' && before.type === 'LoadBalancer' && after.loadBalancerClass !== before.loadBalancerClass)
    errors.push(invalid(specField.child('loadBalancerClass'), after.loadBalancerClass ?? null, fixedText));
  // Told once for the change and once for the object.
  errors.push(...validateClass(after));
  if (after.type === 'ExternalName' || before.type === 'ExternalName') return errors;
  const headless = isHeadless(after);
  if (headless && isHeadless(before)) return errors;
  const { clusterIPs: now = [], ipFamilies: families = [], ipFamilyPolicy: policy = null } = after;
  const { clusterIPs: then = [], ipFamilies: oldFamilies = [] } = before;
  if (then.length === now.length) {
    then.forEach((ip, i) => {
      if (ip !== now[i]) errors.push(invalid(addressesField.index(i), now, fixedText));
    });
  } else {
    if (then.length && !now.length) errors.push(invalid(addressesField.index(0), now, 'primary clusterIP can not be unset'));
    if (then.length && now.length && now[0] !== then[0]) errors.push(invalid(addressesField.index(0), now, fixedText));
    if (then.length > now.length && now.length === 1 && policy !== 'SingleStack')
      errors.push(invalid(policyField, policy, "must be set to 'SingleStack' when releasing the secondary clusterIP"));
  }
  if (headless || isHeadless(before)) return errors;
  if (oldFamilies.length === families.length) {
    oldFamilies.forEach((family, i) => {
      if (family !== families[i]) errors.push(invalid(familiesField.index(0), families, fixedText));
    });
  } else {
    if (oldFamilies.length && families.length && families[0] !== oldFamilies[0])
      errors.push(invalid(familiesField.index(0), now, fixedText));
    if (oldFamilies.length > families.length && families.length === 1 && policy !== 'SingleStack')
      errors.push(invalid(policyField, policy, "must be set to 'SingleStack' when releasing the secondary ipFamily"));
  }
  return errors;
};

export const validateServiceStatus = (next: Service): FieldError[] => {
  const errors: FieldError[] = [];
  const field = root('status', 'loadBalancer', 'ingress');
  const ingress = next.status?.loadBalancer?.ingress ?? [];
  if (ingress.length && next.spec?.type !== 'LoadBalancer')
    return [forbidden(field, "may only be used when `spec.type` is 'LoadBalancer'")];
  ingress.forEach(({ ip, hostname, ipMode }, i) => {
    const path = field.index(i);
    if (ip) errors.push(...validateAddress(ip, path.child('ip')));
    if (ip && ipMode === undefined) errors.push(required(path.child('ipMode'), 'must be specified when `ip` is set'));
    if (ipMode !== undefined && !ip) errors.push(forbidden(path.child('ipMode'), 'may not be specified when `ip` is not set'));
    errors.push(...optionalOneOf(ipMode, ['Proxy', 'VIP'], path.child('ipMode')));
    if (!hostname) return;
    errors.push(...check(isDns1123Subdomain, hostname, path.child('hostname')));
    if (parseAddress(hostname)) errors.push(invalid(path.child('hostname'), hostname, 'must be a DNS name, not an IP address'));
  });
  return errors;
};
