/** HorizontalPodAutoscaler, in both versions. Rules are stated for `v2`; an object of `v1` is looked at as if it were one. */
import type * as generated from '@kubernetes/client-node';
import { check, validateNonNegativeQuantity } from '../checks.ts';
import { autoscalerFromV1, roundTrip } from '../conversions/autoscaling.ts';
import { forbidden, invalid, notSupported, type Path, required, root } from '../field.ts';
import { isDns1123Label, isPathSegment, validateNonNegative } from '../metadata.ts';
import type { Json, KubeObject } from '../object.ts';
import { parseQuantity, sign } from '../quantity.ts';
import { validateContainerResourceName } from '../resource-names.ts';
import { emptyAsGiven } from '../schema/given.ts';
import type { FieldError } from '../status.ts';
import type { Strategy } from '../strategy.ts';
import { age } from '../table/age.ts';
import type { Kind, Wire } from '../types.ts';
import { formatMetrics } from './autoscaler-targets.ts';
import { keepAllButStatus } from './status-update.ts';

type Autoscaler = Kind<generated.V2HorizontalPodAutoscaler>;
type Metric = Wire<generated.V2MetricSpec>;
type Target = Wire<generated.V2MetricTarget>;
type Rules = Wire<generated.V2HPAScalingRules>;
type Reference = Wire<generated.V2CrossVersionObjectReference>;

const asV2 = (object: KubeObject): Autoscaler => autoscalerFromV1(object) as Autoscaler;
const specField = root('spec');

/** `apiVersion`: how much of it is looked at. */
const validateReference = (reference: Partial<Reference>, apiVersion: 'any' | 'parsed' | 'withGroup', field: Path): FieldError[] => {
  const errors: FieldError[] = [];
  for (const name of ['kind', 'name'] as const) {
    const text = reference[name];
    errors.push(...(text ? check(isPathSegment, text, field.child(name)) : [required(field.child(name))]));
  }
  const version = reference.apiVersion ?? '';
  const path = field.child('apiVersion');
  if (apiVersion === 'any') return errors;
  if (version.split('/').length > 2) errors.push(invalid(path, version, `unexpected GroupVersion string: ${version}`));
  else if (apiVersion === 'withGroup' && !version.includes('/')) errors.push(invalid(path, version, 'apiVersion must specify API group'));
  return errors;
};

const validateTarget = (target: Partial<Target>, field: Path): FieldError[] => {
  const errors: FieldError[] = [];
  const { type = '', averageUtilization: share } = target;
  if (!type) errors.push(required(field.child('type'), 'must specify a metric target type'));
  if (!['Utilization', 'Value', 'AverageValue'].includes(type))
    errors.push(invalid(field.child('type'), type, 'must be either Utilization, Value, or AverageValue'));
  for (const name of ['value', 'averageValue'] as const) {
    const text = target[name];
    if (text !== undefined && sign(parseQuantity(text)) !== 1) errors.push(invalid(field.child(name), text, 'must be positive'));
  }
  if (share !== undefined && share < 1) errors.push(invalid(field.child('averageUtilization'), share, 'must be greater than 0'));
  return errors;
};
const validateIdentifier = (name: string | undefined, field: Path): FieldError[] =>
  name ? check(isPathSegment, name, field.child('name')) : [required(field.child('name'), 'must specify a metric name')];
/** A resource is aimed at by share or by amount, not both. */
const validateAim = (target: Partial<Target>, field: Path): FieldError[] => {
  const { averageUtilization, averageValue } = target;
  if (averageUtilization === undefined && averageValue === undefined)
    return [required(field.child('target', 'averageUtilization'), 'must set either a target raw value or a target utilization')];
  if (averageUtilization === undefined || averageValue === undefined) return [];
  return [forbidden(field.child('target', 'averageValue'), 'may not set both a target raw value and a target utilization')];
};

