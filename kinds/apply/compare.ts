/**
 * Which fields differ between two objects, as managed fields count them: leaves, and the nodes that come and go with what is
 * below them. Source: structured-merge-diff `typed/compare.go`. Equal subtrees make nothing, so a small change costs little.
 */
import { equal } from '../patch/value.ts';
import { type FieldSet, inOrder, leaf, nothing } from './field-set.ts';
import { asList, asObject, formOf, hasNoFields, type ListType, type MapType, type Type } from './type.ts';

export interface Comparison {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}
/** Absent sets are empty. */
type Diff = Partial<Comparison>;

const addedLeaf: Diff = { added: leaf };
const modifiedLeaf: Diff = { modified: leaf };
const removedLeaf: Diff = { removed: leaf };

const leafDiff = (before: unknown, after: unknown): Diff | undefined => {
  if (before === undefined) return addedLeaf;
  if (after === undefined) return removedLeaf;
  return equal(before, after) ? undefined : modifiedLeaf;
};

/** Gathers what children differ in. */
class Gathered {
  #added: Record<string, FieldSet> | undefined;
  #modified: Record<string, FieldSet> | undefined;
  #removed: Record<string, FieldSet> | undefined;

  take(element: string, diff: Diff | undefined): void {
    if (!diff) return;
    if (diff.added) {
      this.#added ??= {};
      this.#added[element] = diff.added;
    }
    if (diff.modified) {
      this.#modified ??= {};
      this.#modified[element] = diff.modified;
    }
    if (diff.removed) {
      this.#removed ??= {};
      this.#removed[element] = diff.removed;
    }
  }

