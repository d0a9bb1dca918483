/**
 * Whether a schema is structural: every value has a type, and nothing in it needs more than one look at a value (apiextensions
 * `pkg/apiserver/schema/{convert,validation}.go`). Works on the schema as the definition states it.
 */
import { RE2JS } from 're2js';
import { forbidden, invalid, type Path, required } from '../field.ts';
import type { FieldError } from '../status.ts';

/** A schema as definitions state it (`JSONSchemaProps`). */
export interface SchemaProps {
  readonly [field: string]: unknown;
}
export const isSchema = (value: unknown): value is SchemaProps => typeof value === 'object' && value !== null && !Array.isArray(value);
export const entriesOf = (value: unknown): [string, SchemaProps][] =>
  isSchema(value) ? Object.entries(value).filter((entry): entry is [string, SchemaProps] => isSchema(entry[1])) : [];
export const listOf = (value: unknown): SchemaProps[] => (Array.isArray(value) ? value.filter(isSchema) : []);

const filled = (value: unknown): boolean =>
  value !== undefined && value !== null && value !== '' && value !== false && (typeof value !== 'object' || Object.keys(value).length > 0);

const notSupported = ['id', '$schema', '$ref', 'patternProperties', 'dependencies', 'additionalItems', 'definitions'];

/** Why no structural schema can be made of it; undefined where one can. */
export const conversionProblem = (schema: SchemaProps): string | undefined => {
  for (const name of notSupported)
    if (name === 'additionalItems' ? schema[name] !== undefined : filled(schema[name]))
      return `OpenAPIV3Schema '${name === '$schema' ? 'schema' : name}' is not supported`;
  if (schema['x-kubernetes-preserve-unknown-fields'] === false)
    return "internal error: 'x-kubernetes-preserve-unknown-fields' must be true or undefined";
  if (Array.isArray(schema['items'])) return "OpenAPIV3Schema 'items' must be a schema, but is an array";
  const inner = [schema['not'], schema['items'], schema['additionalProperties']].filter(isSchema);
  inner.push(...['allOf', 'anyOf', 'oneOf'].flatMap(word => listOf(schema[word])));
  inner.push(...entriesOf(schema['properties']).map(([, property]) => property));
  for (const one of inner) {
    const problem = conversionProblem(one);
    if (problem) return problem;
  }
  return undefined;
};

type Level = 'root' | 'item' | 'field';
const emptyType: Record<Level, string> = {
  root: 'must not be empty at the root',
  item: 'must not be empty for specified array items',
  field: 'must not be empty for specified object fields',
};

const patternProblem = ({ pattern }: SchemaProps, field: Path): FieldError[] => {
  if (typeof pattern !== 'string' || !pattern) return [];
  try {
    RE2JS.compile(pattern);
    return [];
  } catch (error) {
    return [invalid(field.child('pattern'), pattern, `must be a valid regular expression, but isn't: ${(error as Error).message}`)];
  }
};

/** Either type, as it is written where nothing else says that both are meant. */
const isIntOrString = (value: unknown): boolean =>
  Array.isArray(value) &&
  value.length === 2 &&
  value.every(isSchema) &&
  value.every(item => Object.keys(item).filter(name => filled(item[name])).length === 1) &&
  value.map(item => item['type']).join() === 'integer,string';

const mustBe: readonly (readonly [name: string, what: string])[] = [
  ['default', 'undefined'],
  ['title', 'empty'],
  ['description', 'empty'],
  ['nullable', 'false'],
  ['x-kubernetes-preserve-unknown-fields', 'false'],
  ['x-kubernetes-embedded-resource', 'false'],
  ['x-kubernetes-int-or-string', 'false'],
  ['x-kubernetes-list-map-keys', 'empty'],
  ['x-kubernetes-list-type', 'undefined'],
  ['x-kubernetes-map-type', 'undefined'],
  ['x-kubernetes-validations', 'empty'],
];
const stated = (value: unknown, what: string): boolean => (what === 'undefined' ? value !== undefined && value !== null : filled(value));

/** Inside `not`, `anyOf`, `oneOf` and `allOf` values may only be judged, not shaped. */
const validateNested = (schema: unknown, field: Path, skipAnyOf: boolean): FieldError[] => {
  if (!isSchema(schema)) return [];
  const { properties, additionalProperties } = schema;
  const errors = [...validateValues(schema, field, skipAnyOf, false), ...validateNested(schema['items'], field.child('items'), false)];
  for (const [name, property] of entriesOf(properties))
    errors.push(...validateNested(property, field.child('properties').key(name), false));
  if (filled(schema['type'])) errors.push(forbidden(field.child('type'), 'must be empty to be structural'));
  if (isSchema(additionalProperties) || additionalProperties === true)
    errors.push(forbidden(field.child('additionalProperties'), 'must be undefined to be structural'));
  for (const [name, what] of mustBe)
    if (stated(schema[name], what)) errors.push(forbidden(field.child(name), `must be ${what} to be structural`));
  if (isSchema(properties) && Object.hasOwn(properties, 'metadata'))
    errors.push(forbidden(field.child('properties').key('metadata'), 'must not be specified in a nested context'));
  return errors;
};

const validateValues = (schema: SchemaProps, field: Path, skipAnyOf: boolean, skipFirstAllOf: boolean): FieldError[] => {
  const errors: FieldError[] = [];
  for (const word of ['anyOf', 'allOf', 'oneOf'] as const) {
    if (word === 'anyOf' && skipAnyOf) continue;
    for (const [i, item] of listOf(schema[word]).entries())
      errors.push(...validateNested(item, field.child(word).index(i), word === 'allOf' && i === 0 && skipFirstAllOf));
  }
  return [...errors, ...validateNested(schema['not'], field.child('not'), false), ...patternProblem(schema, field)];
};

