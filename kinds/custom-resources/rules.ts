/** The rules of a schema (`x-kubernetes-validations`), over an object and what it was before. */
import type { KubeObject } from '../object.ts';
import type { Schema } from '../schema/schema.ts';
import type { FieldError } from '../status.ts';

const leads = new WeakMap<Schema, boolean>();
export const hasRules = (schema: Schema): boolean => {
  const known = leads.get(schema);
  if (known !== undefined) return known;
  const inner = [...(schema.properties?.values() ?? []), schema.items, schema.additionalProperties, ...(schema.allOf ?? [])];
  const found = schema.rules !== undefined || inner.some(one => one !== undefined && hasRules(one));
  leads.set(schema, found);
  return found;
};

export const validateRules = (_schema: Schema, _next: KubeObject, _previous: KubeObject | undefined): FieldError[] => [];
