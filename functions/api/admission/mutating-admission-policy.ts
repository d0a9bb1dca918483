/**
 * MutatingAdmissionPolicies: changes in CEL that people set up for what is written, as JSON patches or as parts to be applied (apiserver
 * `pkg/admission/plugin/policy/mutating`). Policies that ask for it look again at what later ones have changed.
 */
import type * as generated from '@kubernetes/client-node';
import { serverSideApply } from '../../../kinds/apply/apply.ts';
import { timestamp } from '../../../kinds/environment.ts';
import type { Json, JsonObject, KubeObject } from '../../../kinds/object.ts';
import { apiVersionOf } from '../../../kinds/resource.ts';
import { conform } from '../../../kinds/schema/decode.ts';
import type { Schema } from '../../../kinds/schema/schema.ts';
import { internalError, StatusError } from '../../../kinds/status.ts';
import type { Kind } from '../../../kinds/types.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';
import { applyDefaults } from '../strategy.ts';
import { copyJson, sameJson } from '../wire.ts';
import { refused } from './forbidden.ts';
import { become } from './policy/become.ts';
import {
  compileConditions,
  compileExpression,
  compileVariables,
  Evaluation,
  type Expression,
  toJson,
  type Variable,
} from './policy/expressions.ts';
import { type Hook, type PolicyDependencies, policiesInForce } from './policy/in-force.ts';
import { isExempt, matches, namespaceOf } from './policy/matching.ts';
import { applyOperations, misfitOf, OperationError } from './policy/operations.ts';
import { ConfigurationError, collectParams } from './policy/params.ts';

type Policy = Kind<generated.V1MutatingAdmissionPolicy>;
type Binding = Kind<generated.V1MutatingAdmissionPolicyBinding>;

const group = 'admissionregistration.k8s.io';

interface Expressions {
  readonly conditions: readonly Expression[];
  readonly variables: readonly Variable[];
  readonly mutations: readonly { readonly type: string; readonly expression: Expression }[];
}
type InForce = Hook<Policy, Binding, Expressions>;

const compilePolicy = ({ spec }: Policy): Expressions => {
  const params = spec?.paramKind !== undefined;
  const { variables, scope } = compileVariables(spec?.variables ?? [], params);
  return {
    variables,
    conditions: compileConditions(spec?.matchConditions, params),
    mutations: (spec?.mutations ?? []).map(({ patchType, jsonPatch: patch, applyConfiguration }) => ({
      type: patchType ?? '',
      expression: compileExpression(
        ((patch ?? applyConfiguration)?.expression ?? '').trim(),
        { ...scope, patches: true },
        patchType === 'JSONPatch' ? 'list(JSONPatch)' : 'Object',
      ),
    })),
  };
};

/** A mutation that cannot be made, in words for the client. */
class MutationError extends Error {}

const patched = (object: KubeObject, operations: Json): KubeObject => {
  try {
    return applyOperations(object, operations);
  } catch (error) {
    if (!(error instanceof OperationError)) throw error;
    // A test that fails means that there is nothing to do.
    if (error.operation === 'test') return object;
    throw new MutationError(`JSON Patch: ${error.message}`);
  }
};

const fitting = (schema: Schema, object: KubeObject): KubeObject => {
  try {
    return conform(schema, object, { strict: false }).object;
  } catch (error) {
    throw error instanceof StatusError ? internalError(misfitOf(error)) : error;
  }
};

/** What a policy sets belongs to nobody. */
const applied = ({ resource, object }: AdmissionRequest, current: KubeObject, part: JsonObject, time: string): KubeObject => {
  const { managedFields, ...metadata } = current.metadata;
  const live = { ...current, metadata } as KubeObject;
  const apiVersion = apiVersionOf(resource);
  const wanted = { ...part, apiVersion, kind: current.kind, metadata: { ...(part['metadata'] as JsonObject), name: metadata.name ?? '' } };
  try {
    const merged = serverSideApply({ schema: resource.schema, apiVersion, manager: 'policy', time, live, applied: wanted, force: true });
    const { managedFields: _, ...rest } = merged.metadata;
    return { ...merged, metadata: { ...rest, ...(managedFields && object ? { managedFields } : {}) } } as KubeObject;
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    const why = error.message.replace(/^failed to create typed patch object \([^)]*\)/, 'failed to convert patch object to typed object');
    throw new MutationError(`error applying patch: ${why}`);
  }
};

