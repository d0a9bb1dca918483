/** What the admission plugins are asked before a connection to a pod, service or node is made. */
import type { Call } from './context.ts';
import { mutate } from './mutate.ts';
import { validate } from './validate.ts';

export const admitConnection = async (call: Call): Promise<void> => {
  const admission = { operation: 'CONNECT' as const, dryRun: false, options: {} };
  await mutate(call, admission);
  await validate(call, admission);
};
