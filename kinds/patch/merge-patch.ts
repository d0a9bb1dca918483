/** JSON merge patch (RFC 7386) with the refusals of the API server (`endpoints/handlers/patch.go`). */
import { badRequest } from '../status.ts';
import { jsonKind } from './errors.ts';
import { copyOf, type Fields, isFields, own, put, refuseDeepNesting } from './value.ts';

/** Go writes what a patch touched anew, its fields in the order of their names; problems are then told in that order. */
const sorted = (fields: Readonly<Record<string, unknown>>): Record<string, unknown> => {
  const result: Record<string, unknown> = {};
  for (const key of Object.keys(fields).sort()) put(result, key, fields[key]);
  return result;
};

/** A patch where nothing was: without its nulls. Nulls that are items of a list stay. */
const withoutNulls = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isFields(value)) return value;
  const kept: Record<string, unknown> = {};
  for (const [key, field] of Object.entries(value)) if (field !== null) put(kept, key, withoutNulls(field));
  return sorted(kept);
};

const merge = (target: Fields, patch: Fields): Fields => {
  const merged = copyOf(target);
  for (const [key, change] of Object.entries(patch)) {
    if (change === null) {
      delete merged[key];
      continue;
    }
    const current = own(merged, key);
    put(merged, key, isFields(current) && isFields(change) ? merge(current, change) : withoutNulls(change));
  }
  return sorted(merged);
};

export const mergePatch = <T extends object>(target: T, patch: unknown): T => {
  if (patch === null) throw badRequest('Invalid JSON Patch');
  if (!isFields(patch)) {
    throw badRequest(`error decoding patch: json: cannot unmarshal ${jsonKind(patch)} into Go value of type map[string]interface {}`);
  }
  refuseDeepNesting(patch);
  return merge(target as Fields, patch) as T;
};
