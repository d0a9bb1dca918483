import { timestamp } from '../../kinds/environment.ts';
import type { Container, ContainerStatus } from '../../kinds/types.ts';
import type { Role } from './pod.ts';
import type { ContainerView } from './view.ts';

type State = NonNullable<ContainerStatus['state']>;

export interface ContainerFacts {
  /** Views of this container, newest first. */
  views: ContainerView[];
  previous: ContainerStatus | undefined;
  /** Why the last try to start it failed, if it did. */
  trouble: { reason: string; message?: string } | undefined;
  /** Something is under way before it counts as running (its image, its creation, its postStart hook). */
  starting: boolean;
  /** Nothing of the pod will be started any more. */
  over: boolean;
  willRestart: boolean;
  hasInit: boolean;
  startup: boolean | undefined;
  readiness: boolean | undefined;
  imageRef: string | undefined;
}

export const containerId = (id: string): string => `docker://${id}`;

const stateOf = (view: ContainerView): State => {
  if (view.state === 'running') return { running: { startedAt: timestamp(view.startedAt) } };
  if (view.state === 'created') return { waiting: { reason: 'ContainerCreating' } };
  return {
    terminated: {
      exitCode: view.exitCode,
      reason: view.reason,
      ...(view.message === '' ? {} : { message: view.message }),
      startedAt: timestamp(view.startedAt),
      finishedAt: timestamp(view.finishedAt),
      containerID: containerId(view.id),
    },
  };
};

const mountsOf = ({ volumeMounts = [] }: Container): Pick<ContainerStatus, 'volumeMounts'> =>
  volumeMounts.length === 0
    ? {}
    : {
        volumeMounts: volumeMounts.map(({ name, mountPath, readOnly }) => ({
          name,
          mountPath,
          ...(readOnly ? { readOnly: true, recursiveReadOnly: 'Disabled' } : {}),
        })),
      };

/** One container as the API shows it (kubelet `convertToAPIContainerStatuses` and the prober's `UpdatePodStatus`). */
export const containerStatus = ({ container, slot }: Role, facts: ContainerFacts): ContainerStatus => {
  const { previous } = facts;
  const [newest, before] = facts.views.filter(view => view.state !== 'created');
  let state: State = { waiting: { reason: facts.hasInit ? 'PodInitializing' : 'ContainerCreating' } };
  let lastState: State = previous?.lastState ?? {};
  let restartCount = previous?.restartCount ?? 0;
  if (newest) {
    state = stateOf(newest);
    lastState = before ? stateOf(before) : {};
    restartCount = Math.max(newest.attempt, 0);
  } else if (previous?.state?.running) {
    // It ran, and nothing of it is left in Docker: it must not look as if it had never begun.
    lastState = {
      terminated: {
        exitCode: 137,
        reason: 'ContainerStatusUnknown',
        message: 'The container could not be located when the pod was deleted.  The container used to be Running',
      },
    };
    if (facts.over) state = lastState;
    else restartCount++;
  } else if (previous?.state?.terminated) {
    state = previous.state;
  }
  if (state.running && facts.starting) {
    // Until its postStart hook has ended, a container is not running for anybody else.
    state = { waiting: { reason: 'ContainerCreating' } };
  }
  const done = slot === 'init' && state.terminated?.exitCode === 0;
  if (!state.running && !done && !facts.over && facts.willRestart && facts.trouble) {
    if (state.terminated) lastState = state;
    state = { waiting: { reason: facts.trouble.reason, ...(facts.trouble.message ? { message: facts.trouble.message } : {}) } };
  }
  const started = state.running !== undefined && (container.startupProbe === undefined || facts.startup === true);
  const ready =
    slot === 'init' ? done : slot !== 'ephemeral' && started && (container.readinessProbe === undefined || facts.readiness === true);
  return {
    name: container.name,
    state,
    lastState,
    ready,
    restartCount,
    image: container.image ?? '',
    imageID: newest ? (facts.imageRef ?? newest.imageId) : (previous?.imageID ?? ''),
    ...(newest ? { containerID: containerId(newest.id) } : previous?.containerID ? { containerID: previous.containerID } : {}),
    started,
    ...(newest && container.resources?.requests ? { allocatedResources: container.resources.requests } : {}),
    ...(newest ? { resources: container.resources ?? {} } : {}),
    ...mountsOf(container),
  };
};
