/**
 * What only a converted schema shows about a definition: rules that do not compile and defaults that would be refused (apiextensions
 * `pkg/apis/apiextensions/validation`, `pkg/apiserver/schema/defaulting`).
 */
import { copyJson } from '../copy.ts';
import { semanticEqual } from '../equality.ts';
import { goJson, invalid, notSupported, type Path, required } from '../field.ts';
import type { JsonObject } from '../object.ts';
import { prune } from '../schema/prune.ts';
import type { Schema, ValidationRule } from '../schema/schema.ts';
import { validateSchema } from '../schema/validate.ts';
import type { FieldError } from '../status.ts';
import { fieldPath } from './field-path.ts';
import { compileRules, hasRules } from './rules.ts';

const reasons = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired'];
const breaks = /[\n\r]/;

type Visit = (schema: Schema, field: Path, place: { readonly whole: boolean; readonly uncorrelatable: Path | undefined }) => void;

/** Every schema that describes a value, and those in `allOf` as far as they have rules. */
const visit = (schema: Schema, field: Path, call: Visit, whole: boolean, uncorrelatable: Path | undefined): void => {
  call(schema, field, { whole, uncorrelatable });
  for (const [name, inner] of schema.properties ?? [])
    visit(inner, field.child('properties').key(name), call, inner.embeddedResource === true, uncorrelatable);
  if (schema.items)
    visit(
      schema.items,
      field.child('items'),
      call,
      schema.items.embeddedResource === true,
      schema.listType === 'map' ? uncorrelatable : (uncorrelatable ?? field),
    );
  if (schema.additionalProperties)
    visit(
      schema.additionalProperties,
      field.child('additionalProperties'),
      call,
      schema.additionalProperties.embeddedResource === true,
      uncorrelatable,
    );
};

/** What can be said of a rule without reading it. */
const validateForm = (rule: ValidationRule, schema: Schema, at: Path): FieldError[] => {
  const errors: FieldError[] = [];
  const { message = '', messageExpression = '', reason, fieldPath: path = '' } = rule;
  const text = (rule.rule ?? '').trim();
  if (text === '') errors.push(required(at.child('rule'), 'rule is not specified'));
  else if (message && !message.trim()) errors.push(invalid(at.child('message'), message, 'must be non-empty if specified'));
  else if (breaks.test(message.trim())) errors.push(invalid(at.child('message'), message, 'must not contain line breaks'));
  else if (breaks.test(text) && !message.trim())
    errors.push(required(at.child('message'), 'message must be specified if rule contains line breaks'));
  if (messageExpression && !messageExpression.trim())
    errors.push(required(at.child('messageExpression'), 'messageExpression must be non-empty if specified'));
  if (reason !== undefined && !reasons.includes(reason)) errors.push(notSupported(at.child('reason'), reason, reasons));
  if (path && !path.trim()) errors.push(invalid(at.child('fieldPath'), path, 'must be non-empty if specified'));
  if (breaks.test(path)) errors.push(invalid(at.child('fieldPath'), path, 'must not contain line breaks'));
  if (path && fieldPath(path, schema) === undefined) errors.push(invalid(at.child('fieldPath'), path, 'must be a valid path'));
  return errors;
};

/** A rule as Go's internal type writes it. */
const shown = ({ rule, message, messageExpression, reason, fieldPath: path, optionalOldSelf }: ValidationRule): string =>
  goJson({
    Rule: rule,
    Message: message ?? '',
    MessageExpression: messageExpression ?? '',
    Reason: reason ?? null,
    FieldPath: path ?? '',
    OptionalOldSelf: optionalOldSelf ?? null,
  });
const refused = (rule: ValidationRule, at: Path, detail: string): FieldError => ({
  type: 'Invalid',
  field: String(at),
  message: `Invalid value: ${shown(rule)}: ${detail}`,
});

const validateCompiled = (schema: Schema, field: Path, whole: boolean, uncorrelatable: Path | undefined): FieldError[] => {
  const errors: FieldError[] = [];
  for (const [i, one] of compileRules(schema.rules ?? [], schema, whole).entries()) {
    const at = field.child('x-kubernetes-validations').index(i);
    const { rule, error, messageError, usesOldSelf, program } = one;
    if (error) errors.push(refused(rule, at.child('rule'), error));
    if (messageError) errors.push(refused(rule, at.child('messageExpression'), messageError));
    if (usesOldSelf && uncorrelatable)
      errors.push(
        invalid(at.child('rule'), rule.rule, `oldSelf cannot be used on the uncorrelatable portion of the schema within ${uncorrelatable}`),
      );
    else if (program && !usesOldSelf && rule.optionalOldSelf !== undefined)
      errors.push(invalid(at.child('optionalOldSelf'), rule.optionalOldSelf, 'may not be set if oldSelf is not used in rule'));
  }
  return errors;
};

export const validateRulesOfDefinition = (root: Schema, field: Path): FieldError[] => {
  if (!hasRules(root)) return [];
  const errors: FieldError[] = [];
  visit(
    root,
    field,
    (schema, at) => {
      for (const [i, rule] of (schema.rules ?? []).entries())
        errors.push(...validateForm(rule, schema, at.child('x-kubernetes-validations').index(i)));
    },
    true,
    undefined,
  );
  if (errors.length > 0) return errors;
  visit(
    root,
    field,
    (schema, at, { whole, uncorrelatable }) => {
      if (schema.rules) errors.push(...validateCompiled(schema, at, whole, uncorrelatable));
    },
    true,
    undefined,
  );
  return errors;
};

export const validateDefaultsOfDefinition = (root: Schema, field: Path): FieldError[] => {
  const errors: FieldError[] = [];
  const check: Visit = (schema, at) => {
    const { default: given } = schema;
    if (given === undefined) return;
    const own = at.child('default');
    if (typeof given === 'object' && given !== null) {
      // Only what stands in an object can be pruned.
      const wrapped: JsonObject = { value: copyJson(given) };
      prune({ type: 'object', properties: new Map([['value', schema]]) }, wrapped);
      if (!semanticEqual(wrapped['value'], given)) errors.push(invalid(own, given, 'must not have unknown fields'));
    }
    for (const error of validateSchema(schema, given))
      errors.push({
        ...error,
        field: error.field === '' ? String(own) : error.field.startsWith('[') ? `${own}${error.field}` : `${own}.${error.field}`,
      });
  };
  visit(root, field, check, true, undefined);
  return errors;
};
