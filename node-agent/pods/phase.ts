import type { ContainerStatus } from '../../kinds/types.ts';
import { type BoundPod, isSidecar, restartsAfter } from './pod.ts';

export type Phase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

/**
 * The phase that a pod's container statuses amount to (kubelet `getPhase`). `over`: nothing of it will be started any more.
 * `began`: a regular container has run in the present sandbox, so sidecars that restart do not make the pod Pending again.
 */
export const podPhase = ({ spec }: BoundPod, statuses: ContainerStatus[], over: boolean, began: boolean): Phase => {
  const byName = new Map(statuses.map(status => [status.name, status]));
  let pendingInit = 0;
  let pendingSidecars = 0;
  let unknown = 0;
  let running = 0;
  let waiting = 0;
  let stopped = 0;
  let succeeded = 0;
  let final = 0;

  for (const container of spec.initContainers ?? []) {
    const status = byName.get(container.name);
    const ended = status?.state?.terminated ?? (status?.state?.waiting ? status.lastState?.terminated : undefined);
    if (isSidecar(container)) {
      if (!status) unknown++;
      else if (status.state?.running) {
        if (status.started !== true) pendingSidecars++;
        running++;
      } else if (!ended) {
        pendingSidecars++;
        if (status.state?.waiting) waiting++;
        else unknown++;
      }
    } else if (!ended) {
      pendingInit++;
    } else if (ended.exitCode !== 0 && !restartsAfter(container, spec, ended.exitCode)) {
      return 'Failed';
    }
  }
  for (const container of spec.containers) {
    const status = byName.get(container.name);
    if (!status) {
      unknown++;
      continue;
    }
    const { state, lastState } = status;
    if (state?.running) running++;
    else if (state?.terminated) {
      stopped++;
      if (!restartsAfter(container, spec, state.terminated.exitCode)) final++;
      if (state.terminated.exitCode === 0) succeeded++;
    } else if (state?.waiting && lastState?.terminated) {
      stopped++;
      if (!restartsAfter(container, spec, lastState.terminated.exitCode)) final++;
    } else if (state?.waiting) waiting++;
    else unknown++;
  }

  if (pendingInit > 0 || (pendingSidecars > 0 && !began) || waiting > 0) return 'Pending';
  if (running > 0 && unknown === 0) return 'Running';
  if (running === 0 && stopped > 0 && unknown === 0) {
    if (!over && stopped !== final) return 'Running';
    return stopped === succeeded ? 'Succeeded' : 'Failed';
  }
  return 'Pending';
};
