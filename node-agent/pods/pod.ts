import type { Container, Pod, PodSpec } from '../../kinds/types.ts';

/** A pod as a node gets it: bound, with its spec. */
export type BoundPod = Pod & { spec: PodSpec };

export type Slot = 'init' | 'sidecar' | 'regular' | 'ephemeral';
/** A container of the spec together with the part it plays. */
export interface Role {
  container: Container;
  slot: Slot;
}

export const isSidecar = (container: Container): boolean => container.restartPolicy === 'Always';

/** In the order of their start: init containers and sidecars as listed, then the others. */
export const rolesOf = ({ spec }: BoundPod): Role[] => [
  ...(spec.initContainers ?? []).map((container): Role => ({ container, slot: isSidecar(container) ? 'sidecar' : 'init' })),
  ...spec.containers.map((container): Role => ({ container, slot: 'regular' })),
  ...(spec.ephemeralContainers ?? []).map((container): Role => ({ container: container as unknown as Container, slot: 'ephemeral' })),
];

export const namespaceOf = (pod: Pod): string => pod.metadata.namespace ?? 'default';
export const uidOf = (pod: Pod): string => pod.metadata.uid ?? '';
/** As kubelet names a pod in its messages. */
export const describePod = (pod: Pod): string => `${pod.metadata.name}_${namespaceOf(pod)}(${uidOf(pod)})`;
export const isDeleted = (pod: Pod): boolean => pod.metadata.deletionTimestamp !== undefined;
export const isFinished = (pod: Pod): boolean => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
export const isHostNetwork = (pod: BoundPod): boolean => pod.spec.hostNetwork === true;

/**
 * Whether a container that ended is to run again: its own rules first, then its own policy, then the pod's (component-helpers
 * `ContainerShouldRestart`).
 */
export const restartsAfter = (container: Container, spec: PodSpec, exitCode: number): boolean => {
  if (container.restartPolicy !== undefined) {
    for (const rule of container.restartPolicyRules ?? []) {
      const { operator, values = [] } = rule.exitCodes ?? { operator: 'In' };
      if (values.includes(exitCode) === (operator === 'In')) return true;
    }
  }
  switch (container.restartPolicy ?? spec.restartPolicy ?? 'Always') {
    case 'Never':
      return false;
    case 'OnFailure':
      return exitCode !== 0;
    default:
      return true;
  }
};
