/** What a pod asks for and a node offers, as plain numbers: `cpu` in thousandths, the rest in units (upstream: `component-helpers/resource`). */
import { milliValue, parseQuantity, value } from '../../kinds/quantity.ts';
import type { Container, Node, Pod, PodSpec } from '../../kinds/types.ts';

export type Resources = ReadonlyMap<string, number>;

const toNumber = (name: string, quantity: string): number =>
  name === 'cpu' ? milliValue(parseQuantity(quantity)) : value(parseQuantity(quantity));

export const resourcesOf = (list: Record<string, string> | undefined): Map<string, number> => {
  const resources = new Map<string, number>();
  for (const [name, quantity] of Object.entries(list ?? {})) resources.set(name, toNumber(name, quantity));
  return resources;
};

const add = (sum: Map<string, number>, other: Resources): void => {
  for (const [name, amount] of other) sum.set(name, (sum.get(name) ?? 0) + amount);
};
const raise = (most: Map<string, number>, other: Resources): void => {
  for (const [name, amount] of other) if (amount > (most.get(name) ?? 0)) most.set(name, amount);
};

/** What scores count for a container that requests none (upstream `GetNonzeroRequests`). */
const assumed: Resources = new Map([
  ['cpu', 100],
  ['memory', 200 * 1024 * 1024],
]);

const isSidecar = (container: Container): boolean => container.restartPolicy === 'Always';

/** Containers run together, init containers one after the other beside the sidecars started before them. */
const sum = (spec: PodSpec, least: Resources): Resources => {
  const of = (container: Container): Map<string, number> => {
    const requests = resourcesOf(container.resources?.requests);
    for (const [name, amount] of least) if (!requests.has(name)) requests.set(name, amount);
    return requests;
  };
  const total = new Map<string, number>();
  for (const container of spec.containers) add(total, of(container));
  const sidecars = new Map<string, number>();
  const start = new Map<string, number>();
  for (const container of spec.initContainers ?? []) {
    const needs = of(container);
    if (isSidecar(container)) {
      add(total, needs);
      add(sidecars, needs);
      raise(start, sidecars);
    } else {
      add(needs, sidecars);
      raise(start, needs);
    }
  }
  raise(total, start);
  // Requests of the pod as a whole stand above those of its containers.
  for (const [name, amount] of resourcesOf(spec.resources?.requests)) total.set(name, amount);
  add(total, resourcesOf(spec.overhead));
  return total;
};

const none: Resources = new Map();
const requests = new WeakMap<Pod, Resources>();
const assumptions = new WeakMap<Pod, Resources>();
const remembered = (memory: WeakMap<Pod, Resources>, pod: Pod, least: Resources): Resources => {
  const known = memory.get(pod);
  if (known) return known;
  const fresh = pod.spec ? sum(pod.spec, least) : none;
  memory.set(pod, fresh);
  return fresh;
};

export const requestsOf = (pod: Pod): Resources => remembered(requests, pod, none);
/** With a small amount for containers that request nothing. */
export const assumedRequestsOf = (pod: Pod): Resources => remembered(assumptions, pod, assumed);

export const allocatableOf = (node: Node): Resources => resourcesOf(node.status?.allocatable ?? node.status?.capacity);

export const totalOf = (pods: readonly Pod[], of: (pod: Pod) => Resources): Resources => {
  const total = new Map<string, number>();
  for (const pod of pods) add(total, of(pod));
  return total;
};
