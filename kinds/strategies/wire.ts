/**
 * Fields that Go always writes: a time that is no pointer appears as null, a list that may not be left out as null, a struct
 * as {}. Clients in other languages rely on seeing them.
 */

/** Gives each item the named time fields, null where there is none. */
export const nullTimes = (items: readonly object[] | undefined, ...fields: readonly string[]): void => {
  if (!items) return;
  for (const item of items as Record<string, unknown>[]) for (const field of fields) item[field] ??= null;
};
/** A list that is always there: null where it is empty. */
export const nullWhereEmpty = (object: object, field: string): void => {
  const holder = object as Record<string, unknown>;
  const value = holder[field];
  if (!Array.isArray(value) || value.length === 0) holder[field] = null;
};
/** A struct that is always there. */
export const always = (object: object, ...fields: readonly string[]): void => {
  const holder = object as Record<string, unknown>;
  for (const field of fields) holder[field] ??= {};
};
