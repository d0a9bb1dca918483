/**
 * Validation by a structural schema, as custom resources are validated, in the words of kube-openapi `pkg/validation`.
 * Patterns run on RE2: they come from whoever may create a CustomResourceDefinition.
 */
import { RE2JS } from 're2js';
import { duplicate, goJson, invalid, notSupported, required, tooLong, tooMany, typeInvalid } from '../field.ts';
import type { Json, JsonObject } from '../object.ts';
import type { FieldError } from '../status.ts';
import { isKnownFormat, matchesFormat } from './formats.ts';
import { maxDepth } from './json-text.ts';
import type { Schema } from './schema.ts';

/** Where upstream loses the path of an error, it shows this. */
const nowhere = '<nil>';

const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

const typeOf = (value: Json): string => {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  // Larger ones are floats to who reads them.
  if (typeof value === 'number') return Number.isInteger(value) && Math.abs(value) < 2 ** 63 ? 'integer' : 'number';
  return typeof value;
};

const patterns = new WeakMap<Schema, RE2JS | undefined>();
const compile = (schema: Schema, pattern: string): RE2JS | undefined => {
  if (!patterns.has(schema)) {
    let compiled: RE2JS | undefined;
    try {
      compiled = RE2JS.compile(pattern);
    } catch {
      // The definition of such a pattern was refused already; if one gets here it matches nothing.
      compiled = undefined;
    }
    patterns.set(schema, compiled);
  }
  return patterns.get(schema);
};

const equal = (a: Json, b: Json): boolean => {
  if (a === b) return true;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, i) => equal(item, b[i] as Json));
  if (!isObject(a) || !isObject(b)) return false;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every(name => Object.hasOwn(b, name) && equal(a[name] as Json, b[name] as Json));
};

/** Errors, and how much was right: of alternatives that all fail, the one with the most matches is reported. */
interface Result {
  readonly errors: FieldError[];
  matches: number;
}

/** Floats that pass for integers, as far as they are exact (go-openapi/swag `IsFloat64AJSONInteger`). */
const isJsonInteger = (value: Json): boolean => typeof value === 'number' && Number.isInteger(value) && Math.abs(value) <= 2 ** 53 - 1;
const knownFormat = ({ format, type }: Schema): string | undefined =>
  format && (type === 'integer' || type === 'number') && isKnownFormat(format, type) ? format : undefined;

const validateType = (schema: Schema, value: Json, path: string, result: Result): void => {
  const types = schema.intOrString ? ['integer', 'string'] : schema.type ? [schema.type] : [];
  if (types.length === 0) return;
  const actual = typeOf(value);
  const fits = value === null ? schema.nullable : types.includes(actual) || (actual === 'integer' && types.includes('number'));
  if (fits || (actual === 'number' && types.includes('integer') && isJsonInteger(value))) {
    result.matches++;
    return;
  }
  // Beside texts and lists, it is the format that is missed.
  const format = typeof value !== 'string' && !Array.isArray(value) && value !== null ? knownFormat(schema) : undefined;
  const wanted = format ?? types.join(',');
  const found = format === undefined ? actual : typeof value === 'number' ? (actual === 'integer' ? 'int64' : 'float64') : '';
  result.errors.push(typeInvalid(path, found, `${path} in body must be of type ${wanted}: "${found}"`));
};

