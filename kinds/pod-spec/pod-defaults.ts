/** Defaults that hold for pods but not for templates (`SetDefaults_Pod`). */
import { formatQuantity } from '../quantity.ts';
import { isHugePages, isOvercommitAllowed } from '../resource-names.ts';
import type { Pod } from '../types.ts';
import { alignServiceAccount, defaultPodSpec, dropRetiredAnnotations } from './defaults.ts';
import { aggregateLimits, aggregateRequests, isPodLevelResource } from './resources.ts';
import type { AnyContainer, PodSpec } from './types.ts';

/** Requests follow limits where only those were given. */
const requestsFromLimits = (containers: readonly AnyContainer[] | undefined): void => {
  for (const { resources } of containers ?? []) {
    if (!resources?.limits) continue;
    resources.requests ??= {};
    for (const name in resources.limits) {
      const limit = resources.limits[name];
      if (limit !== undefined && !Object.hasOwn(resources.requests, name)) resources.requests[name] = limit;
    }
  }
};
/** With host networking a container port is a port of the host. */
const hostPorts = (containers: readonly AnyContainer[] | undefined): void => {
  for (const { ports } of containers ?? []) for (const port of ports ?? []) port.hostPort ||= port.containerPort;
};

/** Pod-level requests and limits are completed only where the pod states some (KEP-2837). */
const podLevelResources = (spec: PodSpec): void => {
  const { resources } = spec;
  if (!resources || Object.keys({ ...resources.limits, ...resources.requests }).length === 0) return;
  const limits: Record<string, string> = { ...resources.limits };
  for (const [name, limit] of aggregateLimits(spec)) {
    if (isHugePages(name) && resources.requests?.[name] === undefined) limits[name] ??= formatQuantity(limit);
  }
  if (Object.keys(limits).length === 0) return;
  resources.limits = limits;
  const requests: Record<string, string> = { ...resources.requests };
  for (const [name, request] of aggregateRequests(spec)) {
    if (isPodLevelResource(name) && isOvercommitAllowed(name)) requests[name] ??= formatQuantity(request);
  }
  for (const name in limits) if (isPodLevelResource(name)) requests[name] ??= limits[name] ?? '0';
  if (Object.keys(requests).length > 0) resources.requests = requests;
};

/** `podIP` is the first of `podIPs`; where they differ, the older field is believed. */
const alignPodIPs = (pod: Pod): void => {
  const { status } = pod;
  if (!status) return;
  const first = status.podIPs?.[0]?.ip;
  if (status.podIP && status.podIP !== first) status.podIPs = [{ ip: status.podIP }];
  else if (first) status.podIP = first;
};

export const defaultPod = (pod: Pod): void => {
  dropRetiredAnnotations(pod.metadata);
  pod.spec ??= { containers: [] };
  const { spec } = pod;
  requestsFromLimits(spec.containers);
  requestsFromLimits(spec.initContainers);
  podLevelResources(spec);
  spec.enableServiceLinks ??= true;
  if (spec.hostNetwork) {
    hostPorts(spec.containers);
    hostPorts(spec.initContainers);
  }
  defaultPodSpec(spec);
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0) spec.terminationGracePeriodSeconds = 1;
  alignServiceAccount(spec);
  pod.status ??= {};
  alignPodIPs(pod);
};
