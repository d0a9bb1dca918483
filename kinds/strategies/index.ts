/**
 * The strategies of the built-in kinds, by the store's name of the resource: `pods`, `deployments.apps`. Here those that own
 * pods or are pods; the rest stands in `others.ts`.
 */
import type { Strategy } from '../strategy.ts';
import { controllerRevision } from './controller-revision.ts';
import { cronJob } from './cron-job.ts';
import { daemonSet } from './daemon-set.ts';
import { deployment } from './deployment.ts';
import { job } from './job.ts';
import { others } from './others.ts';
import { pod } from './pod.ts';
import { podTemplate } from './pod-template.ts';
import { replicaSet } from './replica-set.ts';
import { replicationController } from './replication-controller.ts';
import { statefulSet } from './stateful-set.ts';

export const strategies: Readonly<Record<string, Strategy>> = {
  ...others,
  pods: pod,
  podtemplates: podTemplate,
  replicationcontrollers: replicationController,
  'controllerrevisions.apps': controllerRevision,
  'daemonsets.apps': daemonSet,
  'deployments.apps': deployment,
  'replicasets.apps': replicaSet,
  'statefulsets.apps': statefulSet,
  'jobs.batch': job,
  'cronjobs.batch': cronJob,
};