const validateAlternatives = (schema: Schema, value: Json, path: string, result: Result, depth: number): void => {
  const run = (of: Schema): Result => {
    const inner: Result = { errors: [], matches: 0 };
    walk(of, value, path, inner, depth + 1);
    return inner;
  };
  const pathless = (text: string): void => {
    result.errors.push(invalid(nowhere, '', `"${path}" ${text}`));
  };
  const merge = (inner: Result | undefined): void => {
    if (!inner) return;
    result.errors.push(...inner.errors);
    result.matches += inner.matches;
  };
  const best = (results: Result[]): Result | undefined =>
    results.reduce<Result | undefined>((found, one) => (found === undefined || one.matches > found.matches ? one : found), undefined);
  if (schema.anyOf && schema.anyOf.length > 0) {
    const results = schema.anyOf.map(run);
    const fitting = results.find(({ errors }) => errors.length === 0);
    if (!fitting) pathless('must validate at least one schema (anyOf)');
    merge(fitting ?? best(results));
  }
  if (schema.oneOf && schema.oneOf.length > 0) {
    const results = schema.oneOf.map(run);
    const valid = results.filter(({ errors }) => errors.length === 0).length;
    if (valid !== 1)
      pathless(`must validate one and only one schema (oneOf). ${valid === 0 ? 'Found none valid' : `Found ${valid} valid alternatives`}`);
    if (valid <= 1) merge(valid === 0 ? best(results) : results.find(({ errors }) => errors.length === 0));
  }
  if (schema.allOf && schema.allOf.length > 0) {
    const results = schema.allOf.map(run);
    const valid = results.filter(({ errors }) => errors.length === 0).length;
    for (const one of results) merge(one);
    if (valid !== results.length) pathless(`must validate all the schemas (allOf)${valid === 0 ? '. None validated' : ''}`);
  }
  if (schema.not && run(schema.not).errors.length === 0) pathless('must not validate the schema (not)');
};

const validateString = (schema: Schema, value: string, path: string, result: Result): void => {
  const { maxLength, minLength, pattern } = schema.bounds ?? {};
  if (maxLength !== undefined || minLength !== undefined) {
    // Characters, not UTF-16 units.
    const length = [...value].length;
    if (maxLength !== undefined && length > maxLength) return void result.errors.push(tooLong(path, maxLength));
    if (minLength !== undefined && length < minLength)
      return void result.errors.push(invalid(path, value, `${path} in body should be at least ${minLength} chars long`));
  }
  if (pattern && !compile(schema, pattern)?.matcher(value).find())
    result.errors.push(invalid(path, value, `${path} in body should match '${pattern}'`));
  if (schema.format && schema.type === 'string' && !matchesFormat(schema.format, value))
    result.errors.push(typeInvalid(path, value, `${path} in body must be of type ${schema.format}: ${goJson(value)}`));
};

const validateNumber = (schema: Schema, value: number, path: string, result: Result): void => {
  const { exclusiveMinimum, exclusiveMaximum, multipleOf, ...limits } = schema.bounds ?? {};
  // Whole numbers are held against whole limits.
  const whole = (limit: number | undefined): number | undefined =>
    limit !== undefined && typeOf(value) === 'integer' ? Math.trunc(limit) : limit;
  const [minimum, maximum, factor] = [whole(limits.minimum), whole(limits.maximum), whole(multipleOf)];
  const refuse = (what: string): void => void result.errors.push(invalid(path, value, `${path} in body should be ${what}`));
  if (schema.type === 'integer') {
    const limit = schema.format === 'int32' ? 2 ** 31 : 2 ** 63;
    if (!Number.isInteger(value) || value < -limit || value >= limit) {
      const format = schema.format === 'int32' || schema.format === 'int64' ? `with format ${schema.format}` : '(default format)';
      result.errors.push(invalid(nowhere, '', `Checked value must be of type integer ${format} in ${path}`));
    }
  }
  if (factor !== undefined && factor <= 0)
    result.errors.push(invalid(path, factor, `factor MultipleOf declared for ${path} must be positive: ${factor}`));
  else if (factor !== undefined && !Number.isInteger(Number((value / factor).toPrecision(15)))) refuse(`a multiple of ${factor}`);
  if (minimum !== undefined && (exclusiveMinimum ? value <= minimum : value < minimum))
    refuse(`greater than ${exclusiveMinimum ? '' : 'or equal to '}${minimum}`);
  if (maximum !== undefined && (exclusiveMaximum ? value >= maximum : value > maximum))
    refuse(`less than ${exclusiveMaximum ? '' : 'or equal to '}${maximum}`);
};