type SourceRule = (metric: Metric, field: Path) => FieldError[];
const sourceRules: Readonly<Record<string, SourceRule>> = {
  object({ object }, field) {
    const target = object?.target ?? ({} as Partial<Target>);
    const errors = validateReference(object?.describedObject ?? {}, 'parsed', field.child('describedObject'));
    errors.push(...validateIdentifier(object?.metric?.name, field.child('metric')), ...validateTarget(target, field.child('target')));
    if (target.value === undefined && target.averageValue === undefined)
      errors.push(required(field.child('target', 'averageValue'), 'must set either a target value or averageValue'));
    return errors;
  },
  external({ external }, field) {
    const target = external?.target ?? ({} as Partial<Target>);
    const errors = [...validateIdentifier(external?.metric?.name, field.child('metric')), ...validateTarget(target, field.child('target'))];
    if (target.value === undefined && target.averageValue === undefined)
      errors.push(required(field.child('target', 'averageValue'), 'must set either a target value for metric or a per-pod target'));
    if (target.value !== undefined && target.averageValue !== undefined)
      errors.push(forbidden(field.child('target', 'value'), 'may not set both a target value for metric and a per-pod target'));
    return errors;
  },
  pods({ pods }, field) {
    const target = pods?.target ?? ({} as Partial<Target>);
    const errors = [...validateIdentifier(pods?.metric?.name, field.child('metric')), ...validateTarget(target, field.child('target'))];
    if (target.averageValue === undefined)
      errors.push(required(field.child('target', 'averageValue'), 'must specify a positive target averageValue'));
    return errors;
  },
  resource({ resource }, field) {
    const target = resource?.target ?? ({} as Partial<Target>);
    const errors: FieldError[] = resource?.name ? [] : [required(field.child('name'), 'must specify a resource name')];
    return [...errors, ...validateTarget(target, field.child('target')), ...validateAim(target, field)];
  },
  containerResource({ containerResource }, field) {
    const { name, container, target = {} as Partial<Target> } = containerResource ?? {};
    return [
      ...(name
        ? validateContainerResourceName(name, field.child('name'))
        : [required(field.child('name'), 'must specify a resource name')]),
      ...(container
        ? check(isDns1123Label, container, field.child('container'))
        : [required(field.child('container'), 'must specify a container')]),
      ...validateTarget(target, field.child('target')),
      ...validateAim(target, field),
    ];
  },
};
const sources = Object.keys(sourceRules);
const metricTypes: Readonly<Record<string, string>> = {
  ContainerResource: 'containerResource',
  External: 'external',
  Object: 'object',
  Pods: 'pods',
  Resource: 'resource',
};

const validateMetric = (metric: Metric, field: Path): FieldError[] => {
  const errors: FieldError[] = [];
  const type = metric.type ?? '';
  const expected = Object.hasOwn(metricTypes, type) ? metricTypes[type] : undefined;
  const unsupported = () => notSupported(field.child('type'), type, Object.keys(metricTypes));
  if (!type) errors.push(required(field.child('type'), 'must specify a metric source type'));
  if (!expected) errors.push(unsupported());
  const given = sources.filter(source => metric[source as keyof Metric] !== undefined);
  const [first] = given;
  if (first) errors.push(...(sourceRules[first]?.(metric, field.child(first)) ?? []));
  if (!expected) errors.push(unsupported());
  else if (!given.includes(expected)) errors.push(required(field.child(expected), 'must populate information for the given metric source'));
  if (given.length !== 1)
    for (const source of given)
      if (source !== expected) errors.push(forbidden(field.child(source), 'must populate the given metric source only'));
  return errors;
};

const validateScaling = (rules: Rules | undefined, field: Path): FieldError[] => {
  if (!rules) return [];
  const errors: FieldError[] = [];
  const { stabilizationWindowSeconds: seconds, selectPolicy, policies = [], tolerance } = rules;
  const path = field.child('stabilizationWindowSeconds');
  if (seconds !== undefined && seconds < 0) errors.push(invalid(path, seconds, 'must be greater than or equal to zero'));
  if (seconds !== undefined && seconds > 3600) errors.push(invalid(path, seconds, 'must be less than or equal to 3600'));
  if (selectPolicy !== undefined && !['Disabled', 'Max', 'Min'].includes(selectPolicy))
    errors.push(notSupported(field.child('selectPolicy'), selectPolicy, ['Disabled', 'Max', 'Min']));
  if (!policies?.length) errors.push(required(field.child('policies'), 'must specify at least one Policy'));
  policies?.forEach(({ type, value, periodSeconds }, i) => {
    const at = field.child('policies').index(i);
    if (type !== 'Pods' && type !== 'Percent') errors.push(notSupported(at.child('type'), type ?? '', ['Percent', 'Pods']));
    if (!(value > 0)) errors.push(invalid(at.child('value'), value ?? 0, 'must be greater than zero'));
    if (!(periodSeconds > 0)) errors.push(invalid(at.child('periodSeconds'), periodSeconds ?? 0, 'must be greater than zero'));
    if (periodSeconds > 1800) errors.push(invalid(at.child('periodSeconds'), periodSeconds, 'must be less than or equal to 1800'));
  });
  if (tolerance !== undefined) errors.push(...validateNonNegativeQuantity(tolerance, field.child('tolerance')));
  return errors;
};

