/** The validating half of admission: all plugins see the object as it is about to be stored. */
import type { Call } from './context.ts';
import { type Admission, admissionRequest } from './mutate.ts';

export const validate = async (call: Call, admission: Admission): Promise<void> => {
  const { admission: plugins } = call.services;
  if (plugins.length === 0) return;
  const request = admissionRequest(call, admission);
  for (const plugin of plugins) if (plugin.validate) await plugin.validate(request);
};
