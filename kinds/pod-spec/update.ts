/** What of a pod may change once it exists (`ValidatePodUpdate` of kubernetes `pkg/apis/core/validation`). */
import { difference } from '../diff.ts';
import { formEqual, semanticEqual } from '../equality.ts';
import { forbidden, invalid, nowhere, type Path, required, root } from '../field.ts';
import { internalForm } from '../internal-form.ts';
import { rangeText } from '../metadata.ts';
import type { FieldError } from '../status.ts';
import { checkTolerations } from './affinity.ts';
import { checkPodAnnotations } from './annotations.ts';
import type { Errors } from './check.ts';
import { mirrorAnnotation } from './pod-spec.ts';
import { appArmorAnnotation } from './security.ts';
import type { Container, NodeAffinity, NodeSelectorTerm, Pod, PodSpec, Toleration } from './types.ts';

const specPath = root('spec');
const annotationsPath = root('metadata', 'annotations');
const noSpec: PodSpec = { containers: [] };
const largestInteger = 2 ** 31 - 1;

const updatable = [
  '`spec.containers[*].image`',
  '`spec.initContainers[*].image`',
  '`spec.activeDeadlineSeconds`',
  '`spec.tolerations` (only additions to existing tolerations)',
  '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
].join(',');

/** Annotations that the kubelet or a container runtime has acted upon. Upstream looks at all of them once more here, and clients see it. */
export const checkAnnotationChanges = (next: Pod, previous: Pod, errors: Errors): void => {
  const after = next.metadata.annotations ?? {};
  const before = previous.metadata.annotations ?? {};
  const fixed = (key: string) => key.startsWith(appArmorAnnotation) || key === mirrorAnnotation;
  const what = (key: string) => (key === mirrorAnnotation ? 'mirror pod annotation' : 'AppArmor annotations');
  for (const key in before) {
    if (fixed(key) && !(Object.hasOwn(after, key) && after[key] === before[key]))
      errors.push(forbidden(annotationsPath.key(key), `may not remove or update ${what(key)}`));
  }
  for (const key in after)
    if (fixed(key) && !Object.hasOwn(before, key)) errors.push(forbidden(annotationsPath.key(key), `may not add ${what(key)}`));
  checkPodAnnotations(next.metadata, next.spec ?? noSpec, annotationsPath, errors);
};

/** False: nothing else about the containers can be compared. */
const checkContainerList = (
  next: readonly Container[] | undefined,
  previous: readonly Container[] | undefined,
  path: Path,
  errors: Errors,
): boolean => {
  if ((next?.length ?? 0) !== (previous?.length ?? 0)) {
    errors.push(forbidden(path, 'pod updates may not add or remove containers'));
    return false;
  }
  next?.forEach(({ image = '' }, i) => {
    if (!image) errors.push(required(path.index(i).child('image')));
    if (image.trim() !== image) errors.push(invalid(path.index(i).child('image'), image, 'must not have leading or trailing whitespace'));
  });
  return true;
};

/** False: upstream stops here. */
const checkDeadline = (next: number | undefined, previous: number | undefined, errors: Errors): boolean => {
  const path = specPath.child('activeDeadlineSeconds');
  if (next === undefined) {
    if (previous !== undefined) errors.push(invalid(path, null, 'must not update from a positive integer to nil value'));
    return true;
  }
  if (next < 0 || next > largestInteger) errors.push(invalid(path, next, rangeText(0, largestInteger)));
  else if (previous !== undefined && previous < next) errors.push(invalid(path, next, 'must be less than or equal to previous value'));
  else return true;
  return false;
};

const sameToleration = (one: Toleration, other: Toleration): boolean =>
  (['key', 'operator', 'value', 'effect'] as const).every(field => (one[field] ?? '') === (other[field] ?? ''));
const checkAddedTolerations = (next: readonly Toleration[] = [], previous: readonly Toleration[] = [], errors: Errors): void => {
  const path = specPath.child('tolerations');
  if (previous.every(old => next.some(toleration => sameToleration(toleration, old)))) checkTolerations(next, path, errors);
  else errors.push(forbidden(path, 'existing toleration can not be modified except its tolerationSeconds'));
};
const checkRemovedGates = (next: PodSpec, previous: PodSpec, errors: Errors): void => {
  const known = new Set(previous.schedulingGates?.map(gate => gate.name));
  next.schedulingGates?.forEach(({ name }, i) => {
    if (!known.has(name))
      errors.push(
        forbidden(
          specPath.child('schedulingGates').index(i).child('name'),
          `only deletion is allowed, but found new scheduling gate '${name}'`,
        ),
      );
  });
};

