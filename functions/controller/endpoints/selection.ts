/** Which pods stand behind a Service, and through which ports: what EndpointSlices and Endpoints are both made from. */
import { isIPv6 } from 'node:net';
import { semanticEqual } from '../../../kinds/equality.ts';
import type { Pod, Service } from '../../../kinds/types.ts';
import type { Replica, ReplicaEvent } from '../../../store/replica.ts';
import { isReady, isTerminal } from '../pod-state.ts';
import { type Key, keyOf } from '../reconciler.ts';

export type ServicePort = NonNullable<NonNullable<Service['spec']>['ports']>[number];
export type AddressType = 'IPv4' | 'IPv6';

export const isHeadless = (service: Service): boolean => !service.spec?.clusterIP || service.spec.clusterIP === 'None';

/** ExternalName and selector-less Services get their endpoints from elsewhere. */
export const hasEndpoints = (service: Service): boolean => service.spec?.type !== 'ExternalName' && service.spec?.selector !== undefined;

const selects = (service: Service, pod: Pod): boolean => {
  const selector = service.spec?.selector;
  if (!selector) return false;
  return Object.entries(selector).every(([name, value]) => pod.metadata.labels?.[name] === value);
};

export const podsBehind = (service: Service, pods: Replica): Pod[] =>
  pods
    .list({ namespace: service.metadata.namespace ?? '', labels: service.spec?.selector ?? {} })
    .map(entry => entry.object as Pod)
    .filter(pod => !isTerminal(pod) && addressesOf(pod).length > 0);

export const addressesOf = (pod: Pod): string[] => {
  const listed = (pod.status?.podIPs ?? []).map(({ ip }) => ip);
  return listed.length > 0 ? listed : pod.status?.podIP ? [pod.status.podIP] : [];
};
export const typeOf = (address: string): AddressType => (isIPv6(address) ? 'IPv6' : 'IPv4');

export const addressTypes = (service: Service): AddressType[] => {
  const families = (service.spec?.ipFamilies ?? []).filter(family => family === 'IPv4' || family === 'IPv6');
  if (families.length > 0) return families;
  return isHeadless(service) ? ['IPv4', 'IPv6'] : [typeOf(service.spec?.clusterIP ?? '')];
};

/** The number behind a target port, which may be the name of a container's port. */
const targetPort = (pod: Pod, port: ServicePort): number | undefined => {
  const target = port.targetPort as unknown as number | string | undefined;
  if (target === undefined || target === 0 || target === '') return port.port;
  if (typeof target === 'number') return target;
  const sidecars = (pod.spec?.initContainers ?? []).filter(container => container.restartPolicy === 'Always');
  for (const container of [...(pod.spec?.containers ?? []), ...sidecars]) {
    for (const each of container.ports ?? []) {
      if (each.name === target && (each.protocol ?? 'TCP') === (port.protocol ?? 'TCP')) return each.containerPort;
    }
  }
  return undefined;
};

export interface EndpointPort {
  name: string;
  port: number;
  protocol: string;
  appProtocol?: string;
}

/** The Service's ports as this pod has them; those it lacks are left out. */
export const portsOn = (pod: Pod, service: Service): EndpointPort[] =>
  (service.spec?.ports ?? []).flatMap(port => {
    const number = targetPort(pod, port);
    if (number === undefined) return [];
    const { name = '', protocol = 'TCP', appProtocol } = port;
    return [{ name, port: number, protocol, ...(appProtocol ? { appProtocol } : {}) }];
  });

export const hostnameOf = (pod: Pod, service: Service): string | undefined =>
  pod.spec?.hostname && pod.spec.subdomain === service.metadata.name ? pod.spec.hostname : undefined;

export const targetOf = (pod: Pod) => ({
  kind: 'Pod',
  namespace: pod.metadata.namespace ?? '',
  name: pod.metadata.name,
  uid: pod.metadata.uid ?? '',
});

/** The Services a change of a pod concerns. */
export const servicesOf = (event: ReplicaEvent, services: Replica): Key[] => {
  const pod = event.entry.object as Pod;
  const before = event.previous?.object as Pod | undefined;
  if (before && event.type === 'MODIFIED' && semanticEqual(facts(pod), facts(before))) return [];
  return services
    .list({ namespace: event.entry.namespace })
    .map(entry => entry.object as unknown as Service)
    .filter(service => selects(service, pod) || (before !== undefined && selects(service, before)))
    .map(keyOf);
};

/** All of a pod that endpoints show. */
const facts = (pod: Pod) => [
  pod.metadata.labels,
  pod.metadata.deletionTimestamp !== undefined,
  isReady(pod),
  isTerminal(pod),
  addressesOf(pod),
  pod.spec?.nodeName,
  pod.spec?.hostname,
  pod.spec?.subdomain,
];
