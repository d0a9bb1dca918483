/**
 * Entries in the order of their keys. A list handed out never changes: the next change makes a copy first, and only if a list was
 * handed out since the last copy. Moving or copying even 100,000 references takes microseconds, less than any tree would save.
 */
import type { StoredEntry } from './entries.ts';

export class SortedEntries {
  private entries: StoredEntry[];
  private handedOut = false;

  /** `entries` must be sorted already. */
  constructor(entries: StoredEntry[] = []) {
    this.entries = entries;
  }

  get size(): number {
    return this.entries.length;
  }

  list(): readonly StoredEntry[] {
    this.handedOut = true;
    return this.entries;
  }

  get(namespace: string, name: string): StoredEntry | undefined {
    const entry = this.entries[this.place(namespace, name)];
    return entry !== undefined && entry.name === name && entry.namespace === namespace ? entry : undefined;
  }

  /** Adds an entry that comes after all others. */
  append(entry: StoredEntry): void {
    this.writable().push(entry);
  }

  /** Adds an entry, or replaces the one of its name. */
  put(entry: StoredEntry): void {
    const entries = this.writable();
    const place = this.place(entry.namespace, entry.name);
    const there = entries[place];
    if (there !== undefined && there.name === entry.name && there.namespace === entry.namespace) entries[place] = entry;
    else if (place === entries.length) entries.push(entry);
    else entries.splice(place, 0, entry);
  }

  remove(namespace: string, name: string): void {
    if (this.get(namespace, name) !== undefined) this.writable().splice(this.place(namespace, name), 1);
  }

  private writable(): StoredEntry[] {
    if (this.handedOut) {
      this.entries = this.entries.slice();
      this.handedOut = false;
    }
    return this.entries;
  }

  /** Where an entry of this name is or would be. */
  private place(namespace: string, name: string): number {
    const wanted = { namespace, name };
    let low = 0;
    let high = this.entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const entry = this.entries[middle];
      if (entry !== undefined && inOrder(entry, wanted) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

interface Named {
  readonly namespace: string;
  readonly name: string;
}

/**
 * The order of the keys `namespace/name`, as etcd lists them: a character below `/` makes `a-b` come before `a`. Negative, zero or positive.
 */
export const inOrder = (a: Named, b: Named): number => {
  if (a.namespace === b.namespace) return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
  const [x, y] = [`${a.namespace}/`, `${b.namespace}/`];
  return x < y ? -1 : 1;
};
