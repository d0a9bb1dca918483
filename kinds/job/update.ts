/** What of a Job may change: little, and while it is suspended a little more. */
import { semanticEqual } from '../equality.ts';
import { invalid, type Path, root } from '../field.ts';
import { validateImmutable, validateImmutableSelector } from '../metadata.ts';
import type { Errors } from '../pod-spec/check.ts';
import { type Container, metaOf, type PodSpec, type PodTemplateSpec } from '../pod-spec/types.ts';
import type { FieldError } from '../status.ts';
import type { Job, JobSpec } from './spec.ts';

const path = root('spec');
const noSpec: PodSpec = { containers: [] };

/** Suspended, and no pod of it is left: what its pods will be can still be tuned. */
const isTunable = ({ spec, status }: Job): boolean => {
  const suspended = status?.conditions?.some(condition => condition.type === 'Suspended' && condition.status === 'True');
  return spec?.suspend === true && (!status?.startTime || suspended === true) && !status?.active;
};

const put = (target: object, field: string, value: unknown): void => {
  if (value === undefined) delete (target as Record<string, unknown>)[field];
  else (target as Record<string, unknown>)[field] = value;
};
/** The old template with the scheduling directives of the new one. */
const withDirectives = (next: PodTemplateSpec, previous: PodTemplateSpec): PodTemplateSpec => {
  const spec: PodSpec = { ...(previous.spec ?? noSpec) };
  for (const field of ['nodeSelector', 'tolerations', 'schedulingGates'] as const) put(spec, field, next.spec?.[field]);
  const affinity = { ...spec.affinity };
  put(affinity, 'nodeAffinity', next.spec?.affinity?.nodeAffinity);
  put(spec, 'affinity', Object.keys(affinity).length ? affinity : undefined);
  const meta = { ...previous.metadata };
  put(meta, 'labels', metaOf(next).labels);
  put(meta, 'annotations', metaOf(next).annotations);
  return { ...previous, metadata: meta, spec };
};
const withResources = (next: readonly Container[] = [], previous: readonly Container[] = []): Container[] => {
  if (next.length !== previous.length) return [...previous];
  return previous.map((container, i) => {
    const asked = next[i];
    if (asked?.name !== container.name) return container;
    const changed = { ...container };
    put(changed, 'resources', asked.resources);
    return changed;
  });
};

const checkTemplateChange = (next: Job, previous: Job, errors: Errors): void => {
  const template = next.spec?.template ?? {};
  let before = previous.spec?.template ?? {};
  const tunable = isTunable(previous);
  if (tunable) before = withDirectives(template, before);
  if (previous.spec?.suspend !== true || !tunable) {
    errors.push(...validateImmutable(template, before, path.child('template'), 'core.v1.PodTemplateSpec'));
    return;
  }
  const old = before.spec ?? noSpec;
  const spec: PodSpec = { ...old, containers: withResources(template.spec?.containers, old.containers) };
  if (old.initContainers) spec.initContainers = withResources(template.spec?.initContainers, old.initContainers);
  errors.push(...validateImmutable(template.spec, spec, path.child('template.spec'), 'core.v1.PodSpec'));
};

const checkCompletions = (next: JobSpec, previous: JobSpec, at: Path, errors: Errors): void => {
  if (next.completionMode !== 'Indexed') {
    errors.push(...validateImmutable(next.completions, previous.completions, at));
    return;
  }
  if (semanticEqual(next.completions, previous.completions) || next.completions === undefined) return;
  if (next.completions !== next.parallelism)
    errors.push(invalid(at, next.completions, 'can only be modified in tandem with spec.parallelism'));
};

/** With the types of those that are structs. */
const fixed = [
  ['completionMode'],
  ['podFailurePolicy', 'batch.v1.PodFailurePolicy'],
  ['backoffLimitPerIndex'],
  ['managedBy'],
  ['successPolicy', 'batch.v1.SuccessPolicy'],
] as const;
const noJob: JobSpec = { template: {} };
export const validateJobChange = (next: Job, previous: Job): FieldError[] => {
  const errors: Errors = [];
  const after = next.spec ?? noJob;
  const before = previous.spec ?? noJob;
  checkCompletions(after, before, path.child('completions'), errors);
  errors.push(...validateImmutableSelector(after.selector, before.selector, path.child('selector')));
  checkTemplateChange(next, previous, errors);
  for (const [field, type] of fixed) errors.push(...validateImmutable(after[field], before[field], path.child(field), type));
  return errors;
};
