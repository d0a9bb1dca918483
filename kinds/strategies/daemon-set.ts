/** DaemonSet. */
import type * as generated from '@kubernetes/client-node';
import { formEqual } from '../equality.ts';
import { invalid, notSupported, type Path, required, root } from '../field.ts';
import { internalForm } from '../internal-form.ts';
import { validateImmutableSelector, validateLabelSelector } from '../metadata.ts';
import type { Errors } from '../pod-spec/check.ts';
import { defaultTemplate } from '../pod-spec/defaults.ts';
import { checkAlwaysRunning, checkMatches, checkTemplate, prepareTemplate, requirementsOf, shownSelector } from '../pod-spec/template.ts';
import { templateWarnings } from '../pod-spec/warnings.ts';
import { amountOf, checkAtMostWhole, checkCollisions, checkCounts, checkIntOrPercent } from '../pod-spec/workload.ts';
import type { FieldError } from '../status.ts';
import type { Strategy } from '../strategy.ts';
import { age } from '../table/age.ts';
import { containerCells, formatLabels, formatSelector } from '../table/cells.ts';
import type { Kind } from '../types.ts';

type DaemonSet = Kind<generated.V1DaemonSet>;
type UpdateStrategy = NonNullable<NonNullable<DaemonSet['spec']>['updateStrategy']>;
const specPath = root('spec');
const statusPath = root('status');
const templatePath = specPath.child('template');
const zeroStatus = { currentNumberScheduled: 0, desiredNumberScheduled: 0, numberMisscheduled: 0, numberReady: 0 };
const counted = ['currentNumberScheduled', 'numberMisscheduled', 'desiredNumberScheduled', 'numberReady', 'observedGeneration'].concat([
  'updatedNumberScheduled',
  'numberAvailable',
  'numberUnavailable',
  'collisionCount',
]);

/** How often the template changed: a field of older versions of the API, kept as an annotation since. */
const templateGeneration = 'deprecated.daemonset.template.generation';
const templateGenerationOf = ({ metadata }: DaemonSet): number => {
  const value = Number(metadata.annotations?.[templateGeneration] ?? 0);
  return Number.isSafeInteger(value) ? value : 0;
};
const setTemplateGeneration = (object: DaemonSet, value: number): void => {
  object.metadata.annotations = { ...object.metadata.annotations, [templateGeneration]: String(value) };
};

const defaults = (object: DaemonSet): void => {
  object.spec ??= { selector: {}, template: {} };
  const { spec } = object;
  spec.updateStrategy ??= {};
  spec.updateStrategy.type ||= 'RollingUpdate';
  if (spec.updateStrategy.type === 'RollingUpdate') {
    spec.updateStrategy.rollingUpdate ??= {};
    spec.updateStrategy.rollingUpdate.maxUnavailable ??= 1;
    spec.updateStrategy.rollingUpdate.maxSurge ??= 0;
  }
  spec.revisionHistoryLimit ??= 10;
  spec.template ??= {};
  defaultTemplate(spec.template);
  object.status = { ...zeroStatus, ...object.status };
  // A field of the internal form, so the annotation is always there.
  if (object.metadata.annotations?.[templateGeneration] === undefined) setTemplateGeneration(object, 0);
};

