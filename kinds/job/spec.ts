/** The rules over a Job's spec, alone and inside a CronJob (kubernetes `pkg/apis/batch/validation`). */
import type * as generated from '@kubernetes/client-node';
import { duplicate, type Field, invalid, notSupported, type Path, required, tooMany } from '../field.ts';
import { internalForm } from '../internal-form.ts';
import { isDns1123Subdomain, isQualifiedName, longerThan, patternText } from '../metadata.ts';
import { check, checkNonNegative, checkOneOf, type Errors } from '../pod-spec/check.ts';
import { checkTemplate } from '../pod-spec/template.ts';
import { checkCounts } from '../pod-spec/workload.ts';
import { emptyAsGiven } from '../schema/given.ts';
import type { FieldError } from '../status.ts';
import type { Kind, Wire } from '../types.ts';
import { countIndexes, indexesProblem } from './indexes.ts';

export type Job = Kind<generated.V1Job>;
export type JobSpec = Wire<generated.V1JobSpec>;
type FailurePolicyRule = NonNullable<JobSpec['podFailurePolicy']>['rules'][number];
type SuccessPolicyRule = NonNullable<JobSpec['successPolicy']>['rules'][number];

const manyCompletions = 100_000;
const manyFailures = 10_000;

/** A cause that names no value. */
export const withoutValue = (field: Field, detail: string): FieldError => ({
  type: 'Invalid',
  field: String(field),
  message: `Invalid value: ${detail}`,
});
const goList = (names: readonly string[]): string => `valid values: [${names.map(name => JSON.stringify(name)).join(' ')}]`;

const urlPath = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";
const urlPathExpression = new RegExp(`^${urlPath}$`);
const checkManagedBy = (value: string, path: Path, errors: Errors): void => {
  const slash = value.indexOf('/');
  if (!value) errors.push(required(path));
  else if (slash <= 0 || slash === value.length - 1)
    errors.push(invalid(path, value, 'must be a domain-prefixed path (such as "acme.io/foo")'));
  else {
    check(isDns1123Subdomain, value.slice(0, slash), path, errors);
    const rest = value.slice(slash + 1);
    if (!urlPathExpression.test(rest)) errors.push(invalid(path, rest, patternText('Invalid path', urlPath)));
  }
  if (longerThan(value, 63)) errors.push({ type: 'TooLong', field: String(path), message: 'Too long: may not be more than 63 bytes' });
};

const checkIndexed = (spec: JobSpec, path: Path, errors: Errors): void => {
  const { completions, parallelism = 0, maxFailedIndexes, backoffLimitPerIndex } = spec;
  const failed = path.child('maxFailedIndexes');
  if (completions === undefined) errors.push(required(path.child('completions'), 'when completion mode is Indexed'));
  if (parallelism > manyCompletions)
    errors.push(
      invalid(path.child('parallelism'), parallelism, `must be less than or equal to ${manyCompletions} when completion mode is Indexed`),
    );
  if (completions !== undefined && maxFailedIndexes !== undefined && maxFailedIndexes > completions)
    errors.push(invalid(failed, maxFailedIndexes, 'must be less than or equal to completions'));
  if ((maxFailedIndexes ?? 0) > manyCompletions)
    errors.push(invalid(failed, maxFailedIndexes, `must be less than or equal to ${manyCompletions}`));
  if ((completions ?? 0) <= manyCompletions || backoffLimitPerIndex === undefined) return;
  const text = `must be less than or equal to ${manyFailures} when completions are above ${manyCompletions} and used with backoff limit per index`;
  if (maxFailedIndexes === undefined) errors.push(required(failed, `must be specified when completions is above ${manyCompletions}`));
  if (parallelism > manyFailures) errors.push(invalid(path.child('parallelism'), parallelism, text));
  if ((maxFailedIndexes ?? 0) > manyFailures) errors.push(invalid(failed, maxFailedIndexes, text));
};

