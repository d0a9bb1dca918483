/**
 * Service: its type decides which fields make sense. What is filled in for the writer (`service-completion.ts`, addresses, node
 * ports) is there before anything here is called (upstream: `pkg/registry/core/service/strategy.go`).
 */
import { forbidden, root } from '../field.ts';
import { addressWarnings, blockWarnings } from '../ip.ts';
import type { Json } from '../object.ts';
import type { Strategy } from '../strategy.ts';
import { age } from '../table/age.ts';
import type { Service, ServiceSpec } from '../types.ts';
import {
  isAddressed,
  isExternallyAccessible,
  mayHaveNodePorts,
  needsHealthCheckPort,
  nodePortsOf,
  sameAddresses,
  sameList,
} from './service-type.ts';
import { validateService, validateServiceStatus, validateServiceUpdate } from './service-validation.ts';
import { keepAllButStatus } from './status-update.ts';

type Specified = Service & { spec: ServiceSpec };
/** Every Service has a spec once defaults are set. */
const specOf = (object: Service): ServiceSpec => object.spec ?? {};

const defaults = (object: Service): void => {
  object.spec ??= {};
  const { spec } = object as Specified;
  spec.sessionAffinity ||= 'None';
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig;
  if (spec.sessionAffinity === 'ClientIP' && spec.sessionAffinityConfig?.clientIP?.timeoutSeconds === undefined)
    spec.sessionAffinityConfig = { clientIP: { timeoutSeconds: 10_800 } };
  spec.type ||= 'ClusterIP';
  for (const port of spec.ports ?? []) {
    port.protocol ||= 'TCP';
    if (!port.targetPort) port.targetPort = port.port;
  }
  if (isExternallyAccessible(spec)) spec.externalTrafficPolicy ||= 'Cluster';
  if (spec.type === 'ClusterIP' || mayHaveNodePorts(spec)) spec.internalTrafficPolicy ??= 'Cluster';
  if (spec.type !== 'LoadBalancer') return;
  spec.allocateLoadBalancerNodePorts ??= true;
  for (const ingress of object.status?.loadBalancer?.ingress ?? []) if (ingress.ip) ingress.ipMode ??= 'VIP';
};

/**
 * Where a change of type makes a field meaningless, and the writer has not touched that field, it goes. Had they touched it,
 * they must be told.
 */
const dropMeaningless = (next: ServiceSpec, previous: ServiceSpec): void => {
  if (isAddressed(previous) && !isAddressed(next)) {
    if (sameAddresses(previous, next)) {
      delete next.clusterIP;
      delete next.clusterIPs;
    }
    if (sameList(previous.ipFamilies, next.ipFamilies)) delete next.ipFamilies;
    if (previous.ipFamilyPolicy === next.ipFamilyPolicy) delete next.ipFamilyPolicy;
  }
  if (mayHaveNodePorts(previous) && !mayHaveNodePorts(next)) {
    const known = nodePortsOf(previous);
    if (nodePortsOf(next).every(port => known.includes(port))) for (const port of next.ports ?? []) delete port.nodePort;
  }
  const sameField = (field: keyof ServiceSpec) => (previous[field] ?? undefined) === (next[field] ?? undefined);
  if (needsHealthCheckPort(previous) && !needsHealthCheckPort(next) && sameField('healthCheckNodePort')) delete next.healthCheckNodePort;
  if (previous.type === 'LoadBalancer' && next.type !== 'LoadBalancer') {
    if (sameField('allocateLoadBalancerNodePorts')) delete next.allocateLoadBalancerNodePorts;
    if (sameField('loadBalancerClass')) delete next.loadBalancerClass;
  }
  if (isExternallyAccessible(previous) && !isExternallyAccessible(next) && sameField('externalTrafficPolicy'))
    delete next.externalTrafficPolicy;
};