const onlyAdds = (next: NodeSelectorTerm, previous: NodeSelectorTerm): boolean => {
  const before = [previous.matchExpressions ?? [], previous.matchFields ?? []] as const;
  const after = [next.matchExpressions ?? [], next.matchFields ?? []] as const;
  if (before[0].length + before[1].length === 0) return after[0].length + after[1].length === 0;
  return before.every((list, i) => semanticEqual(after[i as 0 | 1].slice(0, list.length), list));
};
const terms = 'requiredDuringSchedulingIgnoredDuringExecution';
const checkNodeAffinityChange = (next: NodeAffinity | undefined, previous: NodeAffinity | undefined, errors: Errors): void => {
  const before = previous?.[terms]?.nodeSelectorTerms;
  if (!before) return;
  const after = next?.[terms]?.nodeSelectorTerms ?? [];
  const path = specPath.child('affinity', 'nodeAffinity', terms, 'nodeSelectorTerms');
  if (before.length > 0 && before.length !== after.length) {
    errors.push(
      invalid(
        path,
        internalForm('core.v1.NodeSelectorTerm', after),
        'no additions/deletions to non-empty NodeSelectorTerms list are allowed',
      ),
    );
    return;
  }
  before.forEach((term, i) => {
    const changed = after[i] ?? {};
    if (onlyAdds(changed, term)) return;
    const shown = internalForm('core.v1.NodeSelectorTerm', changed);
    errors.push(invalid(path.index(i), shown, 'only additions are allowed (no mutations or deletions)'));
  });
};
/** While a pod is held back by scheduling gates, where it may run can still be narrowed. */
const checkGatedChanges = (next: PodSpec, previous: PodSpec, masked: PodSpec, errors: Errors): void => {
  if (!semanticEqual(next.nodeSelector, previous.nodeSelector)) {
    const selector = next.nodeSelector ?? {};
    const before = previous.nodeSelector ?? {};
    if (Object.keys(before).some(key => !Object.hasOwn(selector, key) || selector[key] !== before[key]))
      errors.push(
        invalid(
          specPath.child('nodeSelector'),
          next.nodeSelector ?? null,
          'only additions to spec.nodeSelector are allowed (no mutations or deletions)',
        ),
      );
    if (previous.nodeSelector) masked.nodeSelector = previous.nodeSelector;
    else delete masked.nodeSelector;
  }
  const before = previous.affinity?.nodeAffinity;
  if (semanticEqual(next.affinity?.nodeAffinity, before)) return;
  checkNodeAffinityChange(next.affinity?.nodeAffinity, before, errors);
  const affinity = { ...next.affinity };
  if (before) affinity.nodeAffinity = before;
  else delete affinity.nodeAffinity;
  masked.affinity = affinity;
};

const withOldImages = (next: readonly Container[], previous: readonly Container[]): Container[] =>
  next.map((container, i) => ({ ...container, image: previous[i]?.image ?? '' }));

/** `next` with everything put back that is allowed to change: what differs now is forbidden. */
const maskAllowed = (next: PodSpec, previous: PodSpec): PodSpec => {
  const masked: PodSpec = { ...next, containers: withOldImages(next.containers, previous.containers) };
  if (next.initContainers) masked.initContainers = withOldImages(next.initContainers, previous.initContainers ?? []);
  const before = previous as unknown as Record<string, unknown>;
  const after = masked as unknown as Record<string, unknown>;
  for (const field of ['activeDeadlineSeconds', 'schedulingGates', 'tolerations']) {
    if (before[field] === undefined) delete after[field];
    else after[field] = before[field];
  }
  const grace = previous.terminationGracePeriodSeconds;
  if (grace !== undefined && grace < 0 && next.terminationGracePeriodSeconds === 1) masked.terminationGracePeriodSeconds = grace;
  return masked;
};

export const validatePodUpdate = (next: Pod, previous: Pod): FieldError[] => {
  const errors: Errors = [];
  const after = next.spec ?? noSpec;
  const before = previous.spec ?? noSpec;
  checkAnnotationChanges(next, previous, errors);
  if (!checkContainerList(after.containers, before.containers, specPath.child('containers'), errors)) return errors;
  if (!checkContainerList(after.initContainers, before.initContainers, specPath.child('initContainers'), errors)) return errors;
  if (!checkDeadline(after.activeDeadlineSeconds, before.activeDeadlineSeconds, errors)) return errors;
  checkAddedTolerations(after.tolerations, before.tolerations, errors);
  checkRemovedGates(after, before, errors);
  if (formEqual(after, before)) return errors;
  const masked = maskAllowed(after, before);
  if (before.schedulingGates?.length) checkGatedChanges(after, before, masked, errors);
  if (!formEqual(masked, before))
    errors.push(forbidden(specPath, `pod updates may not change fields other than ${updatable}\n${difference(before, masked)}`));
  return errors;
};

/** Ephemeral containers can only be added. */
export const validateEphemeralContainersUpdate = (next: Pod, previous: Pod): FieldError[] => {
  if (previous.metadata.annotations && Object.hasOwn(previous.metadata.annotations, mirrorAnnotation))
    return [forbidden(nowhere, 'static pods do not support ephemeral containers')];
  const errors: Errors = [];
  checkAnnotationChanges(next, previous, errors);
  const path = specPath.child('ephemeralContainers');
  const now = new Map(next.spec?.ephemeralContainers?.map(container => [container.name, container]));
  for (const old of previous.spec?.ephemeralContainers ?? []) {
    const same = now.get(old.name);
    if (!same) errors.push(forbidden(path, `existing ephemeral containers ${JSON.stringify(old.name)} may not be removed\n`));
    else if (!semanticEqual(old, same))
      errors.push(
        forbidden(path, `existing ephemeral containers ${JSON.stringify(old.name)} may not be changed\n${difference(old, same)}`),
      );
  }
  return errors;
};