/** The items of before that those of now are held against: by key, or not at all. */
const earlierItems = (schema: Schema, list: readonly Json[], previous: Json | undefined): ((at: number) => Json | undefined) => {
  if (!Array.isArray(previous) || schema.listType !== 'map') return () => undefined;
  const keyed = new Map(previous.map(item => [keyText(schema, item), item]));
  return at => keyed.get(keyText(schema, list[at] as Json));
};
const keyText = (schema: Schema, item: Json): string =>
  canonicalText((schema.listMapKeys ?? []).map(name => (isObject(item) && Object.hasOwn(item, name) ? (item[name] as Json) : null)));

const validateList = (
  schema: Schema,
  list: readonly Json[],
  path: string,
  result: Result,
  depth: number,
  previous: Json | undefined,
): void => {
  const { items } = schema;
  const { minItems, maxItems, uniqueItems } = schema.bounds ?? {};
  if (items) {
    const earlier = previous === undefined ? undefined : earlierItems(schema, list, previous);
    for (let i = 0; i < list.length; i++) walk(items, list[i] as Json, `${path}[${i}]`, result, depth + 1, earlier?.(i));
  }
  if (minItems !== undefined && list.length < minItems)
    result.errors.push(invalid(path, list.length, `${path} in body should have at least ${minItems} items`));
  if (maxItems !== undefined && list.length > maxItems) result.errors.push(tooMany(path, list.length, maxItems));
  if (uniqueItems && list.some((item, i) => list.slice(0, i).some(earlier => equal(earlier, item))))
    result.errors.push(invalid(path, '', `${path} in body shouldn't contain duplicates`));
};

const validateObject = (
  schema: Schema,
  object: JsonObject,
  path: string,
  result: Result,
  depth: number,
  previous: Json | undefined,
): void => {
  const names = Object.keys(object);
  const { minProperties, maxProperties } = schema.bounds ?? {};
  if (minProperties !== undefined && names.length < minProperties)
    result.errors.push(invalid(path, names.length, `${path} in body should have at least ${minProperties} properties`));
  if (maxProperties !== undefined && names.length > maxProperties) result.errors.push(tooMany(path, names.length, maxProperties));
  const at = (name: string): string => (path ? `${path}.${name}` : name);
  for (const name of names) {
    const property = schema.properties?.get(name) ?? schema.additionalProperties;
    if (!property) continue;
    const before = isObject(previous) && Object.hasOwn(previous, name) ? previous[name] : undefined;
    walk(property, object[name] as Json, at(name), result, depth + 1, before);
  }
  for (const name of schema.required ?? []) if (!Object.hasOwn(object, name)) result.errors.push(required(at(name)));
};

/** How many of upstream's checks concern a value, whether it passes them or not: that is what alternatives are ranked by. */
const applying = (schema: Schema, value: Json): number => {
  const typed = schema.type !== undefined || schema.intOrString === true || schema.format !== undefined;
  const formatted = typeof value === 'string' && schema.format !== undefined;
  return 4 + (typed ? 1 : 0) + (formatted ? 1 : 0) + (typeof value === 'boolean' ? 0 : Array.isArray(value) ? 2 : 1);
};

/** `previous`: what stood there before. Where it is the same, whatever is wrong with it may stay. */
const walk = (schema: Schema, value: Json, path: string, result: Result, depth: number, previous?: Json): void => {
  if (depth > maxDepth) {
    result.errors.push(invalid(path, '', 'exceeded max depth'));
    return;
  }
  if (previous !== undefined && equal(previous, value)) {
    result.matches++;
    return;
  }
  validateType(schema, value, path, result);
  if (value !== null) {
    result.matches += applying(schema, value);
    validateAlternatives(schema, value, path, result, depth);
    if (typeof value === 'string') validateString(schema, value, path, result);
    else if (typeof value === 'number') validateNumber(schema, value, path, result);
    else if (Array.isArray(value)) validateList(schema, value, path, result, depth, previous);
  }
  if (schema.enum && !schema.enum.some(one => equal(one, value))) {
    const supported = schema.enum.map(one => (typeof one === 'string' ? one : goJson(one)));
    result.errors.push(notSupported(path, value, supported));
  }
  if (isObject(value)) validateObject(schema, value, path, result, depth, previous);
};

