import type { Logger } from '../../kinds/environment.ts';

/** Says only what must never be said in a test that passes. */
export const silent: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: (message, fields) => process.stderr.write(`${message} ${JSON.stringify(fields)}\n`),
  child: () => silent,
};
