/** The rules of `jobs/status`: a Job's history only grows, and its conditions tell one consistent story (KEP-4368). */
import { semanticEqual } from '../equality.ts';
import { duplicate, invalid, required, root } from '../field.ts';
import { internalForm } from '../internal-form.ts';
import type { Errors } from '../pod-spec/check.ts';
import { checkCounts } from '../pod-spec/workload.ts';
import type { FieldError } from '../status.ts';
import { firstCommonIndex, indexesProblem } from './indexes.ts';
import { type Job, withoutValue } from './spec.ts';

const path = root('status');
const conditionsPath = path.child('conditions');
type Status = NonNullable<Job['status']>;

const has = (status: Status, type: string, value = 'True'): boolean =>
  status.conditions?.some(condition => condition.type === type && condition.status === value) ?? false;
const isFinished = (status: Status): boolean => has(status, 'Complete') || has(status, 'Failed');

/** What a write changed: most rules look only at that, so that older histories stay writable. */
interface Change {
  readonly job: Job;
  readonly next: Status;
  readonly previous: Status;
}
const turned = ({ next, previous }: Change, type: string): boolean => has(next, type) !== has(previous, type);
const changed = ({ next, previous }: Change, field: keyof Status): boolean => !semanticEqual(next[field], previous[field]);

const checkUncounted = (status: Status, errors: Errors): void => {
  const seen = new Set<string>();
  for (const field of ['succeeded', 'failed'] as const) {
    status.uncountedTerminatedPods?.[field]?.forEach((uid, i) => {
      const at = path.child('uncountedTerminatedPods', field).index(i);
      if (!uid) errors.push(invalid(at, uid, 'must not be empty'));
      else if (seen.has(uid)) errors.push(duplicate(at, uid));
      seen.add(uid);
    });
  }
};

const checkConditions = (change: Change, errors: Errors): void => {
  const { job, next } = change;
  const refuse = (text: string) => errors.push(withoutValue(conditionsPath, text));
  const completed = turned(change, 'Complete');
  const complete = has(next, 'Complete');
  const failed = has(next, 'Failed');
  const met = has(next, 'SuccessCriteriaMet');
  const target = has(next, 'FailureTarget');
  if ((completed || turned(change, 'Failed')) && complete && failed) refuse('cannot set Complete=True and Failed=true conditions');
  if ((completed || turned(change, 'FailureTarget')) && complete && target)
    refuse('cannot set Complete=True and FailureTarget=true conditions');
  if ((turned(change, 'Failed') || changed(change, 'failedIndexes')) && failed && !target)
    refuse('cannot set Failed=True condition without the FailureTarget=true condition');
  if ((completed || turned(change, 'SuccessCriteriaMet')) && complete && !met)
    refuse('cannot set Complete=True condition without the SuccessCriteriaMet=true condition');
  if (met && failed) refuse('cannot set SuccessCriteriaMet=True and Failed=true conditions');
  if (met && target) refuse('cannot set SuccessCriteriaMet=True and FailureTarget=true conditions');
  if (job.spec?.successPolicy && !met && complete)
    refuse('cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True');
};

const checkTimes = (change: Change, errors: Errors): void => {
  const { job, next, previous } = change;
  const { startTime, completionTime } = next;
  const complete = has(next, 'Complete');
  const finishedChanged = isFinished(next) !== isFinished(previous);
  const at = path.child('completionTime');
  const ends = turned(change, 'Complete') || changed(change, 'completionTime');
  if (ends && completionTime && !complete)
    errors.push(invalid(at, completionTime, 'cannot set completionTime when there is no Complete=True condition'));
  if (ends && !completionTime && complete) errors.push(required(at, 'completionTime is required for Complete jobs'));
  if ((changed(change, 'startTime') || changed(change, 'completionTime')) && startTime && completionTime) {
    if (Date.parse(completionTime) < Date.parse(startTime))
      errors.push(invalid(at, completionTime, 'must be equal to or after `startTime`'));
  }
  const suspendedEmpty = job.spec?.suspend === true && job.spec.completions === 0;
  if ((finishedChanged || changed(change, 'startTime')) && !suspendedEmpty && !startTime && isFinished(next))
    errors.push(required(path.child('startTime'), 'startTime is required for finished job'));
  if (previous.completionTime && completionTime && completionTime !== previous.completionTime)
    errors.push(invalid(at, completionTime, 'field is immutable'));
  const resuming = has(previous, 'Suspended') && has(next, 'Suspended', 'False');
  if (previous.startTime && startTime !== previous.startTime && !resuming && !job.spec?.suspend)
    errors.push(invalid(path.child('startTime'), startTime ?? null, 'field is immutable for unsuspended job once set'));
};

