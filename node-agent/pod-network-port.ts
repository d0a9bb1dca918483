import type { BoundPod } from './pods/pod.ts';

/** What a pod needs of the node's network. */
export interface PodNetwork {
  /** An address of the node's range that is not in `used`. */
  allocate(used: ReadonlySet<string>): string;
  /** Gives the network namespace of process `pid` the address; may be called again for one that has it. */
  attach(request: { pid: number; ip: string; hostInterface: string }): Promise<void>;
  /** Gone already is fine. */
  detach(hostInterface: string): Promise<void>;
  /** Takes away interfaces of pods that are not among the `known`. */
  reconcile(known: { ip: string; hostInterface: string }[]): Promise<void>;
}

/** What `/etc/resolv.conf` of a pod says. */
export type ResolvConf = (pod: BoundPod) => string;
