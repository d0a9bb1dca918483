/** Which entries have a label, an owner, a node: built from all entries at the first question, then kept up to date. */
import type { KubeObject } from '../kinds/object.ts';
import { glance, type StoredEntry } from './entries.ts';
import type { Entry, ListQuery } from './replica.ts';
import { inOrder, SortedEntries } from './sorted.ts';

/** The values of one property of an object. Stored bytes may say anything, so nothing is taken for granted. */
type Values = (object: KubeObject) => readonly string[];

const one = (value: unknown): readonly string[] => (typeof value === 'string' ? [value] : []);
const own = (object: unknown, field: string): unknown =>
  typeof object === 'object' && object !== null && Object.hasOwn(object, field) ? Reflect.get(object, field) : undefined;

const label =
  (name: string): Values =>
  object =>
    one(own(object.metadata?.labels, name));
const owner: Values = object => {
  const owners = object.metadata?.ownerReferences;
  return Array.isArray(owners) ? [...new Set(owners.flatMap(reference => one(own(reference, 'uid'))))] : [];
};
const node: Values = object => one(own(object['spec'], 'nodeName'));

class Index {
  private readonly values: Values;
  private readonly buckets = new Map<string, SortedEntries>();

  constructor(values: Values, entries: readonly StoredEntry[]) {
    this.values = values;
    for (const entry of entries) {
      for (const value of values(glance(entry))) {
        const bucket = this.buckets.get(value);
        if (bucket === undefined) this.buckets.set(value, new SortedEntries([entry]));
        else bucket.append(entry);
      }
    }
  }

  bucket(value: string): SortedEntries {
    return this.buckets.get(value) ?? none;
  }

  /** What an entry was is parsed once more rather than remembered: mostly it is still parsed, and remembering costs memory for all. */
  change(before: StoredEntry | undefined, after: StoredEntry | undefined): void {
    const now = after === undefined ? [] : this.values(after.readable ? after.object : glance(after));
    for (const value of before === undefined ? [] : this.values(glance(before))) {
      if (before === undefined || now.includes(value)) continue;
      const bucket = this.buckets.get(value);
      bucket?.remove(before.namespace, before.name);
      if (bucket?.size === 0) this.buckets.delete(value);
    }
    if (after === undefined) return;
    for (const value of now) {
      const bucket = this.buckets.get(value) ?? new SortedEntries();
      this.buckets.set(value, bucket);
      bucket.put(after);
    }
  }
}

const none = new SortedEntries();
/** Labels that clients have asked for lately are indexed; more at once than this is not a pattern worth memory. */
const labelIndexes = 16;

/** All entries of a resource, and ways to find some of them. */
export class IndexedEntries {
  private readonly all: SortedEntries;
  private readonly namespaces = new Map<string, SortedEntries>();
  /** Of which no index knows anything. */
  private readonly unreadable = new SortedEntries();
  private owners: Index | undefined;
  private nodes: Index | undefined;
  /** The one asked for last comes last. */
  private readonly labels = new Map<string, Index>();

  constructor(entries: StoredEntry[] = []) {
    entries.sort(inOrder);
    this.all = new SortedEntries(entries);
    for (const entry of entries) {
      this.namespace(entry.namespace).append(entry);
      if (!entry.readable) this.unreadable.append(entry);
    }
  }

  get(namespace: string, name: string): StoredEntry | undefined {
    return this.namespaces.get(namespace)?.get(namespace, name);
  }

  put(entry: StoredEntry, before: StoredEntry | undefined): void {
    this.all.put(entry);
    this.namespace(entry.namespace).put(entry);
    if (before?.readable === false) this.unreadable.remove(before.namespace, before.name);
    if (!entry.readable) this.unreadable.put(entry);
    this.reindex(before, entry);
  }

  remove(entry: StoredEntry): void {
    this.all.remove(entry.namespace, entry.name);
    const namespace = this.namespaces.get(entry.namespace);
    namespace?.remove(entry.namespace, entry.name);
    if (namespace?.size === 0) this.namespaces.delete(entry.namespace);
    if (!entry.readable) this.unreadable.remove(entry.namespace, entry.name);
    this.reindex(entry, undefined);
  }

  list(query: ListQuery = {}): readonly Entry[] {
    const found = this.indexed(query);
    if (query.orUnreadable !== true || this.unreadable.size === 0) return found;
    const others = this.unreadable.list().filter(entry => query.namespace === undefined || entry.namespace === query.namespace);
    return others.length === 0 ? found : [...new Set([...found, ...others])].sort(inOrder);
  }

  everything(): readonly StoredEntry[] {
    return this.all.list();
  }

  private indexed(query: ListQuery): readonly Entry[] {
    const sets: SortedEntries[] = [];
    if (query.namespace !== undefined) sets.push(this.namespaces.get(query.namespace) ?? none);
    if (query.ownerUid !== undefined) {
      this.owners ??= new Index(owner, this.all.list());
      sets.push(this.owners.bucket(query.ownerUid));
    }
    if (query.nodeName !== undefined) {
      this.nodes ??= new Index(node, this.all.list());
      sets.push(this.nodes.bucket(query.nodeName));
    }
    for (const [name, value] of Object.entries(query.labels ?? {})) sets.push(this.label(name).bucket(value));
    if (sets.length === 0) return this.all.list();
    const smallest = sets.reduce((least, set) => (set.size < least.size ? set : least));
    // An entry says itself which namespace it is in.
    const within = query.namespace === undefined ? undefined : sets.shift();
    const others = sets.filter(set => set !== smallest);
    const namespace = smallest === within ? undefined : query.namespace;
    if (others.length === 0 && namespace === undefined) return smallest.list();
    return smallest
      .list()
      .filter(
        entry =>
          (namespace === undefined || entry.namespace === namespace) &&
          others.every(set => set.get(entry.namespace, entry.name) !== undefined),
      );
  }

  private label(name: string): Index {
    const index = this.labels.get(name) ?? new Index(label(name), this.all.list());
    this.labels.delete(name);
    this.labels.set(name, index);
    const [oldest] = this.labels.keys();
    if (this.labels.size > labelIndexes && oldest !== undefined) this.labels.delete(oldest);
    return index;
  }

  private reindex(before: StoredEntry | undefined, after: StoredEntry | undefined): void {
    this.owners?.change(before, after);
    this.nodes?.change(before, after);
    for (const index of this.labels.values()) index.change(before, after);
  }

  private namespace(name: string): SortedEntries {
    const known = this.namespaces.get(name);
    if (known !== undefined) return known;
    const fresh = new SortedEntries();
    this.namespaces.set(name, fresh);
    return fresh;
  }
}
