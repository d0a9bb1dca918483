/** Names of compute resources and amounts of them (upstream `pkg/apis/core/helper/helpers.go`). */
import { check, validateNonNegativeQuantity } from './checks.ts';
import { invalid, type Path } from './field.ts';
import { isQualifiedName } from './names.ts';
import { isQuantity, isWhole, parseQuantity } from './quantity.ts';
import type { FieldError } from './status.ts';

const countedResources = new Set([
  ...['pods', 'resourcequotas', 'services', 'replicationcontrollers', 'secrets', 'configmaps', 'persistentvolumeclaims'],
  ...['services.nodeports', 'services.loadbalancers'],
]);
const containerResources = new Set(['cpu', 'memory', 'ephemeral-storage']);
const quotaResources = new Set([
  ...countedResources,
  ...containerResources,
  ...['requests.cpu', 'requests.memory', 'requests.ephemeral-storage', 'requests.storage'],
  ...['limits.cpu', 'limits.memory', 'limits.ephemeral-storage'],
]);

export const isHugePages = (name: string): boolean => name.startsWith('hugepages-');
export const isQuotaResource = (name: string): boolean =>
  quotaResources.has(name) || isHugePages(name) || name.startsWith('requests.hugepages-');
const isStandardResource = (name: string): boolean => name === 'storage' || isQuotaResource(name);
/** No prefix, or Kubernetes' own. */
export const isNativeResource = (name: string): boolean => !name.includes('/') || name.includes('kubernetes.io/');
/** `example.com/device`: counted in whole units, never overcommitted. */
export const isExtendedResource = (name: string): boolean =>
  !isNativeResource(name) && !name.startsWith('requests.') && isQualifiedName(`requests.${name}`).length === 0;
export const isIntegerResource = (name: string): boolean => countedResources.has(name) || isExtendedResource(name);
export const isOvercommitAllowed = (name: string): boolean => isNativeResource(name) && !isHugePages(name);

/** A resource name: qualified, and known where it has no prefix. */
export const validateResourceName = (name: string, field: Path): FieldError[] => {
  const errors = check(isQualifiedName, name, field);
  if (errors.length || name.includes('/') || isStandardResource(name)) return errors;
  return [invalid(field, name, 'must be a standard resource type or fully qualified')];
};
/** What a container can ask for. */
export const validateContainerResourceName = (name: string, field: Path): FieldError[] => {
  const errors = validateResourceName(name, field);
  if (!name.includes('/')) {
    if (!containerResources.has(name) && !isHugePages(name))
      errors.push(invalid(field, name, 'must be a standard resource for containers'));
  } else if (!isNativeResource(name) && !isExtendedResource(name))
    errors.push(invalid(field, name, "doesn't follow extended resource name standard"));
  return errors;
};
/** What a ResourceQuota can limit. */
export const validateQuotaResourceName = (name: string, field: Path): FieldError[] => {
  const errors = validateResourceName(name, field);
  if (!name.includes('/') && !isQuotaResource(name)) errors.push(invalid(field, name, 'must be a standard resource for quota'));
  return errors;
};

/** Amounts are not negative, and whole where the resource comes in pieces. */
export const validateResourceAmount = (name: string, amount: string, field: Path): FieldError[] => {
  const errors = validateNonNegativeQuantity(amount, field);
  if (isIntegerResource(name) && isQuantity(amount) && !isWhole(parseQuantity(amount)))
    errors.push(invalid(field, amount, 'must be an integer'));
  return errors;
};
