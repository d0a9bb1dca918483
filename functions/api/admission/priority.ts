/** A pod's priority follows from its class alone (kubernetes `plugin/pkg/admission/priority`). */
import type { KubeObject } from '../../../kinds/object.ts';
import { systemPriorities } from '../../../kinds/strategies/priority-class.ts';
import type { Pod } from '../../../kinds/types.ts';
import type { Replica, Replicas } from '../../../store/replica.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';
import { refused } from './forbidden.ts';

interface PriorityClass extends KubeObject {
  value?: number;
  globalDefault?: boolean;
  preemptionPolicy?: string;
}

const classes = 'priorityclasses.scheduling.k8s.io';

/** Of several defaults, which only a race can make, the lowest. */
const defaultClass = (replica: Replica): PriorityClass | undefined => {
  let found: PriorityClass | undefined;
  for (const { object } of replica.list()) {
    const candidate = object as PriorityClass;
    if (candidate.globalDefault && (!found || (found.value ?? 0) > (candidate.value ?? 0))) found = candidate;
  }
  return found;
};

const none: Pick<PriorityClass, 'value' | 'preemptionPolicy'> = { value: 0, preemptionPolicy: 'PreemptLowerPriority' };

export const priority = (replicas: Replicas): AdmissionPlugin => {
  const open = async (): Promise<Replica> => replicas.loaded(classes) ?? replicas.open(classes);

  const admitNew = async (request: AdmissionRequest, pod: Pod): Promise<void> => {
    const { spec } = pod;
    if (!spec) return;
    const replica = await open();
    let found: PriorityClass | undefined;
    if (spec.priorityClassName) {
      if (!replica.get('', spec.priorityClassName)) await replica.sync();
      found = replica.get('', spec.priorityClassName)?.object as PriorityClass | undefined;
      if (!found) throw refused(request, `no PriorityClass with name ${spec.priorityClassName} was found`);
    } else {
      found = defaultClass(replica);
      if (found) spec.priorityClassName = found.metadata.name;
    }
    const { value = 0, preemptionPolicy } = found ?? none;
    if (spec.priority !== undefined && spec.priority !== null && spec.priority !== value)
      throw refused(
        request,
        `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`,
      );
    spec.priority = value;
    if (!preemptionPolicy) return;
    if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== preemptionPolicy)
      throw refused(
        request,
        `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${preemptionPolicy} from the given PriorityClass name`,
      );
    spec.preemptionPolicy = preemptionPolicy;
  };

  return {
    name: 'Priority',
    async admit(request) {
      if (request.subresource !== '' || request.resource.storage.name !== 'pods') return;
      const pod = request.object as Pod | undefined;
      if (!pod) return;
      if (request.operation === 'CREATE') await admitNew(request, pod);
      else if (request.operation === 'UPDATE' && pod.spec) {
        const before = (request.previous as Pod | undefined)?.spec;
        if (pod.spec.priority === undefined && before?.priority !== undefined) pod.spec.priority = before.priority;
        if (pod.spec.preemptionPolicy === undefined && before?.preemptionPolicy) pod.spec.preemptionPolicy = before.preemptionPolicy;
      }
    },
    async validate(request) {
      const { subresource, resource, operation } = request;
      if (operation === 'DELETE' && resource.storage.name === classes && Object.hasOwn(systemPriorities, request.name))
        throw refused(request, 'this is a system priority class and cannot be deleted');
      if (subresource !== '' || resource.storage.name !== classes || (operation !== 'CREATE' && operation !== 'UPDATE')) return;
      const next = request.object as PriorityClass | undefined;
      if (!next?.globalDefault) return;
      const replica = await open();
      await replica.sync();
      const present = defaultClass(replica);
      if (present && (operation === 'CREATE' || present.metadata.name !== next.metadata.name))
        throw refused(request, `PriorityClass ${present.metadata.name} is already marked as default. Only one default can exist`);
    },
  };
};