const checkFinished = (change: Change, errors: Errors): void => {
  const { next, previous } = change;
  if (!isFinished(next)) return;
  const justFinished = !isFinished(previous);
  const look = (field: keyof Status) => justFinished || changed(change, field);
  if (look('active') && (next.active ?? 0) > 0)
    errors.push(invalid(path.child('active'), next.active, 'active>0 is invalid for finished job'));
  const uncounted = next.uncountedTerminatedPods;
  if (look('uncountedTerminatedPods') && (uncounted?.failed?.length ?? 0) + (uncounted?.succeeded?.length ?? 0) > 0)
    errors.push(
      invalid(
        path.child('uncountedTerminatedPods'),
        internalForm('batch.v1.UncountedTerminatedPods', uncounted),
        'must be empty for finished job',
      ),
    );
  if (look('terminating') && (next.terminating ?? 0) > 0)
    errors.push(invalid(path.child('terminating'), next.terminating, 'terminating>0 is invalid for finished job'));
};

const checkIndexes = (change: Change, errors: Errors): void => {
  const { job, next } = change;
  const { completedIndexes = '', failedIndexes } = next;
  const { completions, backoffLimitPerIndex, completionMode } = job.spec ?? { template: {} };
  const completedChanged = changed(change, 'completedIndexes');
  const failedChanged = change.next.failedIndexes !== change.previous.failedIndexes;
  const problem = (text: string) => (completions === undefined ? undefined : indexesProblem(text, completions));
  const completed = path.child('completedIndexes');
  const failed = path.child('failedIndexes');
  const wrongCompleted = completedChanged ? problem(completedIndexes) : undefined;
  if (wrongCompleted) errors.push(invalid(completed, completedIndexes, `error parsing completedIndexes: ${wrongCompleted}`));
  const wrongFailed =
    failedChanged && backoffLimitPerIndex !== undefined && failedIndexes !== undefined ? problem(failedIndexes) : undefined;
  if (wrongFailed) errors.push(invalid(failed, failedIndexes, `error parsing failedIndexes: ${wrongFailed}`));
  if (completedChanged && completedIndexes && completionMode !== 'Indexed')
    errors.push(invalid(completed, completedIndexes, 'cannot set non-empty completedIndexes when non-indexed completion mode'));
  if (failedChanged && backoffLimitPerIndex === undefined && failedIndexes !== undefined)
    errors.push(invalid(failed, failedIndexes, 'cannot set non-null failedIndexes when backoffLimitPerIndex is null'));
  if ((failedChanged || completedChanged) && completions !== undefined && failedIndexes !== undefined) {
    const common = firstCommonIndex(completedIndexes, failedIndexes, completions);
    if (common !== undefined) errors.push(invalid(failed, failedIndexes, `failedIndexes and completedIndexes overlap at index: ${common}`));
  }
};

const checkHistory = (change: Change, errors: Errors): void => {
  const { job, next, previous } = change;
  for (const type of ['Failed', 'Complete', 'FailureTarget'])
    if (has(previous, type) && !has(next, type))
      errors.push(withoutValue(conditionsPath, `cannot disable the terminal ${type}=True condition`));
  if ((next.failed ?? 0) < (previous.failed ?? 0))
    errors.push(invalid(path.child('failed'), next.failed ?? 0, 'cannot decrease the failed counter'));
  const elastic = job.spec?.completionMode === 'Indexed' && job.spec.completions === job.spec.parallelism;
  if (!elastic && (next.succeeded ?? 0) < (previous.succeeded ?? 0))
    errors.push(invalid(path.child('succeeded'), next.succeeded ?? 0, 'cannot decrease the succeeded counter'));
  const before = has(previous, 'SuccessCriteriaMet');
  const after = has(next, 'SuccessCriteriaMet');
  if (before && !after) errors.push(withoutValue(conditionsPath, 'cannot disable the SuccessCriteriaMet=True condition'));
  if (has(previous, 'Complete') && !before && after)
    errors.push(withoutValue(conditionsPath, 'cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions'));
};

export const validateJobStatus = (job: Job, previous: Job): FieldError[] => {
  const errors: Errors = [];
  const change: Change = { job, next: job.status ?? {}, previous: previous.status ?? {} };
  const { next } = change;
  checkCounts(next as Record<string, unknown>, ['active', 'succeeded', 'failed', 'ready', 'terminating'], path, errors);
  checkUncounted(next, errors);
  checkConditions(change, errors);
  checkTimes(change, errors);
  checkFinished(change, errors);
  checkIndexes(change, errors);
  if ((changed(change, 'ready') || changed(change, 'active')) && next.ready !== undefined && next.ready > (next.active ?? 0))
    errors.push(invalid(path.child('ready'), next.ready, 'cannot set more ready pods than active'));
  checkHistory(change, errors);
  return errors;
};
