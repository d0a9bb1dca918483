/** Schemas and versions as Go's internal types write them, which is how errors about them show them (apiextensions `types*.go`). */
import type { DefinedVersion } from './definition.ts';
import { entriesOf, isSchema, listOf, type SchemaProps } from './structural.ts';

const orNull = (value: unknown): unknown => value ?? null;
const orEmpty = (value: unknown): unknown => value ?? '';
const orFalse = (value: unknown): unknown => value ?? false;
const schemaOrNull = (value: unknown): unknown => (isSchema(value) ? goSchema(value) : null);
const schemas = (value: unknown): unknown => (Array.isArray(value) ? listOf(value).map(goSchema) : null);
const byName = (value: unknown): unknown =>
  isSchema(value)
    ? Object.fromEntries(
        entriesOf(value)
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([name, one]) => [name, goSchema(one)]),
      )
    : null;
const schemaOrBool = (value: unknown): unknown =>
  value === undefined || value === null ? null : { Allows: value !== false, Schema: isSchema(value) ? goSchema(value) : null };

/** A rule, as `x-kubernetes-validations` states it. */
export const goRule = (rule: SchemaProps): unknown => ({
  Rule: orEmpty(rule['rule']),
  Message: orEmpty(rule['message']),
  MessageExpression: orEmpty(rule['messageExpression']),
  Reason: orNull(rule['reason']),
  FieldPath: orEmpty(rule['fieldPath']),
  OptionalOldSelf: orNull(rule['optionalOldSelf']),
});

/** Name in Go, name in JSON, form; in Go's order. */
const fields: readonly (readonly [go: string, json: string, form: (value: unknown) => unknown])[] = [
  ['ID', 'id', orEmpty],
  ['Schema', '$schema', orEmpty],
  ['Ref', '$ref', orNull],
  ['Description', 'description', orEmpty],
  ['Type', 'type', orEmpty],
  ['Nullable', 'nullable', orFalse],
  ['Format', 'format', orEmpty],
  ['Title', 'title', orEmpty],
  ['Default', 'default', orNull],
  ['Maximum', 'maximum', orNull],
  ['ExclusiveMaximum', 'exclusiveMaximum', orFalse],
  ['Minimum', 'minimum', orNull],
  ['ExclusiveMinimum', 'exclusiveMinimum', orFalse],
  ['MaxLength', 'maxLength', orNull],
  ['MinLength', 'minLength', orNull],
  ['Pattern', 'pattern', orEmpty],
  ['MaxItems', 'maxItems', orNull],
  ['MinItems', 'minItems', orNull],
  ['UniqueItems', 'uniqueItems', orFalse],
  ['MultipleOf', 'multipleOf', orNull],
  ['Enum', 'enum', orNull],
  ['MaxProperties', 'maxProperties', orNull],
  ['MinProperties', 'minProperties', orNull],
  ['Required', 'required', orNull],
  ['Items', 'items', value => (isSchema(value) ? { Schema: goSchema(value), JSONSchemas: null } : null)],
  ['AllOf', 'allOf', schemas],
  ['OneOf', 'oneOf', schemas],
  ['AnyOf', 'anyOf', schemas],
  ['Not', 'not', schemaOrNull],
  ['Properties', 'properties', byName],
  ['AdditionalProperties', 'additionalProperties', schemaOrBool],
  ['PatternProperties', 'patternProperties', byName],
  ['Dependencies', 'dependencies', orNull],
  ['AdditionalItems', 'additionalItems', schemaOrBool],
  ['Definitions', 'definitions', byName],
  [
    'ExternalDocs',
    'externalDocs',
    value => (isSchema(value) ? { Description: orEmpty(value['description']), URL: orEmpty(value['url']) } : null),
  ],
  ['Example', 'example', orNull],
  ['XPreserveUnknownFields', 'x-kubernetes-preserve-unknown-fields', orNull],
  ['XEmbeddedResource', 'x-kubernetes-embedded-resource', orFalse],
  ['XIntOrString', 'x-kubernetes-int-or-string', orFalse],
  ['XListMapKeys', 'x-kubernetes-list-map-keys', orNull],
  ['XListType', 'x-kubernetes-list-type', orNull],
  ['XMapType', 'x-kubernetes-map-type', orNull],
  ['XValidations', 'x-kubernetes-validations', value => (Array.isArray(value) ? listOf(value).map(goRule) : null)],
];

const goSchema = (schema: SchemaProps): unknown => Object.fromEntries(fields.map(([go, json, form]) => [go, form(schema[json])]));

const allowedAtRoot = [
  ...['Description', 'Type', 'Format', 'Title', 'Maximum', 'ExclusiveMaximum', 'Minimum', 'ExclusiveMinimum', 'MaxLength', 'MinLength'],
  ...['Pattern', 'MaxItems', 'MinItems', 'UniqueItems', 'MultipleOf', 'Required', 'Items', 'Properties', 'ExternalDocs', 'Example'],
  ...['XPreserveUnknownFields', 'XValidations'],
];
/** What may not stand at the root beside a status of its own, which is judged by its own part of the schema alone. */
export const problemBesideStatus = (schema: SchemaProps): { readonly value: unknown; readonly detail: string } | undefined => {
  for (const [go, json, form] of fields) {
    const value = form(schema[json]);
    if (value === null || value === '' || value === false) continue;
    if (go === 'Type' && value !== 'object') return undefined;
    if (!allowedAtRoot.includes(go))
      return {
        value: goSchema(schema),
        detail: `only [${allowedAtRoot.join(' ')}] fields are allowed at the root of the schema if the status subresource is enabled`,
      };
  }
  return undefined;
};

/** What all versions have alike stands beside them, once. */
export interface Shared {
  readonly schema: boolean;
  readonly subresources: boolean;
  readonly columns: boolean;
  readonly selectableFields: boolean;
}

const goSubresources = ({ status, scale }: NonNullable<DefinedVersion['subresources']>): unknown => ({
  Status: status ? {} : null,
  Scale: scale
    ? {
        SpecReplicasPath: scale.specReplicasPath ?? '',
        StatusReplicasPath: scale.statusReplicasPath ?? '',
        LabelSelectorPath: orNull(scale.labelSelectorPath),
      }
    : null,
});

export const goVersion = (version: DefinedVersion, shared: Shared): unknown => {
  const { name = '', served = false, storage = false, deprecated = false, deprecationWarning, schema, subresources } = version;
  const { additionalPrinterColumns: columns, selectableFields } = version;
  return {
    Name: name,
    Served: served,
    Storage: storage,
    Deprecated: deprecated,
    DeprecationWarning: orNull(deprecationWarning),
    Schema: shared.schema || !schema ? null : { OpenAPIV3Schema: schemaOrNull(schema.openAPIV3Schema) },
    Subresources: shared.subresources || !subresources ? null : goSubresources(subresources),
    AdditionalPrinterColumns:
      shared.columns || !columns
        ? null
        : columns.map(({ name: title, type, format, description, priority, jsonPath }) => ({
            Name: orEmpty(title),
            Type: orEmpty(type),
            Format: orEmpty(format),
            Description: orEmpty(description),
            Priority: priority ?? 0,
            JSONPath: orEmpty(jsonPath),
          })),
    SelectableFields:
      shared.selectableFields || !selectableFields ? null : selectableFields.map(({ jsonPath }) => ({ JSONPath: orEmpty(jsonPath) })),
  };
};
