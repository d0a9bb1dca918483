/** Pod templates: the rules that hold in every workload, and the selector that must find what the template makes. */
import { forbidden, invalid, notSupported, type Path, required } from '../field.ts';
import { internalForm } from '../internal-form.ts';
import { validateAnnotations, validateLabelSelector, validateLabels } from '../metadata.ts';
import { emptyAsGiven } from '../schema/given.ts';
import { fromLabelSelector, type LabelRequirements, matchesLabels } from '../selector/label-selector.ts';
import { StatusError } from '../status.ts';
import type { LabelSelector } from '../types.ts';
import { checkPodAnnotations } from './annotations.ts';
import type { Errors } from './check.ts';
import { checkPodSpec } from './pod-spec.ts';
import { dropGatedFields } from './prepare.ts';
import { checkAnnotationsAgree } from './security.ts';
import { metaOf, type PodSpec, type PodTemplateSpec } from './types.ts';

const noSpec: PodSpec = { containers: [] };

export const checkTemplate = (template: PodTemplateSpec, path: Path, errors: Errors): void => {
  const meta = metaOf(template);
  const spec = template.spec ?? noSpec;
  if (meta.labels) errors.push(...validateLabels(meta.labels, path.child('labels')));
  if (meta.annotations) errors.push(...validateAnnotations(meta.annotations, path.child('annotations')));
  checkPodAnnotations(meta, spec, path.child('annotations'), errors);
  checkPodSpec(spec, undefined, path.child('spec'), errors);
  checkAnnotationsAgree(meta, spec, path.child('spec'), errors);
  if (spec.ephemeralContainers?.length)
    errors.push(forbidden(path.child('spec', 'ephemeralContainers'), 'ephemeral containers not allowed in pod template'));
};

/** Workloads that keep their pods running can neither let them end nor give them a deadline. */
export const checkAlwaysRunning = (template: PodTemplateSpec, kind: string, path: Path, errors: Errors): void => {
  const restart = template.spec?.restartPolicy ?? '';
  if (restart !== 'Always') errors.push(notSupported(path.child('spec', 'restartPolicy'), restart, ['Always']));
  if (template.spec?.activeDeadlineSeconds !== undefined)
    errors.push(forbidden(path.child('spec', 'activeDeadlineSeconds'), `activeDeadlineSeconds in ${kind} is not Supported`));
};

/** The requirements of a selector that may be malformed, which its own rules report: undefined then. */
export const requirementsOf = (selector: LabelSelector | undefined): LabelRequirements | undefined => {
  try {
    return fromLabelSelector(selector);
  } catch (error) {
    if (error instanceof StatusError) return undefined;
    throw error;
  }
};

/** Maps are shown in the order of their keys. */
export const sorted = (map: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(map).sort(([one], [other]) => (one < other ? -1 : 1)));

export const checkMatches = (requirements: LabelRequirements, template: PodTemplateSpec, path: Path, errors: Errors): void => {
  const meta = metaOf(template);
  if (matchesLabels(requirements, meta.labels)) return;
  const shown = meta.labels ? sorted(meta.labels) : (emptyAsGiven(meta, 'labels') ?? null);
  errors.push(invalid(path.child('metadata', 'labels'), shown, '`selector` does not match template `labels`'));
};

/** As Go writes it, whatever order it was sent in. */
export const shownSelector = (selector: LabelSelector | undefined): unknown =>
  internalForm('io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector', selector) ?? null;

interface Workload {
  readonly kind: string;
  /** As the text for an empty selector names it. */
  readonly emptyName?: string;
  readonly selector: LabelSelector | undefined;
  readonly template: PodTemplateSpec;
}
/** Selector and template of a Deployment, ReplicaSet or StatefulSet. */
export const checkSelectorAndTemplate = (workload: Workload, specPath: Path, errors: Errors): void => {
  const { selector, template, kind } = workload;
  const path = specPath.child('selector');
  if (!selector) errors.push(required(path));
  else {
    errors.push(...validateLabelSelector(selector, path));
    if (Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions?.length ?? 0) === 0)
      errors.push(invalid(path, shownSelector(selector), `empty selector is invalid for ${workload.emptyName ?? kind.toLowerCase()}`));
  }
  const requirements = requirementsOf(selector);
  if (!requirements) {
    errors.push(invalid(path, shownSelector(selector), kind === 'StatefulSet' ? '' : 'invalid label selector'));
    return;
  }
  const at = specPath.child('template');
  if (requirements.length) checkMatches(requirements, template, at, errors);
  checkTemplate(template, at, errors);
};

export const prepareTemplate = (template: PodTemplateSpec | undefined): void => {
  if (template?.spec) dropGatedFields(template.spec);
};
