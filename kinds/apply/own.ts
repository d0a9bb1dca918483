/** The fields that an applied configuration names: what its manager will own. Source: structured-merge-diff `typed/tofieldset.go`. */
import type { Schema } from '../schema/schema.ts';
import { asMember, type FieldSet, inOrder, isEmpty, isMember, leaf, nothing } from './field-set.ts';
import { asList, asObject, formOf, hasNoFields, type Type, typeOf } from './type.ts';

/** Undefined: the value names nothing by itself. */
const fieldsOf = (type: Type, value: unknown): FieldSet | undefined => {
  const form = formOf(type, value);
  if (form === 'map' && type.map) {
    if (type.map.atomic) return leaf;
    const fields = asObject(value);
    if (!fields) return undefined;
    const node: Record<string, FieldSet> = {};
    for (const name in fields) {
      const field = fields[name];
      const member = type.map.member(name);
      const below = member.type ? fieldsOf(member.type, field) : leaf;
      const empty = asObject(field);
      if (field === null || (empty && hasNoFields(empty)) || !member.declared) node[member.element] = asMember(below);
      else if (below) node[member.element] = below;
    }
    return hasNoFields(node) ? undefined : inOrder(node);
  }
  if (form === 'list' && type.list) {
    if (!type.list.associative) return leaf;
    const node: Record<string, FieldSet> = {};
    for (const item of asList(value) ?? []) {
      const element = type.list.elementOf(item);
      node[element] = node[element] ? leaf : asMember(fieldsOf(type.list.item, item));
    }
    return hasNoFields(node) ? undefined : inOrder(node);
  }
  return leaf;
};

export const fieldSetOf = (type: Type, object: unknown): FieldSet => fieldsOf(type, object) ?? nothing;
export const fieldSetOfObject = (schema: Schema, object: unknown): FieldSet => fieldSetOf(typeOf(schema), object);

const typeBelow = (type: Type | undefined, element: string): Type | undefined => {
  if (element.startsWith('f:')) return type?.map?.member(element.slice(2)).type;
  return element.startsWith('k:') ? type?.list?.item : undefined;
};

/** The set with every named field on the way to a member being a member too: to own `a.b.c` of structs is to own `a` and `a.b`. */
export const withNamedFields = (set: FieldSet, type: Type | undefined): FieldSet => {
  const node: Record<string, FieldSet> = {};
  for (const element in set) {
    const child = set[element] as FieldSet;
    if (element === '.' || isEmpty(child)) {
      node[element] = child;
      continue;
    }
    const below = withNamedFields(child, typeBelow(type, element));
    const named = element.startsWith('f:') && type?.map?.field(element.slice(2)) !== undefined;
    node[element] = named && !isMember(below) ? asMember(below) : below;
  }
  return node;
};

/**
 * Ownership written under an older schema: where a field has become atomic since, who owned something below it owns it
 * whole. Source: `typed/reconcile_schema.go`.
 */
export const reconciled = (set: FieldSet, type: Type | undefined): FieldSet => {
  const atomicNow = (below: Type, node: FieldSet): boolean => {
    if (isEmpty(node)) return false;
    return below.map ? below.map.atomic : !below.scalar && below.list !== undefined && !below.list.associative;
  };
  let result: Record<string, FieldSet> | undefined;
  for (const element in set) {
    if (element === '.') continue;
    const child = set[element] as FieldSet;
    const below = typeBelow(type, element);
    if (!below) continue;
    const kept = atomicNow(below, child) ? leaf : reconciled(child, below);
    if (kept === child) continue;
    result ??= { ...set };
    result[element] = kept;
  }
  return result ?? set;
};
