/** How strategic merge patch merges two lists, and in which order the result stands. */
import type { Schema } from '../schema/schema.ts';
import { badRequest } from '../status.ts';
import { bareError, goType, printed, printedAsText, unprocessable } from './errors.ts';
import { goKind, type PatchMeta } from './patch-meta.ts';
import { type Fields, isFields, own } from './value.ts';

type List = readonly unknown[];
type MergeItem = (before: Fields, change: Fields, schema: Schema) => Fields;

export const patchDirective = '$patch';
export const hasDirective = (value: unknown): boolean => isFields(value) && Object.hasOwn(value, patchDirective);

const noMergeKey = (item: Fields, mergeKey: string): Error =>
  bareError(`map: ${printed(item)} does not contain declared merge key: ${mergeKey}`);

/** All items must be of one type; lists of lists are refused. */
const itemType = (...lists: List[]): string => {
  let found: string | undefined;
  for (const list of lists) {
    for (const item of list) {
      const type = goType(item);
      if (found === undefined && type === '[]interface {}') throw unprocessable();
      if (found !== undefined && found !== type) {
        throw bareError(`list element types are not identical: ${printed(lists)}`);
      }
      found = type;
    }
  }
  if (found === undefined) throw bareError('no elements in any of the given slices');
  return found;
};

/** What makes an item the same as another: its merge key's value, or the item itself. */
const identity = (item: unknown, mergeKey: string): unknown => (mergeKey && isFields(item) ? own(item, mergeKey) : item);

const positions = (list: List, mergeKey: string): Map<unknown, number> => {
  const found = new Map<unknown, number>();
  list.forEach((item, i) => {
    const id = identity(item, mergeKey);
    if (!found.has(id)) found.set(id, i);
  });
  return found;
};

/** In the order of `order`; what is not in it stays in front, as upstream's comparison puts it. */
const sortBy = (list: List, order: ReadonlyMap<unknown, number>, mergeKey: string): unknown[] => {
  const rank = (item: unknown): number => order.get(identity(item, mergeKey)) ?? -1;
  return [...list].sort((a, b) => rank(a) - rank(b));
};

interface Order {
  readonly merged: List;
  /** The order the patch asks for; its items also say which of `merged` are the patch's. */
  readonly asked: List;
  /** The order before the patch. */
  readonly before: List;
  readonly mergeKey: string;
}

/** Items of the patch in its order, the others where the old order puts them between. */
const inOrder = ({ merged, asked, before, mergeKey }: Order): unknown[] => {
  const askedAt = positions(asked, mergeKey);
  const beforeAt = positions(before, mergeKey);
  const isAsked = (item: unknown): boolean => askedAt.has(identity(item, mergeKey));
  const patched = sortBy(merged.filter(isAsked), askedAt, mergeKey);
  const others = sortBy(
    merged.filter(item => !isAsked(item)),
    beforeAt,
    mergeKey,
  );
  const result: unknown[] = [];
  let at = 0;
  for (const item of patched) {
    const place = beforeAt.get(identity(item, mergeKey));
    while (at < others.length && place !== undefined) {
      const other = beforeAt.get(identity(others[at], mergeKey));
      if (other === undefined || other >= place) break;
      result.push(others[at++]);
    }
    result.push(item);
  }
  return [...result, ...others.slice(at)];
};

interface Parts {
  /** Items of the object that the patch does not delete. */
  readonly before: List;
  /** Items of the patch that are no directives. */
  readonly change: List;
}

const applyListDirectives = (before: List, change: List, mergeKey: string): Parts => {
  const items: unknown[] = [];
  const deleted = new Set<unknown>();
  let replace = false;
  for (const item of change) {
    if (!isFields(item)) continue;
    const directive = own(item, patchDirective);
    if (directive === undefined) items.push(item);
    else if (directive === 'replace') replace = true;
    else if (directive === 'delete') {
      if (!Object.hasOwn(item, mergeKey)) throw noMergeKey(item, mergeKey);
      deleted.add(item[mergeKey]);
    } else if (directive === 'merge') throw bareError('merging lists cannot yet be specified in the patch');
    else throw bareError(`unknown patch type: ${printedAsText(directive)} in map: ${printed(item)}`);
  }
  if (replace) return { before: items, change: [] };
  return { before: deleted.size ? before.filter(item => !deleted.has(identity(item, mergeKey))) : before, change: items };
};

