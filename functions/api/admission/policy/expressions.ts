/** Expressions of admission policies, ready to run over a request (apiserver `pkg/admission/plugin/cel`). */
import type { CelInput } from '@bufbuild/cel';
import { CompilationError, compile, type Program, type Result } from '../../../../kinds/cel/program.ts';
import { dyn } from '../../../../kinds/cel/types.ts';
import { celValue } from '../../../../kinds/cel/values.ts';
import type { KubeObject } from '../../../../kinds/object.ts';
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

export const compileExpression = (text: string): Expression => {
  try {
    return { text, program: compile(text, known) };
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

const requestOf = ({ resource, subresource, name, namespace, operation, user, dryRun, options }: AdmissionRequest): unknown => {
  const { group, version, kind, resource: plural } = resource;
  const extra = Object.fromEntries(Object.entries(user.extra ?? {}).map(([key, values]) => [key, [...values]]));
  return {
    kind: { group, version, kind },
    resource: { group, version, resource: plural },
    subResource: subresource,
    requestKind: { group, version, kind },
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
