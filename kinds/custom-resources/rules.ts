/**
 * The rules of a schema (`x-kubernetes-validations`), over an object and what it was before (apiextensions `pkg/apiserver/schema/cel`).
 * Rules that look at `oldSelf` hold where there is something to compare with; all others are passed over where nothing changed.
 */
import { evaluator } from '../cel/load.ts';
import { CompilationError, compile, type Program } from '../cel/program.ts';
import { type Type, typeOf } from '../cel/types.ts';
import { celValue } from '../cel/values.ts';
import { duplicate, forbidden, invalid, required, show } from '../field.ts';
import type { Json, JsonObject, KubeObject } from '../object.ts';
import type { Schema, ValidationRule } from '../schema/schema.ts';
import type { FieldError } from '../status.ts';
import { fieldPath } from './field-path.ts';

const leads = new WeakMap<Schema, boolean>();
export const hasRules = (schema: Schema): boolean => {
  const known = leads.get(schema);
  if (known !== undefined) return known;
  const inner = [...(schema.properties?.values() ?? []), schema.items, schema.additionalProperties, ...(schema.allOf ?? [])];
  const found = schema.rules !== undefined || inner.some(one => one !== undefined && hasRules(one));
  leads.set(schema, found);
  return found;
};

export interface CompiledRule {
  readonly rule: ValidationRule;
  readonly program?: Program;
  readonly message?: Program;
  readonly error?: string;
  readonly messageError?: string;
  readonly usesOldSelf: boolean;
  /** Relative to where the rule stands. */
  readonly path: string;
}

const compileOne = (schema: Schema, rule: ValidationRule, self: Type): CompiledRule => {
  const oldSelf: Type = rule.optionalOldSelf ? { kind: 'optional', of: self } : self;
  const variables = new Map([
    ['self', self],
    ['oldSelf', oldSelf],
  ]);
  const place = rule.fieldPath ? fieldPath(rule.fieldPath, schema) : undefined;
  const path = place && 'shown' in place ? place.shown : '';
  const attempt = (text: string, wanted: 'bool' | 'string'): { program?: Program; error?: string } => {
    try {
      const program = compile(text, variables);
      const { kind } = program.type;
      if (kind === wanted || kind === 'dyn') return { program };
      return { error: wanted === 'bool' ? 'cel expression must evaluate to a bool' : 'messageExpression must evaluate to a string' };
    } catch (error) {
      if (!(error instanceof CompilationError)) throw error;
      return { error: `${wanted === 'bool' ? '' : 'messageExpression '}compilation failed: ${error.message}` };
    }
  };
  if (!rule.rule?.trim()) return { rule, usesOldSelf: false, path };
  const { program, error } = attempt(rule.rule, 'bool');
  const { program: message, error: messageError } = rule.messageExpression && program ? attempt(rule.messageExpression, 'string') : {};
  return {
    rule,
    ...(program ? { program } : {}),
    ...(error ? { error } : {}),
    ...(message ? { message } : {}),
    ...(messageError ? { messageError } : {}),
    usesOldSelf: program?.uses.has('oldSelf') ?? false,
    path,
  };
};

const compiled = new WeakMap<readonly ValidationRule[], readonly CompiledRule[]>();
/** The rules of one schema, ready to run. `node`: the schema that describes the value (rules may also stand in its `allOf`). */
export const compileRules = (rules: readonly ValidationRule[], node: Schema, whole: boolean): readonly CompiledRule[] => {
  let made = compiled.get(rules);
  if (!made) {
    const self = typeOf(node, whole);
    made = rules.map(rule =>
      self
        ? compileOne(node, rule, self)
        : { rule, usesOldSelf: false, path: '', error: 'failed to convert to declType for CEL validation rules' },
    );
    compiled.set(rules, made);
  }
  return made;
};

/** Upstream's budget of one validation, in steps. */
const budget = 10_000_000;
const outOfBudget = 'validation failed due to running out of cost budget, no further validation rules will be run';
const longestMessage = 5 * 1024;

class OutOfBudget extends Error {}

const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

const equal = (a: Json | undefined, b: Json | undefined): boolean => {
  if (a === b) return true;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, i) => equal(item, b[i]));
  if (!isObject(a) || !isObject(b)) return false;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every(name => Object.hasOwn(b, name) && equal(a[name], b[name]));
};

/** The longest list, map or text anywhere in a value: what one step of a comprehension may repeat. */
const breadth = (value: Json): number => {
  if (typeof value === 'string') return 1 + value.length / 64;
  if (typeof value !== 'object' || value === null) return 1;
  const items = Array.isArray(value) ? value : Object.values(value);
  return items.reduce<number>((most, item) => Math.max(most, breadth(item)), Math.max(1, items.length));
};

const textOf = ({ rule, message }: ValidationRule): string => (message ? message.trim() : rule.trim());

interface Place {
  readonly path: string;
  readonly whole: boolean;
  /** What the nearest place that can be compared was before; undefined: nothing can be. */
  readonly before: { readonly now: Json; readonly earlier: Json | undefined } | undefined;
}

class Validation {
  readonly errors: FieldError[] = [];
  #left = budget;

  walk(rules: Schema, node: Schema, value: Json, previous: Json | undefined, place: Place): void {
    if (value === null) return;
    if (!hasRules(rules)) return;
    if (rules.rules) this.#run(rules.rules, node, value, previous, place);
    for (const one of rules.allOf ?? []) this.walk(one, node, value, previous, place);
    if (Array.isArray(value)) this.#list(rules, node, value, previous, place);
    else if (isObject(value)) this.#object(rules, node, value, previous, place);
  }

