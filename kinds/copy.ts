/** Copies of JSON. Objects that were read are shared: whatever is put into a new one must be a copy. */
export const copyJson = <T>(value: T): T => {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(copyJson) as T;
  const result: Record<string, unknown> = {};
  for (const field of Object.keys(value)) {
    if (field !== '__proto__') result[field] = copyJson((value as Record<string, unknown>)[field]);
  }
  return result as T;
};
