/**
 * The schema of a version as CustomResourceDefinitions state it (JSONSchemaProps with `x-kubernetes-` extensions) in the one form that
 * decodes, completes and validates. Definitions were checked to be structural when they were written; what is not is passed over here.
 */
import type { Json } from '../object.ts';
import type { Schema, ValidationRule } from '../schema/schema.ts';

type Props = Readonly<Record<string, unknown>>;
type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** As deep as definitions may be. */
const deepest = 200;
const types: ReadonlySet<unknown> = new Set(['object', 'array', 'string', 'integer', 'number', 'boolean']);
const limits = [
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'multipleOf',
  'minLength',
  'maxLength',
  'pattern',
  'minItems',
  'maxItems',
  'uniqueItems',
  'minProperties',
  'maxProperties',
] as const;

const isProps = (value: unknown): value is Props => typeof value === 'object' && value !== null && !Array.isArray(value);
const strings = (value: unknown): string[] => (Array.isArray(value) ? value.filter(one => typeof one === 'string') : []);

const alternatives = (value: unknown, depth: number): Schema[] | undefined => {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  return value.filter(isProps).map(props => convert(props, depth + 1));
};

const boundsOf = (props: Props): Schema['bounds'] | undefined => {
  const bounds: Record<string, unknown> = {};
  for (const name of limits) if (props[name] !== undefined && props[name] !== false && props[name] !== '') bounds[name] = props[name];
  return Object.keys(bounds).length > 0 ? bounds : undefined;
};

const values = (props: Props, schema: Mutable<Schema>, depth: number): void => {
  const bounds = boundsOf(props);
  if (bounds) schema.bounds = bounds;
  if (Array.isArray(props['enum'])) schema.enum = props['enum'] as Json[];
  for (const word of ['allOf', 'anyOf', 'oneOf'] as const) {
    const list = alternatives(props[word], depth);
    if (list) schema[word] = list;
  }
  if (isProps(props['not'])) schema.not = convert(props['not'], depth + 1);
};

const extensions = (props: Props, schema: Mutable<Schema>): void => {
  if (props['x-kubernetes-int-or-string'] === true) schema.intOrString = true;
  if (props['x-kubernetes-preserve-unknown-fields'] === true) schema.preserveUnknownFields = true;
  if (props['x-kubernetes-embedded-resource'] === true) schema.embeddedResource = true;
  const list = props['x-kubernetes-list-type'];
  if (list === 'atomic' || list === 'set' || list === 'map') schema.listType = list;
  const keys = strings(props['x-kubernetes-list-map-keys']);
  if (keys.length > 0) schema.listMapKeys = keys;
  const map = props['x-kubernetes-map-type'];
  if (map === 'granular' || map === 'atomic') schema.mapType = map;
  const rules = props['x-kubernetes-validations'];
  if (Array.isArray(rules) && rules.length > 0) schema.rules = rules.filter(isProps) as unknown as ValidationRule[];
};

const convert = (props: Props, depth: number): Schema => {
  if (depth > deepest) return { preserveUnknownFields: true };
  const schema: Mutable<Schema> = {};
  const { type, format, properties, required, items, additionalProperties, description } = props;
  if (types.has(type)) schema.type = type as NonNullable<Schema['type']>;
  if (typeof format === 'string' && format) schema.format = format;
  if (typeof description === 'string' && description) schema.description = description;
  if (isProps(properties)) {
    const table = new Map<string, Schema>();
    for (const [name, inner] of Object.entries(properties)) if (isProps(inner)) table.set(name, convert(inner, depth + 1));
    schema.properties = table;
  }
  const needed = strings(required);
  if (needed.length > 0) schema.required = needed;
  if (isProps(items)) schema.items = convert(items, depth + 1);
  if (isProps(additionalProperties)) schema.additionalProperties = convert(additionalProperties, depth + 1);
  else if (additionalProperties === true) schema.additionalProperties = { preserveUnknownFields: true };
  if (props['default'] !== undefined) schema.default = props['default'] as Json;
  if (props['nullable'] === true) schema.nullable = true;
  values(props, schema, depth);
  extensions(props, schema);
  return schema;
};

/** `preserveAll`: of a definition from before structural schemas, that keeps whatever it is given. */
export const schemaOf = (openApi: Props | undefined, preserveAll = false): Schema => {
  const schema = convert(openApi ?? { type: 'object' }, 0);
  return preserveAll || !openApi ? { ...schema, type: 'object', preserveUnknownFields: true } : schema;
};
