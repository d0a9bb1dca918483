/**
 * A set of fields of an object, as managed fields have it: a trie whose keys are path elements (`f:spec`, `k:{"name":"a"}`,
 * `v:"x"`, `i:0`). The form in memory is the form on the wire (FieldsV1), so nothing is decoded or encoded on the way of a write:
 *
 * - a node `{}` is a member without children,
 * - a node with `.` is a member that has children,
 * - any other node only leads to members below it.
 *
 * Sets are never changed, so they share subtrees. Keys stand in the order in which upstream writes them
 * (structured-merge-diff `fieldpath`). Functions of the root treat `{}` as the empty set.
 */
import { compareElements } from './path-element.ts';

export interface FieldSet {
  readonly [element: string]: FieldSet;
}
type Building = Record<string, FieldSet>;

/** A member without children; also, as a root, the set without members. */
export const leaf: FieldSet = Object.freeze({});
export const nothing: FieldSet = leaf;
const self = '.';

export const isEmpty = (set: FieldSet): boolean => {
  for (const _ in set) return false;
  return true;
};
export const isMember = (node: FieldSet): boolean => self in node || isEmpty(node);

/** Puts the keys in order. `built` is the caller's own object, which it gives up. */
export const inOrder = (built: Record<string, FieldSet>): FieldSet => {
  const keys = Object.keys(built);
  for (let i = 1; i < keys.length; i++) {
    if (compareElements(keys[i - 1] as string, keys[i] as string) < 0) continue;
    const ordered: Building = {};
    for (const key of keys.sort(compareElements)) ordered[key] = built[key] as FieldSet;
    return ordered;
  }
  return built;
};

/** The node as a member, with the children it has. */
export const asMember = (node: FieldSet | undefined): FieldSet => {
  if (node === undefined) return leaf;
  return isMember(node) ? node : { [self]: leaf, ...node };
};

const unionNodes = (a: FieldSet, b: FieldSet): FieldSet => {
  if (a === b) return a;
  if (isEmpty(a)) return asMember(b);
  return isEmpty(b) ? asMember(a) : union(a, b);
};

/** What is in either. */
export const union = (a: FieldSet, b: FieldSet): FieldSet => {
  if (a === b || isEmpty(b)) return a;
  if (isEmpty(a)) return b;
  let result: Building | undefined;
  for (const key in b) {
    const mine = a[key];
    const other = b[key] as FieldSet;
    const both = mine ? unionNodes(mine, other) : other;
    if (both === mine) continue;
    result ??= { ...a };
    result[key] = both;
  }
  return result ? inOrder(result) : a;
};

/** What is left of a node; undefined for nothing. `deep`: what is below a member of `b` goes with it. */
const subtract = (a: FieldSet, b: FieldSet, deep: boolean, root: boolean): FieldSet | undefined => {
  const taken = !root && isMember(b);
  if (deep && taken) return undefined;
  const wasMember = !root && isMember(a);
  let changed = wasMember && taken;
  const result: Building = {};
  let children = 0;
  if (wasMember && !taken) result[self] = leaf;
  for (const key in a) {
    if (key === self) continue;
    const mine = a[key] as FieldSet;
    const other = b[key];
    const rest = other ? subtract(mine, other, deep, false) : mine;
    if (rest !== mine) changed = true;
    if (!rest) continue;
    result[key] = rest;
    children++;
  }
  if (!changed) return a;
  if (children > 0) return result;
  return wasMember && !taken ? leaf : undefined;
};

/** What is in `a` and not in `b`; a member of `b` takes nothing below it away. */
export const difference = (a: FieldSet, b: FieldSet): FieldSet => (isEmpty(a) || isEmpty(b) ? a : (subtract(a, b, false, true) ?? nothing));
/** What is in `a` and neither in `b` nor below a member of `b`. */
export const recursiveDifference = (a: FieldSet, b: FieldSet): FieldSet =>
  isEmpty(a) || isEmpty(b) ? a : (subtract(a, b, true, true) ?? nothing);

const intersect = (a: FieldSet, b: FieldSet, root: boolean): FieldSet | undefined => {
  if (a === b) return a;
  const result: Building = {};
  let children = 0;
  const member = !root && isMember(a) && isMember(b);
  if (member) result[self] = leaf;
  for (const key in a) {
    const other = b[key];
    if (!other || key === self) continue;
    const both = intersect(a[key] as FieldSet, other, false);
    if (!both) continue;
    result[key] = both;
    children++;
  }
  if (children > 0) return result;
  return member ? leaf : undefined;
};
/** What is in both. */
export const intersection = (a: FieldSet, b: FieldSet): FieldSet => intersect(a, b, true) ?? nothing;

/** The part of a node that matches a pattern of path elements, where `*` matches any. What is below the end of a pattern belongs to it. */
const matching = (node: FieldSet, pattern: readonly string[], at: number): FieldSet | undefined => {
  if (at === pattern.length) return node;
  const result: Building = {};
  let found = false;
  for (const key in node) {
    if (key === self || (pattern[at] !== '*' && pattern[at] !== key)) continue;
    const child = node[key] as FieldSet;
    const below = matching(child, pattern, at + 1);
    if (!below && !isMember(child)) continue;
    result[key] = below && below !== child && isMember(child) ? asMember(below) : (below ?? leaf);
    found = true;
  }
  return found ? result : undefined;
};
export const onlyMatching = (set: FieldSet, patterns: readonly (readonly string[])[]): FieldSet =>
  patterns.reduce((found, pattern) => union(found, matching(set, pattern, 0) ?? nothing), nothing);

/** Each member as its path, in upstream's order: the members of a node, then what is below each. */
export const paths = (set: FieldSet): string[][] => {
  const found: string[][] = [];
  const walk = (node: FieldSet, path: string[]): void => {
    for (const key in node) if (key !== self && isMember(node[key] as FieldSet)) found.push([...path, key]);
    for (const key in node) if (key !== self) walk(node[key] as FieldSet, [...path, key]);
  };
  walk(set, []);
  return found;
};

/** The set with one path as its member. */
export const ofPath = (path: readonly string[]): FieldSet => path.reduceRight<FieldSet>((below, key) => ({ [key]: below }), leaf);
