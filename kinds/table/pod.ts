/** The row of a pod (`printPod` of kubernetes `pkg/printers/internalversion`). */
import type { Json } from '../object.ts';
import type { Pod, PodSpec, PodStatus } from '../types.ts';
import { age } from './age.ts';
import { orNone } from './cells.ts';

type ContainerStatus = NonNullable<PodStatus['containerStatuses']>[number];

/** Restarts so far, and when the last of them was, in ms. */
interface Restarts {
  count: number;
  last: number;
}
const addRestarts = (restarts: Restarts, status: ContainerStatus): void => {
  restarts.count += status.restartCount ?? 0;
  const finished = Date.parse(status.lastState?.terminated?.finishedAt ?? '');
  if (finished > restarts.last) restarts.last = finished;
};
type Terminated = NonNullable<NonNullable<ContainerStatus['state']>['terminated']>;
const endOf = ({ reason, signal, exitCode }: Terminated): string => reason || (signal ? `Signal:${signal}` : `ExitCode:${exitCode ?? 0}`);

const isTrue = (status: PodStatus, type: string): boolean =>
  status.conditions?.some(condition => condition.type === type && condition.status === 'True') ?? false;

interface Progress {
  reason: string;
  ready: number;
  restarts: Restarts;
}

/** Undefined: all init containers are done. Else what the first that is not is doing. */
const initReason = (spec: PodSpec, status: PodStatus, sidecars: ReadonlySet<string>, progress: Progress): string | undefined => {
  const statuses = status.initContainerStatuses ?? [];
  for (const [i, container] of statuses.entries()) {
    addRestarts(progress.restarts, container);
    const { terminated, waiting } = container.state ?? {};
    if (terminated && !terminated.exitCode) continue;
    if (sidecars.has(container.name) && container.started) {
      if (container.ready) progress.ready++;
      continue;
    }
    if (terminated) return `Init:${endOf(terminated)}`;
    if (waiting?.reason && waiting.reason !== 'PodInitializing') return `Init:${waiting.reason}`;
    return `Init:${i}/${spec.initContainers?.length ?? 0}`;
  }
  return undefined;
};

const runningReason = (status: PodStatus, sidecars: ReadonlySet<string>, progress: Progress): void => {
  const restarts: Restarts = { count: 0, last: Number.NEGATIVE_INFINITY };
  for (const container of status.initContainerStatuses ?? []) if (sidecars.has(container.name)) addRestarts(restarts, container);
  progress.restarts = restarts;
  let running = false;
  let failure = '';
  for (const container of [...(status.containerStatuses ?? [])].reverse()) {
    addRestarts(restarts, container);
    const { waiting, terminated } = container.state ?? {};
    if (waiting?.reason) progress.reason = waiting.reason;
    else if (terminated) {
      progress.reason = endOf(terminated);
      if (terminated.exitCode) failure = progress.reason;
    } else if (container.ready && container.state?.running) {
      running = true;
      progress.ready++;
    }
  }
  if (progress.reason !== 'Completed') return;
  if (running && isTrue(status, 'Ready')) progress.reason = 'Running';
  else if (failure) progress.reason = failure;
  else if (running) progress.reason = 'NotReady';
};

/** How far the pod has come, as one word, with its ready containers and its restarts. */
const progressOf = (pod: Pod, spec: PodSpec, status: PodStatus): Progress => {
  const gated = status.conditions?.some(condition => condition.type === 'PodScheduled' && condition.reason === 'SchedulingGated');
  const progress: Progress = {
    reason: gated ? 'SchedulingGated' : status.reason || status.phase || '',
    ready: 0,
    restarts: { count: 0, last: Number.NEGATIVE_INFINITY },
  };
  const sidecars = new Set((spec.initContainers ?? []).filter(c => c.restartPolicy === 'Always').map(c => c.name));
  const initial = initReason(spec, status, sidecars, progress);
  if (initial !== undefined) progress.reason = initial;
  if (initial === undefined || isTrue(status, 'Initialized')) runningReason(status, sidecars, progress);
  if (pod.metadata.deletionTimestamp) {
    if (status.reason === 'NodeLost') progress.reason = 'Unknown';
    else if (status.phase !== 'Failed' && status.phase !== 'Succeeded') progress.reason = 'Terminating';
  }
  return progress;
};

const readinessGates = (spec: PodSpec, status: PodStatus): string => {
  const gates = spec.readinessGates ?? [];
  if (gates.length === 0) return '<none>';
  const passed = gates.filter(gate => status.conditions?.find(condition => condition.type === gate.conditionType)?.status === 'True');
  return `${passed.length}/${gates.length}`;
};

/** Name, Ready, Status, Restarts, Age, IP, Node, Nominated Node, Readiness Gates. */
export const podCells = (pod: Pod, now: number): Json[] => {
  const spec = pod.spec ?? { containers: [] };
  const status = pod.status ?? {};
  const { reason, ready, restarts } = progressOf(pod, spec, status);
  const total = spec.containers.length + (spec.initContainers ?? []).filter(c => c.restartPolicy === 'Always').length;
  const since = restarts.count && restarts.last > 0 ? ` (${age(new Date(restarts.last).toISOString(), now)} ago)` : '';
  return [
    pod.metadata.name,
    `${ready}/${total}`,
    reason,
    `${restarts.count}${since}`,
    age(pod.metadata.creationTimestamp, now),
    orNone(status.podIPs?.[0]?.ip ?? status.podIP),
    orNone(spec.nodeName),
    orNone(status.nominatedNodeName),
    readinessGates(spec, status),
  ];
};
