/** Expressions of admission policies, ready to run over a request (apiserver `pkg/admission/plugin/cel`). */
import type { CelInput, CelValue } from '@bufbuild/cel';
import {
  type AccessAnswer,
  type AccessAnswers,
  type AccessQuestion,
  authorizerValue,
  resourceCheckValue,
  withAnswers,
} from '../../../../kinds/cel/library/authorization.ts';
import { evaluator } from '../../../../kinds/cel/load.ts';
import type { Program, Result } from '../../../../kinds/cel/program.ts';
import { celValue } from '../../../../kinds/cel/values.ts';
import type { Json, JsonObject, KubeObject } from '../../../../kinds/object.ts';
import type { Resource } from '../../../../kinds/resource.ts';
import type { Schema } from '../../../../kinds/schema/schema.ts';
import { compileInScope, declareVariables, type ExpressionScope, type Wanted } from '../../../../kinds/strategies/admission-expressions.ts';
import type { AdmissionRequest } from '../../admission.ts';
import type { Authorizer, User } from '../../types.ts';
import { namespaceValue } from './namespace-value.ts';

/** Policies see objects as they are, whatever their schema. */
const anything: { -readonly [Key in keyof Schema]?: Schema[Key] } = {};
anything.additionalProperties = anything as Schema;
anything.items = anything as Schema;
const toCel = (value: unknown): CelInput => celValue(anything as Schema, value);

export interface Expression {
  readonly text: string;
  readonly program?: Program;
  /** Why it has none. */
  readonly error?: string;
}
export interface Variable {
  readonly name: string;
  readonly expression: Expression;
}

const expressionOf = (text: string, compiled: ReturnType<typeof compileInScope>): Expression =>
  'program' in compiled ? { text, program: compiled.program } : { text, error: compiled.problem };

export const compileExpression = (text: string, scope: ExpressionScope, wanted: Wanted): Expression =>
  expressionOf(text, compileInScope(text, scope, wanted));

/** When a policy or a webhook is asked at all. */
export const compileConditions = (conditions: readonly { expression?: string }[] | undefined, params: boolean): Expression[] =>
  (conditions ?? []).map(({ expression }) => compileExpression((expression ?? '').trim(), { params, authorizer: true }, 'bool'));

export interface PolicyScope {
  readonly variables: readonly Variable[];
  /** Of the policy's own expressions. */
  readonly scope: ExpressionScope;
}

export const compileVariables = (
  declared: readonly { readonly name: string; readonly expression: string }[],
  params: boolean,
): PolicyScope => {
  const outer = { params, authorizer: true };
  const { types, compiled } = declareVariables(declared, outer);
  const variables = declared.map(({ name, expression }, i) => {
    const one = compiled[i];
    return { name, expression: one ? expressionOf(expression, one) : { text: expression, error: 'compilation failed' } };
  });
  return { variables, scope: { ...outer, variables: types } };
};

/** Upstream's budget of one policy, in steps. */
const budget = 10_000_000;
const outOfBudget = 'validation failed due to running out of cost budget, no further validation rules will be run';
const breadth = (value: unknown): number => {
  if (typeof value !== 'object' || value === null) return 1;
  let most = Object.keys(value).length;
  for (const item of Object.values(value)) most = Math.max(most, breadth(item));
  return Math.max(1, most);
};
/** Questions that one expression may ask one after the other. */
const mostQuestions = 100;

type Bindings = Record<string, CelInput>;

export interface EvaluationOptions {
  readonly request: AdmissionRequest;
  readonly namespace?: KubeObject | undefined;
  readonly params?: KubeObject | undefined;
  readonly variables?: readonly Variable[];
  /** Absent: it allows nothing. */
  readonly authorizer?: Authorizer | undefined;
  /** What has been asked before. */
  readonly answers?: AccessAnswers;
}

const serviceAccountUser = ({ namespace, name }: { readonly namespace: string; readonly name: string }): User => ({
  name: `system:serviceaccount:${namespace}:${name}`,
  groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
});

export class Evaluation {
  private readonly options: EvaluationOptions;
  private readonly bindings: Bindings;
  private readonly variables: Map<string, CelInput> = new Map();
  private readonly failed = new Map<string, string>();
  private readonly width: number;
  private readonly answers: AccessAnswers;
  private readonly known: ReadonlyMap<string, Expression>;
  private declared = false;

  constructor(options: EvaluationOptions) {
    const { request, namespace, params, variables = [] } = options;
    const { object, previous } = request;
    this.options = options;
    this.width = breadth([object ?? {}, previous ?? {}, params ?? {}]);
    this.answers = options.answers ?? { known: new Map(), missing: new Map() };
    this.known = new Map(variables.map(({ name, expression }) => [name, expression]));
    const { group, resource } = request.resource;
    const { subresource, namespace: within, name } = request;
    this.bindings = {
      object: toCel(object),
      oldObject: toCel(previous),
      request: toCel(requestOf(request)),
      params: toCel(params),
      namespaceObject: namespaceValue(namespace),
      variables: this.variables as CelInput,
      authorizer: authorizerValue(),
      'authorizer.requestResource': resourceCheckValue({
        group,
        resource,
        ...(subresource ? { subresource } : {}),
        ...(within ? { namespace: within } : {}),
        ...(name ? { name } : {}),
      }),
    };
  }