const isHeadless = ({ type, clusterIP }: ServiceSpec): boolean => type === 'ClusterIP' && clusterIP === 'None';
const specField = root('spec');
const warnings = (next: Service): string[] => {
  const spec = specOf(next);
  const { externalIPs = [], clusterIPs = [], loadBalancerIP = '', loadBalancerSourceRanges = [] } = spec;
  const list: string[] = [];
  const hints = 'service.kubernetes.io/topology-aware-hints';
  if (next.metadata.annotations?.[hints] !== undefined)
    list.push(`annotation ${hints} is deprecated, please use service.kubernetes.io/topology-mode instead`);
  const headless = isHeadless(spec);
  if (spec.clusterIP && spec.clusterIP !== 'None')
    list.push(...clusterIPs.flatMap((ip, i) => addressWarnings(ip, specField.child('clusterIPs').index(i))));
  if (headless) {
    if (loadBalancerIP) list.push('spec.loadBalancerIP is ignored for headless services');
    if (externalIPs.length) list.push('spec.externalIPs is ignored for headless services');
    if (spec.sessionAffinity !== 'None') list.push('spec.SessionAffinity is ignored for headless services');
  }
  list.push(...externalIPs.flatMap((ip, i) => addressWarnings(ip, specField.child('externalIPs').index(i))));
  const externalName = spec.type === 'ExternalName';
  if (externalIPs.length && !headless && !externalName)
    list.push('spec.externalIPs is deprecated and may no longer be implemented in some clusters');
  if (loadBalancerIP) list.push(...addressWarnings(loadBalancerIP, specField.child('loadBalancerIP')));
  list.push(...loadBalancerSourceRanges.flatMap((block, i) => blockWarnings(block, specField.child('loadBalancerSourceRanges').index(i))));
  if (externalName && externalIPs.length) list.push('spec.externalIPs is ignored when spec.type is "ExternalName"');
  if (!externalName && spec.externalName) list.push('spec.externalName is ignored when spec.type is not "ExternalName"');
  if (spec.trafficDistribution === 'PreferClose') list.push('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"');
  return list;
};

const externalAddress = (object: Service): string => {
  const spec = specOf(object);
  const own = spec.externalIPs ?? [];
  switch (spec.type) {
    case 'ClusterIP':
    case 'NodePort':
      return own.join(',') || '<none>';
    case 'LoadBalancer': {
      const ingress = object.status?.loadBalancer?.ingress ?? [];
      const found = [...new Set(ingress.map(({ ip, hostname }) => ip || hostname || '').filter(Boolean))].sort();
      return [...found, ...own].join(',') || '<pending>';
    }
    case 'ExternalName':
      return spec.externalName ?? '';
    default:
      return '<unknown>';
  }
};
const cells = (object: Service, now: number): Json[] => {
  const spec = specOf(object);
  const ports = (spec.ports ?? []).map(({ port, nodePort, protocol }) => `${port}${nodePort ? `:${nodePort}` : ''}/${protocol}`);
  const selector = Object.entries(spec.selector ?? {}).map(([key, value]) => `${key}=${value}`);
  return [
    object.metadata.name,
    spec.type ?? '',
    spec.clusterIPs?.[0] ?? '<none>',
    externalAddress(object),
    ports.join(',') || '<none>',
    age(object.metadata.creationTimestamp, now),
    selector.sort().join(',') || '<none>',
  ];
};

export const service: Strategy<Service> = {
  nameRule: 'dns-label',
  allowCreateOnUpdate: true,
  defaults,
  prepareForCreate(object) {
    object.status = { loadBalancer: {} };
  },
  prepareForUpdate(next, previous) {
    const spec = specOf(next);
    dropMeaningless(spec, specOf(previous));
    if (spec.type !== 'LoadBalancer') next.status = { ...next.status, loadBalancer: {} };
  },
  validate: validateService,
  validateUpdate(next, previous) {
    const after = specOf(next);
    const before = specOf(previous);
    const errors = validateServiceUpdate(next, previous);
    if (needsHealthCheckPort(before) && needsHealthCheckPort(after) && after.healthCheckNodePort !== before.healthCheckNodePort)
      errors.push(forbidden(specField.child('healthCheckNodePort'), 'field is immutable'));
    return errors;
  },
  canonicalize(object) {
    if (object.spec?.type === 'ExternalName') delete object.spec.internalTrafficPolicy;
  },
  warnings,
  subresources: {
    status: {
      prepareForUpdate: keepAllButStatus,
      validateUpdate: validateServiceStatus,
      warnings: ({ status }) =>
        (status?.loadBalancer?.ingress ?? []).flatMap(({ ip }, i) =>
          ip ? addressWarnings(ip, root('status', 'loadBalancer', 'ingress').index(i)) : [],
        ),
    },
  },
  fields: object => ({ 'spec.clusterIP': object.spec?.clusterIP ?? '', 'spec.type': object.spec?.type ?? '' }),
  cells,
};