  diff(): Diff | undefined {
    if (!this.#added && !this.#modified && !this.#removed) return undefined;
    return {
      ...(this.#added ? { added: inOrder(this.#added) } : {}),
      ...(this.#modified ? { modified: inOrder(this.#modified) } : {}),
      ...(this.#removed ? { removed: inOrder(this.#removed) } : {}),
    };
  }
}

/** Every node of a value that has no counterpart: all are members. */
export const whole = (type: Type, value: unknown): FieldSet => {
  const form = formOf(type, value);
  if (form === 'scalar') return leaf;
  if (form === 'map' && type.map) {
    const fields = asObject(value);
    if (!fields || type.map.atomic) return leaf;
    const node: Record<string, FieldSet> = { '.': leaf };
    let empty = true;
    for (const name in fields) {
      const member = type.map.member(name);
      node[member.element] = member.type ? whole(member.type, fields[name]) : leaf;
      empty = false;
    }
    return empty ? leaf : inOrder(node);
  }
  const list = type.list;
  const items = asList(value);
  if (!list?.associative || !items || items.length === 0) return leaf;
  const node: Record<string, FieldSet> = { '.': leaf };
  for (const item of items) {
    const element = list.elementOf(item);
    // What occurs twice is one member without children.
    node[element] = node[element] ? leaf : whole(list.item, item);
  }
  return inOrder(node);
};

const compareFields = (
  map: MapType,
  before: Readonly<Record<string, unknown>> | undefined,
  after: Readonly<Record<string, unknown>> | undefined,
  skip?: ReadonlySet<string>,
): Diff | undefined => {
  const gathered = new Gathered();
  for (const name in after) {
    if (skip?.has(name)) continue;
    const value = after[name];
    const old = before && Object.hasOwn(before, name) ? before[name] : undefined;
    if (value === old) continue;
    const { element, type } = map.member(name);
    gathered.take(element, type ? compareValues(type, old, value) : leafDiff(old, value));
  }
  for (const name in before) {
    if (skip?.has(name) || (after && Object.hasOwn(after, name))) continue;
    const { element, type } = map.member(name);
    gathered.take(element, type ? compareValues(type, before[name], undefined) : removedLeaf);
  }
  return gathered.diff();
};

const indexed = (list: ListType, items: readonly unknown[] | undefined): Map<string, unknown[]> => {
  const found = new Map<string, unknown[]>();
  for (const item of items ?? []) {
    const element = list.elementOf(item);
    const same = found.get(element);
    if (same) same.push(item);
    else found.set(element, [item]);
  }
  return found;
};

const one: readonly unknown[] = [undefined];
const compareItems = (list: ListType, before: readonly unknown[] | undefined, after: readonly unknown[] | undefined): Diff | undefined => {
  const gathered = new Gathered();
  const olds = indexed(list, before);
  const news = indexed(list, after);
  const take = (element: string, lefts: readonly unknown[], rights: readonly unknown[]): void => {
    if (lefts.length <= 1 && rights.length <= 1) gathered.take(element, compareValues(list.item, lefts[0], rights[0]));
    else if (lefts.length > 1 && rights.length > 1) {
      // Repeated items cannot be told apart, so they are one leaf.
      if (!equal(lefts, rights)) gathered.take(element, modifiedLeaf);
    } else if (lefts.length > 1) {
      gathered.take(element, { ...(rights.length ? { added: whole(list.item, rights[0]) } : {}), removed: leaf });
    } else {
      gathered.take(element, { ...(lefts[0] !== undefined ? { removed: whole(list.item, lefts[0]) } : {}), added: leaf });
    }
  };
  for (const [element, rights] of news) take(element, olds.get(element) ?? one, rights);
  for (const [element, lefts] of olds) if (!news.has(element)) take(element, lefts, []);
  return gathered.diff();
};

const compareAs = (form: 'map' | 'list' | 'scalar', type: Type, before: unknown, after: unknown): Diff | undefined => {
  if (form === 'map' && type.map) {
    const olds = asObject(before);
    const news = asObject(after);
    if (type.map.atomic || ((!olds || hasNoFields(olds)) && (!news || hasNoFields(news)))) return leafDiff(before, after);
    return compareFields(type.map, olds, news);
  }
  if (form === 'list' && type.list) {
    const olds = asList(before);
    const news = asList(after);
    if (!type.list.associative || (!olds?.length && !news?.length)) return leafDiff(before, after);
    return compareItems(type.list, olds, news);
  }
  return leafDiff(before, after);
};

const compareValues = (type: Type, before: unknown, after: unknown): Diff | undefined => {
  if (before === after) return undefined;
  if (before === undefined) return { added: whole(type, after) };
  if (after === undefined) return { removed: whole(type, before) };
  const form = formOf(type, after);
  const formBefore = formOf(type, before);
  if (form === formBefore) return compareAs(form, type, before, after);
  const gathered = new Gathered();
  gathered.take('', compareAs(formBefore, type, before, after));
  gathered.take('', compareAs(form, type, before, after));
  const both = gathered.diff();
  return (
    both && {
      ...(both.added ? { added: both.added[''] as FieldSet } : {}),
      ...(both.modified ? { modified: both.modified[''] as FieldSet } : {}),
      ...(both.removed ? { removed: both.removed[''] as FieldSet } : {}),
    }
  );
};

const typeMeta: ReadonlySet<string> = new Set(['apiVersion', 'kind']);
/** Metadata that nobody owns (apimachinery `managedfields/internal/stripmeta.go`). */
const unownedMeta: ReadonlySet<string> = new Set([
  'name',
  'namespace',
  'creationTimestamp',
  'selfLink',
  'uid',
  'clusterName',
  'generation',
  'managedFields',
  'resourceVersion',
]);
const skipped: ReadonlySet<string> = new Set([...typeMeta, 'metadata']);

/** Two objects of a kind, without the fields that nobody owns. */
export const compareObjects = (
  type: Type,
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): Comparison => {
  if (!type.map) return { added: nothing, modified: nothing, removed: nothing };
  const gathered = new Gathered();
  const meta = type.map.member('metadata');
  if (meta.type?.map && before['metadata'] !== after['metadata']) {
    gathered.take('f:metadata', compareFields(meta.type.map, asObject(before['metadata']), asObject(after['metadata']), unownedMeta));
  }
  const rest = compareFields(type.map, before, after, skipped);
  const metadata = gathered.diff();
  return {
    added: merged(metadata?.added, rest?.added),
    modified: merged(metadata?.modified, rest?.modified),
    removed: merged(metadata?.removed, rest?.removed),
  };
};

const merged = (a: FieldSet | undefined, b: FieldSet | undefined): FieldSet => (a && b ? inOrder({ ...a, ...b }) : (a ?? b ?? nothing));
