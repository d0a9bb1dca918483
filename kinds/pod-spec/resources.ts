/** Resource requests and limits: which names are legal where, what they add up to, and the rules over them. */
import { duplicate, forbidden, invalid, notFound, notSupported, type Path, required } from '../field.ts';
import { isDns1123Label, negativeText } from '../metadata.ts';
import { add, compare, formatQuantity, isWhole, parseQuantity, type Quantity, QuantityError, scaledValue, sign } from '../quantity.ts';
import {
  isHugePages,
  isIntegerResource,
  isOvercommitAllowed,
  validateContainerResourceName,
  validateResourceName,
} from '../resource-names.ts';
import { emptyAsGiven } from '../schema/given.ts';
import { check, type Errors } from './check.ts';
import type { AnyContainer, PodSpec, ResourceList, ResourceRequirements } from './types.ts';

const podLevel = ['cpu', 'hugepages-', 'memory'];
/** What nearly every container asks for: settled without a closer look. */
const usual = new Set(['cpu', 'memory', 'ephemeral-storage']);
export const isPodLevelResource = (name: string): boolean => name === 'cpu' || name === 'memory' || isHugePages(name);

/** A quantity, or undefined where the text is none: that is the decoder's to refuse. */
export const quantity = (wire: string | undefined): Quantity | undefined => {
  if (wire === undefined) return undefined;
  try {
    return parseQuantity(wire);
  } catch (error) {
    if (error instanceof QuantityError) return undefined;
    throw error;
  }
};

export type Totals = Map<string, Quantity>;
const plus = (totals: Totals, list: ResourceList | undefined): void => {
  for (const name in list) {
    const amount = quantity(list[name]);
    if (!amount) continue;
    const sum = totals.get(name);
    totals.set(name, sum ? add(sum, amount) : amount);
  }
};
const raise = (totals: Totals, other: Totals): void => {
  for (const [name, amount] of other) {
    const current = totals.get(name);
    if (!current || compare(amount, current) > 0) totals.set(name, amount);
  }
};
const plusTotals = (totals: Totals, other: Totals): void => {
  for (const [name, amount] of other) {
    const sum = totals.get(name);
    totals.set(name, sum ? add(sum, amount) : amount);
  }
};
/**
 * What all containers together need at most: regular and sidecar containers run side by side; before them each init
 * container runs beside the sidecars declared before it (KEP-753).
 */
const aggregate = (spec: PodSpec, listOf: (container: AnyContainer) => ResourceList | undefined): Totals => {
  const totals: Totals = new Map();
  for (const container of spec.containers ?? []) plus(totals, listOf(container));
  const sidecars: Totals = new Map();
  const initial: Totals = new Map();
  for (const container of spec.initContainers ?? []) {
    const list = listOf(container);
    if (container.restartPolicy === 'Always') {
      plus(totals, list);
      plus(sidecars, list);
      raise(initial, sidecars);
    } else {
      const beside: Totals = new Map();
      plus(beside, list);
      plusTotals(beside, sidecars);
      raise(initial, beside);
    }
  }
  raise(totals, initial);
  return totals;
};
export const aggregateRequests = (spec: PodSpec): Totals => aggregate(spec, container => container.resources?.requests);
export const aggregateLimits = (spec: PodSpec): Totals => aggregate(spec, container => container.resources?.limits);

type NameCheck = (name: string, path: Path, errors: Errors) => void;
const checkContainerName: NameCheck = (name, path, errors) => {
  if (!usual.has(name)) errors.push(...validateContainerResourceName(name, path));
};
const checkPodName: NameCheck = (name, path, errors) => {
  const problems = validateResourceName(name, path);
  if (problems.length) errors.push(...problems);
  else if (!isPodLevelResource(name)) errors.push(notSupported(path, name, podLevel));
};

/** Not negative, and whole where parts make no sense. */
export const checkQuantity = (name: string, amount: Quantity, path: Path, errors: Errors): void => {
  if (sign(amount) < 0) errors.push(invalid(path, formatQuantity(amount), negativeText));
  if (!usual.has(name) && isIntegerResource(name) && !isWhole(amount))
    errors.push(invalid(path, formatQuantity(amount), 'must be an integer'));
};
const checkPageMultiple = (name: string, amount: Quantity, path: Path, errors: Errors): void => {
  const size = quantity(name.slice('hugepages-'.length));
  const bytes = size && sign(size) > 0 && isWhole(size) ? scaledValue(size, 0) : 0n;
  if (bytes > 0n && scaledValue(amount, 0) % bytes === 0n) return;
  const text = formatQuantity(amount);
  errors.push(invalid(path, text, `${text} is not positive integer multiple of ${name}`));
};

const checkRequest = (name: string, amount: Quantity, limits: ResourceList | undefined, path: Path, errors: Errors): void => {
  const limit = quantity(limits && Object.hasOwn(limits, name) ? limits[name] : undefined);
  if (!limit) {
    if (!isOvercommitAllowed(name)) errors.push(required(path.child('limits'), 'Limit must be set for non overcommitable resources'));
    return;
  }
  const order = compare(amount, limit);
  if (order !== 0 && !isOvercommitAllowed(name))
    errors.push(invalid(path.child('requests'), formatQuantity(amount), `must be equal to ${name} limit of ${formatQuantity(limit)}`));
  else if (order > 0)
    errors.push(
      invalid(path.child('requests'), formatQuantity(amount), `must be less than or equal to ${name} limit of ${formatQuantity(limit)}`),
    );
};