/** Items of sets, and keys of maps kept as lists, must differ; each repeated one is named once. */
const validateListTypes = (schema: Schema, value: Json, path: string, errors: FieldError[], depth: number): void => {
  if (depth > maxDepth) return;
  if (Array.isArray(value)) {
    if (schema.listType === 'set') for (const i of repeated(value)) errors.push(duplicate(`${path}[${i}]`, value[i]));
    if (schema.listType === 'map') validateListMap(schema.listMapKeys ?? [], value, path, errors);
    const { items } = schema;
    if (items) for (const [i, item] of value.entries()) validateListTypes(items, item, `${path}[${i}]`, errors, depth + 1);
    return;
  }
  if (!isObject(value)) return;
  for (const name of Object.keys(value)) {
    const property = schema.properties?.get(name);
    if (property) validateListTypes(property, value[name] as Json, path ? `${path}.${name}` : name, errors, depth + 1);
    else if (schema.additionalProperties)
      validateListTypes(schema.additionalProperties, value[name] as Json, `${path}[${name}]`, errors, depth + 1);
  }
};

const validateListMap = (keys: readonly string[], list: readonly Json[], path: string, errors: FieldError[]): void => {
  const stray = list.findIndex(item => item !== null && !isObject(item));
  if (stray >= 0) {
    errors.push(invalid(`${path}[${stray}]`, list[stray], 'must be an object for an array of list-type map'));
    return;
  }
  const named = list.map(item => {
    const key: JsonObject = {};
    if (isObject(item)) for (const name of keys) if (Object.hasOwn(item, name)) key[name] = item[name] as Json;
    return key;
  });
  for (const i of repeated(named)) errors.push(duplicate(`${path}[${i}]`, named[i]));
};

/** Where each value that occurs more than once is met for the second time. */
const repeated = (list: readonly Json[]): number[] => {
  const seen = new Map<string, number>();
  const found: number[] = [];
  list.forEach((item, i) => {
    const text = canonicalText(item);
    const times = (seen.get(text) ?? 0) + 1;
    seen.set(text, times);
    if (times === 2) found.push(i);
  });
  return found;
};

/** Equal values give equal texts: members are sorted. */
const canonicalText = (value: Json): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    isObject(inner)
      ? Object.fromEntries(
          Object.keys(inner)
            .sort()
            .map(name => [name, inner[name]]),
        )
      : inner,
  );

/** By the schema's types and limits alone, as defaults are: neither the kinds of lists count nor `int-or-string`. */
export const validateValue = (schema: Schema, value: unknown): FieldError[] => {
  const result: Result = { errors: [], matches: 0 };
  const { intOrString: _, ...plain } = schema;
  walk(plain, value as Json, '', result, 0);
  return result.errors;
};

/**
 * All that is wrong with `value`; `path` is where it stands in its object, empty for a whole one. With `previous`, what was
 * wrong before and did not change is passed over (KEP-4008).
 */
export const validateSchema = (schema: Schema, value: unknown, path = '', previous?: unknown): FieldError[] => {
  const result: Result = { errors: [], matches: 0 };
  walk(schema, value as Json, path, result, 0, previous as Json | undefined);
  const inLists: FieldError[] = [];
  validateListTypes(schema, value as Json, path, inLists, 0);
  if (inLists.length === 0) return result.errors;
  const before: FieldError[] = [];
  if (previous !== undefined) validateListTypes(schema, previous as Json, path, before, 0);
  return before.length > 0 ? result.errors : [...result.errors, ...inLists];
};