const mergeMaps = (before: List, change: List, meta: PatchMeta, mergeItem: MergeItem): unknown[] => {
  const merged = [...before];
  const at = positions(merged, meta.mergeKey);
  for (const item of change) {
    if (!isFields(item)) continue;
    if (!Object.hasOwn(item, meta.mergeKey)) throw noMergeKey(item, meta.mergeKey);
    const id = item[meta.mergeKey];
    const index = at.get(id);
    const existing = index === undefined ? undefined : merged[index];
    if (index !== undefined && isFields(existing)) merged[index] = mergeItem(existing, item, meta.below);
    else at.set(id, merged.push(item) - 1);
  }
  for (const item of merged) if (isFields(item) && !Object.hasOwn(item, meta.mergeKey)) throw noMergeKey(item, meta.mergeKey);
  return merged;
};

export interface ListMerge {
  readonly before: List;
  readonly change: List;
  readonly meta: PatchMeta;
  readonly mergeItem: MergeItem;
}

/** Merges a list of the patch whose strategy is `merge`. */
export const mergeList = ({ before, change, meta, mergeItem }: ListMerge): List => {
  if (before.length === 0 && change.length === 0) return before;
  if (itemType(before, change) !== 'map[string]interface {}') {
    return inOrder({ merged: [...new Set([...before, ...change])], asked: change, before, mergeKey: '' });
  }
  const { mergeKey } = meta;
  if (!mergeKey) throw bareError(`cannot merge lists without merge key for ${goKind(meta.below)}`);
  const parts = applyListDirectives(before, change, mergeKey);
  const merged = mergeMaps(parts.before, parts.change, meta, mergeItem);
  return inOrder({ merged, asked: parts.change, before: parts.before, mergeKey });
};

/** The patch's items must stand in the order that `$setElementOrder` asks for, and all of them in it. */
const checkOrder = (change: List, order: List, mergeKey: string): void => {
  if (change.length === 0 || order.length === 0) return;
  let next = 0;
  for (const item of change) {
    if (mergeKey && !isFields(item)) throw bareError(`expected a map[string]interface {}, but received a ${goType(item)}`);
    // As upstream has it: other directives than a deletion must not come after the last item in order.
    if (hasDirective(item) && (next < order.length || own(item as Fields, patchDirective) === 'delete')) continue;
    let found = false;
    while (!found && next < order.length) {
      for (const one of mergeKey ? [item, order[next]] : []) {
        if (!isFields(one)) throw bareError(`expected a map[string]interface {}, but received a ${goType(one)}`);
        if (!Object.hasOwn(one, mergeKey)) throw noMergeKey(one, mergeKey);
      }
      found = identity(item, mergeKey) === identity(order[next++], mergeKey);
    }
    if (!found) {
      throw bareError(`The order in patch list:\n${printed(change)}\n doesn't match $setElementOrder list:\n${printed(order)}\n`);
    }
  }
};

/**
 * The order before the patch, as upstream sees it after its merge: a new item stands where a deleted one made room, because
 * upstream deletes and appends in place. Clients see the order of lists, so this shows.
 */
const orderAfterMerge = (before: List, change: List, mergeKey: string): List => {
  const deleted = new Set<unknown>();
  for (const item of change) if (hasDirective(item)) deleted.add(identity(item, mergeKey));
  if (deleted.size === 0) return before;
  const kept = before.filter(item => !deleted.has(identity(item, mergeKey)));
  const known = positions(kept, mergeKey);
  const added = change.filter(item => !hasDirective(item) && !known.has(identity(item, mergeKey)));
  return [...kept, ...added].slice(0, before.length);
};

export interface ListOrder extends Omit<ListMerge, 'before' | 'change'> {
  readonly before: List | undefined;
  readonly change: List | undefined;
  readonly order: List;
  readonly asNew: (value: unknown) => unknown;
}

/** Merges and sorts by `$setElementOrder`; undefined where neither object nor patch has the list. */
export const orderList = ({ before, change, order, meta, mergeItem, asNew }: ListOrder): List | undefined => {
  checkOrder(change ?? [], order, meta.mergeKey);
  if (!before && !change) return undefined;
  let merged: List;
  if (!change) merged = before ?? [];
  else if (!before) merged = asNew(change) as List;
  else merged = meta.strategy === 'merge' ? mergeList({ before, change, meta, mergeItem }) : change;

  const type = itemType(before ?? [], change ?? []);
  if (meta.mergeKey) {
    for (const item of [...merged, ...order]) {
      if (!isFields(item)) throw bareError(`expected a map[string]interface {}, but received a ${goType(item)}`);
      if (!Object.hasOwn(item, meta.mergeKey)) throw noMergeKey(item, meta.mergeKey);
    }
  } else if (type === 'map[string]interface {}') {
    throw badRequest('invalid patch format of setElementOrder list');
  }
  const standing = before && change && meta.mergeKey ? orderAfterMerge(before, change, meta.mergeKey) : (before ?? []);
  return inOrder({ merged, asked: order, before: standing, mergeKey: meta.mergeKey });
};
