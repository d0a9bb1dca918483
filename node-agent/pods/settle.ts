import type { ContainerStatus } from '../../kinds/types.ts';

const unknown = (): NonNullable<ContainerStatus['state']> => ({
  terminated: {
    exitCode: 137,
    reason: 'ContainerStatusUnknown',
    message: 'The container could not be located when the pod was terminated',
  },
});
const hasBegun = ({ state, lastState }: ContainerStatus): boolean => state?.waiting === undefined || lastState?.terminated !== undefined;

/**
 * When a pod has ended for good, no container of it may look as if it were still to come (kubelet `TerminatePod`). Those that never had a
 * turn, because an init container before them did not end well, stay as they are.
 */
export const settle = (init: ContainerStatus[], regular: ContainerStatus[]): void => {
  const last = init.at(-1);
  const initialized =
    last === undefined || regular.some(hasBegun) || [last.state, last.lastState].some(state => state?.terminated?.exitCode === 0);
  const reached = Math.max(1, init.findLastIndex(hasBegun) + 1);
  for (const status of [...init.slice(0, reached), ...(initialized ? regular : [])]) {
    if (status.state?.terminated) continue;
    status.state = unknown();
    status.ready = false;
    status.started = false;
  }
};
