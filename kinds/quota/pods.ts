/** Pods under quota (kubernetes `pkg/quota/v1/evaluator/core/pods.go`). */
import { qosClass } from '../pod-spec/qos.ts';
import type { PodSpec as QosSpec } from '../pod-spec/types.ts';
import { type Quantity, quantityOf } from '../quantity.ts';
import { isExtendedResource, isHugePages, isNativeResource } from '../resource-names.ts';
import type { Container, Pod } from '../types.ts';
import { type Amounts, parseAmounts, type Usage } from './amounts.ts';
import type { Evaluator } from './evaluators.ts';
import { hasPodLevelResources, podResources } from './pod-resources.ts';
import { selects } from './scopes.ts';

const one = quantityOf(1);
const plain = ['cpu', 'memory', 'ephemeral-storage'];
const names = new Set(['count/pods', 'pods', ...plain, ...plain.flatMap(name => [`requests.${name}`, `limits.${name}`])]);
/** For these every container must say what it needs: an old mistake that clients have come to rely on. */
const mandatory = ['cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory'];
const deviceClass = 'deviceclass.resource.kubernetes.io/';

const compute = (requests: Usage, limits: Usage): Map<string, Quantity> => {
  const result = new Map<string, Quantity>([['pods', one]]);
  for (const [name, quantity] of requests) {
    if (plain.includes(name) || isHugePages(name)) result.set(name, quantity).set(`requests.${name}`, quantity);
    // Devices are never overcommitted, so only their requests count.
    else if (isExtendedResource(name) || name.startsWith(deviceClass)) result.set(`requests.${name}`, quantity);
  }
  for (const name of plain) {
    const limit = limits.get(name);
    if (limit) result.set(`limits.${name}`, limit);
  }
  return result;
};

/** A pod that has ended, or should have, costs nothing but its place in storage. */
const isOver = ({ status, metadata }: Pod, now: number): boolean => {
  if (status?.phase === 'Failed' || status?.phase === 'Succeeded') return true;
  const { deletionTimestamp, deletionGracePeriodSeconds } = metadata;
  if (!deletionTimestamp || deletionGracePeriodSeconds === undefined) return false;
  return now > Date.parse(deletionTimestamp) + deletionGracePeriodSeconds * 1000;
};
const isTerminating = ({ spec }: Pod): boolean => (spec?.activeDeadlineSeconds ?? -1) >= 0;
const isBestEffort = ({ spec }: Pod): boolean => spec !== undefined && qosClass(spec as QosSpec) === 'BestEffort';

interface Term {
  namespaces?: string[];
  namespaceSelector?: object;
}
const crossesNamespaces = ({ spec }: Pod): boolean =>
  [spec?.affinity?.podAffinity, spec?.affinity?.podAntiAffinity].some(affinity => {
    const terms: (Term | undefined)[] = [
      ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
      ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(({ podAffinityTerm }) => podAffinityTerm),
    ];
    return terms.some(term => term?.namespaces?.length || term?.namespaceSelector);
  });

const stated = ({ resources }: Container): Usage =>
  compute(parseAmounts(resources?.requests as Amounts | undefined), parseAmounts(resources?.limits as Amounts | undefined));

export const podEvaluator: Evaluator = {
  counts: name =>
    names.has(name) ||
    isHugePages(name) ||
    name.startsWith('requests.hugepages-') ||
    (name.startsWith('requests.') && (!isNativeResource(name) || name.startsWith(`requests.${deviceClass}`))),
  charges({ operation, subresource, object, previous }) {
    if (subresource === 'resize') return operation === 'UPDATE';
    if (subresource !== '') return false;
    return operation === 'CREATE' || (previous !== undefined && isTerminating(object as Pod) !== isTerminating(previous as Pod));
  },
  usage(object, now) {
    const pod = object as Pod;
    if (isOver(pod, now)) return new Map([['count/pods', one]]);
    return compute(podResources(pod, 'requests'), podResources(pod, 'limits')).set('count/pods', one);
  },
  inScope(requirement, object) {
    const pod = object as Pod;
    switch (requirement.scopeName) {
      case 'Terminating':
        return isTerminating(pod);
      case 'NotTerminating':
        return !isTerminating(pod);
      case 'BestEffort':
        return isBestEffort(pod);
      case 'NotBestEffort':
        return !isBestEffort(pod);
      case 'PriorityClass':
        return selects(requirement, pod.spec?.priorityClassName ? [pod.spec.priorityClassName] : []);
      case 'CrossNamespacePodAffinity':
        return crossesNamespaces(pod);
      default:
        return false;
    }
  },
  missing(limited, object) {
    const pod = object as Pod;
    if (hasPodLevelResources(pod)) return undefined;
    const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
    const texts = mandatory
      .filter(name => limited.includes(name))
      .sort()
      .flatMap(name => {
        const silent = containers.filter(container => !stated(container).has(name)).map(container => container.name);
        return silent.length > 0 ? [`${name} for: ${[...new Set(silent)].sort().join(',')}`] : [];
      });
    return texts.length > 0 ? `must specify ${texts.join('; ')}` : undefined;
  },
};
