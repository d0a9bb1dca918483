/**
 * Strategic merge patch: maps merge, lists are replaced or merged as the schema says, directives (`$patch`, `$retainKeys`,
 * `$setElementOrder/...`, `$deleteFromPrimitiveList/...`) say the rest. Behaviour and texts: apimachinery
 * `pkg/util/strategicpatch/patch.go`; lists are in `list-merge.ts`.
 */
import type { Schema } from '../schema/schema.ts';
import { badRequest } from '../status.ts';
import { bareError, goType, jsonKind, printed, printedAsText } from './errors.ts';
import { hasDirective, mergeList, orderList, patchDirective } from './list-merge.ts';
import { patchMeta } from './patch-meta.ts';
import { copyOf, type Fields, isFields, own, put, refuseDeepNesting } from './value.ts';

const retainKeysDirective = '$retainKeys';
const orderPrefix = '$setElementOrder';
const deletePrefix = '$deleteFromPrimitiveList';

/** A value of the patch that has no counterpart in the object: without nulls and without directives; undefined where nothing is left. */
const asNew = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(asNew).filter(item => item !== undefined);
  if (!isFields(value)) return value;
  if (hasDirective(value)) return undefined;
  const fields: Record<string, unknown> = {};
  for (const [key, field] of Object.entries(value)) {
    const kept = field === null ? undefined : asNew(field);
    if (kept !== undefined) put(fields, key, kept);
  }
  return fields;
};

/** `$setElementOrder/finalizers` names the field `finalizers`. */
const fieldOf = (key: string, prefix: string, problem: string): string => {
  if (key[prefix.length] !== '/') throw badRequest(problem);
  return key.slice(prefix.length + 1);
};

const retainKeys = (target: Fields, patch: Fields): Record<string, unknown> => {
  const problem = 'invalid patch format of retainKeys';
  const listed = patch[retainKeysDirective];
  if (!Array.isArray(listed)) throw badRequest(problem);
  const kept = new Set<unknown>(listed);
  for (const [key, value] of Object.entries(patch)) {
    const exempt = value === null || key === retainKeysDirective || key.startsWith(deletePrefix) || key.startsWith(orderPrefix);
    if (!exempt && !kept.has(key)) throw badRequest(problem);
  }
  const result: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(target)) if (kept.has(key)) put(result, key, value);
  return result;
};

const listOrNothing = (value: unknown): readonly unknown[] | undefined => {
  if (value === undefined || Array.isArray(value)) return value;
  throw bareError(`expected a []interface {}, but received a ${goType(value)}`);
};

/** Handles one `$setElementOrder/field`, together with that field's list in the patch. */
const applyOrder = (merged: Record<string, unknown>, patch: Fields, directive: string, schema: Schema): string => {
  const order = patch[directive];
  if (!Array.isArray(order)) throw bareError(`expected a []interface {}, but received a ${goType(order)}`);
  const field = fieldOf(directive, orderPrefix, 'invalid patch format of setElementOrder list');
  const before = listOrNothing(own(merged, field));
  const change = listOrNothing(own(patch, field));
  const meta = patchMeta(schema, field);
  const ordered = orderList({ before, change, order, meta, mergeItem: mergeFields, asNew });
  if (ordered) put(merged, field, ordered);
  return field;
};

/** One field of the patch into the copy of the target. */
const mergeField = (merged: Record<string, unknown>, key: string, change: unknown, schema: Schema): void => {
  if (change === null) {
    delete merged[key];
    return;
  }
  const before = own(merged, key);
  let result: unknown;
  if (isFields(before) && isFields(change)) {
    const meta = patchMeta(schema, key);
    result = meta.strategy === 'replace' ? change : mergeFields(before, change, meta.below);
  } else if (Array.isArray(before) && Array.isArray(change)) {
    const meta = patchMeta(schema, key);
    result = meta.strategy === 'merge' ? mergeList({ before, change, meta, mergeItem: mergeFields }) : change;
  } else {
    result = asNew(change);
  }
  if (result === undefined) delete merged[key];
  else put(merged, key, result);
};

/** The patch merged into the target; neither is changed. */
const mergeFields = (target: Fields, patch: Fields, schema: Schema): Fields => {
  const directive = own(patch, patchDirective);
  if (directive === 'replace') {
    const { [patchDirective]: _, ...rest } = patch;
    return rest;
  }
  if (directive === 'delete') return {};
  if (directive !== undefined) throw bareError(`unknown patch type: ${printedAsText(directive)} in map: ${printed(patch)}`);

  const merged = Object.hasOwn(patch, retainKeysDirective) ? retainKeys(target, patch) : copyOf(target);
  const done = new Set<string>([retainKeysDirective]);
  for (const key of Object.keys(patch)) if (key.startsWith(orderPrefix)) done.add(key).add(applyOrder(merged, patch, key, schema));

  const deletions: string[] = [];
  for (const [key, change] of Object.entries(patch)) {
    if (key.startsWith(deletePrefix)) deletions.push(key);
    else if (!done.has(key)) mergeField(merged, key, change, schema);
  }
  for (const key of deletions) {
    const field = fieldOf(key, deletePrefix, 'invalid patch format of primitive list');
    const before = own(merged, field);
    const unwanted = patch[key];
    if (unwanted === null) delete merged[field];
    if (!Array.isArray(before) || !Array.isArray(unwanted)) continue;
    const gone = new Set<unknown>(unwanted);
    put(
      merged,
      field,
      before.filter(item => !gone.has(item)),
    );
  }
  return merged;
};

export const strategicMergePatch = <T extends object>(schema: Schema, target: T, patch: unknown): T => {
  if (patch === null) return target;
  if (!isFields(patch)) throw badRequest(`json: cannot unmarshal ${jsonKind(patch)} into Go value of type map[string]interface {}`);
  refuseDeepNesting(patch);
  return mergeFields(target as Fields, patch, schema) as T;
};
