/** Autoscalers are stored as `autoscaling/v2`; `autoscaling/v1` sees what it has no fields for as annotations. */
import { goJson } from '../field.ts';
import { internalForm } from '../internal-form.ts';
import type { KubeObject } from '../object.ts';
import { metricFromV1, metricStatusFromV1, metricStatusToV1, metricToV1 } from './autoscaling-metrics.ts';

type Fields = Record<string, unknown>;
const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
const listOf = (value: unknown): Fields[] => (Array.isArray(value) ? value.map(fieldsOf) : []);

const prefix = 'autoscaling.alpha.kubernetes.io/';
const metricsAnnotation = `${prefix}metrics`;
const currentMetricsAnnotation = `${prefix}current-metrics`;
const behaviorAnnotation = `${prefix}behavior`;
const conditionsAnnotation = `${prefix}conditions`;
/** Annotations that hold fields of the other version. */
export const roundTrip: ReadonlySet<string> = new Set([
  ...[metricsAnnotation, currentMetricsAnnotation, behaviorAnnotation, conditionsAnnotation],
  ...[`${prefix}scale-down-tolerance`, `${prefix}scale-up-tolerance`],
]);
const withoutRoundTrip = (annotations: Readonly<Record<string, string>> | undefined): Record<string, string> =>
  Object.fromEntries(Object.entries(annotations ?? {}).filter(([key]) => !roundTrip.has(key)));

const cpuUtilization = (metric: Fields): number | undefined => {
  const resource = fieldsOf(metric['resource']);
  const share = fieldsOf(resource['target'])['averageUtilization'];
  return metric['type'] === 'Resource' && resource['name'] === 'cpu' && typeof share === 'number' ? share : undefined;
};
const cpuMetric = (share: unknown): Fields => ({
  type: 'Resource',
  resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: share } },
});

const ignoringCase = (fields: Fields): Map<string, unknown> =>
  new Map(Object.entries(fields).map(([key, value]) => [key.toLowerCase(), value]));
const set = (fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== null));
const rulesFromGo = (value: unknown): Fields | undefined => {
  if (value === undefined || value === null) return undefined;
  const rules = ignoringCase(fieldsOf(value));
  const policies = rules.get('policies');
  return set({
    stabilizationWindowSeconds: rules.get('stabilizationwindowseconds'),
    selectPolicy: rules.get('selectpolicy'),
    policies: Array.isArray(policies)
      ? policies.map(policy => {
          const known = ignoringCase(fieldsOf(policy));
          return { type: known.get('type') ?? '', value: known.get('value') ?? 0, periodSeconds: known.get('periodseconds') ?? 0 };
        })
      : undefined,
    tolerance: rules.get('tolerance'),
  });
};

/** An annotation that cannot be read says nothing, as upstream has it. */
const read = (text: string | undefined): unknown => {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const sharedSpec = (spec: Fields): Fields =>
  set({ scaleTargetRef: spec['scaleTargetRef'], minReplicas: spec['minReplicas'], maxReplicas: spec['maxReplicas'] });
const sharedStatus = (status: Fields): Fields =>
  set({
    observedGeneration: status['observedGeneration'],
    lastScaleTime: status['lastScaleTime'],
    currentReplicas: status['currentReplicas'] || undefined,
    desiredReplicas: status['desiredReplicas'],
  });
const withAnnotations = (object: KubeObject, annotations: Record<string, string>): KubeObject['metadata'] => {
  const { annotations: _, ...metadata } = object.metadata;
  return Object.keys(annotations).length ? { ...metadata, annotations } : metadata;
};

export const autoscalerToV1 = (object: KubeObject): KubeObject => {
  if (object.apiVersion === 'autoscaling/v1') return object;
  const spec = fieldsOf(object['spec']);
  const status = fieldsOf(object['status']);
  const annotations = withoutRoundTrip(object.metadata.annotations);
  const metrics = listOf(spec['metrics']);
  const cpu = metrics.map(cpuUtilization).find(share => share !== undefined);
  const others = metrics.filter(metric => cpuUtilization(metric) === undefined);
  if (others.length) annotations[metricsAnnotation] = goJson(others.map(metricToV1));
  const current = listOf(status['currentMetrics']);
  if (current.length) annotations[currentMetricsAnnotation] = goJson(current.map(metricStatusToV1));
  if (spec['behavior'] !== undefined)
    annotations[behaviorAnnotation] = goJson(internalForm('autoscaling.v2.HorizontalPodAutoscalerBehavior', spec['behavior']));
  const conditions = listOf(status['conditions']);
  if (conditions.length)
    annotations[conditionsAnnotation] = goJson(
      conditions.map(({ type, status: state, lastTransitionTime, reason, message }) => ({
        ...{ type, status: state, lastTransitionTime: lastTransitionTime ?? null },
        ...set({ reason: reason || undefined, message: message || undefined }),
      })),
    );
  const usage = current.find(metric => metric['type'] === 'Resource' && fieldsOf(metric['resource'])['name'] === 'cpu');
  return {
    apiVersion: 'autoscaling/v1',
    kind: object.kind,
    metadata: withAnnotations(object, annotations),
    spec: { ...sharedSpec(spec), ...(cpu === undefined ? {} : { targetCPUUtilizationPercentage: cpu }) },
    status: {
      currentReplicas: 0,
      desiredReplicas: 0,
      ...sharedStatus(status),
      ...set({ currentCPUUtilizationPercentage: fieldsOf(fieldsOf(fieldsOf(usage)['resource'])['current'])['averageUtilization'] }),
    },
  };
};

export const autoscalerFromV1 = (object: KubeObject): KubeObject => {
  if (object.apiVersion !== 'autoscaling/v1') return object;
  const spec = fieldsOf(object['spec']);
  const status = fieldsOf(object['status']);
  const annotations = object.metadata.annotations ?? {};
  const share = spec['targetCPUUtilizationPercentage'];
  const cpu = share === undefined ? [] : [cpuMetric(share)];
  const others = read(annotations[metricsAnnotation]);
  const metrics = [...(Array.isArray(others) ? others.map(metricFromV1) : []), ...cpu];
  const scaling = ignoringCase(fieldsOf(read(annotations[behaviorAnnotation])));
  const behavior = set({ scaleUp: rulesFromGo(scaling.get('scaleup')), scaleDown: rulesFromGo(scaling.get('scaledown')) });
  const usage = status['currentCPUUtilizationPercentage'];
  const ofCpu = usage === undefined ? null : [{ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: usage } } }];
  const current = read(annotations[currentMetricsAnnotation]);
  const conditions = read(annotations[conditionsAnnotation]);
  return {
    apiVersion: 'autoscaling/v2',
    kind: object.kind,
    metadata: withAnnotations(object, withoutRoundTrip(annotations)),
    spec: {
      ...sharedSpec(spec),
      metrics: metrics.length ? metrics : [cpuMetric(80)],
      ...(Object.keys(behavior).length ? { behavior } : {}),
    },
    status: {
      ...sharedStatus(status),
      currentMetrics: Array.isArray(current) ? current.map(metricStatusFromV1) : ofCpu,
      ...(Array.isArray(conditions) && conditions.length ? { conditions } : {}),
    },
  };
};
