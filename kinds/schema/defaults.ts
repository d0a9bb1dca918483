/**
 * Defaults that the schema states, as structural schemas have them: a missing member takes its default, and so does one that
 * is null where null is not allowed. Source: apiextensions-apiserver `pkg/apiserver/schema/defaulting/algorithm.go`.
 *
 * Built-in schemas state defaults as well; those that are mere zero values are left to the stored form (`conform`).
 */
import type { Json, JsonObject } from '../object.ts';
import { setMember } from './convert.ts';
import { compiledDefinition } from './data.ts';
import type { Schema } from './schema.ts';

const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

const isZero = (value: Json): boolean =>
  value === '' || value === 0 || value === false || (isObject(value) && Object.keys(value).length === 0);

/** Which properties of a schema have a default, or lead to one: most lead nowhere and need no walk. */
interface Plan {
  readonly defaults: readonly [string, Json, nullable: boolean][];
  readonly below: ReadonlyMap<string, Schema>;
  readonly values: Schema | undefined;
  readonly items: Schema | undefined;
}

const leads = new WeakMap<Schema, boolean>();
const plans = new WeakMap<Schema, Plan>();

const builtIn = (schema: Schema): boolean => schema.definition !== undefined && compiledDefinition(schema.definition) !== undefined;

/** Whether defaults can arise anywhere within. Cycles count as leading nowhere by themselves. */
const leadsToDefaults = (schema: Schema, zeroCounts: boolean): boolean => {
  const known = leads.get(schema);
  if (known !== undefined) return known;
  // A cycle met half-way must not be remembered as barren, so only the start of a search is remembered.
  const seen = new Set<Schema>();
  const search = (of: Schema): boolean => {
    if (seen.has(of)) return false;
    seen.add(of);
    const found = leads.get(of);
    if (found !== undefined) return found;
    const counts = (child: Schema): boolean => (child.default !== undefined && (zeroCounts || !isZero(child.default))) || search(child);
    for (const property of of.properties?.values() ?? []) if (counts(property)) return true;
    return (of.items !== undefined && counts(of.items)) || (of.additionalProperties !== undefined && counts(of.additionalProperties));
  };
  const result = search(schema);
  leads.set(schema, result);
  return result;
};

const planOf = (schema: Schema, zeroCounts: boolean): Plan => {
  const known = plans.get(schema);
  if (known) return known;
  const defaults: [string, Json, boolean][] = [];
  const below = new Map<string, Schema>();
  for (const [name, property] of schema.properties ?? []) {
    if (property.default !== undefined && (zeroCounts || !isZero(property.default)))
      defaults.push([name, property.default, property.nullable === true]);
    if (leadsToDefaults(property, zeroCounts)) below.set(name, property);
  }
  const follow = (child: Schema | undefined): Schema | undefined =>
    child && (child.default !== undefined || leadsToDefaults(child, zeroCounts)) ? child : undefined;
  const plan: Plan = { defaults, below, values: follow(schema.additionalProperties), items: follow(schema.items) };
  plans.set(schema, plan);
  return plan;
};

const inPlaceOfNull = (value: Json, schema: Schema): Json =>
  value === null && !schema.nullable && schema.default !== undefined ? structuredClone(schema.default) : value;

const apply = (schema: Schema, value: Json, zeroCounts: boolean): void => {
  if (Array.isArray(value)) {
    const { items } = planOf(schema, zeroCounts);
    if (!items) return;
    for (let i = 0; i < value.length; i++) {
      value[i] = inPlaceOfNull(value[i] as Json, items);
      apply(items, value[i] as Json, zeroCounts);
    }
    return;
  }
  if (!isObject(value)) return;
  const { defaults, below, values } = planOf(schema, zeroCounts);
  for (const [name, given, nullable] of defaults) {
    const present = Object.hasOwn(value, name) ? value[name] : undefined;
    if (present === undefined || (present === null && !nullable)) setMember(value, name, structuredClone(given));
  }
  for (const [name, property] of below) if (Object.hasOwn(value, name)) apply(property, value[name] as Json, zeroCounts);
  if (!values) return;
  for (const name of Object.keys(value)) {
    if (schema.properties?.has(name)) continue;
    setMember(value, name, inPlaceOfNull(value[name] as Json, values));
    apply(values, value[name] as Json, zeroCounts);
  }
};

/** Completes `object` in place. */
export const applySchemaDefaults = (schema: Schema, object: object): void => {
  const zeroCounts = !builtIn(schema);
  if (leadsToDefaults(schema, zeroCounts)) apply(schema, object as unknown as Json, zeroCounts);
};