const actions = ['Count', 'FailIndex', 'FailJob', 'Ignore'];
const operators = ['In', 'NotIn'];
const conditionStatuses = ['False', 'True', 'Unknown'];
const checkExitCodes = (
  rule: NonNullable<FailurePolicyRule['onExitCodes']>,
  containers: ReadonlySet<string>,
  path: Path,
  errors: Errors,
): void => {
  const { operator, containerName } = rule;
  const values = rule.values ?? [];
  if (!operator) errors.push(required(path.child('operator'), goList(operators)));
  else checkOneOf(operator, operators, path.child('operator'), errors);
  if (containerName !== undefined && !containers.has(containerName))
    errors.push(
      invalid(path.child('containerName'), containerName, 'must be one of the container or initContainer names in the pod template'),
    );
  const at = path.child('values');
  if (values.length === 0) errors.push(invalid(at, rule.values ?? emptyAsGiven(rule, 'values') ?? null, 'at least one value is required'));
  else if (values.length > 255) errors.push(tooMany(at, values.length, 255));
  const seen = new Set<number>();
  values.forEach((value, i) => {
    if (operator === 'In' && value === 0) errors.push(invalid(at.index(i), value, 'must not be 0 for the In operator'));
    if (seen.has(value)) errors.push(duplicate(at.index(i), value));
    seen.add(value);
  });
  if (values.some((value, i) => i > 0 && (values[i - 1] ?? value) > value)) errors.push(invalid(at, values, 'must be ordered'));
};
const checkFailureRule = (rule: FailurePolicyRule, spec: JobSpec, containers: ReadonlySet<string>, path: Path, errors: Errors): void => {
  const { action, onExitCodes } = rule;
  const conditions = rule.onPodConditions ?? [];
  if (!action) errors.push(required(path.child('action'), goList(actions)));
  else if (action === 'FailIndex') {
    if (spec.backoffLimitPerIndex === undefined)
      errors.push(invalid(path.child('action'), action, 'requires the backoffLimitPerIndex to be set'));
  } else checkOneOf(action, actions, path.child('action'), errors);
  if (onExitCodes) checkExitCodes(onExitCodes, containers, path.child('onExitCodes'), errors);
  const at = path.child('onPodConditions');
  if (conditions.length > 20) errors.push(tooMany(at, conditions.length, 20));
  conditions.forEach(({ type = '', status }, i) => {
    check(isQualifiedName, type, at.index(i).child('type'), errors);
    if (!status) errors.push(required(at.index(i).child('status'), goList(conditionStatuses)));
    else checkOneOf(status, conditionStatuses, at.index(i).child('status'), errors);
  });
  if (onExitCodes && conditions.length) errors.push(withoutValue(path, 'specifying both OnExitCodes and OnPodConditions is not supported'));
  if (!onExitCodes && conditions.length === 0)
    errors.push(withoutValue(path, 'specifying one of OnExitCodes and OnPodConditions is required'));
};
const checkFailurePolicy = (spec: JobSpec, path: Path, errors: Errors): void => {
  const rules = spec.podFailurePolicy?.rules ?? [];
  const at = path.child('rules');
  if (rules.length > 20) errors.push(tooMany(at, rules.length, 20));
  const pod = spec.template.spec;
  const containers = new Set([...(pod?.containers ?? []), ...(pod?.initContainers ?? [])].map(container => container.name));
  rules.forEach((rule, i) => {
    checkFailureRule(rule, spec, containers, at.index(i), errors);
  });
};

