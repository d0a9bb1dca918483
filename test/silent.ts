import type { Logger } from '../kinds/environment.ts';

/** Says nothing. For tests that look at results alone. */
export const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
