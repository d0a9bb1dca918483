/** In-place resize of a pod's containers: CPU and memory, nothing else (`ValidatePodResize`). */
import { semanticEqual } from '../equality.ts';
import { forbidden, invalid, nowhere, type Path, root } from '../field.ts';
import type { FieldError } from '../status.ts';
import type { Errors } from './check.ts';
import { mirrorAnnotation } from './pod-spec.ts';
import { qosClass } from './qos.ts';
import type { Container, Pod, PodSpec, ResourceList, ResourceRequirements } from './types.ts';

const specPath = root('spec');
const noSpec: PodSpec = { containers: [] };

const mergeContainers = (next: readonly Container[], previous: readonly Container[]): Container[] | undefined => {
  if (next.length !== previous.length || next.some((container, i) => container.name !== previous[i]?.name)) return undefined;
  return previous.map((container, i) => {
    const { resources, resizePolicy, ...rest } = container;
    const asked = next[i];
    return {
      ...rest,
      ...(asked?.resources ? { resources: asked.resources } : {}),
      ...(asked?.resizePolicy ? { resizePolicy: asked.resizePolicy } : {}),
    };
  });
};
/** The previous pod with the resources that `next` asks for. Containers added, removed or renamed are left for validation to refuse. */
export const keepOnlyResize = (next: Pod, previous: Pod): void => {
  const after = next.spec ?? noSpec;
  const before = previous.spec ?? noSpec;
  const counts = ['containers', 'initContainers'] as const;
  if (counts.some(field => (after[field]?.length ?? 0) !== (before[field]?.length ?? 0))) return;
  const spec: PodSpec = { ...before };
  spec.containers = mergeContainers(after.containers, before.containers) ?? after.containers;
  if (after.initContainers)
    spec.initContainers = mergeContainers(after.initContainers, before.initContainers ?? []) ?? after.initContainers;
  if (after.resources) spec.resources = after.resources;
  else delete spec.resources;
  next.spec = spec;
  if (previous.status) next.status = previous.status;
};

const removed = (next: ResourceList = {}, previous: ResourceList = {}): boolean =>
  Object.keys(previous).some(name => !Object.hasOwn(next, name));

const checkKept = (
  next: ResourceRequirements | undefined,
  previous: ResourceRequirements | undefined,
  what: string,
  path: Path,
  errors: Errors,
): void => {
  if (removed(next?.requests, previous?.requests)) errors.push(forbidden(path.child('requests'), `${what} requests cannot be removed`));
  if (removed(next?.limits, previous?.limits)) errors.push(forbidden(path.child('limits'), `${what} limits cannot be removed`));
};
const withOldAmounts = (next: ResourceList | undefined, previous: ResourceList | undefined): ResourceList => {
  const { cpu: _cpu, memory: _memory, ...rest } = next ?? {};
  const masked: ResourceList = { ...rest };
  for (const name of ['cpu', 'memory']) {
    const amount = previous?.[name];
    if (amount !== undefined) masked[name] = amount;
  }
  return masked;
};
const withOldCompute = (next: ResourceRequirements | undefined, previous: ResourceRequirements | undefined): ResourceRequirements => ({
  limits: withOldAmounts(next?.limits, previous?.limits),
  requests: withOldAmounts(next?.requests, previous?.requests),
});

const checkOrder = (next: readonly Container[] = [], previous: readonly Container[] = [], field: string, errors: Errors): void => {
  const path = specPath.child(field);
  if (next.length !== previous.length) {
    errors.push(forbidden(path, `${field} may not be added or removed on resize`));
    return;
  }
  previous.forEach((container, i) => {
    if (next[i]?.name !== container.name)
      errors.push(forbidden(path.index(i).child('name'), `${field} may not be renamed or reordered on resize`));
  });
};

const isSet = (resources: ResourceRequirements | undefined): boolean =>
  Object.keys({ ...resources?.requests, ...resources?.limits }).length > 0;
const checkPodLevel = (after: PodSpec, before: PodSpec, errors: Errors): void => {
  if (!isSet(after.resources) && !isSet(before.resources)) return;
  const path = specPath.child('resources');
  if (before.resources && !after.resources) {
    errors.push(forbidden(path, 'pod-level resources cannot be removed'));
    return;
  }
  if (before.resources) {
    if (removed(after.resources?.requests, before.resources.requests))
      errors.push(forbidden(path.child('requests'), 'pod-level resource requests cannot be removed'));
    if (removed(after.resources?.limits, before.resources.limits))
      errors.push(forbidden(path.child('limits'), 'pod-level resource limits cannot be removed'));
  }
  if (!semanticEqual(withOldCompute(after.resources, before.resources), before.resources ?? {}))
    errors.push(forbidden(specPath, 'only cpu and memory resources are mutable at pod-level'));
};

const checkContainer = (next: Container, previous: Container, initial: boolean, path: Path, errors: Errors): void => {
  checkKept(next.resources, previous.resources, 'resource', path.child('resources'), errors);
  const masked = { ...next, resources: withOldCompute(next.resources, previous.resources) };
  if (!semanticEqual(masked, previous))
    errors.push(
      initial
        ? forbidden(path, 'only cpu and memory resources for init or sidecar containers are mutable')
        : forbidden(specPath, 'only cpu and memory resources are mutable'),
    );
  if (!initial || next.restartPolicy === 'Always' || semanticEqual(next, previous)) return;
  for (const policy of next.resizePolicy ?? []) {
    if (policy.restartPolicy === 'RestartContainer')
      errors.push(forbidden(path, 'non-sidecar init containers with a resize policy of RestartContainer cannot be resized'));
  }
};

/** The kubelet says that it can resize by reporting resources of running containers. */
const supported = (pod: Pod): boolean => {
  const running = pod.status?.containerStatuses?.find(status => status.state?.running);
  return !running || running.resources !== undefined;
};

export const validateResize = (next: Pod, previous: Pod): FieldError[] => {
  const after = next.spec ?? noSpec;
  const before = previous.spec ?? noSpec;
  if (previous.metadata.annotations && Object.hasOwn(previous.metadata.annotations, mirrorAnnotation))
    return [forbidden(nowhere, 'static pods cannot be resized')];
  if (before.os?.name === 'windows') return [forbidden(nowhere, 'windows pods cannot be resized')];
  const errors: Errors = [];
  if ((previous.status?.qosClass ?? qosClass(before)) !== qosClass(after))
    errors.push(invalid(specPath, next.status?.qosClass ?? '', 'Pod QOS Class may not change as a result of resizing'));
  if (!supported(previous)) errors.push(forbidden(specPath, 'Pod running on node without support for resize'));
  checkPodLevel(after, before, errors);
  const known = errors.length;
  checkOrder(after.containers, before.containers, 'containers', errors);
  checkOrder(after.initContainers, before.initContainers, 'initContainers', errors);
  if (errors.length > known) return errors;
  before.initContainers?.forEach((container, i) => {
    const changed = after.initContainers?.[i];
    if (changed) checkContainer(changed, container, true, specPath.child('initContainers').index(i), errors);
  });
  before.containers.forEach((container, i) => {
    const changed = after.containers[i];
    if (changed) checkContainer(changed, container, false, specPath.child('containers').index(i), errors);
  });
  return errors;
};
