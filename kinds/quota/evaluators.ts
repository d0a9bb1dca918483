/** How objects of each resource count against a quota (kubernetes `pkg/quota/v1/evaluator/core`). */
import type { KubeObject } from '../object.ts';
import { type Quantity, quantityOf, scaledValue, zero } from '../quantity.ts';
import type { Service } from '../types.ts';
import { type Amounts, parseAmounts, type Usage } from './amounts.ts';
import { podEvaluator } from './pods.ts';
import { type Requirement, selects } from './scopes.ts';

export interface QuotaWrite {
  readonly operation: 'CREATE' | 'UPDATE';
  readonly subresource: string;
  readonly object: KubeObject;
  readonly previous?: KubeObject | undefined;
}

export interface Evaluator {
  /** Whether this counts towards a resource of that name. */
  counts(name: string): boolean;
  /** Whether such a write can cost anything. */
  charges(write: QuotaWrite): boolean;
  usage(object: KubeObject, now: number): Usage;
  /** Absent: nothing of this resource is in any scope. */
  inScope?(requirement: Requirement, object: KubeObject): boolean;
  /** What an object must say, and does not, where a quota counts the resources of these names. */
  missing?(names: readonly string[], object: KubeObject): string | undefined;
}

const one = quantityOf(1);
export const countName = (group: string, resource: string): string => `count/${resource}${group ? `.${group}` : ''}`;

const counted = (...names: string[]): Evaluator => {
  const usage = new Map(names.map(name => [name, one]));
  return {
    counts: name => names.includes(name),
    charges: ({ operation, subresource }) => operation === 'CREATE' && subresource === '',
    usage: () => usage,
  };
};

const serviceNames = ['count/services', 'services', 'services.nodeports', 'services.loadbalancers'];
const services: Evaluator = {
  counts: name => serviceNames.includes(name),
  // An update may change the type.
  charges: ({ subresource }) => subresource === '',
  usage(object) {
    const { spec } = object as Service;
    const ports = spec?.ports ?? [];
    const balanced = spec?.type === 'LoadBalancer';
    // Those that will be allocated count too.
    const asked = balanced && spec.allocateLoadBalancerNodePorts === false ? ports.filter(({ nodePort }) => nodePort) : ports;
    return new Map([
      ['count/services', one],
      ['services', one],
      ['services.nodeports', balanced || spec?.type === 'NodePort' ? quantityOf(asked.length) : zero],
      ['services.loadbalancers', balanced ? one : zero],
    ]);
  },
};

interface Claim extends KubeObject {
  spec?: { storageClassName?: string; volumeAttributesClassName?: string; resources?: { requests?: Amounts } };
  status?: {
    allocatedResources?: Amounts;
    currentVolumeAttributesClassName?: string;
    modifyVolumeStatus?: { targetVolumeAttributesClassName?: string };
  };
}
const claimNames = ['persistentvolumeclaims', 'requests.storage'];
const ofClass = '.storageclass.storage.k8s.io/';
const whole = (quantity: Quantity): Quantity => (quantity.scale < 0 ? quantityOf(scaledValue(quantity, 0), quantity.format) : quantity);
const storageOf = ({ spec, status }: Claim): Quantity | undefined => {
  const asked = parseAmounts(spec?.resources?.requests).get('storage');
  const allocated = parseAmounts(status?.allocatedResources).get('storage');
  if (!asked) return undefined;
  const least = whole(asked);
  return allocated && scaledValue(allocated, 0) > scaledValue(least, 0) ? whole(allocated) : least;
};
const attributeClasses = ({ spec, status }: Claim): string[] =>
  [spec?.volumeAttributesClassName, status?.currentVolumeAttributesClassName, status?.modifyVolumeStatus?.targetVolumeAttributesClassName]
    .filter(name => name !== undefined && name !== '')
    .map(String);

const claims: Evaluator = {
  counts: name => name === 'count/persistentvolumeclaims' || claimNames.some(own => name === own || name.endsWith(ofClass + own)),
  charges: ({ subresource, operation }) => subresource === '' || (subresource === 'status' && operation === 'UPDATE'),
  usage(object) {
    const claim = object as Claim;
    const storageClass = claim.metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? claim.spec?.storageClassName;
    const storage = storageOf(claim);
    const usage = new Map([
      ['persistentvolumeclaims', one],
      ['count/persistentvolumeclaims', one],
    ]);
    if (storageClass) usage.set(`${storageClass}${ofClass}persistentvolumeclaims`, one);
    if (storage) usage.set('requests.storage', storage);
    if (storage && storageClass) usage.set(`${storageClass}${ofClass}requests.storage`, storage);
    return usage;
  },
  inScope: (requirement, object) =>
    requirement.scopeName === 'VolumeAttributesClass' && selects(requirement, attributeClasses(object as Claim)),
};

/** What was never counted, and what is never stored. */
const ignored = new Set([
  ...['bindings', 'componentstatuses', 'events', 'events.events.k8s.io'],
  ...['tokenreviews', 'selfsubjectreviews'].map(name => `${name}.authentication.k8s.io`),
  ...['subjectaccessreviews', 'selfsubjectaccessreviews', 'localsubjectaccessreviews', 'selfsubjectrulesreviews'].map(
    name => `${name}.authorization.k8s.io`,
  ),
]);
const known = new Map<string, Evaluator>([
  ['pods', podEvaluator],
  ['services', services],
  ['persistentvolumeclaims', claims],
  ...['configmaps', 'resourcequotas', 'replicationcontrollers', 'secrets'].map(
    name => [name, counted(`count/${name}`, name)] as [string, Evaluator],
  ),
]);

/** Undefined: no quota counts it. */
export const evaluatorOf = (group: string, resource: string): Evaluator | undefined => {
  const name = group ? `${resource}.${group}` : resource;
  if (ignored.has(name)) return undefined;
  let found = known.get(name);
  if (!found) {
    found = counted(countName(group, resource));
    // As many as there are resources served; custom ones come and go slowly.
    known.set(name, found);
  }
  return found;
};
