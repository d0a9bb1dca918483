/** From a request's body to an object of its kind, as the API server's decoders do it, errors included. */
import { quote } from '../field.ts';
import type { Json, JsonObject, KubeObject } from '../object.ts';
import type { Resource } from '../resource.ts';
import { apiVersionOf } from '../resource.ts';
import { badRequest, StatusError } from '../status.ts';
import { Conversion } from './convert.ts';
import { isKnownKind, isOfEveryVersion } from './data.ts';
import { GoError } from './go-values.ts';
import { census, JsonSyntaxError, NumberLiteral, parseJson, readExactly, withWholeCharacters } from './json-text.ts';
import { prune } from './prune.ts';
import type { Schema } from './schema.ts';
import type { Shape } from './shape.ts';
import { shapeOfDefinition } from './shape.ts';
import { readYaml, YamlSyntaxError } from './yaml-text.ts';

/** What a body is expected to be: a resource, or the kind of a subresource (Scale, Eviction, DeleteOptions...). */
export type Target = Pick<Resource, 'group' | 'version' | 'kind' | 'schema'>;

export interface Decoded {
  object: KubeObject;
  /**
   * As fieldValidation reports them: `unknown field "spec.foo"`, `duplicate field "spec.replicas"`. All that is wrong with a YAML text is one
   * problem of several lines. Empty unless strict.
   */
  problems: readonly string[];
}

const yamlProblems = 'yaml: unmarshal errors:\n';
/** Each as a warning of its own (apiserver `pkg/endpoints/handlers/rest.go` parseYAMLWarnings). */
export const warningsOf = (problems: readonly string[]): string[] =>
  problems.flatMap(problem =>
    problem.startsWith(yamlProblems)
      ? problem
          .slice(yamlProblems.length)
          .split('\n')
          .map(line => line.trim())
      : [problem],
  );

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The first bytes of a body, for messages about bodies that cannot even be recognised. */
const summarize = (body: Uint8Array): string => {
  const shown = Buffer.from(body.buffer, body.byteOffset, Math.min(body.byteLength, 30));
  if (body.byteLength === 0) return '<empty>';
  return `${shown.toString(body[0] === 0x7b ? 'utf8' : 'hex')}${body.byteLength > 30 ? ' ...' : ''}`;
};

interface Parsed {
  readonly text: string;
  /** Null for an empty YAML document. */
  value: unknown;
  problems: readonly string[];
  /** Object members in the text, to find out that some occurred twice; undefined where that is known already. */
  members?: number;
}

const parse = (body: Uint8Array, mediaType: 'json' | 'yaml'): Parsed => {
  const text = utf8.decode(body);
  if (mediaType === 'yaml') {
    const { value, repeated } = readYaml(text);
    return { text, value, problems: repeated.length > 0 ? [yamlProblems + repeated.map(line => `  ${line}`).join('\n')] : [] };
  }
  const { members, literals, surrogates } = census(body);
  const whole = surrogates ? withWholeCharacters(text) : text;
  if (literals) return { text: whole, value: readExactly(whole), problems: [] };
  return { text: whole, value: parseJson(whole), problems: [], members };
};

const jsonName = (value: unknown): string => {
  if (Array.isArray(value)) return 'array';
  if (value instanceof NumberLiteral) return 'number';
  if (typeof value === 'boolean') return 'bool';
  return typeof value === 'string' || typeof value === 'number' ? typeof value : isObject(value) ? 'object' : 'number';
};

/** What upstream's decoder says of a kind and version that are none; undefined where it would look on. */
export const typeMetaProblem = (apiVersion: unknown, kind: unknown): string | undefined => {
  for (const [name, value] of [
    ['apiVersion', apiVersion],
    ['kind', kind],
  ] as const)
    if (value !== undefined && value !== null && typeof value !== 'string')
      return `couldn't get version/kind; json parse error: json: cannot unmarshal ${jsonName(value)} into Go struct field .${name} of type string`;
  return typeof apiVersion === 'string' && apiVersion.split('/').length > 2 ? `unexpected GroupVersion string: ${apiVersion}` : undefined;
};

const goTypeMeta = 'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';
/** Group version and kind as the body itself states them. Throws what makes a body unrecognisable. */
const interpret = (value: unknown): { apiVersion: string; kind: string } => {
  if (value === null) return { apiVersion: '', kind: '' };
  if (typeof value !== 'object' || Array.isArray(value))
    throw new GoError(
      `couldn't get version/kind; json parse error: json: cannot unmarshal ${jsonName(value)} into Go value of type ${goTypeMeta}`,
    );
  const member = (name: 'apiVersion' | 'kind'): unknown => (Object.hasOwn(value, name) ? (value as JsonObject)[name] : undefined);
  const apiVersion = member('apiVersion');
  const kind = member('kind');
  const why = typeMetaProblem(apiVersion, kind);
  if (why !== undefined) throw new GoError(why);
  return { apiVersion: (apiVersion as string | null | undefined) ?? '', kind: (kind as string | null | undefined) ?? '' };
};

