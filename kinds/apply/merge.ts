/** An applied configuration merged into the live object; neither is changed. Source: structured-merge-diff `typed/merge.go`. */
import { own, put } from '../patch/value.ts';
import { showElement } from './path-element.ts';
import { asList, asObject, formOf, hasNoFields, type ListType, type MapType, type Type, TypeMismatch } from './type.ts';

type Fields = Readonly<Record<string, unknown>>;

const mergeFields = (map: MapType, live: Fields | undefined, applied: Fields | undefined): unknown => {
  if (!applied) return live;
  const merged: Record<string, unknown> = { ...live };
  for (const [name, value] of Object.entries(applied)) {
    const { type } = map.member(name);
    const before = live ? own(live, name) : undefined;
    const result = type ? mergeValues(type, before, value) : value;
    if (result === undefined) delete merged[name];
    else put(merged, name, result);
  }
  return hasNoFields(merged) ? undefined : merged;
};

interface Indexed {
  readonly elements: string[];
  readonly items: Map<string, unknown>;
}
const index = (list: ListType, items: readonly unknown[] | undefined, mayRepeat: boolean): Indexed => {
  const found: Indexed = { elements: [], items: new Map() };
  for (const item of items ?? []) {
    const element = list.elementOf(item);
    const repeated = found.items.has(element);
    if (repeated && !mayRepeat) throw new TypeMismatch(`duplicate entries for key ${showElement(element)}`);
    // Repeated items of the live object are not merged with the applied one: they give way to it.
    found.items.set(element, repeated ? null : item);
    found.elements.push(element);
  }
  return found;
};

/** Items of both lists: shared ones in the applied order, live ones where they stood between. */
const mergeItems = (list: ListType, live: readonly unknown[] | undefined, applied: readonly unknown[] | undefined): unknown => {
  if (!applied) return live;
  const right = index(list, applied, false);
  const left = index(list, live, true);
  const shared = right.elements.filter(element => left.items.has(element));
  let nextShared = shared.shift();
  const taken = new Set<string>();
  const merged: unknown[] = [];
  const take = (element: string, before: unknown, after: unknown): void => {
    const result = mergeValues(list.item, before, after);
    if (result !== undefined) merged.push(result);
    taken.add(element);
  };
  let l = 0;
  let r = 0;
  while (l < left.elements.length || r < right.elements.length) {
    const ours = left.elements[l];
    const theirs = right.elements[r];
    if (ours !== undefined && theirs !== undefined) {
      if (ours === theirs) {
        take(ours, left.items.get(ours), right.items.get(ours));
        l++;
        r++;
        nextShared = shared.shift();
        continue;
      }
      if (right.items.has(ours) && nextShared !== undefined && nextShared !== ours) {
        // Shared, but its turn comes later.
        l++;
        continue;
      }
    }
    if (ours !== undefined) {
      if (!right.items.has(ours)) {
        const item = live?.[l];
        if (item !== undefined) merged.push(item);
        l++;
        continue;
      }
      if (taken.has(ours)) l++;
    }
    if (theirs !== undefined) {
      take(theirs, left.items.get(theirs), right.items.get(theirs));
      r++;
      if (nextShared === theirs) nextShared = shared.shift();
    }
  }
  return merged.length ? merged : undefined;
};

/** Undefined: nothing is left to say. */
export const mergeValues = (type: Type, live: unknown, applied: unknown): unknown => {
  if (applied === undefined) return live;
  if (live === undefined) return applied;
  const form = formOf(type, applied === null ? live : applied);
  if (form === 'map' && type.map) {
    const before = asObject(live);
    const after = asObject(applied);
    if (type.map.atomic || ((!before || hasNoFields(before)) && (!after || hasNoFields(after)))) return applied;
    return mergeFields(type.map, before, after);
  }
  if (form === 'list' && type.list) {
    const before = asList(live);
    const after = asList(applied);
    if (!type.list.associative || (!before?.length && !after?.length)) return applied;
    return mergeItems(type.list, before, after);
  }
  return applied;
};
