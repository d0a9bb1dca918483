import { timestamp } from '../../kinds/environment.ts';
import type { ContainerStatus, PodCondition } from '../../kinds/types.ts';
import type { Phase } from './phase.ts';
import { type BoundPod, isSidecar } from './pod.ts';

/** A verdict before it is dated. */
interface Verdict {
  status: 'True' | 'False';
  reason?: string;
  message?: string;
}
const yes: Verdict = { status: 'True' };
const ended = (phase: Phase): Verdict | undefined =>
  phase === 'Succeeded'
    ? { status: 'False', reason: 'PodCompleted' }
    : phase === 'Failed'
      ? { status: 'False', reason: 'PodFailed' }
      : undefined;

/** Go's `%s` of a list of strings. */
const list = (names: string[]): string => `[${names.join(' ')}]`;
const complaints = (unknown: string[], others: string[], word: string): string =>
  [
    unknown.length > 0 ? `containers with unknown status: ${list(unknown)}` : '',
    others.length > 0 ? `containers with ${word} status: ${list(others)}` : '',
  ]
    .filter(text => text !== '')
    .join(', ');

const initialized = ({ spec }: BoundPod, statuses: Map<string, ContainerStatus>, phase: Phase): Verdict => {
  const unknown: string[] = [];
  const incomplete: string[] = [];
  for (const container of spec.initContainers ?? []) {
    const status = statuses.get(container.name);
    if (!status) unknown.push(container.name);
    else if (isSidecar(container) ? status.started !== true : !status.ready) incomplete.push(container.name);
  }
  if (phase === 'Succeeded' && unknown.length === 0) return { status: 'True', reason: 'PodCompleted' };
  const began = spec.containers.some(({ name }) => {
    const status = statuses.get(name);
    return status?.started === true || status?.state?.terminated !== undefined || status?.lastState?.terminated !== undefined;
  });
  if (began) return yes;
  const message = complaints(unknown, incomplete, 'incomplete');
  return message === '' ? yes : { status: 'False', reason: 'ContainersNotInitialized', message };
};

const containersReady = ({ spec }: BoundPod, statuses: Map<string, ContainerStatus>, phase: Phase): Verdict => {
  const unknown: string[] = [];
  const unready: string[] = [];
  for (const container of [...(spec.initContainers ?? []).filter(isSidecar), ...spec.containers]) {
    const status = statuses.get(container.name);
    if (!status) unknown.push(container.name);
    else if (!status.ready) unready.push(container.name);
  }
  if ((phase === 'Succeeded' && unknown.length === 0) || phase === 'Failed') return ended(phase) ?? yes;
  const message = complaints(unknown, unready, 'unready');
  return message === '' ? yes : { status: 'False', reason: 'ContainersNotReady', message };
};

const podReady = ({ spec }: BoundPod, containers: Verdict, others: PodCondition[]): Verdict => {
  if (containers.status !== 'True') return containers;
  const missing: string[] = [];
  for (const { conditionType: type } of spec.readinessGates ?? []) {
    const gate = others.find(each => each.type === type);
    if (!gate) missing.push(`corresponding condition of pod readiness gate ${JSON.stringify(type)} does not exist.`);
    else if (gate.status !== 'True') {
      missing.push(`the status of pod readiness gate ${JSON.stringify(type)} is not "True", but ${gate.status}`);
    }
  }
  return missing.length === 0 ? yes : { status: 'False', reason: 'ReadinessGatesNotReady', message: missing.join(', ') };
};

export const ownedConditions: ReadonlySet<string> = new Set([
  'PodReadyToStartContainers',
  'Initialized',
  'Ready',
  'ContainersReady',
  'PodScheduled',
]);

export interface ConditionsInput {
  pod: BoundPod;
  statuses: ContainerStatus[];
  phase: Phase;
  hasSandbox: boolean;
  /** Conditions as they were last reported: a condition keeps its time while its status stays. */
  previous: PodCondition[];
  now: number;
}

/** The kubelet's own conditions of a pod, in the order it reports them; reasons and messages are kubelet's (`status/generate.go`). */
export const podConditions = ({ pod, statuses, phase, hasSandbox, previous, now }: ConditionsInput): PodCondition[] => {
  const byName = new Map(statuses.map(status => [status.name, status]));
  const containers = containersReady(pod, byName, phase);
  const verdicts: [string, Verdict][] = [
    ['PodReadyToStartContainers', { status: hasSandbox ? 'True' : 'False' }],
    ['Initialized', initialized(pod, byName, phase)],
    ['Ready', podReady(pod, containers, pod.status?.conditions ?? [])],
    ['ContainersReady', containers],
    ['PodScheduled', yes],
  ];
  const generation = pod.metadata.generation;
  return verdicts.map(([type, verdict]) => {
    const before = previous.find(each => each.type === type);
    const since = before?.status === verdict.status ? before.lastTransitionTime : undefined;
    return {
      type,
      ...verdict,
      lastTransitionTime: since ?? timestamp(now),
      ...(generation === undefined ? {} : { observedGeneration: generation }),
    };
  });
};