/** Upstream's name of a group's internal types: `core`, `apps`, `rbac`. */
const internalName = (group: string): string => group.split('.')[0] || 'core';

/** A body of another kind than the path calls for; undefined where the two agree. */
const mismatch = (stated: { apiVersion: string; kind: string }, target: Target): StatusError | undefined => {
  const { apiVersion, kind } = stated;
  const expected = apiVersionOf(target);
  if (apiVersion === expected && kind === target.kind) return undefined;
  const version = apiVersion.split('/').at(-1) ?? '';
  const refuse = (why: string) => badRequest(`${kind} in version ${quote(version)} cannot be handled as a ${target.kind}: ${why}`);
  if (!isKnownKind(apiVersion, kind))
    return refuse(`no kind ${quote(kind)} is registered for version ${quote(apiVersion)} in scheme "pkg/runtime/scheme.go:111"`);
  if (kind !== target.kind)
    return refuse(`converting (${version}.${kind}) to (${internalName(target.group)}.${target.kind}): unknown conversion`);
  if (isOfEveryVersion(kind)) return undefined;
  return badRequest(`the API version in the data (${apiVersion}) does not match the expected API version (${expected})`);
};

/**
 * Reads a body. With a target it must be of that kind (what it leaves unsaid is the target's), and the answer is in the
 * stored form. Without one it is taken as it is, nulls included, as server-side apply wants it.
 * Throws `StatusError` 400.
 */
export const decodeBody = (
  target: Target | undefined,
  body: Uint8Array,
  mediaType: 'json' | 'yaml',
  { strict }: { strict: boolean },
): Decoded => {
  let parsed: Parsed;
  let stated: { apiVersion: string; kind: string };
  try {
    parsed = parse(body, mediaType);
    stated = target ? interpret(parsed.value) : { apiVersion: '', kind: '' };
  } catch (error) {
    if (error instanceof JsonSyntaxError) {
      if (!target) throw badRequest(error.message);
      throw unrecognized(target, `couldn't get version/kind; json parse error: ${error.message}`, body);
    }
    if (error instanceof YamlSyntaxError && !target) throw badRequest(error.message);
    if (error instanceof YamlSyntaxError || error instanceof GoError) throw unrecognized(target, error.message, body);
    throw error;
  }
  if (!target) return untargeted(parsed, mediaType, strict);
  const shape = shapeOfDefinition(target.schema.definition);
  if (!shape && !stated.kind) throw unrecognized(target, `Object 'Kind' is missing in '${utf8.decode(body)}'`, body);
  stated.kind ||= target.kind;
  if (shape) stated.apiVersion ||= apiVersionOf(target);
  const wrong = shape ? mismatch(stated, target) : customMismatch(stated, target);
  if (wrong) throw wrong;
  try {
    const decoded = convert(target.schema, shape, parsed.value, strict);
    if (parsed.members !== undefined && parsed.members !== decoded.members) {
      const again = convert(target.schema, shape, readExactly(parsed.text), strict);
      return complete(again.value, stated, again.problems);
    }
    return complete(decoded.value, stated, [...parsed.problems.slice(0, strict ? undefined : 0), ...decoded.problems]);
  } catch (error) {
    throw error instanceof GoError ? unhandled(target, stated, error) : error;
  }
};

/** Of what another decoder read: `value` gives the JSON form and throws `GoError` where it cannot. Throws `StatusError` 400. */
export const decodeValue = (target: Target, stated: { apiVersion: string; kind: string }, value: () => unknown): Decoded => {
  const wrong = mismatch(stated, target);
  if (wrong) throw wrong;
  try {
    const decoded = convert(target.schema, shapeOfDefinition(target.schema.definition), value(), false);
    return complete(decoded.value, stated, []);
  } catch (error) {
    throw error instanceof GoError ? unhandled(target, stated, error) : error;
  }
};

const unhandled = (target: Target, stated: { apiVersion: string; kind: string }, error: GoError): StatusError => {
  const version = stated.apiVersion.split('/').at(-1) ?? '';
  return badRequest(`${stated.kind} in version ${quote(version)} cannot be handled as a ${target.kind}: ${error.message}`);
};

