import { semanticEqual } from '../equality.ts';
import { invalid, required, root } from '../field.ts';
import type { Job, JobSpec } from '../job/spec.ts';
import { checkJobSpec, jobSpecWarnings } from '../job/spec.ts';
import { validateJobStatus } from '../job/status.ts';
import { validateJobChange } from '../job/update.ts';
import { isDns1123Label, longerThan, validateLabelSelector } from '../metadata.ts';
import type { Errors } from '../pod-spec/check.ts';
import { defaultTemplate } from '../pod-spec/defaults.ts';
import { checkMatches, prepareTemplate, requirementsOf, shownSelector, sorted } from '../pod-spec/template.ts';
import { metaOf } from '../pod-spec/types.ts';
import { hostnameWarning, templateWarnings } from '../pod-spec/warnings.ts';
import { matchesLabels } from '../selector/label-selector.ts';
import type { FieldError } from '../status.ts';
import type { Strategy } from '../strategy.ts';
import { age, humanDuration } from '../table/age.ts';
import { containerCells, formatSelector } from '../table/cells.ts';
import { wholeAndChange } from './metadata-checks.ts';

const specPath = root('spec');
const templatePath = specPath.child('template');
const noJob: JobSpec = { template: {} };
const controllerUid = 'batch.kubernetes.io/controller-uid';
const jobName = 'batch.kubernetes.io/job-name';
/** With their names from before labels had prefixes. */
const nameLabels = ['job-name', jobName];
const uidLabels = ['controller-uid', controllerUid];

export const defaultJobSpec = (spec: JobSpec): void => {
  spec.template ??= {};
  defaultTemplate(spec.template);
  for (const rule of spec.podFailurePolicy?.rules ?? []) for (const pattern of rule.onPodConditions ?? []) pattern.status ||= 'True';
};
const isEmpty = (map: object | undefined): boolean => Object.keys(map ?? {}).length === 0;

const defaults = (job: Job): void => {
  job.spec ??= { template: {} };
  const { spec } = job;
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  spec.parallelism ??= 1;
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : 2 ** 31 - 1;
  spec.completionMode ??= 'NonIndexed';
  spec.suspend ??= false;
  spec.podReplacementPolicy ??= spec.podFailurePolicy ? 'Failed' : 'TerminatingOrFailed';
  spec.manualSelector ??= false;
  defaultJobSpec(spec);
  const { labels } = metaOf(spec.template);
  if (labels && isEmpty(job.metadata.labels)) job.metadata.labels = { ...labels };
  job.status ??= {};
};

/** Unless the user manages the selector, it is the Job's own uid, and so are the labels of its pods. */
const generateSelector = (job: Job, spec: JobSpec): void => {
  const { name = '', uid = '' } = job.metadata as Partial<Job['metadata']>;
  const meta = metaOf(spec.template);
  const labels = { ...meta.labels };
  const inherited = isEmpty(job.metadata.labels) || semanticEqual(job.metadata.labels, meta.labels);
  for (const key of nameLabels) labels[key] ??= name;
  for (const key of uidLabels) labels[key] ??= uid;
  spec.template = { ...spec.template, metadata: { ...spec.template.metadata, labels } };
  // A name that is no label value is refused where it stands in the template, not a second time here.
  if (inherited && !longerThan(name, 63)) job.metadata.labels = { ...labels };
  spec.selector ??= {};
  spec.selector.matchLabels = { ...spec.selector.matchLabels };
  spec.selector.matchLabels[controllerUid] ??= uid;
};

const checkGeneratedSelector = (job: Job, spec: JobSpec, errors: Errors): void => {
  const { selector } = spec;
  if (spec.manualSelector || !selector) return;
  const { name = '', uid = '' } = job.metadata as Partial<Job['metadata']>;
  if (!uid) errors.push(required(root('metadata', 'uid')));
  const labels = metaOf(spec.template).labels ?? {};
  const expected: Record<string, string> = {};
  for (const key of uidLabels) expected[key] = uid;
  for (const key of nameLabels) expected[key] = name;
  for (const key of ['controller-uid', 'job-name', controllerUid, jobName]) {
    const at = templatePath.child('metadata', 'labels').key(key);
    const value = expected[key] ?? '';
    if (!Object.hasOwn(labels, key)) errors.push(required(at, `must be '${value}'`));
    else if (labels[key] !== value) errors.push(invalid(at, sorted(labels), `must be '${value}'`));
  }
  const requirements = requirementsOf(selector);
  if (requirements && !matchesLabels(requirements, expected))
    errors.push(invalid(specPath.child('selector'), shownSelector(selector), '`selector` not auto-generated'));
};

