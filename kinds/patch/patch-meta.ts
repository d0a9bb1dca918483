/** What a schema says about patching a field: how, by which key, and what lies below. */
import type { Schema } from '../schema/schema.ts';
import { bareError } from './errors.ts';

export interface PatchMeta {
  readonly strategy: 'merge' | 'replace' | undefined;
  readonly mergeKey: string;
  /** Of the object, or of the items where the field is a list. */
  readonly below: Schema;
}

const anything: Schema = {};
const unknownMeta: PatchMeta = { strategy: undefined, mergeKey: '', below: anything };

/** The Go type's name, as upstream's texts show it: `io.k8s.api.apps.v1.DeploymentSpec` is `DeploymentSpec`. */
const goName = (schema: Schema): string => schema.definition?.slice(schema.definition.lastIndexOf('.') + 1) ?? '';

/** Go's kind of the type, for the text of a list of objects that has no merge key. */
export const goKind = (schema: Schema): string => {
  switch (schema.type) {
    case 'object':
      return schema.properties ? 'struct' : 'map';
    case 'array':
      return 'slice';
    case 'boolean':
      return 'bool';
    case 'integer':
      return schema.format === 'int32' ? 'int32' : 'int64';
    case 'number':
      return 'float64';
    case 'string':
      return 'string';
    default:
      return 'interface';
  }
};

const isFreeForm = (schema: Schema): boolean => schema.type === undefined || schema.preserveUnknownFields === true;

const strategyOf = (schema: Schema): PatchMeta['strategy'] => {
  for (const strategy of schema.patchStrategy ?? []) if (strategy !== 'retainKeys') return strategy;
  return undefined;
};

/** Throws what upstream's lookup by struct tags does for a field that no type has. */
export const patchMeta = (schema: Schema, field: string): PatchMeta => {
  const found = schema.properties?.get(field);
  if (found) {
    return {
      strategy: strategyOf(found),
      mergeKey: found.patchMergeKey ?? '',
      below: found.type === 'array' ? (found.items ?? anything) : found,
    };
  }
  if (isFreeForm(schema)) return unknownMeta;
  if (!schema.properties) throw bareError(`merging an object in json but data type is not struct, instead is: ${goKind(schema)}`);
  throw bareError(`unable to find api field in struct ${goName(schema)} for the json field ${JSON.stringify(field)}`);
};
