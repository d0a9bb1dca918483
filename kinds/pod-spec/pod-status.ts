/** The rules of `pods/status`, by which the kubelet and the scheduler report (`ValidatePodStatusUpdate`). */
import { duplicate, forbidden, internal, invalid, notSupported, type Path, required, root } from '../field.ts';
import { internalForm } from '../internal-form.ts';
import { parseAddress, validateAddress } from '../ip.ts';
import { isDns1123Label, isDns1123Subdomain, isQualifiedName, longerThan, validateImmutable } from '../metadata.ts';
import type { FieldError } from '../status.ts';
import { check, type Errors } from './check.ts';
import { checkRange } from './paths.ts';
import type { AnyContainer, Container, Pod, PodSpec, PodStatus } from './types.ts';
import { checkAnnotationChanges } from './update.ts';

const path = root('status');
const noSpec: PodSpec = { containers: [] };
type ContainerStatus = NonNullable<PodStatus['containerStatuses']>[number];
type Condition = NonNullable<PodStatus['conditions']>[number];

const systemConditions = new Set(['PodScheduled', 'Ready', 'Initialized']);
const checkConditions = (conditions: readonly Condition[] = [], errors: Errors): void => {
  const at = path.child('conditions');
  conditions.forEach((condition, i) => {
    const generation = condition.observedGeneration ?? 0;
    if (generation < 0) errors.push(invalid(at.index(i).child('observedGeneration'), generation, 'must be a non-negative integer'));
    if (!systemConditions.has(condition.type)) check(isQualifiedName, condition.type ?? '', at.index(i).child('Type'), errors);
  });
};

const largestId = 2 ** 31 - 1;
const mayRestart = (container: AnyContainer, spec: PodSpec, exitCode: number): boolean => {
  for (const rule of container.restartPolicy === undefined ? [] : (container.restartPolicyRules ?? [])) {
    if (!rule.exitCodes) continue;
    if ((rule.exitCodes.values ?? []).includes(exitCode) === (rule.exitCodes.operator === 'In')) return true;
  }
  const policy = container.restartPolicy ?? spec.restartPolicy;
  return policy === 'OnFailure' ? exitCode !== 0 : policy !== 'Never';
};
const restartsAll = (spec: PodSpec): boolean =>
  [...spec.containers, ...(spec.initContainers ?? [])].some(container =>
    container.restartPolicyRules?.some(rule => rule.action === 'RestartAllContainers'),
  );

/** A container that ended stays ended, unless its restart policy says otherwise. */
const checkTransitions = (
  next: readonly ContainerStatus[] = [],
  previous: readonly ContainerStatus[] = [],
  restartable: (name: string, exitCode: number) => boolean,
  at: Path,
  errors: Errors,
): void => {
  previous.forEach((before, i) => {
    const ended = before.state?.terminated;
    if (!ended) return;
    const after = next.find(status => status.name === before.name && !status.state?.terminated);
    if (after && !restartable(before.name, ended.exitCode))
      errors.push(forbidden(at.index(i).child('state'), 'may not be transitioned to non-terminated state'));
  });
};
const checkAllTransitions = (next: PodStatus, previous: PodStatus, spec: PodSpec, errors: Errors): void => {
  const among = (containers: readonly Container[] | undefined) => (name: string, exitCode: number) => {
    const container = containers?.find(candidate => candidate.name === name);
    return container !== undefined && mayRestart(container, spec, exitCode);
  };
  if (!restartsAll(spec)) {
    checkTransitions(next.containerStatuses, previous.containerStatuses, among(spec.containers), path.child('containerStatuses'), errors);
    checkTransitions(
      next.initContainerStatuses,
      previous.initContainerStatuses,
      among(spec.initContainers),
      path.child('initContainerStatuses'),
      errors,
    );
  }
  checkTransitions(
    next.ephemeralContainerStatuses,
    previous.ephemeralContainerStatuses,
    () => false,
    path.child('ephemeralContainerStatuses'),
    errors,
  );
};

type Addresses = readonly { ip: string }[];
const checkAddresses = (next: Addresses = [], previous: Addresses = [], [field, type]: readonly [string, string], errors: Errors): void => {
  const known = previous.map(address => address.ip);
  const at = path.child(field);
  next.forEach(({ ip = '' }, i) => {
    errors.push(...validateAddress(ip, at.index(i), known));
  });
  if (next.length < 2) return;
  const families = next.map(({ ip }) => parseAddress(ip ?? '')?.family);
  const odd = families.indexOf(undefined);
  if (odd >= 0) errors.push(internal(at, `failed to check for dual stack with error:invalid IP[${odd}]: ${next[odd]?.ip ?? ''}`));
  if (odd >= 0 || next.length > 2 || new Set(families).size !== 2)
    errors.push(invalid(at, internalForm(type, next), 'may specify no more than one IP for each IP family'));
};

