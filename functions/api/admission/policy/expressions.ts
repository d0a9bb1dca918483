/** Expressions of admission policies, ready to run over a request (apiserver `pkg/admission/plugin/cel`). */
import type { CelInput, CelValue } from '@bufbuild/cel';
import { evaluator } from '../../../../kinds/cel/load.ts';
import { CompilationError, compile, type Program, type Result } from '../../../../kinds/cel/program.ts';
import { dyn } from '../../../../kinds/cel/types.ts';
import { celValue } from '../../../../kinds/cel/values.ts';
import type { Json, JsonObject, KubeObject } from '../../../../kinds/object.ts';
import type { Resource } from '../../../../kinds/resource.ts';
import type { Schema } from '../../../../kinds/schema/schema.ts';
import type { AdmissionRequest } from '../../admission.ts';

/** Policies see objects as they are, whatever their schema. */
const anything: { -readonly [Key in keyof Schema]?: Schema[Key] } = {};
anything.additionalProperties = anything as Schema;
anything.items = anything as Schema;
const toCel = (value: unknown): CelInput => celValue(anything as Schema, value);

const names = ['object', 'oldObject', 'request', 'params', 'namespaceObject', 'variables'];
const known = new Map(names.map(name => [name, dyn]));

export interface Expression {
  readonly text: string;
  readonly program?: Program;
  /** Why it has none. */
  readonly error?: string;
}

/** `initializers`: it may make objects and patches. */
export const compileExpression = (text: string, initializers = false): Expression => {
  try {
    return { text, program: compile(text, known, initializers) };
  } catch (error) {
    if (!(error instanceof CompilationError)) throw error;
    return { text, error: `compilation failed: ${error.message}` };
  }
};

/** Upstream's budget of one policy, in steps. */
const budget = 10_000_000;
const breadth = (value: unknown): number => {
  if (typeof value !== 'object' || value === null) return 1;
  let most = Object.keys(value).length;
  for (const item of Object.values(value)) most = Math.max(most, breadth(item));
  return Math.max(1, most);
};

type Bindings = Record<string, CelInput>;

export class Evaluation {
  private readonly bindings: Bindings;
  private readonly failed = new Map<string, string>();
  private readonly width: number;

  constructor(
    request: AdmissionRequest,
    namespace: KubeObject | undefined,
    params: KubeObject | undefined,
    variables: readonly { readonly name: string; readonly expression: Expression }[],
  ) {
    const { object, previous } = request;
    this.width = breadth([object ?? {}, previous ?? {}, params ?? {}]);
    this.bindings = {
      object: toCel(object),
      oldObject: toCel(previous),
      request: toCel(requestOf(request)),
      params: toCel(params),
      namespaceObject: toCel(namespace),
    };
    const values = new Map<string, CelInput>();
    this.bindings['variables'] = values as CelInput;
    for (const { name, expression } of variables) {
      const result = this.run(expression);
      // Only who uses it fails with it.
      if ('error' in result) this.failed.set(name, result.error);
      else values.set(name, result.value as CelInput);
    }
  }

  /** Whether all hold; one that does not outweighs others that fail. */
  conditions(all: readonly Expression[]): { readonly holds: boolean; readonly error?: string } {
    const errors: string[] = [];
    for (const condition of all) {
      const result = this.run(condition);
      if ('error' in result) errors.push(result.error);
      else if (result.value === false) return { holds: false };
    }
    if (errors.length === 0) return { holds: true };
    return { holds: false, error: errors.length === 1 ? (errors[0] ?? '') : `[${errors.join(', ')}]` };
  }

  run({ text, program, error }: Expression): Result {
    if (!program) return { error: error ?? 'compilation failed' };
    if (program.size * this.width ** program.nesting > budget)
      return { error: 'validation failed due to running out of cost budget, no further validation rules will be run' };
    const result = program.run(this.bindings);
    if (!('error' in result)) return result;
    const [, missing = ''] = /^no such key: (.*)$/s.exec(result.error) ?? [];
    const cause = program.uses.has('variables') ? this.failed.get(missing) : undefined;
    const why = cause === undefined ? result.error : `composited variable "${missing}" fails to evaluate: ${cause}`;
    return { error: `expression '${text}' resulted in error: ${why}` };
  }
}

/** What an expression made, as JSON. Throws where it is nothing that JSON has. */
export const toJson = (value: CelValue): Json => {
  const { cel } = evaluator();
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (cel.isCelList(value)) return [...value].map(toJson);
  if (!cel.isCelMap(value)) throw new Error('evaluated to a type that could not marshal to JSON');
  const object: JsonObject = {};
  for (const [key, item] of value)
    Object.defineProperty(object, String(key), { value: toJson(item), enumerable: true, writable: true, configurable: true });
  return object;
};

/** Of what is sent: a subresource may have a kind of its own (Scale, Eviction, PodExecOptions). */
const kindOf = (resource: Resource, subresource: string): { group: string; version: string; kind: string } => {
  const {
    group = resource.group,
    version = resource.version,
    kind,
  } = resource.subresources.find(({ name }) => name === subresource) ?? resource;
  return { group, version, kind };
};

export const requestOf = ({ resource, subresource, name, namespace, operation, user, dryRun, options }: AdmissionRequest): unknown => {
  const { group, version, resource: plural } = resource;
  const kind = kindOf(resource, subresource);
  const extra = Object.fromEntries(Object.entries(user.extra ?? {}).map(([key, values]) => [key, [...values]]));
  return {
    kind,
    resource: { group, version, resource: plural },
    subResource: subresource,
    requestKind: kind,
    requestResource: { group, version, resource: plural },
    requestSubResource: subresource,
    name,
    namespace,
    operation,
    userInfo: { username: user.name, uid: user.uid ?? '', groups: [...user.groups], extra },
    dryRun,
    options,
  };
};