  /** Whether all hold; one that does not outweighs others that fail. */
  async conditions(all: readonly Expression[]): Promise<{ readonly holds: boolean; readonly error?: string }> {
    const errors: string[] = [];
    for (const condition of all) {
      const result = await this.run(condition);
      if ('error' in result) errors.push(result.error);
      else if (result.value === false) return { holds: false };
    }
    if (errors.length === 0) return { holds: true };
    return { holds: false, error: errors.length === 1 ? (errors[0] ?? '') : `[${errors.join(', ')}]` };
  }

  async run(expression: Expression): Promise<Result> {
    const result = await this.evaluate(expression);
    if (!('error' in result) || !expression.program || result.error === outOfBudget) return result;
    return { error: `expression '${expression.text}' resulted in error: ${result.error}` };
  }

  private async evaluate({ program, error }: Expression): Promise<Result> {
    if (!program) return { error: error ?? 'compilation failed' };
    if (program.uses.has('variables')) await this.declare();
    if (program.size * this.width ** program.nesting > budget) return { error: outOfBudget };
    const result = await this.answered(program);
    if (!('error' in result)) return result;
    const [, missing = ''] = /^no such key: (.*)$/s.exec(result.error) ?? [];
    const cause = program.uses.has('variables') ? this.failed.get(missing) : undefined;
    return { error: cause === undefined ? result.error : `composited variable "${missing}" fails to evaluate: ${cause}` };
  }

  /** Variables have their values when something first speaks of them. */
  private async declare(): Promise<void> {
    if (this.declared) return;
    this.declared = true;
    for (const [name, expression] of this.known) {
      const result = await this.evaluate(expression);
      // Only who uses it fails with it.
      if ('error' in result) this.failed.set(name, result.error);
      else this.variables.set(name, result.value as CelInput);
    }
  }

  /** Runs it until all that it asks the authorizer has been answered. */
  private async answered(program: Program): Promise<Result> {
    for (let i = 0; i < mostQuestions; i++) {
      this.answers.missing.clear();
      const result = withAnswers(this.answers, () => program.run(this.bindings));
      if (this.answers.missing.size === 0) return result;
      for (const [text, question] of [...this.answers.missing]) this.answers.known.set(text, await this.ask(question));
    }
    return { error: 'too many questions to the authorizer' };
  }

  private async ask(question: AccessQuestion): Promise<AccessAnswer> {
    const { authorizer, request } = this.options;
    const { path, group = '', resource = '', subresource = '', namespace = '', name = '', verb = '', serviceAccount } = question;
    if (!authorizer) return { allowed: false, reason: '' };
    const user = serviceAccount ? serviceAccountUser(serviceAccount) : request.user;
    try {
      const attributes = { user, verb, group, version: '*', resource, subresource, namespace, name };
      const { allowed, reason } = await authorizer.authorize(path === undefined ? attributes : { ...attributes, path });
      return { allowed, reason };
    } catch (error) {
      return { allowed: false, reason: '', error: (error as Error).message };
    }
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

/** Without what is empty, as Go leaves it out. */
const userInfoOf = ({ name, uid, groups, extra }: User): unknown => ({
  username: name,
  ...(uid ? { uid } : {}),
  ...(groups.length > 0 ? { groups: [...groups] } : {}),
  ...(extra && Object.keys(extra).length > 0
    ? { extra: Object.fromEntries(Object.entries(extra).map(([key, values]) => [key, [...values]])) }
    : {}),
});

const optionKinds: Readonly<Record<string, string>> = { CREATE: 'CreateOptions', UPDATE: 'UpdateOptions', DELETE: 'DeleteOptions' };

/** As reviews have it. `asked`: the request as the client made it, where it is seen in another version. */
export const reviewRequest = (request: AdmissionRequest, asked: AdmissionRequest = request): JsonObject => {
  const { resource, subresource, name, namespace, operation, user, dryRun, options } = request;
  const { force: _, ...given } = options as { force?: unknown };
  const kind = optionKinds[operation];
  const resourceOf = ({ group, version, resource: plural }: AdmissionRequest['resource']) => ({ group, version, resource: plural });
  return {
    kind: kindOf(resource, subresource),
    resource: resourceOf(resource),
    ...(subresource ? { subResource: subresource } : {}),
    requestKind: kindOf(asked.resource, subresource),
    requestResource: resourceOf(asked.resource),
    ...(subresource ? { requestSubResource: subresource } : {}),
    ...(name ? { name } : {}),
    ...(namespace ? { namespace } : {}),
    operation,
    userInfo: userInfoOf(user),
    dryRun,
    options: kind ? { ...given, kind, apiVersion: 'meta.k8s.io/v1' } : given,
  } as unknown as JsonObject;
};

/** As expressions see it: all fields are there. */
export const requestOf = (request: AdmissionRequest): unknown => {
  const { subresource, name, namespace, user } = request;
  const extra = Object.fromEntries(Object.entries(user.extra ?? {}).map(([key, values]) => [key, [...values]]));
  return {
    ...reviewRequest(request),
    subResource: subresource,
    requestSubResource: subresource,
    name,
    namespace,
    userInfo: { username: user.name, uid: user.uid ?? '', groups: [...user.groups], extra },
  };
};