const checkUsers = (statuses: readonly ContainerStatus[] = [], spec: PodSpec, at: Path, errors: Errors): void => {
  statuses.forEach(({ user }, i) => {
    if (!user?.linux) return;
    const where = at.index(i).child('user', 'linux');
    if (spec.os?.name === 'windows') {
      errors.push(forbidden(where, 'cannot be set for a windows pod'));
      return;
    }
    checkRange(user.linux.uid, 0, largestId, where.child('uid'), errors);
    checkRange(user.linux.gid, 0, largestId, where.child('gid'), errors);
    user.linux.supplementalGroups?.forEach((group, j) => {
      checkRange(group, 0, largestId, where.child('supplementalGroups').index(j), errors);
    });
  });
};

const healths = ['Healthy', 'Unhealthy', 'Unknown'];
type AllocatedStatus = NonNullable<ContainerStatus['allocatedResourcesStatus']>[number];
const checkHealth = (status: AllocatedStatus, at: Path, errors: Errors): void => {
  const seen = new Set<string>();
  status.resources?.forEach((resource, i) => {
    const where = at.child('resources').index(i);
    if (!healths.includes(resource.health ?? '')) errors.push(notSupported(where.child('health'), resource.health ?? '', healths));
    if (resource.message !== undefined) {
      if (!resource.message) errors.push(required(where.child('message'), 'must be non-empty if specified'));
      else if (longerThan(resource.message, 1024))
        errors.push({ type: 'TooLong', field: String(where.child('message')), message: 'Too long: may not be more than 1024 bytes' });
    }
    if (seen.has(resource.resourceID)) errors.push(duplicate(where.child('resourceID'), resource.resourceID));
    seen.add(resource.resourceID);
  });
};
const checkAllocated = (
  statuses: readonly ContainerStatus[] = [],
  containers: readonly Container[] | undefined,
  at: Path,
  errors: Errors,
): void => {
  statuses.forEach((status, i) => {
    const container = containers?.find(candidate => candidate.name === status.name);
    status.allocatedResourcesStatus?.forEach((allocated, j) => {
      const where = at.index(i).child('allocatedResourcesStatus').index(j);
      const claim = allocated.name.startsWith('claim:');
      const known = claim
        ? container?.resources?.claims?.some(({ name, request }) => `claim:${name}${request ? `/${request}` : ''}` === allocated.name)
        : container?.resources?.requests && Object.hasOwn(container.resources.requests, allocated.name);
      if (container && !known)
        errors.push(
          invalid(
            where.child('name'),
            allocated.name,
            claim
              ? "must match one of the container's resource claims in a format 'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty"
              : "must match one of the container's resource requests",
          ),
        );
      checkHealth(allocated, where, errors);
    });
  });
};

const checkClaimStatuses = (status: PodStatus, spec: PodSpec, errors: Errors): void => {
  const seen = new Set<string>();
  status.resourceClaimStatuses?.forEach((claim, i) => {
    const at = path.child('resourceClaimStatuses').index(i);
    if (!spec.resourceClaims?.some(candidate => candidate.name === claim.name))
      errors.push(invalid(at.child('name'), claim.name, 'must match the name of an entry in `spec.resourceClaims`'));
    if (seen.has(claim.name)) errors.push(duplicate(at.child('name'), claim.name));
    seen.add(claim.name);
    if (claim.resourceClaimName !== undefined) check(isDns1123Subdomain, claim.resourceClaimName, at.child('resourceClaimName'), errors);
  });
};
const checkExtendedClaim = (status: PodStatus, spec: PodSpec, errors: Errors): void => {
  const claim = status.extendedResourceClaimStatus;
  if (!claim) return;
  const at = path.child('extendedResourceClaimStatus');
  const containers = new Map([...(spec.initContainers ?? []), ...spec.containers].map(container => [container.name, container]));
  const mappings = claim.requestMappings ?? [];
  if (mappings.length === 0) errors.push(required(at.child('requestMappings'), 'at least one request mapping is required'));
  const seen = new Set<string>();
  mappings.forEach(({ containerName, resourceName, requestName }, i) => {
    const where = at.child('requestMappings').index(i);
    const container = containers.get(containerName);
    if (!container)
      errors.push(
        invalid(
          where.child('containerName'),
          containerName,
          'must match the name of an entry in spec.initContainers.name or spec.containers.name',
        ),
      );
    else if (!Object.hasOwn(container.resources?.requests ?? {}, resourceName))
      errors.push(
        invalid(
          where.child('resourceName'),
          resourceName,
          'must match the extended resource name of an entry in spec.initContainers.resources.requests or spec.containers.resources.requests',
        ),
      );
    check(isDns1123Label, requestName, at.child('requestName'), errors);
    const key = JSON.stringify([containerName, resourceName, requestName]);
    if (seen.has(key))
      errors.push(
        duplicate(where.child('containerName'), containerName),
        duplicate(where.child('resourceName'), resourceName),
        duplicate(where.child('requestName'), requestName),
      );
    seen.add(key);
  });
  if (!claim.resourceClaimName) errors.push(required(at.child('resourceClaimName')));
  else check(isDns1123Subdomain, claim.resourceClaimName, at.child('resourceClaimName'), errors);
};

