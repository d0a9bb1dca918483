import { semanticEqual } from '../equality.ts';
import { forbidden, invalid, notSupported, type Path, required, root } from '../field.ts';
import { internalForm } from '../internal-form.ts';
import { isDns1123Label, validateImmutableSelector } from '../metadata.ts';
import type { Errors } from '../pod-spec/check.ts';
import { defaultTemplate } from '../pod-spec/defaults.ts';
import { checkAlwaysRunning, checkSelectorAndTemplate, prepareTemplate, requirementsOf } from '../pod-spec/template.ts';
import { hostnameWarning, templateWarnings } from '../pod-spec/warnings.ts';
import { amountOf, checkAtMostWhole, checkCollisions, checkCounts, checkIntOrPercent, checkReplicaStatus } from '../pod-spec/workload.ts';
import { formatLabelSelector } from '../selector/label-selector.ts';
import type { FieldError } from '../status.ts';
import type { Strategy } from '../strategy.ts';
import { age } from '../table/age.ts';
import { containerCells } from '../table/cells.ts';
import type { Deployment } from '../types.ts';

const specPath = root('spec');
const statusPath = root('status');
type Spec = NonNullable<Deployment['spec']>;
type RolloutStrategy = NonNullable<Spec['strategy']>;

const defaults = (deployment: Deployment): void => {
  deployment.spec ??= { selector: {}, template: {} };
  const { spec } = deployment;
  spec.replicas ??= 1;
  spec.strategy ??= {};
  spec.strategy.type ||= 'RollingUpdate';
  if (spec.strategy.type === 'RollingUpdate') {
    spec.strategy.rollingUpdate ??= {};
    spec.strategy.rollingUpdate.maxUnavailable ??= '25%';
    spec.strategy.rollingUpdate.maxSurge ??= '25%';
  }
  spec.revisionHistoryLimit ??= 10;
  spec.progressDeadlineSeconds ??= 600;
  spec.template ??= {};
  defaultTemplate(spec.template);
  deployment.status ??= {};
};

const checkRollout = (rollout: RolloutStrategy, path: Path, errors: Errors): void => {
  const { type = '', rollingUpdate } = rollout;
  const at = path.child('rollingUpdate');
  if (type === 'Recreate') {
    if (rollingUpdate) errors.push(forbidden(at, "may not be specified when strategy `type` is 'Recreate'"));
    return;
  }
  if (type !== 'RollingUpdate') {
    errors.push(notSupported(path, internalForm('apps.v1.DeploymentStrategy', rollout), ['Recreate', 'RollingUpdate']));
    return;
  }
  if (!rollingUpdate) {
    errors.push(required(at, 'this should be defaulted and never be nil'));
    return;
  }
  const { maxUnavailable, maxSurge } = rollingUpdate;
  checkIntOrPercent(maxUnavailable, at.child('maxUnavailable'), errors);
  checkIntOrPercent(maxSurge, at.child('maxSurge'), errors);
  if (amountOf(maxUnavailable) === 0 && amountOf(maxSurge) === 0)
    errors.push(invalid(at.child('maxUnavailable'), maxUnavailable ?? 0, 'may not be 0 when `maxSurge` is 0'));
  checkAtMostWhole(maxUnavailable, at.child('maxUnavailable'), errors);
};

const validate = ({ spec }: Deployment): FieldError[] => {
  const errors: Errors = [];
  if (!spec) return [required(specPath)];
  checkCounts(spec, ['replicas'], specPath, errors);
  checkSelectorAndTemplate({ kind: 'Deployment', selector: spec.selector, template: spec.template }, specPath, errors);
  checkAlwaysRunning(spec.template, 'ReplicaSet', specPath.child('template'), errors);
  checkRollout(spec.strategy ?? {}, specPath.child('strategy'), errors);
  checkCounts(spec, ['minReadySeconds', 'revisionHistoryLimit', 'progressDeadlineSeconds'], specPath, errors);
  const deadline = spec.progressDeadlineSeconds;
  if (deadline !== undefined && deadline <= (spec.minReadySeconds ?? 0))
    errors.push(invalid(specPath.child('progressDeadlineSeconds'), deadline, 'must be greater than minReadySeconds'));
  return errors;
};

const counted = ['observedGeneration', 'replicas', 'updatedReplicas', 'readyReplicas', 'availableReplicas', 'unavailableReplicas'].concat([
  'terminatingReplicas',
  'collisionCount',
]);
const selectorText = ({ spec }: Deployment): string => formatLabelSelector(requirementsOf(spec?.selector) ?? []);

export const deployment: Strategy<Deployment> = {
  generation: true,
  defaults,
  prepareForCreate(object) {
    object.status = {};
    prepareTemplate(object.spec?.template);
  },
  prepareForUpdate(next, previous) {
    if (previous.status) next.status = previous.status;
    prepareTemplate(next.spec?.template);
    // Its annotations are passed on to ReplicaSets, so a change of them is work for the controller, too.
    if (!semanticEqual(next.metadata.annotations, previous.metadata.annotations))
      next.metadata.generation = (previous.metadata.generation ?? 0) + 1;
  },
  validate,
  validateUpdate: (next, previous) => validateImmutableSelector(next.spec?.selector, previous.spec?.selector, specPath.child('selector')),
  warnings(next, previous) {
    if (previous && next.metadata.generation === previous.metadata.generation) return [];
    const named = previous ? [] : hostnameWarning('Pod names and hostnames', isDns1123Label(next.metadata.name));
    return [...named, ...templateWarnings(next.spec?.template, specPath.child('template'))];
  },
  subresources: {
    status: {
      prepareForUpdate(next, previous) {
        if (previous.spec) next.spec = previous.spec;
        if (previous.metadata.labels) next.metadata.labels = previous.metadata.labels;
        else delete next.metadata.labels;
      },
      validateUpdate({ status = {} }, previous) {
        const errors: Errors = [];
        checkCounts(status, counted, statusPath, errors);
        checkReplicaStatus(status, ['updatedReplicas', 'readyReplicas', 'availableReplicas'], 'readyReplicas', statusPath, errors);
        checkCollisions(status.collisionCount, previous.status?.collisionCount, statusPath, errors);
        return errors;
      },
    },
  },
  cells({ metadata, spec, status }, now) {
    const selector = requirementsOf(spec?.selector);
    return [
      metadata.name,
      `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`,
      status?.updatedReplicas ?? 0,
      status?.availableReplicas ?? 0,
      age(metadata.creationTimestamp, now),
      ...containerCells(spec?.template.spec?.containers),
      selector ? formatLabelSelector(selector) : '<invalid>',
    ];
  },
  scale: { specReplicas: ['spec', 'replicas'], statusReplicas: ['status', 'replicas'], selector: selectorText },
};
