/**
 * Whether two JSON values mean the same to Kubernetes. Go cannot tell an absent field from one with its zero value, so
 * absent, null, '', 0, false, [] and {} are one (upstream: `apiequality.Semantic.DeepEqual` over decoded structs).
 */
const empty = (value: unknown): boolean => {
  if (value === undefined || value === null || value === '' || value === 0 || value === false) return true;
  if (typeof value !== 'object') return false;
  if (Array.isArray(value)) return value.length === 0;
  for (const _ in value) return false;
  return true;
};

export const semanticEqual = (one: unknown, other: unknown): boolean => {
  if (one === other) return true;
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return empty(one) && empty(other);
  if (Array.isArray(one) || Array.isArray(other)) {
    if (!Array.isArray(one) || !Array.isArray(other)) return empty(one) && empty(other);
    if (one.length !== other.length) return false;
    for (let i = 0; i < one.length; i++) if (!semanticEqual(one[i], other[i])) return false;
    return true;
  }
  const left = one as Record<string, unknown>;
  const right = other as Record<string, unknown>;
  for (const field of Object.keys(left)) {
    if (!semanticEqual(left[field], Object.hasOwn(right, field) ? right[field] : undefined)) return false;
  }
  for (const field of Object.keys(right)) {
    if (!Object.hasOwn(left, field) && !empty(right[field])) return false;
  }
  return true;
};

const notThere = (value: unknown): boolean => value === undefined || value === null || (Array.isArray(value) && value.length === 0);
/**
 * The same of two values in the stored form, where nothing stands that was not given: a pointer to a zero value, or to an empty struct, is
 * another value than no pointer.
 */
export const formEqual = (one: unknown, other: unknown): boolean => {
  if (one === other) return true;
  if (notThere(one) || notThere(other)) return notThere(one) && notThere(other);
  if (typeof one !== 'object' || typeof other !== 'object' || Array.isArray(one) !== Array.isArray(other)) return false;
  const left = one as Record<string, unknown>;
  const right = other as Record<string, unknown>;
  const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
  for (const key of keys) {
    const [here, there] = [left, right].map(side => (Object.hasOwn(side, key) ? side[key] : undefined));
    if (!formEqual(here, there)) return false;
  }
  return true;
};
