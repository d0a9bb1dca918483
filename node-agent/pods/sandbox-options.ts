import type Docker from 'dockerode';
import { logConfig } from './container-options.ts';
import { hostInterface, labels, podLabels } from './labels.ts';
import { type BoundPod, isHostNetwork, uidOf } from './pod.ts';

/** The name a pod's processes see: its own, or what the spec says; Linux allows 63 characters. */
export const hostnameOf = ({ metadata, spec }: BoundPod): string =>
  (spec.hostnameOverride ?? spec.hostname ?? metadata.name).slice(0, 63).replace(/[-.]+$/, '');

/** `hostname.subdomain.namespace.svc.domain`, if the pod has a subdomain. */
export const domainOf = ({ metadata, spec }: BoundPod, clusterDomain: string): string =>
  spec.subdomain && !spec.hostnameOverride ? `${spec.subdomain}.${metadata.namespace ?? 'default'}.svc.${clusterDomain}` : '';

export const sandboxOptions = (input: {
  pod: BoundPod;
  attempt: number;
  node: string;
  image: string;
  ip: string;
  clusterDomain: string;
  lowestOomScore: number;
}): Docker.ContainerCreateOptions => {
  const { pod } = input;
  const { spec } = pod;
  const own = !isHostNetwork(pod);
  const domain = domainOf(pod, input.clusterDomain);
  const name = spec.setHostnameAsFQDN && domain ? `${hostnameOf(pod)}.${domain}` : hostnameOf(pod);
  const sysctls = Object.fromEntries((spec.securityContext?.sysctls ?? []).map(({ name, value }) => [name, value]));
  return {
    Image: input.image,
    ...(own ? { Hostname: name } : {}),
    Labels: {
      ...podLabels(pod, input.node),
      [labels.attempt]: String(input.attempt),
      [labels.ip]: input.ip,
      ...(own ? { [labels.interface]: hostInterface(uidOf(pod)) } : {}),
    },
    HostConfig: {
      NetworkMode: own ? 'none' : 'host',
      IpcMode: spec.hostIPC ? 'host' : 'shareable',
      ...(spec.hostPID ? { PidMode: 'host' } : {}),
      LogConfig: { ...logConfig, Config: {} },
      CpuShares: 2,
      OomScoreAdj: Math.max(input.lowestOomScore, -998),
      SecurityOpt: ['no-new-privileges'],
      CapDrop: ['ALL'],
      ReadonlyRootfs: true,
      ...(Object.keys(sysctls).length > 0 ? { Sysctls: sysctls } : {}),
    },
  };
};
