/**
 * The strategies of the built-in kinds, by the store's name of the resource: `pods`, `deployments.apps`. Here those that own
 * pods or are pods; the rest stands in `others.ts`.
 */
import type { Strategy } from '../strategy.ts';
import { deployment } from './deployment.ts';
import { others } from './others.ts';
import { pod } from './pod.ts';
import { replicaSet } from './replica-set.ts';

export const strategies: Readonly<Record<string, Strategy>> = {
  ...others,
  pods: pod,
  'deployments.apps': deployment,
  'replicasets.apps': replicaSet,
};
