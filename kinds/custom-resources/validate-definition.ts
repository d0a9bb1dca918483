/**
 * Whether the schema of a definition may be served by (apiextensions `pkg/apis/apiextensions/validation/validation.go`): it is structural,
 * its defaults would be taken, and its rules compile.
 */
import { estimateCost } from '../cel/cost.ts';
import { extentOf, mostOften } from '../cel/extents.ts';
import type { Program } from '../cel/program.ts';
import { forbidden, goJson, invalid, notSupported, type Path, required } from '../field.ts';
import type { Schema, ValidationRule } from '../schema/schema.ts';
import type { FieldError } from '../status.ts';
import { fieldPath } from './field-path.ts';
import { goRule, problemBesideStatus } from './go-form.ts';
import { mostParts, RuleCosts } from './rule-costs.ts';
import { compileRules } from './rules.ts';
import { schemaOf } from './schema.ts';
import { conversionProblem, entriesOf, isSchema, listOf, type SchemaProps, validateStructural } from './structural.ts';
import { validateDefaultsOfDefinition } from './validate-defaults.ts';

const types = ['array', 'boolean', 'integer', 'number', 'object', 'string'];
const reasons = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired'];
const breaks = /[\n\r]/;
const metadataFields: ReadonlySet<string> = new Set(['metadata', 'kind', 'apiVersion']);
/** Deeper is an attack, not a schema. */
const deepest = 150;

/** What the surroundings of a part decide about it. */
interface Place {
  readonly noDefaults: string | undefined;
  readonly insideMetadata: boolean;
  /** Where old and new values part, so that rules about both cannot be. */
  readonly uncorrelatable: Path | undefined;
  /** The part in the one form; absent where rules are not compiled: within judgements, or where the schema is no structural one. */
  readonly schema: Schema | undefined;
  readonly whole: boolean;
  readonly depth: number;
  /** How often such a part may stand in an object; undefined: its own size alone bounds that. */
  readonly often: number | undefined;
  readonly costs: RuleCosts;
}

interface Found {
  readonly schema: FieldError[];
  readonly rules: FieldError[];
}

