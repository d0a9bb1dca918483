/** Webhooks that may change what is written, one after the other; those that ask for it look again at what later ones changed. */

import { goJsonError } from '../../../kinds/go-json-error.ts';
import type { KubeObject } from '../../../kinds/object.ts';
import { apiVersionOf, type Resource } from '../../../kinds/resource.ts';
import { conform } from '../../../kinds/schema/decode.ts';
import { internalError, StatusError } from '../../../kinds/status.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';
import { toServed, toStored } from '../context.ts';
import { applyDefaults } from '../strategy.ts';
import { copyJson, sameJson } from '../wire.ts';
import { become } from './policy/become.ts';
import { applyOperations, misfitOf, OperationError } from './policy/operations.ts';
import { type Concerned, callHook, type Hook, selectHooks, type WebhookDependencies, webhooksOf } from './webhook/hooks.ts';

/** Of one request. */
interface Round {
  /** Who wants to see what others change, and has not been told of the last change. */
  readonly before: Set<Hook>;
  readonly due: Set<Hook>;
}

const patched = ({ name }: Hook, object: KubeObject, patch: string): KubeObject => {
  let operations: unknown;
  const text = Buffer.from(patch, 'base64').toString('utf8');
  try {
    operations = JSON.parse(text);
  } catch {
    const why = goJsonError(text) ?? 'unexpected end of JSON input';
    throw internalError(`failed calling webhook ${JSON.stringify(name)}: received undecodable patch in webhook response: ${why}`);
  }
  try {
    return applyOperations(object, operations);
  } catch (error) {
    throw error instanceof OperationError ? internalError(error.message) : error;
  }
};

const fitting = (resource: Resource, object: KubeObject): KubeObject => {
  try {
    return conform(resource.schema, object, { strict: false }).object;
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    throw internalError(misfitOf(error));
  }
};

const completed = (resource: Resource, object: KubeObject): KubeObject => {
  const next = fitting(resource, object);
  applyDefaults(resource, next);
  return next;
};

export const mutatingAdmissionWebhook = (dependencies: WebhookDependencies): AdmissionPlugin => {
  const configured = webhooksOf(dependencies, 'mutatingwebhookconfigurations.admissionregistration.k8s.io');

  /** Whether it changed the object. */
  const ask = async ({ hook, seen }: Concerned, request: AdmissionRequest): Promise<boolean> => {
    const answer = await callHook(dependencies, { hook, seen }, request, true);
    const { object } = request;
    if (!answer?.patch || !object || !seen.object) return false;
    const before = copyJson(object);
    const next = patched(hook, seen.object, answer.patch);
    if (answer.patchType !== undefined && answer.patchType !== 'JSONPatch' && !sameJson(next, seen.object))
      throw internalError(
        `failed calling webhook ${JSON.stringify(hook.name)}: unsupported patch type ${JSON.stringify(answer.patchType)}`,
      );
    // What is posted to a subresource is of another kind.
    const own = object.kind === request.resource.kind && object.apiVersion === apiVersionOf(request.resource);
    if (seen !== request) become(object, toServed(request.resource, toStored(seen.resource, completed(seen.resource, next))));
    else become(object, own ? completed(request.resource, next) : next);
    return !sameJson(before, object);
  };

  const rounds = new WeakMap<AdmissionRequest, Round>();
  const roundOf = (request: AdmissionRequest): Round => {
    const round = rounds.get(request) ?? { before: new Set(), due: new Set() };
    rounds.set(request, round);
    return round;
  };

  return {
    name: 'MutatingAdmissionWebhook',
    async admit(request) {
      const all = await configured();
      if (all.length === 0) return;
      const { before, due } = roundOf(request);
      let changed = false;
      for (const hook of all) {
        if (request.again && !due.has(hook)) continue;
        // What an earlier one changed may bring a later one in.
        const [concerned] = await selectHooks(dependencies, [hook], request);
        if (!concerned) continue;
        if (await ask(concerned, request)) {
          changed = true;
          for (const one of before) due.add(one);
          before.clear();
        }
        if (hook.reinvocationPolicy === 'IfNeeded') before.add(hook);
      }
      if (changed) request.lookAgain?.();
    },
  };
};
