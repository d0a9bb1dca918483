/**
 * What a write claims beyond the object itself: cluster IPs, node ports. A claim is one more mutation in the same commit, so two writers can
 * never hold the same one, and a write that fails claims nothing. Plain rows of the store, no locks, no repair by a leader.
 */
import type { KubeObject } from '../../kinds/object.ts';
import type { Guard, Mutation } from '../../store/log.ts';

export interface Allocator {
  /** The store's name of the resource whose writes claim something. */
  readonly resource: string;
  /**
   * Called with every write before its commit: `next` absent for a deletion, `previous` for a creation. May complete `next` in place (it is
   * the pipeline's own copy). Called again with a higher `attempt` (0 first) on a fresh copy when the commit lost one of its claims; then
   * it must choose anew or throw the `StatusError` that a client shall see. Also called for dry runs, whose mutations are dropped.
   */
  allocate(next: KubeObject | undefined, previous: KubeObject | undefined, attempt: number): Promise<Allocation>;
}

export interface Allocation {
  readonly mutations: readonly Mutation[];
  readonly guards?: readonly Guard[];
}

export const nothingClaimed: Allocation = { mutations: [] };
