/** The newest changes of a log or events of a replica, kept in memory so that those who follow closely cost no read of the database. */
import type { Change } from './log.ts';

/** Ordered by revision and without gap: everything above `floor` that was ever added is here. */
export class Recent<T> {
  floor: number;
  private readonly revisionOf: (item: T) => number;
  /** Emptied at the front as items are dropped, and compacted now and then. */
  private items: (T | undefined)[] = [];
  private first = 0;

  constructor(floor: number, revisionOf: (item: T) => number) {
    this.floor = floor;
    this.revisionOf = revisionOf;
  }

  get size(): number {
    return this.items.length - this.first;
  }

  add(item: T): void {
    this.items.push(item);
  }

  /** Items above `after`, at most `limit`; undefined when they are not all here. */
  since(after: number, limit: number): T[] | undefined {
    if (after < this.floor) return undefined;
    let low = this.first;
    let high = this.items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const item = this.items[middle];
      if (item !== undefined && this.revisionOf(item) > after) high = middle;
      else low = middle + 1;
    }
    return this.items.slice(low, low + limit).filter(item => item !== undefined);
  }

  /** Forgets the oldest; undefined when there is none. */
  drop(): T | undefined {
    const item = this.items[this.first];
    if (item === undefined) return undefined;
    this.floor = this.revisionOf(item);
    this.items[this.first] = undefined;
    this.first += 1;
    if (this.first > 32 && this.first * 2 > this.items.length) {
      this.items = this.items.slice(this.first);
      this.first = 0;
    }
    return item;
  }
}

/** Of all resources, up to a number of bytes. What falls out is the oldest of all, which is also the oldest of its resource. */
export class RecentChanges {
  private readonly limit: number;
  private readonly resources = new Map<string, Recent<Change>>();
  private order: Recent<Change>[] = [];
  private first = 0;
  private bytes = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Every change of the resource after `head` will be added here. */
  begin(resource: string, head: number): void {
    this.resources.set(resource, new Recent(head, ({ revision }) => revision));
  }

  add(change: Change): void {
    const recent = this.resources.get(change.key.resource);
    if (recent === undefined) throw new Error(`changes of ${change.key.resource} are not followed`);
    recent.add(change);
    this.order.push(recent);
    this.bytes += sizeOf(change);
    while (this.bytes > this.limit) this.drop();
  }

  since(resource: string, after: number, limit: number): readonly Change[] | undefined {
    return this.resources.get(resource)?.since(after, limit);
  }

  private drop(): void {
    const change = this.order[this.first]?.drop();
    if (change === undefined) throw new Error('recent changes are counted wrongly');
    this.bytes -= sizeOf(change);
    this.first += 1;
    if (this.first > 32 && this.first * 2 > this.order.length) {
      this.order = this.order.slice(this.first);
      this.first = 0;
    }
  }
}

/** A previous value is mostly shared with the change before it, but not when that has fallen out; counted in full. */
const sizeOf = (change: Change): number => change.value.byteLength + (change.previous?.byteLength ?? 0) + 256;