const checkSpec = (spec: JobSpec, errors: Errors): void => {
  checkJobSpec(spec, specPath, errors);
  if (spec.selector) errors.push(...validateLabelSelector(spec.selector, specPath.child('selector')));
  else errors.push(required(specPath.child('selector')));
  const requirements = requirementsOf(spec.selector);
  if (requirements) checkMatches(requirements, spec.template, templatePath, errors);
};

const validate = (job: Job): FieldError[] => {
  const errors: Errors = [];
  const spec = job.spec ?? noJob;
  checkGeneratedSelector(job, spec, errors);
  checkSpec(spec, errors);
  if (spec.completionMode === 'Indexed' && (spec.completions ?? 0) > 0) {
    const name = job.metadata.name ?? '';
    const largest = `${name}-${(spec.completions ?? 0) - 1}`;
    if (isDns1123Label(largest).length)
      errors.push(invalid(root('metadata', 'name'), name, `will not able to create pod with invalid DNS label: ${largest}`));
  }
  return errors;
};

const isTrue = (job: Job, type: string): boolean => job.status?.conditions?.find(condition => condition.type === type)?.status === 'True';
const statusCell = (job: Job): string => {
  if (isTrue(job, 'Complete')) return 'Complete';
  if (isTrue(job, 'Failed')) return 'Failed';
  if (job.metadata.deletionTimestamp) return 'Terminating';
  return ['Suspended', 'FailureTarget', 'SuccessCriteriaMet'].find(type => isTrue(job, type)) ?? 'Running';
};
const completionsCell = ({ spec, status }: Job): string => {
  const succeeded = status?.succeeded ?? 0;
  if (spec?.completions !== undefined) return `${succeeded}/${spec.completions}`;
  const parallelism = spec?.parallelism ?? 0;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
};
const durationCell = ({ status }: Job, now: number): string => {
  if (!status?.startTime) return '';
  const end = status.completionTime ? Date.parse(status.completionTime) : now;
  return humanDuration(end - Date.parse(status.startTime));
};

export const job: Strategy<Job> = {
  metadataChecks: wholeAndChange,
  generation: true,
  defaultPropagation: 'orphan',
  defaults,
  prepareForCreate(object) {
    object.spec ??= { template: {} };
    if (!object.spec.manualSelector) generateSelector(object, object.spec);
    object.status = {};
    prepareTemplate(object.spec.template);
  },
  prepareForUpdate(next, previous) {
    if (previous.status) next.status = previous.status;
    prepareTemplate(next.spec?.template);
  },
  validate,
  validateUpdate(next, previous) {
    const errors: Errors = [];
    // Upstream looks at the spec once as a whole and once as a change, and clients see the causes twice.
    checkSpec(next.spec ?? noJob, errors);
    return [...errors, ...validateJobChange(next, previous)];
  },
  warnings(next, previous) {
    if (previous && next.metadata.generation === previous.metadata.generation) return [];
    const named = previous ? [] : hostnameWarning('Pod names and hostnames', isDns1123Label(next.metadata.name ?? ''));
    return [...named, ...jobSpecWarnings(next.spec ?? noJob, specPath), ...templateWarnings(next.spec?.template, templatePath)];
  },
  subresources: {
    status: {
      metadataChecks: { update: ['change'] },
      prepareForUpdate(next, previous) {
        if (previous.spec) next.spec = previous.spec;
      },
      validateUpdate: validateJobStatus,
    },
  },
  fields: ({ status }) => ({ 'status.successful': String(status?.succeeded ?? 0) }),
  cells: (object, now) => [
    object.metadata.name,
    statusCell(object),
    completionsCell(object),
    durationCell(object, now),
    age(object.metadata.creationTimestamp, now),
    ...containerCells(object.spec?.template?.spec?.containers),
    formatSelector(object.spec?.selector),
  ],
};
