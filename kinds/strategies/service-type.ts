/** What follows from the type of a Service. */
import type { ServiceSpec } from '../types.ts';

export const isExternallyAccessible = ({ type, externalIPs }: ServiceSpec): boolean =>
  type === 'LoadBalancer' || type === 'NodePort' || (type === 'ClusterIP' && (externalIPs?.length ?? 0) > 0);
export const needsHealthCheckPort = ({ type, externalTrafficPolicy }: ServiceSpec): boolean =>
  type === 'LoadBalancer' && externalTrafficPolicy === 'Local';
export const mayHaveNodePorts = ({ type }: ServiceSpec): boolean => type === 'NodePort' || type === 'LoadBalancer';
/** Whether node ports are to be allocated for it; ports that are asked for are respected in any case. */
export const wantsNodePorts = ({ type, allocateLoadBalancerNodePorts }: ServiceSpec): boolean =>
  type === 'NodePort' || (type === 'LoadBalancer' && allocateLoadBalancerNodePorts !== false);
/** Whether it has cluster IPs; "None" counts as one. */
export const isAddressed = ({ type }: ServiceSpec): boolean => type !== 'ExternalName';
/** Any family goes: the endpoints are whatever somebody writes. */
export const isSelectorless = ({ clusterIP, selector }: ServiceSpec): boolean =>
  clusterIP === 'None' && Object.keys(selector ?? {}).length === 0;

export const nodePortsOf = ({ ports }: ServiceSpec): number[] => (ports ?? []).flatMap(port => (port.nodePort ? [port.nodePort] : []));
export const sameList = (one: readonly unknown[] | undefined, other: readonly unknown[] | undefined): boolean =>
  (one?.length ?? 0) === (other?.length ?? 0) && (one ?? []).every((item, i) => item === other?.[i]);
export const sameAddresses = (one: ServiceSpec, other: ServiceSpec): boolean =>
  (one.clusterIP ?? '') === (other.clusterIP ?? '') && sameList(one.clusterIPs, other.clusterIPs);
