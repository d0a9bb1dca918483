/** Quality of service of a pod, from its requests and limits of CPU and memory (kubernetes `pkg/apis/core/helper/qos`). */
import { add, compare, type Quantity, sign } from '../quantity.ts';
import { quantity } from './resources.ts';
import type { PodSpec, ResourceList } from './types.ts';

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';
type Totals = Map<string, Quantity>;
const compute = ['cpu', 'memory'];

/** Adds what is above zero; answers whether both CPU and memory were. */
const gather = (totals: Totals, list: ResourceList | undefined): boolean => {
  let found = 0;
  for (const name of compute) {
    const amount = quantity(list?.[name]);
    if (!amount || sign(amount) <= 0) continue;
    found++;
    const sum = totals.get(name);
    totals.set(name, sum ? add(sum, amount) : amount);
  }
  return found === compute.length;
};

export const qosClass = (spec: PodSpec): QosClass => {
  const requests: Totals = new Map();
  const limits: Totals = new Map();
  let guaranteed = true;
  const sources = spec.resources ? [spec.resources] : [...spec.containers, ...(spec.initContainers ?? [])].map(c => c.resources);
  for (const resources of sources) {
    gather(requests, resources?.requests);
    const complete = gather(limits, resources?.limits);
    const stated = !spec.resources || Object.keys(resources?.limits ?? {}).length > 0;
    if (stated && !complete) guaranteed = false;
  }
  if (requests.size === 0 && limits.size === 0) return 'BestEffort';
  if (!guaranteed || requests.size !== limits.size) return 'Burstable';
  for (const [name, request] of requests) {
    const limit = limits.get(name);
    if (!limit || compare(limit, request) !== 0) return 'Burstable';
  }
  return 'Guaranteed';
};
