/**
 * What a write claims beyond the object itself: cluster IPs, node ports. A claim is one more mutation in the same commit, so two writers can
 * never hold the same one, and a write that fails claims nothing. Plain rows of the store, no locks, no repair by a leader.
 */
import type { KubeObject } from '../../kinds/object.ts';
import type { Guard, Mutation } from '../../store/log.ts';

export interface Completion {
  /** 0 first; higher when the commit lost one of its claims. Then it must choose anew or throw the `StatusError` that a client shall see. */
  readonly attempt: number;
  readonly dryRun: boolean;
}

export interface Allocator {
  /** The store's name of the resource whose writes claim something. */
  readonly resource: string;
  /**
   * Called with every write of the object itself (not of its subresources), after mutating admission and before the kind's rules: those judge
   * what was filled in here. Completes `next` in place, which is the pipeline's own copy; throws the `StatusError` that a client shall see.
   */
  complete(next: KubeObject, previous: KubeObject | undefined, completion: Completion): Promise<void>;
  /** What the write of a complete object claims and gives back: `next` absent for a deletion, `previous` for a creation. */
  claim(next: KubeObject | undefined, previous: KubeObject | undefined): Promise<Allocation>;
}

export interface Allocation {
  readonly mutations: readonly Mutation[];
  readonly guards?: readonly Guard[];
}

export const nothingClaimed: Allocation = { mutations: [] };
