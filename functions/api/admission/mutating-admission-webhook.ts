/** Webhooks that may change what is written, one after the other; those that ask for it look again at what later ones changed. */
import type { KubeObject } from '../../../kinds/object.ts';
import { jsonPatch } from '../../../kinds/patch/index.ts';
import { apiVersionOf, type Resource } from '../../../kinds/resource.ts';
import { conform } from '../../../kinds/schema/decode.ts';
import { internalError } from '../../../kinds/status.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';
import { applyDefaults } from '../strategy.ts';
import { copyJson, sameJson } from '../wire.ts';
import { become } from './policy/become.ts';
import { callHook, type Hook, selectHooks, type WebhookDependencies, webhooksOf } from './webhook/hooks.ts';

const patched = (object: KubeObject, patch: string): KubeObject => {
  let operations: unknown;
  try {
    operations = JSON.parse(Buffer.from(patch, 'base64').toString('utf8'));
  } catch (error) {
    throw internalError((error as Error).message);
  }
  return jsonPatch(copyJson(object), operations);
};

const completed = (resource: Resource, object: KubeObject): KubeObject => {
  const next = conform(resource.schema, object, { strict: false }).object;
  applyDefaults(resource, next);
  return next;
};

export const mutatingAdmissionWebhook = (dependencies: WebhookDependencies): AdmissionPlugin => {
  const configured = webhooksOf(dependencies, 'mutatingwebhookconfigurations.admissionregistration.k8s.io');

  /** Whether it changed the object. */
  const ask = async (hook: Hook, request: AdmissionRequest): Promise<boolean> => {
    const answer = await callHook(dependencies, hook, request, true);
    const { object } = request;
    if (!answer?.patch || !object) return false;
    const before = copyJson(object);
    const next = patched(object, answer.patch);
    // What is posted to a subresource is of another kind.
    const own = object.kind === request.resource.kind && object.apiVersion === apiVersionOf(request.resource);
    become(object, own ? completed(request.resource, next) : next);
    return !sameJson(before, object);
  };

  return {
    name: 'MutatingAdmissionWebhook',
    async admit(request) {
      const all = await configured();
      if (all.length === 0) return;
      const asked: Hook[] = [];
      let lastChange = -1;
      for (const hook of all) {
        // What an earlier one changed may bring a later one in.
        const [concerned] = await selectHooks(dependencies, [hook], request);
        if (!concerned) continue;
        asked.push(concerned);
        if (await ask(concerned, request)) lastChange = asked.length - 1;
      }
      for (const hook of asked.slice(0, Math.max(0, lastChange))) if (hook.reinvocationPolicy === 'IfNeeded') await ask(hook, request);
    },
  };
};