export const mutatingAdmissionPolicy = ({ replicas, registry, clock, authorizer }: PolicyDependencies): AdmissionPlugin => {
  const inForce = policiesInForce<Policy, Binding, Expressions>({
    replicas,
    clock,
    policies: `mutatingadmissionpolicies.${group}`,
    bindings: `mutatingadmissionpolicybindings.${group}`,
    compile: compilePolicy,
  });

  /** Whether it changed the object. Errors are left with what they say. */
  const invoke = async (
    hook: InForce,
    request: AdmissionRequest,
    namespace: KubeObject | undefined,
    params: KubeObject | undefined,
  ): Promise<boolean> => {
    const { object } = request;
    if (!object) return false;
    const { conditions, variables, mutations } = hook.expressions();
    const before = copyJson(object);
    for (const [at, { type, expression }] of mutations.entries()) {
      // Each sees what the ones before have made.
      const evaluation = new Evaluation({ request, namespace, params, variables, authorizer });
      if (at === 0) {
        const { holds, error } = await evaluation.conditions(conditions);
        if (error !== undefined) throw new MutationError(error);
        if (!holds) return false;
      }
      const result = await evaluation.run(expression);
      if ('error' in result) throw new MutationError(result.error);
      const made = jsonOf(result.value);
      const current = copyJson(object);
      const next = type === 'JSONPatch' ? patched(current, made) : applied(request, current, made as JsonObject, timestamp(clock.now()));
      const typed = fitting(request.resource.schema, next);
      applyDefaults(request.resource, typed);
      become(object, typed);
    }
    return !sameJson(before, object);
  };

  return {
    name: 'MutatingAdmissionPolicy',
    async admit(request) {
      const all = await inForce();
      if (all.length === 0 || !request.object || isExempt(request)) return;
      const namespace = await namespaceOf(replicas, request);
      const labels = () => namespace?.metadata.labels;
      const errors: string[] = [];
      const invoked: { readonly again: boolean; readonly run: () => Promise<boolean> }[] = [];
      let lastChange = -1;
      for (const hook of all) {
        const { policy } = hook;
        if (request.again && policy.spec?.reinvocationPolicy !== 'IfNeeded') continue;
        if (!matches(policy.spec?.matchConstraints, request, registry, labels)) continue;
        for (const binding of hook.bindings) {
          if (!matches(binding.spec?.matchResources, request, registry, labels)) continue;
          const failed = (error: unknown): void => {
            if (!(error instanceof ConfigurationError || error instanceof MutationError)) throw error;
            if (policy.spec?.failurePolicy === 'Ignore') return;
            errors.push(`policy '${policy.metadata.name}' with binding '${binding.metadata.name}' denied request: ${error.message}`);
          };
          try {
            const { paramKind } = policy.spec ?? {};
            for (const param of await collectParams({ replicas, registry }, paramKind, binding.spec?.paramRef, request.namespace)) {
              const run = async (): Promise<boolean> => {
                try {
                  return await invoke(hook, request, namespace, param);
                } catch (error) {
                  failed(error);
                  return false;
                }
              };
              invoked.push({ again: policy.spec?.reinvocationPolicy === 'IfNeeded', run });
              if (await run()) lastChange = invoked.length - 1;
            }
          } catch (error) {
            failed(error);
          }
        }
      }
      if (errors.length === 0) for (const { again, run } of invoked.slice(0, Math.max(0, lastChange))) if (again) await run();
      const [first] = errors;
      if (first === undefined) return;
      const { status } = refused(request, first);
      throw new StatusError(403, 'Invalid', first, { ...status.details, causes: errors.map(message => ({ message })) });
    },
  };
};

const jsonOf = (value: Parameters<typeof toJson>[0]): Json => {
  try {
    return toJson(value);
  } catch (error) {
    throw new MutationError((error as Error).message);
  }
};
