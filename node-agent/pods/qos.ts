import { add, compare, parseQuantity, type Quantity, sign } from '../../kinds/quantity.ts';
import type { PodSpec } from '../../kinds/types.ts';

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

const counted = ['cpu', 'memory'];

/** Which of a pod's containers may be hurt first when memory runs out (component-helpers `ComputePodQOS`). */
export const qosClass = (spec: PodSpec): QosClass => {
  const requests = new Map<string, Quantity>();
  const limits = new Map<string, Quantity>();
  let guaranteed = true;
  for (const { resources } of [...spec.containers, ...(spec.initContainers ?? [])]) {
    const limited = new Set<string>();
    for (const name of counted) {
      const request = resources?.requests?.[name];
      const limit = resources?.limits?.[name];
      if (request !== undefined) sum(requests, name, parseQuantity(request));
      if (limit !== undefined && sum(limits, name, parseQuantity(limit))) limited.add(name);
    }
    if (limited.size !== counted.length) guaranteed = false;
  }
  if (requests.size === 0 && limits.size === 0) return 'BestEffort';
  for (const [name, request] of requests) {
    const limit = limits.get(name);
    if (!limit || compare(limit, request) !== 0) guaranteed = false;
  }
  return guaranteed && requests.size === limits.size ? 'Guaranteed' : 'Burstable';
};

const sum = (totals: Map<string, Quantity>, name: string, quantity: Quantity): boolean => {
  if (sign(quantity) <= 0) return false;
  const before = totals.get(name);
  totals.set(name, before ? add(before, quantity) : quantity);
  return true;
};
