/** The strategies of the built-in kinds, by the store's name of the resource: `pods`, `deployments.apps`. */
import type { Strategy } from '../strategy.ts';

export const strategies: Readonly<Record<string, Strategy>> = {};
