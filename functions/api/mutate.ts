/** The mutating half of admission: plugins in order, each may change the object. */
import type { KubeObject } from '../../kinds/object.ts';
import type { AdmissionRequest, AroundCommit, Operation } from './admission.ts';
import type { Call } from './context.ts';

export interface Admission {
  readonly operation: Operation;
  readonly object?: KubeObject;
  readonly previous?: KubeObject | undefined;
  readonly dryRun: boolean;
  readonly options: Readonly<Record<string, unknown>>;
  /** Takes what a plugin wants around the commit, where there is one. */
  commitWith?(around: AroundCommit): void;
}

export const admissionRequest = (
  call: Call,
  { operation, object, previous, dryRun, options, commitWith }: Admission,
): AdmissionRequest => ({
  operation,
  resource: call.resource,
  subresource: call.subresource,
  namespace: call.namespace,
  name: call.name || object?.metadata.name || '',
  ...(object ? { object } : {}),
  ...(previous ? { previous } : {}),
  user: call.user,
  dryRun,
  options,
  warn: text => call.warnings.push(text),
  ...(call.audit ? { annotate: (key, value, from) => call.audit?.annotate(key, value, from) } : {}),
  ...(commitWith ? { commitWith } : {}),
});

export const mutate = async (call: Call, admission: Admission): Promise<void> => {
  const { admission: plugins } = call.services;
  if (plugins.length === 0) return;
  let again = false;
  const request: AdmissionRequest = {
    ...admissionRequest(call, admission),
    lookAgain() {
      again = true;
    },
  };
  for (const plugin of plugins) if (plugin.admit) await plugin.admit(request);
  if (!again) return;
  const second: AdmissionRequest = Object.assign(request, { again });
  for (const plugin of plugins) if (plugin.admit) await plugin.admit(second);
};
