/** Comparing and hashing pod templates. */
import type { PodTemplateSpec } from '../../kinds/types.ts';
import { hash32, safeEncode } from './names.ts';

export const templateHashLabel = 'pod-template-hash';

/** One text for equal templates: keys sorted, null and empty lists as good as absent (apiequality.Semantic.DeepEqual). */
const canonical = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined && field !== null && !(Array.isArray(field) && field.length === 0))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${canonical(field)}`).join()}}`;
};

const texts = new WeakMap<object, string>();
/** Of a stored template, which never changes. */
const textOf = (template: PodTemplateSpec): string => {
  const known = texts.get(template);
  if (known !== undefined) return known;
  const { [templateHashLabel]: _, ...labels } = template.metadata?.labels ?? {};
  const { labels: __, ...metadata } = template.metadata ?? {};
  const text = canonical({ ...template, metadata: { ...metadata, ...(Object.keys(labels).length > 0 ? { labels } : {}) } });
  texts.set(template, text);
  return text;
};

/** Whether two templates would make the same pods; the label that the Deployment controller adds does not count. */
export const sameTemplate = (one: PodTemplateSpec, other: PodTemplateSpec): boolean => textOf(one) === textOf(other);

/** Stable for a template; `collisions` makes another one where that hash is taken by a different template. */
export const templateHash = (template: PodTemplateSpec, collisions: number): string =>
  safeEncode(String(hash32(collisions > 0 ? `${textOf(template)}#${collisions}` : textOf(template))));