export const unrecognized = (target: Target | undefined, why: string, body: Uint8Array): StatusError =>
  badRequest(`the object provided is unrecognized (must be of type ${target?.kind ?? ''}): ${why} (${summarize(body)})`);

/** Custom resources have no conversions to fail, only other versions; their strategy refuses another kind. */
const customMismatch = (stated: { apiVersion: string; kind: string }, target: Target): StatusError | undefined => {
  const expected = apiVersionOf(target);
  if (stated.apiVersion === expected) return undefined;
  return badRequest(`the API version in the data (${stated.apiVersion}) does not match the expected API version (${expected})`);
};

const complete = (value: Json, stated: { apiVersion: string; kind: string }, problems: readonly string[]): Decoded => {
  const object = isObject(value) ? value : {};
  object['apiVersion'] = stated.apiVersion;
  object['kind'] = stated.kind;
  if (!isObject(object['metadata'])) object['metadata'] = {};
  return { object: object as unknown as KubeObject, problems };
};

const untargeted = (parsed: Parsed, mediaType: 'json' | 'yaml', strict: boolean): Decoded => {
  try {
    const conversion = new Conversion(strict);
    let value = conversion.copy(parsed.value, true);
    if (mediaType === 'json' && parsed.members !== undefined && parsed.members !== conversion.members)
      value = conversion.copy(readExactly(parsed.text), true);
    if (!isObject(value) && value !== null)
      throw new GoError(`json: cannot unmarshal ${jsonName(value)} into Go value of type map[string]interface {}`);
    const problems = strict ? [...parsed.problems, ...conversion.problems] : [];
    return { object: (value ?? {}) as unknown as KubeObject, problems };
  } catch (error) {
    throw error instanceof GoError ? badRequest(error.message) : error;
  }
};

const operationFields = new Set(['op', 'path', 'from', 'value']);
/** The operations of a JSON patch, which are a list of their own kind. Throws `StatusError` 400. */
export const decodeOperations = (body: Uint8Array, { strict }: { strict: boolean }): { value: unknown; problems: readonly string[] } => {
  try {
    const conversion = new Conversion(strict);
    const value = conversion.copy(readExactly(utf8.decode(body)), true);
    const unknown = (operation: unknown, i: number): string[] =>
      isObject(operation)
        ? Object.keys(operation)
            .filter(name => !operationFields.has(name))
            .map(name => `unknown field ${JSON.stringify(`[${i}].${name}`)}`)
        : [];
    const problems = strict && Array.isArray(value) ? [...conversion.problems, ...value.flatMap(unknown)] : [];
    return { value, problems };
  } catch (error) {
    throw error instanceof JsonSyntaxError || error instanceof GoError ? badRequest(error.message) : error;
  }
};

interface Converted {
  value: Json;
  problems: string[];
  members: number;
}

const convert = (schema: Schema, shape: Shape | undefined, value: unknown, strict: boolean, restore = false): Converted => {
  const conversion = new Conversion(strict, restore);
  if (shape) return { value: conversion.run(shape, value), problems: conversion.problems, members: conversion.members };
  const copy = conversion.copy(value, true);
  const problems = conversion.problems;
  const unknown = isObject(copy) ? prune(schema, copy, 'refuse') : [];
  if (strict) problems.push(...unknown.map(field => `unknown field ${JSON.stringify(field)}`));
  return { value: copy, problems, members: conversion.members };
};

/** The refusal of what a patch made: `value` is shown as upstream shows it, as JSON. */
export const invalidPatchResult = (value: unknown, why: string): StatusError => {
  const message = `Invalid value: ${JSON.stringify(JSON.stringify(value))}: ${why}`;
  return new StatusError(422, 'Invalid', ` "" is invalid: patch: ${message}`, {
    causes: [{ reason: 'FieldValueInvalid', message, field: 'patch' }],
  });
};

/**
 * Brings an object that was made in memory (by a patch, by apply, by a strategy) into the stored form of its kind, exactly
 * as if it had been sent. The input is neither changed nor shared. Throws `StatusError` 422 as a patch would; `restore`: as one
 * that is applied to Go values, not to JSON.
 */
export const conform = (
  schema: Schema,
  value: unknown,
  { strict, restore = false, refuse = why => invalidPatchResult(value, why) }: ConformOptions,
): Decoded => {
  try {
    const { value: made, problems } = convert(schema, shapeOfDefinition(schema.definition), value, strict, restore);
    return { object: made as unknown as KubeObject, problems };
  } catch (error) {
    throw error instanceof GoError ? refuse(error.message) : error;
  }
};

export interface ConformOptions {
  readonly strict: boolean;
  readonly restore?: boolean;
  readonly refuse?: (why: string) => StatusError;
}
