/**
 * ValidatingAdmissionPolicies: conditions in CEL that people set up for what is written (apiserver `pkg/admission/plugin/policy/validating`).
 * A policy holds where a binding puts it in force; with none, it is not even looked at.
 */
import type * as generated from '@kubernetes/client-node';
import { goJson } from '../../../kinds/field.ts';
import { StatusError } from '../../../kinds/status.ts';
import type { Kind } from '../../../kinds/types.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';
import { refused } from './forbidden.ts';
import {
  compileConditions,
  compileExpression,
  compileVariables,
  Evaluation,
  type Expression,
  type Variable,
} from './policy/expressions.ts';
import { type Hook, type PolicyDependencies, policiesInForce } from './policy/in-force.ts';
import { isExempt, matches, namespaceOf } from './policy/matching.ts';
import { ConfigurationError, collectParams } from './policy/params.ts';

type Policy = Kind<generated.V1ValidatingAdmissionPolicy>;
type Binding = Kind<generated.V1ValidatingAdmissionPolicyBinding>;
type Validation = NonNullable<NonNullable<Policy['spec']>['validations']>[number];

const group = 'admissionregistration.k8s.io';
const longestMessage = 5 * 1024;
const longestAnnotation = 10 * 1024;
const codes: Readonly<Record<string, number>> = { Unauthorized: 401, Forbidden: 403, RequestEntityTooLarge: 413, Invalid: 422 };

interface Expressions {
  readonly conditions: readonly Expression[];
  readonly variables: readonly Variable[];
  readonly validations: readonly { readonly rule: Validation; readonly expression: Expression; readonly message?: Expression }[];
  readonly annotations: readonly { readonly key: string; readonly expression: Expression }[];
}
interface Denial {
  readonly index: number;
  readonly message: string;
  readonly reason?: string;
}

interface Judgement {
  readonly denials: readonly Denial[];
  /** What the policy wants recorded with the request. */
  readonly annotations: readonly (readonly [key: string, value: string])[];
  /** Why it could not be made out what is to be recorded: denies, whatever else is to be done about denials. */
  readonly failures: readonly string[];
}

type InForce = Hook<Policy, Binding, Expressions>;

const compilePolicy = ({ spec }: Policy): Expressions => {
  const params = spec?.paramKind !== undefined;
  const { variables, scope } = compileVariables(spec?.variables ?? [], params);
  return {
    variables,
    conditions: compileConditions(spec?.matchConditions, params),
    validations: (spec?.validations ?? []).map(rule => ({
      rule,
      expression: compileExpression(rule.expression, scope, 'bool'),
      ...(rule.messageExpression ? { message: compileExpression(rule.messageExpression, { ...scope, authorizer: false }, 'string') } : {}),
    })),
    annotations: (spec?.auditAnnotations ?? []).map(({ key, valueExpression }) => ({
      key,
      expression: compileExpression(valueExpression.trim(), scope, 'string or null'),
    })),
  };
};

/** What the client is told: what the expression says, or the message, or the expression itself. */
const messageOf = async (evaluation: Evaluation, { rule, message }: Expressions['validations'][number]): Promise<string> => {
  const result = message && (await evaluation.run(message));
  const made = result && 'value' in result && typeof result.value === 'string' ? result.value.trim() : '';
  if (made && made.length <= longestMessage && !made.includes('\n')) return made;
  return rule.message?.trim() || `failed expression: ${rule.expression.trim()}`;
};

/** Expressions that fail to be evaluated deny, unless the policy wants to be passed over then. */
const evaluate = async (hook: InForce, evaluation: Evaluation): Promise<Judgement> => {
  const { conditions, validations, annotations: wanted } = hook.expressions();
  const lenient = hook.policy.spec?.failurePolicy === 'Ignore';
  const { holds, error } = await evaluation.conditions(conditions);
  if (error !== undefined) return lenient ? nothing : { ...nothing, denials: [{ index: 0, message: error }] };
  if (!holds) return nothing;
  const denials: Denial[] = [];
  for (const [index, validation] of validations.entries()) {
    const result = await evaluation.run(validation.expression);
    if ('error' in result) {
      if (!lenient) denials.push({ index, message: result.error });
    } else if (result.value !== true)
      denials.push({ index, message: await messageOf(evaluation, validation), reason: validation.rule.reason ?? 'Invalid' });
  }
  const annotations: [string, string][] = [];
  const failures: string[] = [];
  for (const { key, expression } of wanted) {
    const result = await evaluation.run(expression);
    if ('error' in result) {
      if (!lenient) failures.push(result.error);
    } else if (typeof result.value === 'string' && result.value.trim())
      annotations.push([key, result.value.trim().slice(0, longestAnnotation)]);
  }
  return { denials, annotations, failures };
};
const nothing: Judgement = { denials: [], annotations: [], failures: [] };

