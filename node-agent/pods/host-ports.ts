import type { HostPort } from '../network/ruleset.ts';
import { type BoundPod, isFinished, isHostNetwork } from './pod.ts';

/** The ports of the node that lead to a pod. On the node's own network a pod answers at them itself. */
export const hostPortsOf = (pod: BoundPod, ip: string): HostPort[] => {
  if (ip === '' || isHostNetwork(pod) || isFinished(pod)) return [];
  return [...pod.spec.containers, ...(pod.spec.initContainers ?? [])]
    .flatMap(({ ports = [] }) => ports)
    .flatMap(({ hostPort, hostIP, containerPort, protocol = 'TCP' }) =>
      hostPort ? [{ protocol, ...(hostIP ? { hostIP } : {}), hostPort, address: ip, port: containerPort }] : [],
    );
};