const checkSuccessRule = (rule: SuccessPolicyRule, completions: number, path: Path, errors: Errors): void => {
  const { succeededCount, succeededIndexes } = rule;
  if (succeededCount === undefined && succeededIndexes === undefined)
    errors.push(required(path, 'at least one of succeededCount or succeededIndexes must be specified'));
  let total = 0;
  if (succeededIndexes !== undefined) {
    const at = path.child('succeededIndexes');
    if (longerThan(succeededIndexes, 65536))
      errors.push({ type: 'TooLong', field: String(at), message: 'Too long: may not be more than 65536 bytes' });
    const problem = indexesProblem(succeededIndexes, completions);
    if (problem) errors.push(invalid(at, succeededIndexes, `error parsing succeededIndexes: ${problem}`));
    else total = countIndexes(succeededIndexes, completions);
  }
  if (succeededCount === undefined) return;
  const at = path.child('succeededCount');
  checkNonNegative(succeededCount, at, errors);
  if (succeededCount > completions)
    errors.push(invalid(at, succeededCount, `must be less than or equal to ${completions} (the number of specified completions)`));
  if (succeededIndexes !== undefined && succeededCount > total)
    errors.push(
      invalid(at, succeededCount, `must be less than or equal to ${total} (the number of indexes in the specified succeededIndexes field)`),
    );
};
const checkSuccessPolicy = (spec: JobSpec, path: Path, errors: Errors): void => {
  if (spec.completionMode !== 'Indexed') {
    errors.push(invalid(path, internalForm('batch.v1.SuccessPolicy', spec.successPolicy), 'requires indexed completion mode'));
    return;
  }
  const rules = spec.successPolicy?.rules ?? [];
  const at = path.child('rules');
  if (rules.length === 0) errors.push(required(at, 'at least one rules must be specified when the successPolicy is specified'));
  if (rules.length > 20) errors.push(tooMany(at, rules.length, 20));
  rules.forEach((rule, i) => {
    checkSuccessRule(rule, spec.completions ?? 0, at.index(i), errors);
  });
};

const checkRestartPolicy = (spec: JobSpec, path: Path, errors: Errors): void => {
  const policy = spec.template.spec?.restartPolicy ?? '';
  const at = path.child('template', 'spec', 'restartPolicy');
  if (policy === '' || policy === 'Always') errors.push(required(at, 'valid values: "OnFailure", "Never"'));
  else if (policy !== 'OnFailure' && policy !== 'Never') errors.push(notSupported(at, policy, ['OnFailure', 'Never']));
  else if (spec.podFailurePolicy && policy !== 'Never')
    errors.push(invalid(at, policy, 'only "Never" is supported when podFailurePolicy is specified'));
};

const counted = ['parallelism', 'completions', 'activeDeadlineSeconds', 'backoffLimit', 'ttlSecondsAfterFinished'].concat([
  'backoffLimitPerIndex',
  'maxFailedIndexes',
]);
export const checkJobSpec = (spec: JobSpec, path: Path, errors: Errors): void => {
  checkCounts(spec as unknown as Record<string, unknown>, counted, path, errors);
  const { completionMode, backoffLimitPerIndex, maxFailedIndexes, podReplacementPolicy } = spec;
  if (maxFailedIndexes !== undefined && backoffLimitPerIndex === undefined)
    errors.push(required(path.child('backoffLimitPerIndex'), 'when maxFailedIndexes is specified'));
  if (spec.managedBy !== undefined) checkManagedBy(spec.managedBy, path.child('managedBy'), errors);
  checkOneOf(completionMode, ['NonIndexed', 'Indexed'], path.child('completionMode'), errors);
  if (completionMode === 'Indexed') checkIndexed(spec, path, errors);
  if (completionMode === undefined || completionMode === 'NonIndexed') {
    const text = 'requires indexed completion mode';
    if (backoffLimitPerIndex !== undefined) errors.push(invalid(path.child('backoffLimitPerIndex'), backoffLimitPerIndex, text));
    if (maxFailedIndexes !== undefined) errors.push(invalid(path.child('maxFailedIndexes'), maxFailedIndexes, text));
  }
  if (spec.podFailurePolicy) checkFailurePolicy(spec, path.child('podFailurePolicy'), errors);
  if (spec.successPolicy) checkSuccessPolicy(spec, path.child('successPolicy'), errors);
  const replacement = spec.podFailurePolicy ? ['Failed'] : ['Failed', 'TerminatingOrFailed'];
  checkOneOf(podReplacementPolicy, replacement, path.child('podReplacementPolicy'), errors);
  checkTemplate(spec.template, path.child('template'), errors);
  checkRestartPolicy(spec, path, errors);
};

export const jobSpecWarnings = (spec: JobSpec, path: Path): string[] =>
  spec.completionMode === 'Indexed' && (spec.completions ?? 0) > manyCompletions && (spec.parallelism ?? 0) > manyFailures
    ? [
        `${path}: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail`,
      ]
    : [];
