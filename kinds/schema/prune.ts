/**
 * What CustomResourceDefinitions do with a decoded object: fields that the schema does not name go, metadata takes the form
 * that built-in kinds have. Changes the object in place. Source: apiextensions-apiserver `pkg/apiserver/schema/pruning`.
 */
import { goMapJson, show } from '../field.ts';
import type { Json, JsonObject } from '../object.ts';
import { Conversion, setMember } from './convert.ts';
import { GoError } from './go-values.ts';
import type { Schema } from './schema.ts';
import { shapeOfDefinition } from './shape.ts';

const metaFields: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata']);
const objectMeta = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';

const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

/** What becomes of metadata of embedded objects that cannot be read: it goes, or the object is refused; or nobody looks. */
type Malformed = 'drop' | 'refuse' | 'ignore';

class Pruning {
  readonly unknown: string[] = [];
  readonly unknownInMetadata: string[] = [];
  readonly #malformed: Malformed;
  constructor(malformed: Malformed) {
    this.#malformed = malformed;
  }

  /** `schema` undefined: nothing below is named. */
  walk(value: Json, schema: Schema | undefined, path: string, root: boolean): void {
    if (Array.isArray(value)) {
      value.forEach((item, i) => {
        this.walk(item, schema?.items, `${path}[${i}]`, false);
      });
      return;
    }
    if (!isObject(value)) return;
    const embedded = root || schema?.embeddedResource === true;
    for (const key of Object.keys(value)) {
      const at = path ? `${path}.${key}` : key;
      if (embedded && metaFields.has(key)) {
        if (!root && this.#malformed !== 'ignore') this.#embeddedField(value, key, at);
        continue;
      }
      const property = schema?.properties?.get(key) ?? schema?.additionalProperties;
      if (property) this.walk(value[key] as Json, property, at, false);
      else if (!schema?.preserveUnknownFields) {
        this.unknown.push(at);
        delete value[key];
      }
    }
  }

  #embeddedField(value: JsonObject, key: string, path: string): void {
    const refuse = this.#malformed === 'refuse';
    if (key !== 'metadata') {
      if (typeof value[key] === 'string') return;
      if (refuse) throw new GoError(`${path}: Invalid value: ${show(value[key])}: must be a string`);
      delete value[key];
      return;
    }
    const given = value[key];
    try {
      this.metadata(value, path, refuse);
    } catch (error) {
      if (!(error instanceof GoError)) throw error;
      throw new GoError(`${path}: Invalid value: ${goMapJson(given)}: ${error.message}`);
    }
  }

  /** Malformed fields of embedded metadata are dropped one by one; at the root they are an error. */
  metadata(object: JsonObject, path: string, mustFit: boolean): void {
    const shape = shapeOfDefinition(objectMeta);
    const value = object['metadata'];
    if (!shape || value === undefined || (!mustFit && !isObject(value))) return;
    const read = (what: unknown): Json => {
      const conversion = new Conversion(true);
      const made = conversion.run(shape, what);
      for (const problem of conversion.problems) {
        const field = /^unknown field "(.*)"$/.exec(problem)?.[1];
        if (field) this.unknownInMetadata.push(`${path}.${field}`);
      }
      return made;
    };
    if (mustFit || !isObject(value)) {
      object['metadata'] = read(value);
      return;
    }
    const made: JsonObject = {};
    for (const key of Object.keys(value)) {
      try {
        Object.assign(made, read({ [key]: value[key] }));
      } catch (error) {
        // A malformed field of embedded metadata is dropped, not refused.
        if (!(error instanceof GoError)) throw error;
      }
    }
    setMember(object, 'metadata', made);
  }
}

const dropNulls = (value: Json, schema: Schema | undefined): void => {
  if (Array.isArray(value)) {
    for (const item of value) dropNulls(item, schema?.items);
    return;
  }
  if (!isObject(value) || !schema) return;
  for (const key of Object.keys(value)) {
    const property = schema.properties?.get(key) ?? schema.additionalProperties;
    if (!property) continue;
    if (value[key] === null && !property.nullable && property.default === undefined) delete value[key];
    else dropNulls(value[key] as Json, property);
  }
};

/** Whether the schema names all fields of a value; metadata of embedded objects is not looked at. Changes the value. */
export const isPruned = (schema: Schema, value: Json): boolean => {
  const pruning = new Pruning('ignore');
  pruning.walk(value, schema, '', false);
  return pruning.unknown.length === 0;
};

/**
 * Answers the paths that went, sorted. Throws `GoError` for metadata of wrong types; of embedded objects only where `malformed` says so,
 * for what is stored already must stay readable.
 */
export const prune = (schema: Schema, object: JsonObject, malformed: 'drop' | 'refuse' = 'drop'): string[] => {
  const pruning = new Pruning(malformed);
  pruning.metadata(object, 'metadata', true);
  const ofMetadata = pruning.unknownInMetadata.splice(0);
  pruning.walk(object, schema, '', true);
  dropNulls(object, schema);
  return [...ofMetadata, ...pruning.unknown.sort(), ...pruning.unknownInMetadata.sort()];
};
