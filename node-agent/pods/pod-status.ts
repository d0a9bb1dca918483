import { timestamp } from '../../kinds/environment.ts';
import type { ContainerStatus, PodStatus } from '../../kinds/types.ts';
import { ownedConditions, podConditions } from './conditions.ts';
import { containerStatus } from './container-status.ts';
import { type Phase, podPhase } from './phase.ts';
import { type BoundPod, isFinished, isHostNetwork, type Role, restartsAfter, rolesOf } from './pod.ts';
import { qosClass } from './qos.ts';
import { settle } from './settle.ts';
import type { PodView } from './view.ts';

export interface StatusInput {
  pod: BoundPod;
  view: PodView;
  /** The status last reported; the API's own where this agent has reported none yet. */
  previous: PodStatus;
  hostIp: string;
  /** Address of the sandbox, also of one that is being made; empty for none yet. */
  podIp: string;
  now: number;
  /** Nothing of the pod will be started any more. */
  over: boolean;
  /** ... and nothing of it runs any more. */
  settled: boolean;
  /** The node's own verdict on the pod as a whole, such as its deadline. */
  failure?: { reason: string; message: string } | undefined;
  trouble: ReadonlyMap<string, { reason: string; message?: string }>;
  starting: ReadonlySet<string>;
  startup(id: string): boolean | undefined;
  readiness(id: string): boolean | undefined;
  imageRef(imageId: string): string | undefined;
}

/** The status of a pod as a function of what the node knows (kubelet `generateAPIPodStatus`). */
export const podStatus = (input: StatusInput): PodStatus => {
  const { pod, view, previous, now } = input;
  const before = new Map(
    [...(previous.initContainerStatuses ?? []), ...(previous.containerStatuses ?? []), ...(previous.ephemeralContainerStatuses ?? [])].map(
      status => [status.name, status],
    ),
  );
  const hasInit = (pod.spec.initContainers ?? []).length > 0;
  const report = (role: Role): ContainerStatus => {
    const { name } = role.container;
    const views = view.containers.filter(each => each.container === name);
    const newest = views.find(each => each.state !== 'created');
    const willRestart = newest === undefined || (newest.state === 'exited' && restartsAfter(role.container, pod.spec, newest.exitCode));
    return containerStatus(role, {
      views,
      previous: before.get(name),
      trouble: input.trouble.get(name),
      starting: input.starting.has(name),
      over: input.over,
      willRestart,
      hasInit,
      startup: newest && input.startup(newest.id),
      readiness: newest && input.readiness(newest.id),
      imageRef: newest && input.imageRef(newest.imageId),
    });
  };
  const roles = rolesOf(pod);
  const of = (...slots: Role['slot'][]) => roles.filter(({ slot }) => slots.includes(slot)).map(report);
  const init = of('init', 'sidecar');
  const regular = of('regular');
  const ephemeral = of('ephemeral');
  if (input.settled) settle(init, regular);
  const began = view.containers.some(
    each =>
      each.sandboxId === view.sandbox?.id && each.state !== 'created' && pod.spec.containers.some(({ name }) => name === each.container),
  );
  let phase: Phase = input.failure ? 'Failed' : podPhase(pod, [...init, ...regular], input.over, began);
  if (input.settled && (phase === 'Pending' || phase === 'Running')) phase = 'Failed';
  // A pod never leaves a final phase.
  if (isFinished(pod)) phase = pod.status?.phase as Phase;
  else if (previous.phase === 'Succeeded' || previous.phase === 'Failed') phase = previous.phase;
  const hasSandbox = view.sandbox?.state === 'running';
  const reason = input.failure?.reason ?? (phase === previous.phase ? previous.reason : undefined);
  const message = input.failure?.message ?? (phase === previous.phase ? previous.message : undefined);
  const podIp = input.podIp || (isHostNetwork(pod) ? input.hostIp : (previous.podIP ?? ''));
  const generation = pod.metadata.generation;
  return {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    phase,
    conditions: [
      ...(pod.status?.conditions ?? []).filter(({ type }) => !ownedConditions.has(type)),
      ...podConditions({ pod, statuses: [...init, ...regular], phase, hasSandbox, previous: previous.conditions ?? [], now }),
    ],
    ...(reason ? { reason } : {}),
    ...(message ? { message } : {}),
    hostIP: input.hostIp,
    hostIPs: [{ ip: input.hostIp }],
    ...(podIp ? { podIP: podIp, podIPs: [{ ip: podIp }] } : {}),
    startTime: previous.startTime ?? timestamp(now),
    ...(init.length > 0 ? { initContainerStatuses: init } : {}),
    containerStatuses: regular,
    ...(ephemeral.length > 0 ? { ephemeralContainerStatuses: ephemeral } : {}),
    qosClass: previous.qosClass ?? qosClass(pod.spec),
  };
};