  #list(rules: Schema, node: Schema, list: readonly Json[], previous: Json | undefined, place: Place): void {
    if (!rules.items || !node.items || !hasRules(rules.items)) return;
    const earlier = new Map<string, Json>();
    const keyOf = (item: Json): string =>
      JSON.stringify((node.listMapKeys ?? []).map(key => (isObject(item) && Object.hasOwn(item, key) ? item[key] : null)));
    const keyed = node.listType === 'map';
    if (keyed && Array.isArray(previous)) for (const item of previous) earlier.set(keyOf(item), item);
    for (const [i, item] of list.entries()) {
      const before = keyed ? earlier.get(keyOf(item)) : undefined;
      this.walk(rules.items, node.items, item, before, {
        path: `${place.path}[${i}]`,
        whole: node.items.embeddedResource === true,
        before: keyed ? { now: item, earlier: before } : place.before,
      });
    }
  }

  #object(rules: Schema, node: Schema, object: JsonObject, previous: Json | undefined, place: Place): void {
    for (const name of Object.keys(object)) {
      const own = node.properties?.get(name);
      const inner = own ? rules.properties?.get(name) : rules.additionalProperties;
      const described = own ?? node.additionalProperties;
      if (!inner || !described) continue;
      const item = object[name] as Json;
      const before = isObject(previous) && Object.hasOwn(previous, name) ? previous[name] : undefined;
      const path = own ? (place.path ? `${place.path}.${name}` : name) : `${place.path}[${name}]`;
      this.walk(inner, described, item, before, {
        path,
        whole: described.embeddedResource === true,
        before: place.before && { now: item, earlier: before },
      });
    }
  }

  #run(rules: readonly ValidationRule[], node: Schema, value: Json, previous: Json | undefined, place: Place): void {
    const field = place.path || '<nil>';
    const all = compileRules(rules, node, place.whole);
    const self = celValue(node, value, place.whole);
    const oldSelf = previous === undefined || previous === null ? undefined : celValue(node, previous, place.whole);
    const wide = all.some(({ program }) => program && program.nesting > 0) ? breadth(value) : 1;
    for (const one of all) {
      const { rule, program } = one;
      if (one.error) {
        this.errors.push(invalid(field, node.type ?? '', `rule compile error: ${one.error}`));
        continue;
      }
      if (!program) continue;
      if (one.usesOldSelf && oldSelf === undefined && !rule.optionalOldSelf) continue;
      this.#left -= program.size * wide ** program.nesting;
      if (this.#left < 0) {
        this.errors.push(invalid(field, node.type ?? '', outOfBudget));
        throw new OutOfBudget();
      }
      const old = rule.optionalOldSelf ? (oldSelf === undefined ? [] : [oldSelf]) : oldSelf;
      const bindings = old === undefined ? { self } : { self, oldSelf: old };
      const result = program.run(bindings);
      if ('error' in result) {
        const text =
          result.error === 'no such overload'
            ? `'${result.error}': call arguments did not match a supported operator, function or macro signature for rule: ${textOf(rule)}`
            : `${result.error} evaluating rule: ${textOf(rule)}`;
        this.errors.push(invalid(field, node.type ?? '', text));
        continue;
      }
      if (result.value === true) continue;
      const { before } = place;
      if (!one.usesOldSelf && before?.earlier !== undefined && equal(before.now, before.earlier)) continue;
      this.errors.push(refusal(one, node, value, place.path, messageOf(one, bindings)));
    }
  }
}

/** What its own expression says, if that works out; else what the rule states. */
const messageOf = ({ rule, message }: CompiledRule, bindings: Parameters<Program['run']>[0]): string => {
  const result = message?.run(bindings);
  const said = result && 'value' in result && typeof result.value === 'string' ? result.value.trim() : '';
  if (said && said.length <= longestMessage && !said.includes('\n')) return said;
  return rule.message ? textOf(rule) : `failed rule: ${textOf(rule)}`;
};

const refusal = ({ rule, path: below }: CompiledRule, node: Schema, value: Json, path: string, detail: string): FieldError => {
  const field = below ? (path ? `${path}.${below}` : below) : path || '<nil>';
  const hidden = node.type === 'object' || node.type === 'array';
  switch (rule.reason) {
    case 'FieldValueForbidden':
      return forbidden(field, detail);
    case 'FieldValueRequired':
      return required(field, detail);
    case 'FieldValueDuplicate':
      return hidden ? { type: 'Duplicate', field, message: 'Duplicate value' } : duplicate(field, value);
    default:
      return { type: 'Invalid', field, message: `Invalid value${hidden ? '' : `: ${show(value)}`}: ${detail}` };
  }
};

/** Of any value that `schema` describes. `whole`: a resource; `path`: where it stands. */
export const validateRulesOf = (schema: Schema, value: Json, previous: Json | undefined, whole: boolean, path: string): FieldError[] => {
  evaluator();
  const validation = new Validation();
  try {
    validation.walk(schema, schema, value, previous, { path, whole, before: undefined });
  } catch (error) {
    if (!(error instanceof OutOfBudget)) throw error;
  }
  return validation.errors;
};

/** `schema` has rules, and `next` the form that it asks for. */
export const validateRules = (schema: Schema, next: KubeObject, previous: KubeObject | undefined): FieldError[] => {
  evaluator();
  const validation = new Validation();
  const [now, earlier] = [next as unknown as Json, previous as unknown as Json | undefined];
  try {
    validation.walk(schema, schema, now, earlier, { path: '', whole: true, before: { now, earlier } });
  } catch (error) {
    if (!(error instanceof OutOfBudget)) throw error;
  }
  return validation.errors;
};
