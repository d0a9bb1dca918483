/**
 * Claims on nodes whose bindings are being written. Several may be under way on one node; each rests on those before it, and that is what
 * its guards say:
 *
 *   node-allocation/N             g      g+1    g+2     nobody else has bound to N in between
 *   node-allocation/N/<process>   p      p+1    p+2     and it was this process's own binding that was counted
 *
 * With the first row alone, another copy's binding could take the place of one that failed here, and the next would rest on a pod that is
 * not there while the other's is not seen. When one fails, all behind it fail and decide anew.
 */
import type { Pod } from '../../kinds/types.ts';
import type { Guard, Log } from '../../store/log.ts';

export interface Claim {
  readonly node: string;
  readonly guards: readonly Guard[];
  /** The binding was not written: those that rest on it must fail too. */
  failed(): void;
  /** The binding is seen by the replica, or will never be. */
  done(): void;
}

interface Chain {
  shared: number;
  own: number;
  broken: boolean;
  readonly claimed: Set<Pod>;
  /** Told when the last claim is done. */
  readonly waiting: (() => void)[];
}

export class Allocations {
  private readonly log: Pick<Log, 'guard'>;
  private readonly process: string;
  private readonly chains = new Map<string, Chain>();

  constructor(log: Pick<Log, 'guard'>, process: string) {
    this.log = log;
    this.process = process;
  }

  private rows(node: string): [string, string] {
    return [`node-allocation/${node}`, `node-allocation/${node}/${this.process}`];
  }

  /** Further claims may rest on those under way. */
  isOpen(node: string): boolean {
    const chain = this.chains.get(node);
    return chain !== undefined && !chain.broken;
  }

  /** Reads where the guards stand. Whoever opens must catch up with the pods before deciding. Not to be called twice at once. */
  async open(node: string): Promise<void> {
    const before = this.chains.get(node);
    if (before) await new Promise<void>(resolve => before.waiting.push(resolve));
    const [shared = 0, own = 0] = await Promise.all(this.rows(node).map(row => this.log.guard(row)));
    this.chains.set(node, { shared, own, broken: false, claimed: new Set(), waiting: [] });
  }

  /** Nothing was decided after all; what was read grows old. */
  release(node: string): void {
    if (this.chains.get(node)?.claimed.size === 0) this.chains.delete(node);
  }

  claim(node: string, pod: Pod): Claim {
    const chain = this.chains.get(node);
    if (!chain) throw new Error(`no guard of ${node} was read`);
    const [shared, own] = this.rows(node);
    const guards = [
      { row: shared, seen: chain.shared++ },
      { row: own, seen: chain.own++ },
    ];
    chain.claimed.add(pod);
    return {
      node,
      guards,
      failed: () => {
        chain.broken = true;
      },
      done: () => {
        chain.claimed.delete(pod);
        if (chain.claimed.size > 0) return;
        if (this.chains.get(node) === chain) this.chains.delete(node);
        for (const resolve of chain.waiting.splice(0)) resolve();
      },
    };
  }

  /** Pods that are as good as on the node. */
  claimedOn(node: string): Iterable<Pod> {
    return this.chains.get(node)?.claimed ?? [];
  }
}