const checkUpdateStrategy = (strategy: UpdateStrategy, path: Path, errors: Errors): void => {
  const { type = '', rollingUpdate } = strategy;
  if (type === 'OnDelete') return;
  if (type !== 'RollingUpdate') {
    errors.push(notSupported(path, internalForm('apps.v1.DaemonSetUpdateStrategy', strategy), ['RollingUpdate', 'OnDelete']));
    return;
  }
  const at = path.child('rollingUpdate');
  if (!rollingUpdate) {
    errors.push(required(at));
    return;
  }
  const { maxUnavailable, maxSurge } = rollingUpdate;
  checkIntOrPercent(maxUnavailable, at.child('maxUnavailable'), errors);
  checkIntOrPercent(maxSurge, at.child('maxSurge'), errors);
  checkAtMostWhole(maxUnavailable, at.child('maxUnavailable'), errors);
  checkAtMostWhole(maxSurge, at.child('maxSurge'), errors);
  const unavailable = amountOf(maxUnavailable) !== 0;
  const surge = amountOf(maxSurge) !== 0;
  if (unavailable && surge) errors.push(invalid(at.child('maxSurge'), maxSurge, 'may not be set when maxUnavailable is non-zero'));
  else if (!unavailable && !surge) errors.push(required(at.child('maxUnavailable'), 'cannot be 0 when maxSurge is 0'));
};

const validate = (object: DaemonSet): FieldError[] => {
  const { spec } = object;
  const errors: Errors = [];
  if (!spec) return [required(specPath)];
  const { selector } = spec;
  const template = spec.template ?? {};
  if (selector) errors.push(...validateLabelSelector(selector, specPath.child('selector')));
  const requirements = requirementsOf(selector);
  if (requirements) checkMatches(requirements, template, templatePath, errors);
  if (selector && Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions?.length ?? 0) === 0)
    errors.push(invalid(specPath.child('selector'), shownSelector(selector), 'empty selector is invalid for daemonset'));
  checkTemplate(template, templatePath, errors);
  checkAlwaysRunning(template, 'DaemonSet', templatePath, errors);
  checkCounts(spec, ['minReadySeconds'], specPath, errors);
  if (templateGenerationOf(object) < 0)
    errors.push(invalid(specPath.child('templateGeneration'), templateGenerationOf(object), 'must be greater than or equal to 0'));
  checkUpdateStrategy(spec.updateStrategy ?? {}, specPath.child('updateStrategy'), errors);
  checkCounts(spec, ['revisionHistoryLimit'], specPath, errors);
  return errors;
};

export const daemonSet: Strategy<DaemonSet> = {
  generation: true,
  fieldAnnotations: new Set([templateGeneration]),
  defaults,
  prepareForCreate(object) {
    object.status = { ...zeroStatus };
    setTemplateGeneration(object, Math.max(1, templateGenerationOf(object)));
    prepareTemplate(object.spec?.template);
  },
  prepareForUpdate(next, previous) {
    if (previous.status) next.status = previous.status;
    prepareTemplate(next.spec?.template);
    const changed = !formEqual(next.spec?.template, previous.spec?.template);
    setTemplateGeneration(next, templateGenerationOf(previous) + (changed ? 1 : 0));
  },
  validate,
  validateUpdate: (next, previous) => validateImmutableSelector(next.spec?.selector, previous.spec?.selector, specPath.child('selector')),
  warnings(next, previous) {
    if (previous && formEqual(next.spec?.template, previous.spec?.template)) return [];
    return templateWarnings(next.spec?.template, templatePath);
  },
  subresources: {
    status: {
      prepareForUpdate(next, previous) {
        if (previous.spec) next.spec = previous.spec;
        setTemplateGeneration(next, templateGenerationOf(previous));
      },
      validateUpdate({ status }, previous) {
        const errors: Errors = [];
        checkCounts(status, counted, statusPath, errors);
        checkCollisions(status?.collisionCount, previous.status?.collisionCount, statusPath, errors);
        return errors;
      },
    },
  },
  cells: ({ metadata, spec, status }, now) => [
    metadata.name,
    status?.desiredNumberScheduled ?? 0,
    status?.currentNumberScheduled ?? 0,
    status?.numberReady ?? 0,
    status?.updatedNumberScheduled ?? 0,
    status?.numberAvailable ?? 0,
    formatLabels(spec?.template?.spec?.nodeSelector),
    age(metadata.creationTimestamp, now),
    ...containerCells(spec?.template?.spec?.containers),
    formatSelector(spec?.selector),
  ],
};
