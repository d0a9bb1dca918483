/**
 * The newest changes of all resources, kept in memory up to a number of bytes, so that those who follow closely cost no read of the database.
 * What falls out is the oldest of all, which is also the oldest of its resource: what is left of a resource never has a gap.
 */
import type { Change } from './log.ts';

interface Kept {
  /** Every change above this is here. */
  floor: number;
  /** Emptied at the front as changes are dropped. */
  changes: (Change | undefined)[];
  /** Index of the first change still counted; the array is compacted now and then. */
  first: number;
}

export class RecentChanges {
  private readonly limit: number;
  private readonly resources = new Map<string, Kept>();
  private order: Kept[] = [];
  private orderFirst = 0;
  private bytes = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Every change of the resource after `head` will be added here. */
  begin(resource: string, head: number): void {
    this.resources.set(resource, { floor: head, changes: [], first: 0 });
  }

  add(change: Change): void {
    const kept = this.resources.get(change.key.resource);
    if (kept === undefined) return;
    kept.changes.push(change);
    this.order.push(kept);
    this.bytes += sizeOf(change);
    while (this.bytes > this.limit) this.drop();
  }

  /** Changes above `after`, at most `limit`; undefined when they are not all here. */
  since(resource: string, after: number, limit: number): readonly Change[] | undefined {
    const kept = this.resources.get(resource);
    if (kept === undefined || after < kept.floor) return undefined;
    let low = kept.first;
    let high = kept.changes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((kept.changes[middle]?.revision ?? 0) > after) high = middle;
      else low = middle + 1;
    }
    return kept.changes.slice(low, low + limit).filter(change => change !== undefined);
  }

  private drop(): void {
    const kept = this.order[this.orderFirst];
    const change = kept?.changes[kept.first];
    if (kept === undefined || change === undefined) throw new Error('recent changes are counted wrongly');
    this.bytes -= sizeOf(change);
    kept.floor = change.revision;
    kept.changes[kept.first] = undefined;
    kept.first += 1;
    if (kept.first > 32 && kept.first * 2 > kept.changes.length) {
      kept.changes = kept.changes.slice(kept.first);
      kept.first = 0;
    }
    this.orderFirst += 1;
    if (this.orderFirst > 32 && this.orderFirst * 2 > this.order.length) {
      this.order = this.order.slice(this.orderFirst);
      this.orderFirst = 0;
    }
  }
}

/** A previous value is mostly shared with the change before it, but not when that has fallen out; counted in full. */
const sizeOf = (change: Change): number => change.value.byteLength + (change.previous?.byteLength ?? 0) + 256;
