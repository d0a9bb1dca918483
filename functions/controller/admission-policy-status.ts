/**
 * Tells authors of ValidatingAdmissionPolicies which of their expressions cannot work on the objects that they match (apiserver
 * `pkg/admission/plugin/policy/validating/typechecking.go`, kubernetes `pkg/controller/validatingadmissionpolicystatus`).
 */
import type * as generated from '@kubernetes/client-node';
import { type Type, typeOf } from '../../kinds/cel/types.ts';
import { apiVersionOf, isCustomResource, type Registry, type Resource } from '../../kinds/resource.ts';
import { compileInScope, declareVariables } from '../../kinds/strategies/admission-expressions.ts';
import type { Kind } from '../../kinds/types.ts';
import { type Reconciler, splitKey } from './reconciler.ts';

type Policy = Kind<generated.V1ValidatingAdmissionPolicy>;
type Spec = NonNullable<Policy['spec']>;
interface Warning {
  readonly fieldRef: string;
  readonly warning: string;
}

const resource = 'validatingadmissionpolicies.admissionregistration.k8s.io';
/** Policies about more are not looked at further. */
const mostTypes = 10;

const nameOf = (one: Resource): string => `${one.group ? apiVersionOf(one) : `/${one.version}`}, Kind=${one.kind}`;

/** What the policy names one by one; all of a group or version would be too much. */
const matchedResources = (spec: Spec, registry: Registry): Resource[] => {
  const found = new Map<string, Resource>();
  for (const { apiGroups = [], apiVersions = [], resources = [] } of spec.matchConstraints?.resourceRules ?? []) {
    if ([...apiGroups, ...apiVersions, ...resources].includes('*')) continue;
    for (const group of apiGroups)
      for (const version of apiVersions)
        for (const plural of resources) {
          const one = plural.includes('/') ? undefined : registry.find(group, version, plural);
          if (one) found.set(nameOf(one), one);
        }
  }
  return [...found.values()].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1)).slice(0, mostTypes);
};

const objectType = (one: Resource | undefined): Type | undefined => one && typeOf(one.schema, isCustomResource(one), one.kind);

const warningsOf = (spec: Spec, registry: Registry): Warning[] => {
  const types = matchedResources(spec, registry).flatMap(one => {
    const type = objectType(one);
    return type ? [{ name: nameOf(one), type }] : [];
  });
  const { paramKind } = spec;
  const parameter = paramKind && objectType(registry.findKind(paramKind.apiVersion ?? '', paramKind.kind ?? ''));
  const check = (text: string): string =>
    types
      .flatMap(({ name, type }) => {
        const scope = { params: paramKind !== undefined, authorizer: true, object: type, ...(parameter ? { parameter } : {}) };
        const variables = declareVariables(spec.variables ?? [], scope).types;
        const compiled = compileInScope(text, { ...scope, variables }, 'any');
        return 'problem' in compiled ? [`${name}: ${compiled.problem}\n`] : [];
      })
      .join('\n');
  return (spec.validations ?? []).flatMap(({ expression, messageExpression }, i) =>
    Object.entries({ expression, messageExpression }).flatMap(([field, text]) => {
      const warning = text ? check(text) : '';
      return warning ? [{ fieldRef: `spec.validations[${i}].${field}`, warning }] : [];
    }),
  );
};

export const admissionPolicyStatusReconciler = (registry: Registry): Reconciler => ({
  name: 'validatingadmissionpolicy-status-controller',
  watches: [{ resource, keys: ({ entry }) => [`/${entry.name}`] }],
  async reconcile(key, context) {
    const policy = context.replica(resource).get('', splitKey(key).name)?.object as Policy | undefined;
    const { generation = 0, deletionTimestamp } = policy?.metadata ?? {};
    if (!policy?.spec || deletionTimestamp || (policy.status?.observedGeneration ?? 0) >= generation) return undefined;
    const expressionWarnings = warningsOf(policy.spec, registry);
    const typeChecking = expressionWarnings.length > 0 ? { expressionWarnings } : {};
    const status = { ...policy.status, observedGeneration: generation, typeChecking };
    await context.client.update(resource, { ...policy, status } as Policy, { subresource: 'status' });
    return undefined;
  },
});
