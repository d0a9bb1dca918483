/** What expressions of admission policies and webhooks may speak of, and whether they do (apiserver `pkg/admission/plugin/cel/{compile,composition}.go`). */
import { CompilationError, compile, type Program } from '../cel/program.ts';
import { authorizerType, bool, dyn, int, listOf, mapOf, nameOf, objectOf, opaque, string, type Type, typeFromText } from '../cel/types.ts';
import { invalid, type Path } from '../field.ts';
import type { FieldError } from '../status.ts';

const timestamp = typeFromText('timestamp');
const labels = mapOf(string, string);
const resourceOf = (name: string, last: string): Type => objectOf(`kubernetes.${name}`, { group: string, version: string, [last]: string });
const kind = resourceOf('GroupVersionKind', 'kind');
const resource = resourceOf('GroupVersionResource', 'resource');
const userInfo = objectOf('kubernetes.UserInfo', {
  username: string,
  uid: string,
  groups: listOf(string),
  extra: mapOf(string, listOf(string)),
});
const request = objectOf('kubernetes.AdmissionRequest', {
  kind,
  resource,
  subResource: string,
  requestKind: kind,
  requestResource: resource,
  requestSubResource: string,
  name: string,
  namespace: string,
  operation: string,
  userInfo,
  dryRun: bool,
  options: dyn,
});
const condition = objectOf('kubernetes.NamespaceCondition', {
  status: string,
  type: string,
  lastTransitionTime: timestamp,
  message: string,
  reason: string,
});
const namespace = objectOf('kubernetes.Namespace', {
  metadata: objectOf('kubernetes.NamespaceMetadata', {
    name: string,
    generateName: string,
    namespace: string,
    labels,
    annotations: labels,
    UID: string,
    creationTimestamp: timestamp,
    deletionGracePeriodSeconds: int,
    deletionTimestamp: timestamp,
    generation: int,
    resourceVersion: string,
    finalizers: listOf(string),
  }),
  spec: objectOf('kubernetes.NamespaceSpec', { finalizers: listOf(string) }),
  status: objectOf('kubernetes.NamespaceStatus', { conditions: listOf(condition), phase: string }),
});

export interface ExpressionScope {
  readonly params: boolean;
  readonly authorizer: boolean;
  /** Whether it may make objects and patches. */
  readonly patches?: boolean;
  /** Of the policy, as far as they are declared; absent: it has none. */
  readonly variables?: Readonly<Record<string, Type>>;
  /** What is known of the object; by default nothing. */
  readonly object?: Type;
  readonly parameter?: Type;
}

const variablesIn = ({ params, authorizer, variables, object = dyn, parameter = dyn }: ExpressionScope): ReadonlyMap<string, Type> =>
  new Map<string, Type>([
    ['object', object],
    ['oldObject', object],
    ['namespaceObject', namespace],
    ['request', request],
    ...(params ? ([['params', parameter]] as const) : []),
    ...(authorizer
      ? ([
          ['authorizer', authorizerType],
          ['authorizer.requestResource', opaque('kubernetes.authorization.ResourceCheck')],
        ] as const)
      : []),
    ...(variables ? ([['variables', objectOf('kubernetes.variables', variables)]] as const) : []),
  ]);

/** What an expression must give. */
export type Wanted = 'bool' | 'string' | 'string or null' | 'Object' | 'list(JSONPatch)' | 'any';
const shownWanted = (wanted: Wanted): string => (wanted === 'string or null' ? 'one of [string null_type]' : wanted);

const goName = (type: Type): string => {
  if (type.kind === 'null') return 'null_type';
  if (type.kind === 'timestamp' || type.kind === 'duration')
    return `google.protobuf.${type.kind === 'timestamp' ? 'Timestamp' : 'Duration'}`;
  if (type.kind === 'list') return `list(${goName(type.of)})`;
  if (type.kind === 'map') return `map(${goName(type.key)}, ${goName(type.of)})`;
  return type.kind === 'optional' ? `optional_type(${goName(type.of)})` : nameOf(type);
};
const accepted = (type: Type, wanted: Wanted): boolean =>
  wanted === 'any' || goName(type) === wanted || (wanted === 'string or null' && (type.kind === 'string' || type.kind === 'null'));

export type Compiled = { readonly program: Program } | { readonly problem: string };

export const compileInScope = (text: string, scope: ExpressionScope, wanted: Wanted): Compiled => {
  try {
    const program = compile(text, variablesIn(scope), scope.patches ?? false);
    if (accepted(program.type, wanted)) return { program };
    return { problem: `must evaluate to ${shownWanted(wanted)} but got ${goName(program.type)}` };
  } catch (error) {
    if (!(error instanceof CompilationError)) throw error;
    return { problem: `compilation failed: ${error.message}` };
  }
};

/** `shown`: the expression as it was written, where it is not what is compiled. */
export const validateExpression = (text: string, scope: ExpressionScope, wanted: Wanted, field: Path, shown = text): FieldError[] => {
  const compiled = compileInScope(text, scope, wanted);
  return 'problem' in compiled ? [invalid(field, shown, compiled.problem)] : [];
};

/** Variables in their order: each may use those before it. Of one that does not compile, the others know nothing. */
export const declareVariables = (
  declared: readonly { readonly name?: string; readonly expression?: string }[],
  scope: ExpressionScope,
): { readonly types: Readonly<Record<string, Type>>; readonly compiled: readonly Compiled[] } => {
  const types: Record<string, Type> = Object.create(null) as Record<string, Type>;
  const compiled = declared.map(({ name = '', expression = '' }) => {
    const one = compileInScope(expression, { ...scope, patches: false, variables: { ...types } }, 'any');
    types[name] = 'program' in one ? one.program.type : dyn;
    return one;
  });
  return { types, compiled };
};
