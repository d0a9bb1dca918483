/** Objects within objects (`x-kubernetes-embedded-resource`): what every object has, they have too (apiextensions `pkg/apiserver/schema/objectmeta`). */
import { invalid, type Path, required, root } from '../field.ts';
import { isDns1035Label, validateMetadata } from '../metadata.ts';
import type { JsonObject, KubeObject } from '../object.ts';
import { Conversion } from '../schema/convert.ts';
import { GoError } from '../schema/go-values.ts';
import type { Schema } from '../schema/schema.ts';
import { shapeOfDefinition } from '../schema/shape.ts';
import type { FieldError } from '../status.ts';

const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);
const deepest = 200;

const leads = new WeakMap<Schema, boolean>();
/** Whether the schema has such objects anywhere; most have none and need no walk. */
const leadsToEmbedded = (schema: Schema, depth = 0): boolean => {
  const known = leads.get(schema);
  if (known !== undefined) return known;
  const inner = [...(schema.properties?.values() ?? []), schema.items, schema.additionalProperties];
  const found = depth < deepest && inner.some(one => one && (one.embeddedResource || leadsToEmbedded(one, depth + 1)));
  leads.set(schema, found);
  return found;
};

const segment = (name: string): string[] => {
  if (name === '.' || name === '..') return [`may not be '${name}'`];
  return ['/', '%'].filter(char => name.includes(char)).map(char => `may not contain '${char}'`);
};

const validateOne = (object: JsonObject, path: Path): FieldError[] => {
  const errors: FieldError[] = [];
  for (const name of ['apiVersion', 'kind'] as const) {
    const value = object[name];
    const at = path.child(name);
    if (value === undefined) errors.push(required(at));
    else if (typeof value !== 'string') errors.push(invalid(at, value, 'must be a string'));
    else if (value === '') errors.push(invalid(at, value, 'must not be empty'));
    else if (name === 'apiVersion' && value.split('/').length > 2)
      errors.push(invalid(at, value, `unexpected GroupVersion string: ${value}`));
    else if (name === 'kind') {
      const problems = isDns1035Label(value.toLowerCase());
      if (problems.length > 0) errors.push(invalid(at, value, `may have mixed case, but should otherwise match: ${problems.join(',')}`));
    }
  }
  const metadata = object['metadata'];
  const misfit = metadataProblem(metadata);
  if (misfit) errors.push(invalid(path.child('metadata'), metadata, misfit));
  else if (isObject(metadata)) {
    const named = { apiVersion: '', kind: '', metadata: { ...metadata, name: metadata['name'] || 'fakename' } } as unknown as KubeObject;
    for (const error of validateMetadata(named, {
      namespaced: Boolean(metadata['namespace']),
      strategy: { nameRule: segment, metadataChecks: { machinery: true } },
    }))
      errors.push({ ...error, field: `${path}.${error.field}` });
  }
  return errors;
};

/** Why metadata cannot be read; undefined where it can. */
const metadataProblem = (metadata: unknown): string | undefined => {
  const shape = shapeOfDefinition('io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta');
  if (!shape || metadata === undefined) return undefined;
  try {
    new Conversion(false).run(shape, metadata);
    return undefined;
  } catch (error) {
    if (!(error instanceof GoError)) throw error;
    return error.message;
  }
};

const walk = (schema: Schema, value: unknown, path: Path | undefined, errors: FieldError[]): void => {
  if (!leadsToEmbedded(schema) && !schema.embeddedResource) return;
  if (Array.isArray(value)) {
    const { items } = schema;
    if (items && path) for (const [i, item] of value.entries()) walk(items, item, path.index(i), errors);
    return;
  }
  if (!isObject(value)) return;
  if (schema.embeddedResource && path) errors.push(...validateOne(value, path));
  for (const [name, item] of Object.entries(value)) {
    const property = schema.properties?.get(name);
    if (property) walk(property, item, path ? path.child(name) : root(name), errors);
    else if (schema.additionalProperties) walk(schema.additionalProperties, item, path ? path.key(name) : root(name), errors);
  }
};

/** Of any value that the schema describes; `path`: where it stands. */
export const embeddedErrors = (schema: Schema, value: unknown, path: Path): FieldError[] => {
  const errors: FieldError[] = [];
  walk(schema, value, path, errors);
  return errors;
};

export const validateEmbedded = (schema: Schema, object: KubeObject): FieldError[] => {
  const errors: FieldError[] = [];
  walk(schema, object, undefined, errors);
  return errors;
};
