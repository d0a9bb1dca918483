import type { Container } from '../../kinds/types.ts';
import { containerHash } from './labels.ts';
import { type BoundPod, isSidecar, restartsAfter } from './pod.ts';
import { type ContainerView, latest, type PodView } from './view.ts';

/**
 * What to do next for a pod that is to run, as a function of what is there. Kubelet's `computePodActions`, without its side effects:
 * back-off is the caller's, who knows the time.
 */
export interface Plan {
  /** `create`: none is running; `replace`: and something of the dead one still runs, which has to end first. */
  sandbox: 'keep' | 'create' | 'replace';
  start: Container[];
  stop: { view: ContainerView; container: Container; message: string }[];
  /** Nothing runs, nothing will: the pod is over, and its sandbox and sidecars with it. */
  finished: boolean;
}

export interface PlanInput {
  pod: BoundPod;
  view: PodView;
  /** Containers that something is already being done with. */
  busy: ReadonlySet<string>;
  /** Results of probes by container id; undefined while there is none. */
  liveness(id: string): boolean | undefined;
  startup(id: string): boolean | undefined;
}

const nothing = (): Plan => ({ sandbox: 'keep', start: [], stop: [], finished: false });

/** A running container that has to go, and why; undefined if it may stay. */
const complaint = (input: PlanInput, container: Container, view: ContainerView, who: string): string | undefined => {
  if (view.hash !== containerHash(container)) return `${who} ${container.name} definition changed`;
  if (input.liveness(view.id) === false) return `${who} ${container.name} failed liveness probe`;
  if (input.startup(view.id) === false) return `${who} ${container.name} failed startup probe`;
  return undefined;
};

/** Adds what the init containers need; answers whether the pod has passed them. */
const planInit = (input: PlanInput, plan: Plan, initialized: boolean): boolean => {
  const { pod, view, busy } = input;
  for (const container of pod.spec.initContainers ?? []) {
    const sidecar = isSidecar(container);
    // An init container of an earlier sandbox does not count: a new sandbox begins from the start.
    const seen = view.containers.find(each => each.container === container.name && each.sandboxId === view.sandbox?.id);
    if (!sidecar && initialized) continue;
    if (busy.has(container.name)) {
      if (initialized) continue;
      return false;
    }
    if (seen?.state === 'running') {
      if (!sidecar) return false;
      const message = complaint(input, container, seen, 'Init container');
      if (message !== undefined) plan.stop.push({ view: seen, container, message });
      if (initialized) continue;
      if (message !== undefined || (container.startupProbe && input.startup(seen.id) !== true)) return false;
      continue;
    }
    if (seen?.state === 'exited' && !sidecar) {
      if (seen.exitCode === 0) continue;
      if (!restartsAfter(container, pod.spec, seen.exitCode)) {
        plan.finished = true;
        return false;
      }
    }
    plan.start.push(container);
    if (!initialized) return false;
  }
  return true;
};

const planRegular = (input: PlanInput, plan: Plan): void => {
  const { pod, view, busy } = input;
  let alive = 0;
  for (const container of pod.spec.containers) {
    const seen = latest(view, container.name);
    if (busy.has(container.name)) {
      alive++;
    } else if (!seen || seen.state === 'created') {
      plan.start.push(container);
    } else if (seen.state === 'exited') {
      if (restartsAfter(container, pod.spec, seen.exitCode)) plan.start.push(container);
    } else {
      const message = complaint(input, container, seen, 'Container');
      if (message === undefined) alive++;
      else {
        const restarts = restartsAfter(container, pod.spec, 137);
        if (restarts) alive++;
        plan.stop.push({ view: seen, container, message: restarts ? `${message}, will be restarted` : message });
      }
    }
  }
  plan.finished = alive === 0 && plan.start.length === 0 && plan.stop.length === 0;
};

export const planPod = (input: PlanInput): Plan => {
  const { pod, view, busy } = input;
  const plan = nothing();
  if (view.sandbox?.state !== 'running') {
    const left = pod.spec.containers.filter(container => {
      const seen = latest(view, container.name);
      return seen?.state !== 'exited' || restartsAfter(container, pod.spec, seen.exitCode);
    });
    // A pod that never restarts has had its one sandbox, if it came as far as a container.
    if (
      left.length === 0 ||
      (pod.spec.restartPolicy === 'Never' && view.sandbox && view.containers.some(each => each.state !== 'created'))
    ) {
      return { ...plan, finished: true };
    }
    if (view.containers.some(each => each.state === 'running')) return { ...plan, sandbox: 'replace' };
    plan.sandbox = 'create';
  }
  const current = view.containers.filter(each => each.sandboxId === view.sandbox?.id && plan.sandbox === 'keep');
  const initialized = current.some(each => pod.spec.containers.some(({ name }) => name === each.container) && each.state !== 'created');
  const here: PlanInput = plan.sandbox === 'keep' ? input : { ...input, view: { sandbox: undefined, containers: view.containers } };
  if (planInit(here, plan, initialized)) planRegular(here, plan);
  if (plan.sandbox === 'keep' && !plan.finished) {
    for (const { name, ...rest } of pod.spec.ephemeralContainers ?? []) {
      if (!busy.has(name) && !latest(view, name)) plan.start.push({ name, ...rest } as Container);
    }
  }
  return plan;
};