const validateOwn = (props: SchemaProps, field: Path, { noDefaults, insideMetadata }: Place): FieldError[] => {
  const errors: FieldError[] = [];
  const { type } = props;
  if (type && !types.includes(String(type))) errors.push(notSupported(field.child('type'), type, types));
  if (props['default'] !== undefined && props['default'] !== null && noDefaults !== undefined)
    errors.push(forbidden(field.child('default'), `must not be set ${noDefaults}`));
  if (props['id']) errors.push(forbidden(field.child('id'), 'id is not supported'));
  for (const name of ['additionalItems', 'dependencies', '$ref'] as const)
    if (props[name] !== undefined && props[name] !== null) errors.push(forbidden(field.child(name), `${name} is not supported`));
  for (const name of ['patternProperties', 'definitions'] as const)
    if (entriesOf(props[name]).length > 0) errors.push(forbidden(field.child(name), `${name} is not supported`));
  if (type === 'null') errors.push(forbidden(field.child('type'), 'type cannot be set to null, use nullable as an alternative'));
  if (listOf(props['items']).length > 0) errors.push(forbidden(field.child('items'), 'items must be a schema object and not an array'));
  if (insideMetadata && props['x-kubernetes-embedded-resource'] === true)
    errors.push(forbidden(field.child('x-kubernetes-embedded-resource'), 'must not be used inside of resource meta'));
  if (props['uniqueItems'] === true)
    errors.push(forbidden(field.child('uniqueItems'), 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic'));
  return errors;
};

const validateKeys = (props: SchemaProps, items: SchemaProps, field: Path): FieldError[] => {
  const given = props['x-kubernetes-list-map-keys'];
  const keys = Array.isArray(given) ? given.map(String) : [];
  const at = field.child('x-kubernetes-list-map-keys');
  const properties = new Map(entriesOf(items['properties']));
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const key of keys) {
    const type = properties.get(key)?.['type'];
    if (!properties.has(key)) errors.push(invalid(at, keys, 'entries must all be names of item properties'));
    else if (type === 'array' || type === 'object')
      errors.push(
        invalid(
          field.child('items', 'properties').key(key).child('type'),
          items['type'],
          "must be a scalar type if parent array's x-kubernetes-list-type is map",
        ),
      );
    if (seen.has(key)) errors.push(invalid(at, keys, 'must not contain duplicate entries'));
    seen.add(key);
  }
  return errors;
};

/** Keys must be there, or two items could not be told apart. */
const validateKeyed = (props: SchemaProps, items: SchemaProps, field: Path): FieldError[] => {
  const kind = props['x-kubernetes-list-type'];
  const errors: FieldError[] = [];
  if (items['nullable'] === true)
    errors.push(forbidden(field.child('items', 'nullable'), `cannot be nullable when x-kubernetes-list-type is ${kind}`));
  const keys = props['x-kubernetes-list-map-keys'];
  if (kind !== 'map' || !Array.isArray(keys)) return errors;
  const needed = Array.isArray(items['required']) ? items['required'] : [];
  const properties = new Map(entriesOf(items['properties']));
  for (const key of keys) {
    const property = properties.get(key);
    if (!property) continue;
    const at = field.child('items', 'properties').key(key);
    if (!needed.includes(key) && (property['default'] === undefined || property['default'] === null))
      errors.push(
        required(
          at.child('default'),
          'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property',
        ),
      );
    if (property['nullable'] === true)
      errors.push(forbidden(at.child('nullable'), 'this property is in x-kubernetes-list-map-keys, so it cannot be nullable'));
  }
  return errors;
};

const validateMapType = (props: SchemaProps, field: Path): FieldError[] => {
  const { type } = props;
  const kind = props['x-kubernetes-map-type'];
  if (kind === undefined || kind === null) return [];
  const why = 'must be object if x-kubernetes-map-type is specified';
  const at = field.child('type');
  const errors = type === 'object' ? [] : [type ? invalid(at, type, why) : required(at, why)];
  if (kind !== 'atomic' && kind !== 'granular')
    errors.push(notSupported(field.child('x-kubernetes-map-type'), kind, ['atomic', 'granular']));
  return errors;
};

const validateListType = (props: SchemaProps, field: Path): FieldError[] => {
  const errors: FieldError[] = [];
  const { type } = props;
  const kind = props['x-kubernetes-list-type'] ?? undefined;
  const keys = props['x-kubernetes-list-map-keys'];
  const listed = Array.isArray(keys) && keys.length > 0;
  const at = field.child('x-kubernetes-list-type');
  const items = isSchema(props['items']) ? props['items'] : undefined;
  const inItems = field.child('items');
  if (kind !== undefined && type !== 'array') {
    const why = 'must be array if x-kubernetes-list-type is specified';
    errors.push(type ? invalid(field.child('type'), type, why) : required(field.child('type'), why));
  } else if (kind === 'set' && items) {
    const why = 'must be atomic as item of a list with x-kubernetes-list-type=set';
    const inner = items['x-kubernetes-list-type'] ?? null;
    if (items['type'] === 'array' && inner !== null && inner !== 'atomic')
      errors.push(invalid(inItems.child('x-kubernetes-list-type'), inner, why));
    if (items['type'] === 'object' && items['x-kubernetes-map-type'] !== 'atomic')
      errors.push(invalid(inItems.child('x-kubernetes-map-type'), inner, why));
  }
  if (kind !== undefined && kind !== 'atomic' && kind !== 'set' && kind !== 'map')
    errors.push(notSupported(at, kind, ['atomic', 'set', 'map']));
  if (listed && kind !== 'map') {
    const why = 'must be map if x-kubernetes-list-map-keys is non-empty';
    errors.push(kind === undefined ? required(at, why) : invalid(at, kind, why));
  }
  if (kind === 'map') {
    if (!listed) errors.push(required(field.child('x-kubernetes-list-map-keys'), 'must not be empty if x-kubernetes-list-type is map'));
    if (props['items'] === undefined) errors.push(required(inItems, 'must have a schema if x-kubernetes-list-type is map'));
    if (items && items['type'] !== 'object')
      errors.push(invalid(inItems.child('type'), items['type'] ?? '', "must be object if parent array's x-kubernetes-list-type is map"));
    else if (items) errors.push(...validateKeys(props, items, field));
  }
  if (items && (kind === 'set' || kind === 'map')) errors.push(...validateKeyed(props, items, field));
  return errors;
};

/** What can be said of a rule without reading it. */
const validateRuleForm = (rule: SchemaProps, props: SchemaProps, at: Path): FieldError[] => {
  const errors: FieldError[] = [];
  const { message = '', messageExpression = '', reason, fieldPath: path = '', rule: given } = rule as Partial<ValidationRule>;
  const text = (given ?? '').trim();
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
  if (path && !conversionProblem(props) && 'problem' in fieldPath(path, schemaOf(props)))
    errors.push(invalid(at.child('fieldPath'), path, 'must be a valid path'));
  return errors;
};

const refused = (rule: ValidationRule, at: Path, detail: string): FieldError => ({
  type: 'Invalid',
  field: String(at),
  message: `Invalid value: ${goJson(goRule(rule as unknown as SchemaProps))}: ${detail}`,
});

const validateCompiled = (schema: Schema, field: Path, { whole, uncorrelatable, often, costs }: Place): FieldError[] => {
  const errors: FieldError[] = [];
  const extent = extentOf(schema, whole);
  const costOf = (program: Program | undefined): number => (program ? estimateCost(program, () => extent) : 0);
  const repeated = often ?? (extent ? mostOften(extent) : 1);
  for (const [i, one] of compileRules(schema.rules ?? [], schema, whole).entries()) {
    const at = field.child('x-kubernetes-validations').index(i);
    const { rule, program, message, error, messageError, usesOldSelf } = one;
    const cost = costOf(program);
    errors.push(...costs.add('rule', at.child('rule'), cost === 0 ? 0 : cost * repeated));
    if (error) errors.push(refused(rule, at.child('rule'), error));
    if (messageError) errors.push(refused(rule, at.child('messageExpression'), messageError));
    if (message) errors.push(...costs.add('messageExpression', at.child('messageExpression'), costOf(message)));
    if (usesOldSelf && uncorrelatable)
      errors.push(
        invalid(at.child('rule'), rule.rule, `oldSelf cannot be used on the uncorrelatable portion of the schema within ${uncorrelatable}`),
      );
    else if (!usesOldSelf && rule.optionalOldSelf !== undefined)
      errors.push(invalid(at.child('optionalOldSelf'), rule.optionalOldSelf, 'may not be set if oldSelf is not used in rule'));
  }
  return errors;
};

const walk = (props: SchemaProps, field: Path, place: Place): Found => {
  const found: Found = { schema: validateOwn(props, field, place), rules: [] };
  const parts = mostParts(props);
  const often = parts === undefined || place.often === undefined ? undefined : parts * place.often;
  if (place.depth > deepest) return { schema: [invalid(field, '', 'is nested too deeply')], rules: [] };
  const below = (inner: unknown, at: Path, change: Partial<Place>): void => {
    if (!isSchema(inner)) return;
    const { schema, rules } = walk(inner, at, {
      ...place,
      often,
      whole: inner['x-kubernetes-embedded-resource'] === true,
      ...change,
      depth: place.depth + 1,
    });
    found.schema.push(...schema);
    found.rules.push(...rules);
  };
  const { additionalProperties, items } = props;
  const properties = entriesOf(props['properties']);
  if (additionalProperties !== undefined && additionalProperties !== null) {
    if (properties.length > 0 && additionalProperties !== true)
      found.schema.push(forbidden(field.child('additionalProperties'), 'additionalProperties and properties are mutual exclusive'));
    below(additionalProperties, field.child('additionalProperties'), {
      schema: place.schema?.additionalProperties,
      ...(place.insideMetadata ? { noDefaults: 'inside additionalProperties applying to object metadata' } : {}),
    });
  }
  const atRoot = place.depth === 0;
  for (const [name, property] of properties) {
    const ofMetadata = (atRoot || props['x-kubernetes-embedded-resource'] === true) && metadataFields.has(name);
    below(property, field.child('properties').key(name), {
      schema: place.schema?.properties?.get(name),
      ...(ofMetadata ? { insideMetadata: true } : {}),
      ...(ofMetadata && atRoot ? { noDefaults: `in top-level ${name}` } : {}),
    });
  }
  const judged = { schema: undefined };
  below(props['not'], field.child('not'), judged);
  for (const word of ['allOf', 'oneOf', 'anyOf'] as const)
    for (const [i, one] of listOf(props[word]).entries()) below(one, field.child(word).index(i), judged);
  for (const [name, one] of entriesOf(props['definitions'])) below(one, field.child('definitions').key(name), judged);
  const inItems = props['x-kubernetes-list-type'] === 'map' || place.uncorrelatable ? {} : { uncorrelatable: field };
  below(items, field.child('items'), { ...inItems, schema: place.schema?.items });
  for (const [i, one] of listOf(items).entries()) below(one, field.child('items').index(i), { ...inItems, ...judged });
  for (const [name, one] of entriesOf(props['dependencies'])) below(one, field.child('dependencies').key(name), judged);
  if (props['x-kubernetes-preserve-unknown-fields'] === false)
    found.schema.push(invalid(field.child('x-kubernetes-preserve-unknown-fields'), false, 'must be true or undefined'));
  found.schema.push(...validateMapType(props, field), ...validateListType(props, field));
  const rules = listOf(props['x-kubernetes-validations']);
  rules.forEach((rule, i) => {
    found.schema.push(...validateRuleForm(rule, props, field.child('x-kubernetes-validations').index(i)));
  });
  // Of a schema that is wrong itself, what is said about rules would mislead.
  if (rules.length > 0 && found.schema.length === 0 && place.schema) found.rules.push(...validateCompiled(place.schema, field, place));
  return found;
};

/** `field`: where the schema's place stands; the schema itself is its `openAPIV3Schema`. */
export const validateSchemaOfDefinition = (props: SchemaProps, within: Path, statusEnabled: boolean): FieldError[] => {
  const field = within.child('openAPIV3Schema');
  const errors: FieldError[] = [];
  if (statusEnabled) {
    const problem = problemBesideStatus(props);
    if (problem) errors.push(invalid(field, problem.value, problem.detail));
    else if (props['type'] && props['type'] !== 'object')
      errors.push(
        invalid(
          field.child('type'),
          props['type'],
          'only "object" is allowed as the type at the root of the schema if the status subresource is enabled',
        ),
      );
  }
  if (props['nullable'] === true) errors.push(forbidden(field.child('nullable'), 'nullable cannot be true at the root'));
  const unlike = conversionProblem(props);
  const structural = unlike ? [] : validateStructural(props, field);
  const schema = unlike || structural.length > 0 ? undefined : schemaOf(props);
  const defaults = schema ? validateDefaultsOfDefinition(schema, field) : [];
  errors.push(...structural, ...defaults);
  const costs = new RuleCosts();
  const found = walk(props, field, {
    noDefaults: undefined,
    insideMetadata: false,
    uncorrelatable: undefined,
    schema: defaults.length > 0 ? undefined : schema,
    whole: true,
    depth: 0,
    often: 1,
    costs,
  });
  errors.push(...found.schema, ...found.rules);
  if (unlike && errors.length === 0) errors.push(invalid(field, '', unlike));
  return [...errors, ...costs.ofSchema(field)];
};
