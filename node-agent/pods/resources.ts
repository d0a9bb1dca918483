import { milliValue, parseQuantity, toNumber } from '../../kinds/quantity.ts';
import type { Container } from '../../kinds/types.ts';
import type { BoundPod } from './pod.ts';
import { qosClass } from './qos.ts';

/** A container's requests and limits in the kernel's terms. */
export interface KernelResources {
  CpuShares: number;
  CpuPeriod?: number;
  CpuQuota?: number;
  Memory?: number;
  MemorySwap?: number;
  OomScoreAdj: number;
}

const milli = (text: string | undefined): number | undefined => (text === undefined ? undefined : milliValue(parseQuantity(text)));
const bytes = (text: string | undefined): number | undefined => (text === undefined ? undefined : toNumber(parseQuantity(text)));

/** How soon the kernel ends a container of this pod when memory runs out (kubelet `qos/policy.go`). */
const oomScore = (pod: BoundPod, container: Container, nodeMemory: number): number => {
  if (pod.spec.priorityClassName === 'system-node-critical') return -997;
  switch (qosClass(pod.spec)) {
    case 'Guaranteed':
      return -997;
    case 'BestEffort':
      return 1000;
    default: {
      const { requests, limits } = container.resources ?? {};
      const request = bytes(requests?.['memory'] ?? limits?.['memory']) ?? 0;
      const score = Math.floor(1000 - (1000 * request) / nodeMemory);
      return Math.min(999, Math.max(3, score));
    }
  }
};

/** What of the machine decides how the kernel is to treat containers. */
export interface NodeLimits {
  memoryBytes: number;
  /** 0 where the kernel does not let this machine's root protect processes more than usual. */
  lowestOomScore: number;
}

export const kernelResources = (pod: BoundPod, container: Container, { memoryBytes, lowestOomScore }: NodeLimits): KernelResources => {
  const { requests, limits } = container.resources ?? {};
  const cpuLimit = milli(limits?.['cpu']);
  const cpuRequest = milli(requests?.['cpu']) ?? cpuLimit ?? 0;
  const memory = bytes(limits?.['memory']);
  return {
    CpuShares: Math.max(2, Math.floor((cpuRequest * 1024) / 1000)),
    ...(cpuLimit ? { CpuPeriod: 100_000, CpuQuota: Math.max(1000, cpuLimit * 100) } : {}),
    // Swap counts into the limit: as much as the memory itself means none.
    ...(memory ? { Memory: Math.ceil(memory), MemorySwap: Math.ceil(memory) } : {}),
    OomScoreAdj: Math.max(lowestOomScore, oomScore(pod, container, memoryBytes)),
  };
};