/** Of the object's own metadata only names may be judged. */
const validateMetadataSchema = (metadata: SchemaProps, level: Level, whole: boolean, field: Path): FieldError[] => {
  const errors: FieldError[] = [];
  if (whole && metadata['type'] !== 'object') errors.push(invalid(field.child('type'), metadata['type'] ?? '', 'must be object'));
  if (level !== 'root') return errors;
  const { properties, type: _type, default: _default, ...rest } = metadata;
  const names = isSchema(properties) ? Object.keys(properties) : [];
  if (Object.values(rest).some(filled) || names.some(name => name !== 'name' && name !== 'generateName'))
    errors.push(forbidden(field, 'must not specify anything other than name and generateName, but metadata is implicitly specified'));
  return errors;
};

const validateInvariants = (schema: SchemaProps, field: Path, level: Level): FieldError[] => {
  const errors: FieldError[] = [];
  const { type, items, properties, additionalProperties, allOf } = schema;
  const preserve = schema['x-kubernetes-preserve-unknown-fields'] === true;
  const intOrString = schema['x-kubernetes-int-or-string'] === true;
  const embedded = schema['x-kubernetes-embedded-resource'] === true;
  const inner = entriesOf(properties);
  if (type === 'array' && !isSchema(items)) errors.push(required(field.child('items'), 'must be specified'));
  if (isSchema(items)) errors.push(...validateInvariants(items, field.child('items'), 'item'));
  for (const [name, property] of inner) errors.push(...validateInvariants(property, field.child('properties').key(name), 'field'));
  if (additionalProperties !== undefined && additionalProperties !== null) {
    if (level === 'root') errors.push(forbidden(field.child('additionalProperties'), 'must not be used at the root'));
    if (isSchema(additionalProperties))
      errors.push(...validateInvariants(additionalProperties, field.child('additionalProperties'), 'field'));
  }
  if (intOrString && preserve)
    errors.push(invalid(field.child('x-kubernetes-preserve-unknown-fields'), true, 'must be false if x-kubernetes-int-or-string is true'));
  if (intOrString && embedded)
    errors.push(invalid(field.child('x-kubernetes-embedded-resource'), true, 'must be false if x-kubernetes-int-or-string is true'));
  errors.push(...validateValues(schema, field, isIntOrString(schema['anyOf']), isIntOrString(listOf(allOf)[0]?.['anyOf'])));
  if (embedded && type !== 'object') {
    const why = 'must be object if x-kubernetes-embedded-resource is true';
    errors.push(type ? invalid(field.child('type'), type, why) : required(field.child('type'), why));
  } else if (!type && !intOrString && !preserve) errors.push(required(field.child('type'), emptyType[level]));
  if (embedded && additionalProperties !== undefined)
    errors.push(forbidden(field.child('additionalProperties'), 'must not be used if x-kubernetes-embedded-resource is set'));
  if (level === 'root' && type && type !== 'object') errors.push(invalid(field.child('type'), type, 'must be object at the root'));
  const whole = level === 'root' || embedded;
  const own = new Map(inner);
  for (const name of whole ? ['kind', 'apiVersion'] : []) {
    const property = own.get(name);
    if (property && property['type'] !== 'string')
      errors.push(invalid(field.child('properties').key(name).child('type'), property['type'] ?? '', 'must be string'));
  }
  const metadata = own.get('metadata');
  if (metadata) errors.push(...validateMetadataSchema(metadata, level, whole, field.child('properties').key('metadata')));
  if (embedded && !preserve && inner.length === 0)
    errors.push(
      required(
        field.child('properties'),
        'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields',
      ),
    );
  return errors;
};

/** What `judgement` is about must be specified in `schema` too, outside of any judgement. */
const validateNestedCompleteness = (judgement: SchemaProps, schema: SchemaProps | undefined, place: Path, field: Path): FieldError[] => {
  if (!schema) return [required(place, `because it is defined in ${field}`)];
  const errors = validateCompleteness(judgement, schema, place, field);
  const { items } = schema;
  if (isSchema(judgement['items']))
    errors.push(
      ...validateNestedCompleteness(judgement['items'], isSchema(items) ? items : undefined, place.child('items'), field.child('items')),
    );
  const own = new Map(entriesOf(schema['properties']));
  for (const [name, property] of entriesOf(judgement['properties']))
    errors.push(
      ...validateNestedCompleteness(property, own.get(name), place.child('properties').key(name), field.child('properties').key(name)),
    );
  return errors;
};
const validateCompleteness = (judged: SchemaProps, schema: SchemaProps, place: Path, field: Path): FieldError[] => {
  const errors: FieldError[] = [];
  if (isSchema(judged['not'])) errors.push(...validateNestedCompleteness(judged['not'], schema, place, field.child('not')));
  for (const word of ['allOf', 'anyOf', 'oneOf'] as const)
    for (const [i, one] of listOf(judged[word]).entries())
      errors.push(...validateNestedCompleteness(one, schema, place, field.child(word).index(i)));
  return errors;
};

/** Judgements of the root, however deep; those of its parts are not looked at, as upstream has it. */
export const validateStructural = (schema: SchemaProps, field: Path): FieldError[] => [
  ...validateInvariants(schema, field, 'root'),
  ...validateCompleteness(schema, schema, field, field),
];
