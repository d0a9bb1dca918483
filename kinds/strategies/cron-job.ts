/** CronJob. */
import type * as generated from '@kubernetes/client-node';
import { cronProblem } from '../cron.ts';
import { invalid, notSupported, type Path, required, root } from '../field.ts';
import { checkJobSpec, jobSpecWarnings } from '../job/spec.ts';
import { isDns1123Label, longerThan } from '../metadata.ts';
import { checkChoice, type Errors } from '../pod-spec/check.ts';
import { prepareTemplate, shownSelector } from '../pod-spec/template.ts';
import { hostnameWarning, templateWarnings } from '../pod-spec/warnings.ts';
import { checkCounts } from '../pod-spec/workload.ts';
import type { Strategy } from '../strategy.ts';
import { age } from '../table/age.ts';
import { containerCells, formatSelector } from '../table/cells.ts';
import type { Kind } from '../types.ts';
import { defaultJobSpec } from './job.ts';
import { none } from './metadata-checks.ts';

type CronJob = Kind<generated.V1CronJob>;
type Spec = NonNullable<CronJob['spec']>;
const specPath = root('spec');
const jobPath = specPath.child('jobTemplate', 'spec');

const checkSchedule = (schedule: string | undefined, path: Path, errors: Errors): void => {
  if (!schedule) {
    errors.push(required(path));
    return;
  }
  const problem = cronProblem(schedule);
  if (problem) errors.push(invalid(path, schedule, problem));
  if (schedule.includes('TZ')) errors.push(invalid(path, schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead'));
};

const zonePart = /^[A-Za-z.\-_0-9+]{1,14}$/;
const knownZones = new Set<string>();
const isZone = (zone: string): boolean => {
  if (knownZones.has(zone)) return true;
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
  knownZones.add(zone);
  return true;
};
const checkTimeZone = (zone: string | undefined, path: Path, errors: Errors): void => {
  if (zone === undefined) return;
  const unknown = () => errors.push(invalid(path, zone, `unknown time zone ${zone}`));
  if (!zone) errors.push(invalid(path, zone, 'timeZone must be nil or non-empty string'));
  else if (zone.split('/').some(part => part === '.' || part === '..' || part.startsWith('-') || !zonePart.test(part))) unknown();
  else if (zone.toLowerCase() === 'local') {
    errors.push(invalid(path, zone, 'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones'));
    if (zone !== 'Local') unknown();
  } else if (!isZone(zone)) unknown();
};

const checkJobTemplate = (spec: Spec, errors: Errors): void => {
  const job = spec.jobTemplate?.spec ?? { template: {} };
  checkJobSpec(job, jobPath, errors);
  if (job.selector) errors.push(invalid(jobPath.child('selector'), shownSelector(job.selector), '`selector` will be auto-generated'));
  if (job.manualSelector) errors.push(notSupported(jobPath.child('manualSelector'), true, ['nil', 'false']));
};

export const cronJob: Strategy<CronJob> = {
  generation: true,
  defaults(object) {
    object.spec ??= { schedule: '', jobTemplate: {} };
    const { spec } = object;
    spec.concurrencyPolicy ||= 'Allow';
    spec.suspend ??= false;
    spec.successfulJobsHistoryLimit ??= 3;
    spec.failedJobsHistoryLimit ??= 1;
    spec.jobTemplate ??= {};
    spec.jobTemplate.metadata ??= {};
    spec.jobTemplate.spec ??= { template: {} };
    defaultJobSpec(spec.jobTemplate.spec);
    object.status ??= {};
  },
  prepareForCreate(object) {
    object.status = {};
    prepareTemplate(object.spec?.jobTemplate.spec?.template);
  },
  prepareForUpdate(next, previous) {
    if (previous.status) next.status = previous.status;
    prepareTemplate(next.spec?.jobTemplate.spec?.template);
  },
  validate({ metadata, spec }) {
    const errors: Errors = [];
    if (!spec) return [required(specPath)];
    checkSchedule(spec.schedule, specPath.child('schedule'), errors);
    checkCounts(spec, ['startingDeadlineSeconds'], specPath, errors);
    checkTimeZone(spec.timeZone, specPath.child('timeZone'), errors);
    checkChoice(spec.concurrencyPolicy, ['Allow', 'Forbid', 'Replace'], specPath.child('concurrencyPolicy'), errors);
    checkJobTemplate(spec, errors);
    checkCounts(spec, ['successfulJobsHistoryLimit', 'failedJobsHistoryLimit'], specPath, errors);
    // Its Jobs are named after it and the minute they are due: eleven characters more.
    if (longerThan(metadata.name ?? '', 52))
      errors.push(invalid(root('metadata', 'name'), metadata.name, 'must be no more than 52 characters'));
    return errors;
  },
  warnings(next, previous) {
    if (previous && next.metadata.generation === previous.metadata.generation) return [];
    const named = previous ? [] : hostnameWarning('Pod names and hostnames', isDns1123Label(next.metadata.name));
    const job = next.spec?.jobTemplate.spec ?? { template: {} };
    return [...named, ...jobSpecWarnings(job, jobPath), ...templateWarnings(job.template, jobPath.child('template'))];
  },
  subresources: {
    status: {
      metadataChecks: none,
      prepareForUpdate(next, previous) {
        if (previous.spec) next.spec = previous.spec;
      },
    },
  },
  cells: ({ metadata, spec, status }, now) => [
    metadata.name,
    spec?.schedule ?? '',
    spec?.timeZone ?? '<none>',
    spec?.suspend === undefined ? '<unset>' : spec.suspend ? 'True' : 'False',
    status?.active?.length ?? 0,
    status?.lastScheduleTime ? age(status.lastScheduleTime, now) : '<none>',
    age(metadata.creationTimestamp, now),
    ...containerCells(spec?.jobTemplate.spec?.template?.spec?.containers),
    formatSelector(spec?.jobTemplate.spec?.selector),
  ],
};