const checkClaims = (requirements: ResourceRequirements, claims: ReadonlySet<string>, path: Path, errors: Errors): void => {
  const seen = new Set<string>();
  requirements.claims?.forEach((claim, i) => {
    const at = path.index(i);
    if (!claim.name) {
      errors.push(required(at));
      return;
    }
    if (seen.has(claim.name)) errors.push(duplicate(at, claim.name));
    else {
      if (claim.request) check(isDns1123Label, claim.request, at.child('request'), errors);
      const key = claim.request ? `${claim.name}/${claim.request}` : claim.name;
      if (seen.has(key)) errors.push(duplicate(at, key));
      else if (!claim.request && [...seen].some(other => other.startsWith(`${claim.name}/`))) errors.push(duplicate(at, claim.name));
      seen.add(key);
    }
    if (claims.has(claim.name)) return;
    const known = claims.size === 0 ? ' which is empty' : `: ${[...claims].sort().join(', ')}`;
    const error = notFound(at, claim.name);
    errors.push({ ...error, message: `${error.message}: must be one of the names in pod.spec.resourceClaims${known}` });
  });
};

const checkRequirements = (
  requirements: ResourceRequirements,
  nameCheck: NameCheck,
  claims: ReadonlySet<string>,
  path: Path,
  errors: Errors,
): void => {
  let compute = false;
  let pages = false;
  for (const list of ['limits', 'requests'] as const) {
    const amounts = requirements[list];
    for (const name in amounts) {
      const amount = quantity(amounts[name]);
      const at = path.child(list).key(name);
      nameCheck(name, at, errors);
      if (!amount) {
        errors.push(invalid(at, amounts[name], 'must be a valid resource quantity'));
        continue;
      }
      checkQuantity(name, amount, at, errors);
      if (list === 'requests') checkRequest(name, amount, requirements.limits, path, errors);
      if (isHugePages(name)) {
        pages = true;
        checkPageMultiple(name, amount, at, errors);
      }
      if (name === 'cpu' || name === 'memory') compute = true;
    }
  }
  if (pages && !compute) errors.push(forbidden(path, 'HugePages require cpu or memory'));
  if (requirements.claims) checkClaims(requirements, claims, path.child('claims'), errors);
};

const noClaims: ReadonlySet<string> = new Set();
export const checkContainerResources = (
  requirements: ResourceRequirements | undefined,
  claims: ReadonlySet<string>,
  path: Path,
  errors: Errors,
): void => {
  if (requirements) checkRequirements(requirements, checkContainerName, claims, path, errors);
};
export const checkOverhead = (overhead: ResourceList, path: Path, errors: Errors): void =>
  checkRequirements({ limits: overhead }, checkContainerName, noClaims, path, errors);

const checkConsistency = (spec: PodSpec, path: Path, errors: Errors): void => {
  const { requests = {}, limits = {} } = spec.resources ?? {};
  for (const [name, sum] of aggregateRequests(spec)) {
    const own = quantity(Object.hasOwn(requests, name) ? requests[name] : undefined);
    if (own && compare(sum, own) > 0)
      errors.push(
        invalid(
          path.child('requests').key(name),
          formatQuantity(own),
          `must be greater than or equal to aggregate container requests of ${formatQuantity(sum)}`,
        ),
      );
  }
  for (const [name, sum] of aggregateLimits(spec)) {
    const own = quantity(isHugePages(name) && Object.hasOwn(limits, name) ? limits[name] : undefined);
    if (own && compare(sum, own) > 0)
      errors.push(
        invalid(
          path.child('limits').key(name),
          formatQuantity(own),
          `must be greater than or equal to aggregate container limits of ${formatQuantity(sum)}`,
        ),
      );
  }
  spec.containers.forEach((container, i) => {
    for (const name in container.resources?.limits) {
      const limit = quantity(container.resources.limits[name]);
      const own = quantity(Object.hasOwn(limits, name) ? limits[name] : undefined);
      if (limit && own && compare(limit, own) > 0)
        errors.push(
          invalid(
            path.child('containers').index(i).key(name).child('limits'),
            formatQuantity(limit),
            `must be less than or equal to pod limits of ${formatQuantity(own)}`,
          ),
        );
    }
  });
};
export const checkPodResources = (spec: PodSpec, claims: ReadonlySet<string>, specPath: Path, errors: Errors): void => {
  if (!spec.resources) return;
  const path = specPath.child('resources');
  if (spec.os?.name === 'windows') {
    errors.push(forbidden(path, 'may not be set for a windows pod'));
    return;
  }
  if (spec.resources.claims ?? emptyAsGiven(spec.resources, 'claims'))
    errors.push(forbidden(path.child('claims'), 'claims may not be set for Resources at pod-level'));
  checkRequirements(spec.resources, checkPodName, claims, path, errors);
  checkConsistency(spec, path, errors);
};
