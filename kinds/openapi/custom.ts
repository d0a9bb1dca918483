/** Definitions of custom kinds, as upstream publishes them (apiextensions-apiserver `pkg/controller/openapi/builder`). */
import type { JsonObject } from '../object.ts';
import type { Resource } from '../resource.ts';
import type { Schema } from '../schema/schema.ts';
import { customName, type Flavour, isBuiltIn, listKindOf, listMeta, objectMeta } from './schemas.ts';

/** Reference in a custom schema, before it is known which version it goes into. */
const reference = (name: string): JsonObject => ({ $ref: `#REF/${name}` });
/** One with a text of its own, which version 3 has no place for beside a reference. */
const described = (flavour: Flavour, name: string, description: string): JsonObject =>
  flavour === 'v3' ? { allOf: [reference(name)], description } : { ...reference(name), description };

const conventions = 'https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md';
const metadataOf = (flavour: Flavour): JsonObject =>
  described(flavour, objectMeta, `Standard object's metadata. More info: ${conventions}#metadata`);

const typeMeta: JsonObject = {
  apiVersion: {
    description:
      'APIVersion defines the versioned schema of this representation of an object. Servers should convert recognized schemas to the latest internal value, and may reject unrecognized values. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#resources',
    type: 'string',
  },
  kind: {
    description:
      'Kind is a string value representing the REST resource this object represents. Servers may infer this from the endpoint the client submits requests to. Cannot be updated. In CamelCase. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds',
    type: 'string',
  },
};

/** Of an object within an object, whose own kind nobody knows. */
const embeddedMeta = (flavour: Flavour): JsonObject => ({
  apiVersion: {
    description: `apiVersion defines the versioned schema of this representation of an object. More info: ${conventions}#resources`,
    type: 'string',
  },
  kind: {
    description: `kind is a string value representing the type of this object. In CamelCase. More info: ${conventions}#types-kinds`,
    type: 'string',
  },
  metadata: metadataOf(flavour),
});

const maxDepth = 200;
const structural = (schema: Schema, flavour: Flavour, depth: number): JsonObject => {
  if (depth > maxDepth) return {};
  const shown = flavour === 'v2' ? inVersion2(schema) : schema;
  const inner = (of: Schema): JsonObject => structural(of, flavour, depth + 1);
  const out: JsonObject = {};
  if (shown.description) out['description'] = shown.description;
  if (shown.type) out['type'] = shown.type;
  if (shown.format) out['format'] = shown.format;
  if (shown.properties) out['properties'] = Object.fromEntries([...shown.properties].map(([name, of]) => [name, inner(of)]));
  if (shown.required) out['required'] = [...shown.required];
  if (shown.items) out['items'] = inner(shown.items);
  if (shown.additionalProperties) out['additionalProperties'] = inner(shown.additionalProperties);
  if (shown.enum) out['enum'] = [...shown.enum];
  if (shown.default !== undefined) out['default'] = shown.default;
  Object.assign(out, shown.bounds);
  if (shown.intOrString) {
    out['x-kubernetes-int-or-string'] = true;
    if (flavour === 'v3') out['anyOf'] = [{ type: 'integer' }, { type: 'string' }];
  }
  if (shown.preserveUnknownFields) out['x-kubernetes-preserve-unknown-fields'] = true;
  if (shown.embeddedResource) out['x-kubernetes-embedded-resource'] = true;
  if (shown.listType) out['x-kubernetes-list-type'] = shown.listType;
  if (shown.listMapKeys) out['x-kubernetes-list-map-keys'] = [...shown.listMapKeys];
  if (shown.mapType) out['x-kubernetes-map-type'] = shown.mapType;
  if (shown.rules) out['x-kubernetes-validations'] = shown.rules.map(rule => ({ ...rule }));
  if (shown.nullable) out['nullable'] = true;
  for (const word of ['allOf', 'anyOf', 'oneOf'] as const) if (shown[word]) out[word] = shown[word].map(inner);
  if (shown.not) out['not'] = inner(shown.not);
  // Said to clients that validate by version 2, they would be all that may be there.
  if (shown.embeddedResource && !(flavour === 'v2' && shown.preserveUnknownFields)) {
    out['properties'] = { ...(out['properties'] as JsonObject | undefined), ...embeddedMeta(flavour) };
    out['required'] = [...new Set([...(shown.required ?? []), 'kind', 'apiVersion'])];
  }
  return out;
};

/** Without what version 2 has no word for, and what kubectl misreads there (`pkg/controller/openapi/v2/conversion.go`). */
const inVersion2 = (schema: Schema): Schema => {
  const { allOf, anyOf, oneOf, not, nullable, default: preset, type, items, properties, required, ...rest } = schema;
  const open = nullable || schema.preserveUnknownFields;
  const shownItems = open ? undefined : items;
  const shownProperties = open ? undefined : properties;
  const untyped = nullable || (type === 'array' && !shownItems) || (schema.preserveUnknownFields && type === 'object');
  const present = schema.additionalProperties?.nullable ? [] : required?.filter(name => !shownProperties?.get(name)?.nullable);
  return {
    ...rest,
    ...(type && !untyped ? { type } : {}),
    ...(shownItems ? { items: shownItems } : {}),
    ...(shownProperties ? { properties: shownProperties } : {}),
    ...(present?.length ? { required: present } : {}),
  };
};

const kindSchema = (resource: Resource, flavour: Flavour): JsonObject => {
  // kubectl would take the properties of a kind that keeps unknown fields for all it may have.
  if (flavour === 'v2' && resource.schema.preserveUnknownFields) return { type: 'object' };
  const schema = structural(resource.schema, flavour, 0);
  const properties = schema['properties'] as JsonObject | undefined;
  return { ...schema, properties: { ...properties, ...typeMeta, metadata: metadataOf(flavour) } };
};

const listSchema = (resource: Resource, flavour: Flavour): JsonObject => ({
  description: `${listKindOf(resource)} is a list of ${resource.kind}`,
  type: 'object',
  required: ['items'],
  properties: {
    ...typeMeta,
    metadata: described(flavour, listMeta, `Standard list metadata. More info: ${conventions}#types-kinds`),
    items: {
      type: 'array',
      items: reference(customName(resource)),
      description: `List of ${resource.resource}. More info: ${conventions}`,
    },
  },
});

const selectableFields = (resource: Resource): JsonObject => {
  const names = Object.keys(resource.strategy.fields?.({ apiVersion: '', kind: resource.kind, metadata: { name: '' } }) ?? {});
  return names.length > 0 ? { 'x-kubernetes-selectable-fields': names.map(fieldPath => ({ fieldPath })) } : {};
};

/** The definitions of custom kinds and their lists, by name. */
export const customSchemas = (resources: readonly Resource[], flavour: Flavour): Map<string, JsonObject> => {
  const table = new Map<string, JsonObject>();
  for (const resource of resources) {
    if (isBuiltIn(resource)) continue;
    const selectable = selectableFields(resource);
    table.set(customName(resource), { ...kindSchema(resource, flavour), ...selectable });
    table.set(customName(resource, listKindOf(resource)), { ...listSchema(resource, flavour), ...selectable });
  }
  return table;
};
