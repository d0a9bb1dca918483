/** References from environment and downward API volumes to fields of the pod itself. */
import { invalid, notSupported, type Path, required } from '../field.ts';
import { isQualifiedName } from '../metadata.ts';
import { canonical, isZero } from '../quantity.ts';
import { check, type Errors } from './check.ts';
import { quantity } from './resources.ts';
import type { ObjectFieldSelector, ResourceFieldSelector } from './types.ts';

export const defaultFieldRef = (selector: ObjectFieldSelector | undefined): void => {
  if (selector) selector.apiVersion ||= 'v1';
};
/** An absent divisor is written out as the zero quantity. */
export const defaultResourceField = (selector: ResourceFieldSelector | undefined): void => {
  if (!selector) return;
  selector.divisor ||= '0';
  if (quantity(selector.divisor)) selector.divisor = canonical(selector.divisor);
};

/** Labels that upstream's conversion of field paths knows; not all of them may be used in every place. */
const known = new Set(
  ['metadata.annotations', 'metadata.labels', 'metadata.name', 'metadata.namespace', 'metadata.uid', 'spec.nodeName'].concat(
    ['spec.restartPolicy', 'spec.serviceAccountName', 'spec.schedulerName', 'status.phase', 'status.hostIP', 'status.hostIPs'],
    ['status.podIP', 'status.podIPs', 'spec.host'],
  ),
);
/** Sorted, as error texts list them. */
const inEnvironment = ['metadata.name', 'metadata.namespace', 'metadata.uid', 'spec.nodeName', 'spec.serviceAccountName'].concat([
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
]);
const inVolume = ['metadata.annotations', 'metadata.labels', 'metadata.name', 'metadata.namespace', 'metadata.uid'];
const resourceFields = ['limits.cpu', 'limits.ephemeral-storage', 'limits.memory'].concat([
  'requests.cpu',
  'requests.ephemeral-storage',
  'requests.memory',
]);

/** `metadata.labels['key']` as path and subscript. */
const subscripted = /^(.+?)\['(.*)'\]$/s;

export const checkFieldRef = (selector: ObjectFieldSelector, place: 'environment' | 'volume', path: Path, errors: Errors): void => {
  const { apiVersion, fieldPath } = selector;
  if (!apiVersion) {
    errors.push(required(path.child('apiVersion')));
    return;
  }
  if (!fieldPath) {
    errors.push(required(path.child('fieldPath')));
    return;
  }
  const [, base, subscript] = subscripted.exec(fieldPath) ?? [];
  const wrong = (why: string) => errors.push(invalid(path.child('fieldPath'), fieldPath, `error converting fieldPath: ${why}`));
  if (apiVersion !== 'v1') wrong(`unsupported pod version: ${apiVersion}`);
  else if (base !== undefined && subscript !== undefined) {
    if (base === 'metadata.annotations') check(isQualifiedName, subscript.toLowerCase(), path, errors);
    else if (base === 'metadata.labels') check(isQualifiedName, subscript, path, errors);
    else wrong(`field label does not support subscript: ${fieldPath}`);
  } else if (!known.has(fieldPath)) wrong(`field label not supported: ${fieldPath}`);
  else {
    const name = fieldPath === 'spec.host' ? 'spec.nodeName' : fieldPath;
    const allowed = place === 'volume' ? inVolume : inEnvironment;
    if (!allowed.includes(name)) errors.push(notSupported(path.child('fieldPath'), name, allowed));
  }
};

const sizes = ['1', '1k', '1M', '1G', '1T', '1P', '1E', '1Ki', '1Mi', '1Gi', '1Ti', '1Pi', '1Ei'];
const divisorRules: readonly { fields: (resource: string) => boolean; allowed: readonly string[]; text: string }[] = [
  {
    fields: resource => resource === 'limits.cpu' || resource === 'requests.cpu',
    allowed: ['1m', '1'],
    text: "only divisor's values 1m and 1 are supported with the cpu resource",
  },
  {
    fields: resource => resource === 'limits.memory' || resource === 'requests.memory',
    allowed: sizes,
    text: `only divisor's values ${sizes.join(', ')} are supported with the memory resource`,
  },
  {
    fields: resource => resource === 'limits.ephemeral-storage' || resource === 'requests.ephemeral-storage',
    allowed: sizes,
    text: `only divisor's values ${sizes.join(', ')} are supported with the local ephemeral storage resource`,
  },
  {
    fields: resource => resource.startsWith('requests.hugepages-') || resource.startsWith('limits.hugepages-'),
    allowed: sizes,
    text: `only divisor's values ${sizes.join(', ')} are supported with the hugepages resource`,
  },
];

export const checkResourceField = (selector: ResourceFieldSelector, inVolumeFile: boolean, path: Path, errors: Errors): void => {
  const { resource } = selector;
  if (inVolumeFile && !selector.containerName) errors.push(required(path.child('containerName')));
  else if (!resource) errors.push(required(path.child('resource')));
  else if (!resourceFields.includes(resource) && !/^(?:requests|limits)\.hugepages-/.test(resource))
    errors.push(notSupported(path.child('resource'), resource, resourceFields));
  const divisor = quantity(selector.divisor);
  if (!divisor || isZero(divisor) || !resource) return;
  for (const rule of divisorRules) {
    if (rule.fields(resource) && !rule.allowed.includes(canonical(selector.divisor ?? '')))
      errors.push(invalid(path.child('divisor'), resource, rule.text));
  }
};