const denied = (
  request: AdmissionRequest,
  policy: Policy,
  binding: Binding | undefined,
  { message, reason = 'Invalid' }: Omit<Denial, 'index'>,
): StatusError => {
  const text = `ValidatingAdmissionPolicy '${policy.metadata.name}'${binding ? ` with binding '${binding.metadata.name}'` : ''} denied request: ${message}`;
  const { status } = refused(request, text);
  return new StatusError(codes[reason] ?? 422, reason, status.message ?? text, { ...status.details, causes: [{ message: text }] });
};

const failureKey = 'validation.policy.admission.k8s.io/validation_failure';
const failureText = (policy: Policy, binding: Binding, { message, index }: Denial): string =>
  goJson([
    {
      message,
      policy: policy.metadata.name,
      binding: binding.metadata.name,
      expressionIndex: index,
      validationActions: binding.spec?.validationActions ?? [],
    },
  ]);

export const validatingAdmissionPolicy = ({ replicas, registry, clock, authorizer }: PolicyDependencies): AdmissionPlugin => {
  const inForce = policiesInForce<Policy, Binding, Expressions>({
    replicas,
    clock,
    policies: `validatingadmissionpolicies.${group}`,
    bindings: `validatingadmissionpolicybindings.${group}`,
    compile: compilePolicy,
  });

  return {
    name: 'ValidatingAdmissionPolicy',
    async validate(request) {
      const all = await inForce();
      if (all.length === 0 || isExempt(request)) return;
      const namespace = await namespaceOf(replicas, request);
      const labels = () => namespace?.metadata.labels;
      let refusal: StatusError | undefined;
      for (const hook of all) {
        const { policy } = hook;
        if (!matches(policy.spec?.matchConstraints, request, registry, labels)) continue;
        const annotations = new Map<string, Set<string>>();
        for (const binding of hook.bindings) {
          if (!matches(binding.spec?.matchResources, request, registry, labels)) continue;
          try {
            const params = await collectParams({ replicas, registry }, policy.spec?.paramKind, binding.spec?.paramRef, request.namespace);
            for (const param of params) {
              const { variables } = hook.expressions();
              const evaluation = new Evaluation({ request, namespace, params: param, variables, authorizer });
              const judgement = await evaluate(hook, evaluation);
              for (const denial of judgement.denials) {
                const actions = binding.spec?.validationActions ?? [];
                if (actions.includes('Deny')) refusal ??= denied(request, policy, binding, denial);
                if (actions.includes('Audit')) request.annotate?.(failureKey, failureText(policy, binding, denial));
                if (actions.includes('Warn'))
                  request.warn(
                    `Validation failed for ValidatingAdmissionPolicy '${policy.metadata.name}' with binding '${binding.metadata.name}': ${denial.message}`,
                  );
              }
              for (const message of judgement.failures) refusal ??= denied(request, policy, binding, { message });
              for (const [key, value] of judgement.annotations) annotations.set(key, (annotations.get(key) ?? new Set()).add(value));
            }
          } catch (error) {
            if (!(error instanceof ConfigurationError)) throw error;
            if (policy.spec?.failurePolicy === 'Ignore') continue;
            refusal ??= error.ofPolicy
              ? denied(request, policy, undefined, { message: `failed to configure policy: ${error.message}` })
              : denied(request, policy, binding, { message: `failed to configure binding: ${error.message}` });
          }
        }
        for (const [key, values] of annotations) request.annotate?.(`${policy.metadata.name}/${key}`, [...values].join(', '));
      }
      if (refusal) throw refusal;
    },
  };
};
