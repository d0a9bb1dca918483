/** Defaults that would be refused if a client sent them (apiextensions `pkg/apiserver/schema/defaulting/validation.go`). */
import { copyJson } from '../copy.ts';
import { goMapJson, type Path } from '../field.ts';
import type { Json } from '../object.ts';
import { isPruned } from '../schema/prune.ts';
import type { Schema } from '../schema/schema.ts';
import { validateValue } from '../schema/validate.ts';
import type { FieldError } from '../status.ts';
import { embeddedErrors } from './embedded.ts';
import { hasRules, validateRulesOf } from './rules.ts';

const metadataFields: ReadonlySet<string> = new Set(['metadata', 'apiVersion', 'kind']);

const validateDefault = (schema: Schema, whole: boolean, field: Path, insideMetadata: boolean): FieldError[] => {
  const given = schema.default as Json;
  const errors: FieldError[] = [];
  const own = whole && !schema.embeddedResource ? { ...schema, embeddedResource: true } : schema;
  if (!insideMetadata && !isPruned(own, copyJson(given)))
    errors.push({ type: 'Invalid', field: String(field), message: `Invalid value: ${goMapJson(given)}: must not have unknown fields` });
  const inMetadata = insideMetadata ? [] : embeddedErrors(own, given, field);
  if (inMetadata.length > 0) return [...errors, ...inMetadata];
  const inValue = validateValue(schema, given).map(error => ({ ...error, field: error.field ? `${field}.${error.field}` : String(field) }));
  if (inValue.length > 0) return [...errors, ...inValue];
  if (!hasRules(schema)) return errors;
  const inRules = validateRulesOf(schema, given, given, whole, String(field));
  return [...errors, ...(inRules.length > 0 ? inRules : validateRulesOf(schema, given, undefined, whole, String(field)))];
};

const visit = (schema: Schema, field: Path, whole: boolean, insideMetadata: boolean): FieldError[] => {
  const inside = insideMetadata && !whole;
  const errors = schema.default === undefined ? [] : validateDefault(schema, whole, field.child('default'), inside);
  // Defaults below `additionalProperties` never come into play.
  const { items, properties } = schema;
  if (items) errors.push(...visit(items, field.child('items'), items.embeddedResource === true, inside));
  for (const [name, inner] of properties ?? [])
    errors.push(
      ...visit(inner, field.child('properties').key(name), inner.embeddedResource === true, inside || (whole && metadataFields.has(name))),
    );
  return errors;
};

export const validateDefaultsOfDefinition = (root: Schema, field: Path): FieldError[] => visit(root, field, true, false);
