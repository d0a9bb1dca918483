/** Webhooks that may refuse what is written: all that are concerned are asked at once, and the first refusal in their order is told. */
import type { AdmissionPlugin } from '../admission.ts';
import { callHook, selectHooks, type WebhookDependencies, webhooksOf } from './webhook/hooks.ts';

export const validatingAdmissionWebhook = (dependencies: WebhookDependencies): AdmissionPlugin => {
  const configured = webhooksOf(dependencies, 'validatingwebhookconfigurations.admissionregistration.k8s.io');
  return {
    name: 'ValidatingAdmissionWebhook',
    async validate(request) {
      const concerned = await selectHooks(dependencies, await configured(), request);
      if (concerned.length === 0) return;
      const results = await Promise.allSettled(concerned.map(one => callHook(dependencies, one, request, false)));
      const refusal = results.find(result => result.status === 'rejected');
      if (refusal) throw refusal.reason;
    },
  };
};