const checkNomination = (next: PodStatus, previous: PodStatus, bound: boolean, errors: Errors): void => {
  const node = next.nominatedNodeName;
  if (!node || node === (previous.nominatedNodeName ?? '')) return;
  const at = path.child('nominatedNodeName');
  check(isDns1123Subdomain, node, at, errors);
  if (bound) errors.push(forbidden(at, 'may not be set on pods that are already bound to a node'));
};

export const validatePodStatusUpdate = (next: Pod, previous: Pod): FieldError[] => {
  const errors: Errors = [];
  const spec = next.spec ?? noSpec;
  const after = next.status ?? {};
  const before = previous.status ?? {};
  checkAnnotationChanges(next, previous, errors);
  checkConditions(after.conditions, errors);
  if ((spec.nodeName ?? '') !== (previous.spec?.nodeName ?? ''))
    errors.push(forbidden(path.child('nodeName'), 'may not be changed directly'));
  checkNomination(after, before, Boolean(previous.spec?.nodeName), errors);
  if ((after.observedGeneration ?? 0) < 0)
    errors.push(invalid(path.child('observedGeneration'), after.observedGeneration, 'must be a non-negative integer'));
  errors.push(...validateImmutable(after.qosClass ?? '', before.qosClass ?? '', path.child('qosClass')));
  checkAllTransitions(after, before, previous.spec ?? noSpec, errors);
  checkClaimStatuses(after, spec, errors);
  checkExtendedClaim(after, spec, errors);
  checkAddresses(after.podIPs, before.podIPs, ['podIPs', 'core.v1.PodIP'], errors);
  const host = after.hostIPs?.[0]?.ip;
  if (host !== undefined && host !== (after.hostIP ?? ''))
    errors.push(invalid(path.child('hostIPs').index(0).child('ip'), host, 'must be equal to `hostIP`'));
  checkAddresses(after.hostIPs, before.hostIPs, ['hostIPs', 'core.v1.HostIP'], errors);
  checkUsers(after.containerStatuses, spec, path.child('containerStatuses'), errors);
  checkUsers(after.initContainerStatuses, spec, path.child('initContainerStatuses'), errors);
  checkUsers(after.ephemeralContainerStatuses, spec, path.child('ephemeralContainerStatuses'), errors);
  checkAllocated(after.containerStatuses, spec.containers, path.child('containerStatuses'), errors);
  checkAllocated(after.initContainerStatuses, spec.initContainers, path.child('initContainerStatuses'), errors);
  after.ephemeralContainerStatuses?.forEach((status, i) => {
    if (status.allocatedResourcesStatus?.length)
      errors.push(
        forbidden(
          path.child('ephemeralContainerStatuses').index(i).child('allocatedResourcesStatus'),
          'must not be specified in container status',
        ),
      );
  });
  return errors;
};

/** Fields behind feature gates that are off by default in 1.36. */
const dropGated = (status: PodStatus): void => {
  delete status.nodeAllocatableResourceClaimStatuses;
  const lists = [status.initContainerStatuses, status.containerStatuses, status.ephemeralContainerStatuses];
  for (const container of lists.flatMap(list => list ?? [])) for (const mount of container.volumeMounts ?? []) delete mount.volumeStatus;
};

/** What the status update of a client that does not know a field must not clear. */
export const preparePodStatusUpdate = (next: Pod, previous: Pod): void => {
  if (previous.spec) next.spec = previous.spec;
  const { metadata } = next;
  if (previous.metadata.deletionTimestamp) metadata.deletionTimestamp = previous.metadata.deletionTimestamp;
  else delete metadata.deletionTimestamp;
  if (previous.metadata.ownerReferences) metadata.ownerReferences = previous.metadata.ownerReferences;
  else delete metadata.ownerReferences;
  next.status ??= {};
  const { status } = next;
  dropGated(status);
  const before = previous.status ?? {};
  if (!status.qosClass && before.qosClass) status.qosClass = before.qosClass;
  if (!status.observedGeneration && before.observedGeneration) status.observedGeneration = before.observedGeneration;
  const generations = new Map<string, number[]>();
  for (const condition of before.conditions ?? []) {
    const list = generations.get(condition.type) ?? [];
    list.push(condition.observedGeneration ?? 0);
    generations.set(condition.type, list);
  }
  for (const condition of status.conditions ?? []) {
    const known = generations.get(condition.type)?.shift();
    if (!condition.observedGeneration && known) condition.observedGeneration = known;
  }
};
