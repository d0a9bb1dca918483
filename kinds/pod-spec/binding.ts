/** `pods/binding`: the scheduler's word on where a pod runs. */
import { timestamp } from '../environment.ts';
import { notSupported, required, root } from '../field.ts';
import type { KubeObject } from '../object.ts';
import { conflict, type FieldError } from '../status.ts';
import type { StrategyContext } from '../strategy.ts';
import type { Pod } from './types.ts';

export interface Binding extends KubeObject {
  target?: { apiVersion?: string; kind?: string; name?: string };
}

export const validateBinding = ({ target }: Binding): FieldError[] => {
  const errors: FieldError[] = [];
  if (target?.kind && target.kind !== 'Node') errors.push(notSupported(root('target', 'kind'), target.kind, ['Node', '<empty>']));
  if (!target?.name) errors.push(required(root('target', 'name')));
  return errors;
};

type PodConditions = NonNullable<NonNullable<Pod['status']>['conditions']>;
/** Puts the pod on the node; throws the Conflict that clients see where it cannot be put there. */
export const bindPod = (pod: Pod, binding: Binding, context: Pick<StrategyContext, 'clock'>): void => {
  const { name } = pod.metadata;
  const refuse = (why: string) => conflict({ group: '', resource: 'pods/binding' }, name, why);
  if (pod.metadata.deletionTimestamp) throw refuse(`pod ${name} is being deleted, cannot be assigned to a host`);
  if (pod.spec?.nodeName) throw refuse(`pod ${name} is already assigned to node ${JSON.stringify(pod.spec.nodeName)}`);
  if (pod.spec?.schedulingGates?.length) throw refuse(`pod ${name} has non-empty .spec.schedulingGates`);
  pod.spec = { ...pod.spec, containers: pod.spec?.containers ?? [], nodeName: binding.target?.name ?? '' };
  if (binding.metadata.annotations) pod.metadata.annotations = { ...pod.metadata.annotations, ...binding.metadata.annotations };
  if (binding.metadata.labels) pod.metadata.labels = { ...pod.metadata.labels, ...binding.metadata.labels };
  const status = { ...pod.status };
  delete status.nominatedNodeName;
  const scheduled = {
    lastProbeTime: null,
    lastTransitionTime: timestamp(context.clock.now()),
    status: 'True',
    type: 'PodScheduled',
  } as unknown as PodConditions[number];
  status.conditions = [...(status.conditions ?? []).filter(condition => condition.type !== 'PodScheduled'), scheduled];
  pod.status = status;
};
