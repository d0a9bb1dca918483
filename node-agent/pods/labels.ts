import { createHash } from 'node:crypto';
import type { Container } from '../../kinds/types.ts';
import { type BoundPod, namespaceOf, uidOf } from './pod.ts';

/**
 * What a container of ours carries in Docker. It is the agent's whole memory: a new agent adopts what it finds by these labels.
 * The names that kubelet's own Docker shim used are kept, because tools know them.
 */
export const labels = {
  /** Which agent a container belongs to: several may share an engine. */
  node: 'dev.windvane.node',
  namespace: 'io.kubernetes.pod.namespace',
  pod: 'io.kubernetes.pod.name',
  uid: 'io.kubernetes.pod.uid',
  container: 'io.kubernetes.container.name',
  sandbox: 'io.kubernetes.sandbox.id',
  attempt: 'dev.windvane.attempt',
  hash: 'dev.windvane.hash',
  ip: 'dev.windvane.ip',
  /** Host side of the pod's network, to take it away when the pod is gone. */
  interface: 'dev.windvane.interface',
  /** Seconds that a container may take to stop when its pod is no longer known. */
  grace: 'dev.windvane.grace',
  terminationMessagePolicy: 'dev.windvane.termination-message-policy',
} as const;

export const nodeLabel = (cluster: string, node: string): string => `${cluster}/${node}`;

/** Only what cannot change under a running container takes part: its image (kubelet's `HashContainer`). */
export const containerHash = ({ name, image }: Container): string =>
  createHash('sha256').update(JSON.stringify({ name, image })).digest('hex').slice(0, 16);

export const podLabels = (pod: BoundPod, node: string): Record<string, string> => ({
  [labels.node]: node,
  [labels.namespace]: namespaceOf(pod),
  [labels.pod]: pod.metadata.name,
  [labels.uid]: uidOf(pod),
  [labels.grace]: String(pod.spec.terminationGracePeriodSeconds ?? 30),
});

export const sandboxName = (pod: BoundPod, attempt: number): string =>
  `k8s_POD_${pod.metadata.name}_${namespaceOf(pod)}_${uidOf(pod)}_${attempt}`;
export const containerName = (pod: BoundPod, container: string, attempt: number): string =>
  `k8s_${container}_${pod.metadata.name}_${namespaceOf(pod)}_${uidOf(pod)}_${attempt}`;

/** Linux allows 15 characters. */
export const hostInterface = (uid: string): string => `wv${createHash('sha256').update(uid).digest('hex').slice(0, 12)}`;