const validate = (object: KubeObject, previous?: KubeObject): FieldError[] => {
  const { spec } = asV2(object);
  const errors: FieldError[] = [];
  const { minReplicas: low, maxReplicas: high = 0, metrics, behavior } = spec ?? ({} as Partial<NonNullable<Autoscaler['spec']>>);
  const lowest = previous && asV2(previous).spec?.minReplicas === 0 ? 0 : 1;
  if (low !== undefined && low < lowest)
    errors.push(invalid(specField.child('minReplicas'), low, `must be greater than or equal to ${lowest}`));
  const path = specField.child('maxReplicas');
  if (high === 0) errors.push(required(path, 'must be set and greater than 0'));
  else if (high < 0) errors.push(invalid(path, high, 'must be greater than or equal to 1'));
  if (low !== undefined && high < low) errors.push(invalid(path, high, 'must be greater than or equal to `minReplicas`'));
  const target: Partial<Reference> = spec?.scaleTargetRef ?? {};
  const known: Partial<Reference> | undefined = previous && asV2(previous).spec?.scaleTargetRef;
  const kept = known && (known.apiVersion ?? '') === (target.apiVersion ?? '') && known.kind === target.kind;
  const apiVersion = kept ? 'any' : target.kind === 'ReplicationController' ? 'parsed' : 'withGroup';
  errors.push(...validateReference(target, apiVersion, specField.child('scaleTargetRef')));
  metrics?.forEach((metric, i) => {
    errors.push(...validateMetric(metric, specField.child('metrics').index(i)));
  });
  if (low === 0 && !metrics?.some(({ type }) => type === 'Object' || type === 'External'))
    errors.push(
      forbidden(specField.child('metrics'), 'must specify at least one Object or External metric to support scaling to zero replicas'),
    );
  errors.push(...validateScaling(behavior?.scaleUp, specField.child('behavior', 'scaleUp')));
  errors.push(...validateScaling(behavior?.scaleDown, specField.child('behavior', 'scaleDown')));
  return errors;
};

const period = 15;
const fillRules = (rules: Rules | undefined, up: boolean): Rules => ({
  ...(up ? { stabilizationWindowSeconds: 0 } : {}),
  selectPolicy: 'Max',
  policies: [...(up ? [{ type: 'Pods', value: 4, periodSeconds: period }] : []), { type: 'Percent', value: 100, periodSeconds: period }],
  ...(emptyAsGiven(rules, 'policies') ? { policies: [] } : {}),
  ...rules,
});
const defaultBehavior = (spec: { behavior?: { scaleUp?: Rules; scaleDown?: Rules } }): void => {
  if (!spec.behavior) return;
  spec.behavior = { scaleUp: fillRules(spec.behavior.scaleUp, true), scaleDown: fillRules(spec.behavior.scaleDown, false) };
};

const statusRules = {
  prepareForUpdate: keepAllButStatus,
  validateUpdate(next: KubeObject): FieldError[] {
    const { status } = asV2(next);
    const counts = ['currentReplicas', 'desiredReplicas'] as const;
    return counts.flatMap(name => validateNonNegative(status?.[name], root('status', name)));
  },
};

const cells = (object: KubeObject, now: number): Json[] => {
  const { metadata, spec, status } = asV2(object);
  return [
    metadata.name,
    `${spec?.scaleTargetRef.kind}/${spec?.scaleTargetRef.name}`,
    formatMetrics(spec?.metrics ?? [], status?.currentMetrics ?? []),
    String(spec?.minReplicas ?? '<unset>'),
    spec?.maxReplicas ?? 0,
    status?.currentReplicas ?? 0,
    age(metadata.creationTimestamp, now),
  ];
};

export const horizontalPodAutoscaler: Strategy = {
  fieldAnnotations: roundTrip,
  defaults(object) {
    const { spec } = object as Autoscaler;
    if (!spec) return;
    spec.minReplicas ??= 1;
    // The rest is for the form that all versions share.
    if (object.apiVersion === 'autoscaling/v1') return;
    if (!spec.metrics?.length)
      spec.metrics = [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } }];
    defaultBehavior(spec);
  },
  validate,
  subresources: { status: statusRules },
  cells,
};
