/** An object without the fields and items of a set. Source: structured-merge-diff `typed/remove.go`. */
import { put } from '../patch/value.ts';
import { type FieldSet, isEmpty, isMember } from './field-set.ts';
import { asList, asObject, formOf, hasNoFields, type Type } from './type.ts';

/** What lies below a node of the set; undefined where it is only a member. */
const below = (node: FieldSet | undefined): FieldSet | undefined => {
  if (!node || isEmpty(node)) return undefined;
  for (const element in node) if (element !== '.') return node;
  return undefined;
};

/** A list or map of which nothing is left becomes null, as upstream's does; decoding drops it. */
export const removeFields = (type: Type, value: unknown, set: FieldSet): unknown => {
  const form = formOf(type, value);
  if (form === 'map' && type.map) {
    const fields = asObject(value);
    if (!fields || hasNoFields(fields) || type.map.atomic) return null;
    const kept: Record<string, unknown> = {};
    for (const [name, field] of Object.entries(fields)) {
      const member = type.map.member(name);
      const node = set[member.element];
      if (node && isMember(node)) continue;
      const rest = below(node);
      put(kept, name, rest && member.type ? removeFields(member.type, field, rest) : field);
    }
    return hasNoFields(kept) ? null : kept;
  }
  if (form === 'list' && type.list) {
    const items = asList(value);
    if (!items?.length || !type.list.associative) return null;
    const kept: unknown[] = [];
    for (const item of items) {
      const node = set[type.list.elementOf(item)];
      if (node && isMember(node)) continue;
      const rest = below(node);
      kept.push(rest ? removeFields(type.list.item, item, rest) : item);
    }
    return kept.length ? kept : null;
  }
  return value;
};
