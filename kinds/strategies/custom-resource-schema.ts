/**
 * Whether the schema of a CustomResourceDefinition is structural: every value has a type, and nothing in it needs more than
 * one look at a value (apiextensions `pkg/apiserver/schema/validation.go` and `pkg/apis/apiextensions/validation`).
 */
import { repeatsIn } from '../checks.ts';
import { forbidden, invalid, notSupported, type Path, required, tooMany } from '../field.ts';
import type { FieldError } from '../status.ts';

export interface SchemaProps {
  [field: string]: unknown;
}
const isSchema = (value: unknown): value is SchemaProps => typeof value === 'object' && value !== null && !Array.isArray(value);
const types = ['array', 'boolean', 'integer', 'number', 'object', 'string'];
/** Deeper is an attack, not a schema. */
const deepest = 100;
/** After so many errors the rest is left unsaid. */
const mostErrors = 1000;

const unsupported: readonly (readonly [field: string, set: (value: unknown) => boolean, why: string])[] = [
  ['$ref', Boolean, '$ref is not supported'],
  ['definitions', Boolean, 'definitions is not supported'],
  ['dependencies', Boolean, 'dependencies is not supported'],
  ['patternProperties', Boolean, 'patternProperties is not supported'],
  ['additionalItems', value => value !== undefined, 'additionalItems is not supported'],
  ['id', Boolean, 'id is not supported'],
  ['uniqueItems', value => value === true, 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic'],
];

const validateList = (schema: SchemaProps, field: Path): FieldError[] => {
  const errors: FieldError[] = [];
  const kind = schema['x-kubernetes-list-type'];
  const keys = schema['x-kubernetes-list-map-keys'];
  const kindField = field.child('x-kubernetes-list-type');
  const keysField = field.child('x-kubernetes-list-map-keys');
  const listed = Array.isArray(keys) ? keys : [];
  if (kind !== undefined) {
    if (schema['type'] !== 'array')
      errors.push(
        schema['type']
          ? invalid(field.child('type'), schema['type'], 'must be array if x-kubernetes-list-type is specified')
          : required(field.child('type'), 'must be array if x-kubernetes-list-type is specified'),
      );
    if (kind !== 'atomic' && kind !== 'set' && kind !== 'map') errors.push(notSupported(kindField, kind, ['atomic', 'set', 'map']));
  }
  if (listed.length && kind !== 'map')
    errors.push(
      kind === undefined
        ? required(kindField, 'must be map if x-kubernetes-list-map-keys is non-empty')
        : invalid(kindField, kind, 'must be map if x-kubernetes-list-map-keys is non-empty'),
    );
  if ((kind === 'set' || kind === 'map') && isSchema(schema['items']) && schema['items']['nullable'] === true)
    errors.push(forbidden(field.child('items', 'nullable'), `cannot be nullable when x-kubernetes-list-type is ${kind}`));
  if (kind !== 'map') return errors;
  if (listed.length === 0) errors.push(required(keysField, 'must not be empty if x-kubernetes-list-type is map'));
  const { items } = schema;
  if (!isSchema(items)) errors.push(required(field.child('items'), 'must have a schema if x-kubernetes-list-type is map'));
  else {
    const properties = isSchema(items['properties']) ? items['properties'] : {};
    if (items['type'] !== 'object')
      errors.push(
        invalid(field.child('items', 'type'), items['type'] ?? '', "must be object if parent array's x-kubernetes-list-type is map"),
      );
    const repeats = repeatsIn(listed);
    if (repeats.size > 16) return [...errors, tooMany(keysField, listed.length, listed.length - repeats.size)];
    const needed = Array.isArray(items['required']) ? items['required'] : [];
    listed.forEach((key, i) => {
      const property = typeof key === 'string' && Object.hasOwn(properties, key) ? properties[key] : undefined;
      if (!isSchema(property)) errors.push(invalid(keysField.index(i), key, 'entries must all be names of item properties'));
      else {
        const at = field.child('items', 'properties').key(key);
        if (!needed.includes(key) && property['default'] === undefined)
          errors.push(
            required(
              at.child('default'),
              'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property',
            ),
          );
        if (property['nullable'] === true)
          errors.push(forbidden(at.child('nullable'), 'this property is in x-kubernetes-list-map-keys, so it cannot be nullable'));
      }
      if (repeats.has(i)) errors.push(invalid(keysField.index(i), listed, 'must not contain duplicate entries'));
    });
  }
  return errors;
};

const validatePattern = (schema: SchemaProps, field: Path): FieldError[] => {
  const { pattern } = schema;
  if (typeof pattern !== 'string' || !pattern) return [];
  try {
    // Go's syntax differs a little; what neither understands is surely wrong.
    new RegExp(pattern.replace(/\(\?P</g, '(?<').replace(/^\(\?[a-z]+\)/, ''));
    return [];
  } catch {
    const open = pattern.indexOf('[', pattern.lastIndexOf(']') + 1);
    const why = open >= 0 ? `missing closing ]: \`${pattern.slice(open)}\`` : `invalid or unsupported Perl syntax: \`${pattern}\``;
    return [invalid(field.child('pattern'), pattern, `must be a valid regular expression, but isn't: error parsing regexp: ${why}`)];
  }
};

const isIntOrString = (value: unknown): boolean =>
  Array.isArray(value) && value.length === 2 && value.every(isSchema) && value.map(item => item['type']).join() === 'integer,string';

type Level = 'root' | 'item' | 'field';
const emptyType: Record<Level, string> = {
  root: 'must not be empty at the root',
  item: 'must not be empty for specified array items',
  field: 'must not be empty for specified object fields',
};

/** Inside `not`, `anyOf`, `oneOf` and `allOf` only values may be judged, not shaped. */
const validateNested = (schema: unknown, field: Path, depth: number, intOrString: boolean): FieldError[] => {
  if (!isSchema(schema)) return [];
  if (depth > deepest) return [invalid(field, '', 'is nested too deeply')];
  const errors: FieldError[] = [];
  if (schema['type'] && !intOrString) errors.push(forbidden(field.child('type'), 'must be empty to be structural'));
  for (const name of ['additionalProperties', 'default', 'description', 'nullable', 'title'] as const)
    if (schema[name] !== undefined && schema[name] !== '' && schema[name] !== false)
      errors.push(
        forbidden(
          field.child(name),
          `must be ${name === 'nullable' ? 'false' : name === 'additionalProperties' || name === 'default' ? 'undefined' : 'empty'} to be structural`,
        ),
      );
  return [...errors, ...validateValues(schema, field, depth)];
};
const validateValues = (schema: SchemaProps, field: Path, depth: number): FieldError[] => {
  const errors = validatePattern(schema, field);
  for (const name of ['allOf', 'anyOf', 'oneOf'] as const) {
    const list = schema[name];
    if (!Array.isArray(list)) continue;
    const plain = name === 'anyOf' && isIntOrString(list);
    for (const [i, item] of list.entries()) {
      if (errors.length > mostErrors) break;
      errors.push(...validateNested(item, field.child(name).index(i), depth + 1, plain));
    }
  }
  if (schema['not'] !== undefined) errors.push(...validateNested(schema['not'], field.child('not'), depth + 1, false));
  return errors;
};

export const validateSchemaProps = (schema: SchemaProps, field: Path, level: Level = 'root', depth = 0): FieldError[] => {
  if (depth > deepest) return [invalid(field, '', 'is nested too deeply')];
  const errors: FieldError[] = [];
  const { type, properties, items, additionalProperties } = schema;
  const preserve = schema['x-kubernetes-preserve-unknown-fields'] === true;
  const intOrString = schema['x-kubernetes-int-or-string'] === true;
  const embedded = schema['x-kubernetes-embedded-resource'] === true;
  for (const [name, set, why] of unsupported) if (set(schema[name])) errors.push(forbidden(field.child(name), why));
  if (type && !types.includes(String(type))) errors.push(notSupported(field.child('type'), type, types));
  if (!type && !intOrString && !preserve) errors.push(required(field.child('type'), emptyType[level]));
  if (embedded && type !== 'object') {
    const why = 'must be object if x-kubernetes-embedded-resource is true';
    errors.push(type ? invalid(field.child('type'), type, why) : required(field.child('type'), why));
  } else if (level === 'root' && type && type !== 'object') errors.push(invalid(field.child('type'), type, 'must be object at the root'));
  if (level === 'root' && schema['nullable'] === true)
    errors.push(forbidden(field.child('nullable'), 'nullable cannot be true at the root'));
  if (intOrString && preserve)
    errors.push(invalid(field.child('x-kubernetes-preserve-unknown-fields'), true, 'must be false if x-kubernetes-int-or-string is true'));
  if (intOrString && embedded)
    errors.push(invalid(field.child('x-kubernetes-embedded-resource'), true, 'must be false if x-kubernetes-int-or-string is true'));
  if (isSchema(properties)) {
    if (isSchema(additionalProperties) || additionalProperties === true)
      errors.push(forbidden(field.child('additionalProperties'), 'additionalProperties and properties are mutual exclusive'));
    for (const [name, value] of Object.entries(properties)) {
      if (errors.length > mostErrors) break;
      if (!isSchema(value)) continue;
      const at = field.child('properties').key(name);
      // What every object has needs no description; only names may be judged.
      if (name === 'metadata' && (level === 'root' || embedded)) {
        if (level === 'root' && !onlyNames(value))
          errors.push(forbidden(at, 'must not specify anything other than name and generateName, but metadata is implicitly specified'));
        continue;
      }
      errors.push(...validateSchemaProps(value, at, 'field', depth + 1));
    }
  }
  if (additionalProperties !== undefined && level === 'root')
    errors.push(forbidden(field.child('additionalProperties'), 'must not be used at the root'));
  else if (isSchema(additionalProperties))
    errors.push(...validateSchemaProps(additionalProperties, field.child('additionalProperties'), 'field', depth + 1));
  if (Array.isArray(items)) errors.push(forbidden(field.child('items'), 'items must be a schema object and not an array'));
  else if (isSchema(items)) errors.push(...validateSchemaProps(items, field.child('items'), 'item', depth + 1));
  else if (type === 'array') errors.push(required(field.child('items'), 'must be specified'));
  if (embedded && !preserve && !isSchema(properties))
    errors.push(
      required(
        field.child('properties'),
        'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields',
      ),
    );
  return [...errors, ...validateList(schema, field), ...validateValues(schema, field, depth)];
};

const onlyNames = (metadata: SchemaProps): boolean => {
  const { properties, type: _type, description: _description, ...rest } = metadata;
  if (Object.keys(rest).length) return false;
  return !isSchema(properties) || Object.keys(properties).every(name => name === 'name' || name === 'generateName');
};
