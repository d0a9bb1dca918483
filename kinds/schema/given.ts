/**
 * Lists and maps that were given although nothing is in them. The stored form leaves them out, but Go can tell them from what was
 * not given: defaults pass them by, and error texts show `{}`, not `null`. Remembered beside the object they were left out of, so
 * only until it is copied or stored, as upstream.
 */
const given = new WeakMap<object, Map<string, object>>();

export const rememberEmpty = (owner: object, field: string, value: object): void => {
  const fields = given.get(owner);
  if (fields) fields.set(field, value);
  else given.set(owner, new Map([[field, value]]));
};

/** The empty list or map that `field` of `owner` was given as. */
export const emptyAsGiven = (owner: object | undefined, field: string): unknown => (owner ? given.get(owner)?.get(field) : undefined);

/** The fields of `owner` that were given as empty lists or maps. */
export const emptiesOf = (owner: object): readonly string[] => [...(given.get(owner)?.keys() ?? [])];
