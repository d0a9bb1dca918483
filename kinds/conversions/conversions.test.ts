import { describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../object.ts';
import { conversions } from './index.ts';

const conversion = (name: string, version: string) => {
  const found = conversions[name]?.versions[version];
  if (!found) throw new Error(`no conversion of ${name}`);
  return found;
};
/** Both ways, without touching what was given. */
const convert = (way: (object: KubeObject) => KubeObject, object: KubeObject): KubeObject => {
  const before = JSON.stringify(object);
  const result = way(object);
  expect(JSON.stringify(object)).toBe(before);
  return result;
};

describe('events', () => {
  const events = conversion('events', 'events.k8s.io/v1');
  const regarding = { kind: 'Pod', name: 'p', namespace: 'n' };
  const served: KubeObject = {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name: 'e', namespace: 'n' },
    eventTime: '2026-01-01T00:00:00.000000Z',
    reportingController: 'c',
    reportingInstance: 'i',
    reason: 'R',
    note: 'text',
    type: 'Normal',
    action: 'A',
    regarding,
    deprecatedSource: {},
    deprecatedFirstTimestamp: null,
    deprecatedLastTimestamp: null,
  };

  test('are stored in the core form', () => {
    expect(convert(events.toStored, served)).toEqual({
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'e', namespace: 'n' },
      eventTime: '2026-01-01T00:00:00.000000Z',
      reportingComponent: 'c',
      reportingInstance: 'i',
      reason: 'R',
      message: 'text',
      type: 'Normal',
      action: 'A',
      involvedObject: regarding,
      source: {},
      firstTimestamp: null,
      lastTimestamp: null,
    });
  });
  test('come back as they were written', () => {
    expect(convert(events.fromStored, events.toStored(served))).toEqual(served);
  });
  test('have what the core form demands', () => {
    const { message, ...stored } = events.toStored({ apiVersion: 'events.k8s.io/v1', kind: 'Event', metadata: { name: 'e' } });
    expect(message).toBeUndefined();
    expect(stored).toMatchObject({ source: {}, firstTimestamp: null, eventTime: null, reportingComponent: '', reportingInstance: '' });
  });
});

describe('autoscalers', () => {
  const autoscalers = conversion('horizontalpodautoscalers.autoscaling', 'autoscaling/v1');
  const scaleTargetRef = { kind: 'Deployment', name: 'd', apiVersion: 'apps/v1' };
  const v1 = (spec: object, annotations?: Record<string, string>): KubeObject => ({
    apiVersion: 'autoscaling/v1',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'h', ...(annotations ? { annotations } : {}) },
    spec: { scaleTargetRef, minReplicas: 1, maxReplicas: 3, ...spec },
    status: { currentReplicas: 0, desiredReplicas: 0 },
  });
  const cpu = (averageUtilization: number) => ({
    type: 'Resource',
    resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } },
  });
  const pods = {
    type: 'Pods',
    pods: { metric: { name: 'packets' }, target: { type: 'AverageValue', averageValue: '1k' } },
  };
  const stored = (spec: object, status: object = {}): KubeObject => ({
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'h', annotations: { own: 'x' } },
    spec: { scaleTargetRef, minReplicas: 1, maxReplicas: 3, ...spec },
    status: { currentReplicas: 1, desiredReplicas: 2, currentMetrics: null, ...status },
  });

  test.each<[string, object, object]>([
    ['a share of CPU is a metric', { targetCPUUtilizationPercentage: 50 }, cpu(50)],
    ['no share is 80 percent', {}, cpu(80)],
  ])('%s', (_, spec, metric) => {
    expect(convert(autoscalers.toStored, v1(spec))).toMatchObject({ apiVersion: 'autoscaling/v2', spec: { metrics: [metric] } });
  });

  test('what the older form has no fields for is in annotations', () => {
    const behavior = { scaleDown: { stabilizationWindowSeconds: 5, policies: [{ type: 'Pods', value: 1, periodSeconds: 60 }] } };
    const served = convert(autoscalers.fromStored, stored({ metrics: [cpu(50), pods], behavior }));
    expect(served['spec']).toEqual({ scaleTargetRef, minReplicas: 1, maxReplicas: 3, targetCPUUtilizationPercentage: 50 });
    expect(served.metadata.annotations).toEqual({
      own: 'x',
      'autoscaling.alpha.kubernetes.io/metrics': '[{"type":"Pods","pods":{"metricName":"packets","targetAverageValue":"1k"}}]',
      'autoscaling.alpha.kubernetes.io/behavior':
        '{"ScaleUp":null,"ScaleDown":{"StabilizationWindowSeconds":5,"SelectPolicy":null,"Policies":[{"Type":"Pods","Value":1,"PeriodSeconds":60}],"Tolerance":null}}',
    });
  });

  test.each<[string, object, object]>([
    ['metrics', { metrics: [pods, cpu(50)] }, {}],
    ['limits', { metrics: [cpu(50)], behavior: { scaleUp: { selectPolicy: 'Max', tolerance: '100m' } } }, {}],
    [
      'conditions',
      { metrics: [cpu(50)] },
      { conditions: [{ type: 'AbleToScale', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z', reason: 'R', message: 'm' }] },
    ],
    [
      'every kind of metric',
      {
        metrics: [
          {
            type: 'Object',
            object: {
              metric: { name: 'm', selector: { matchLabels: { a: 'b' } } },
              describedObject: { kind: 'Service', name: 's', apiVersion: 'v1' },
              target: { type: 'Value', value: '5' },
            },
          },
          { type: 'External', external: { metric: { name: 'm' }, target: { type: 'AverageValue', averageValue: '5' } } },
          {
            type: 'ContainerResource',
            containerResource: { name: 'memory', container: 'c', target: { type: 'AverageValue', averageValue: '1Gi' } },
          },
        ],
      },
      {
        currentMetrics: [
          { type: 'Pods', pods: { metric: { name: 'packets' }, current: { averageValue: '3' } } },
          { type: 'Resource', resource: { name: 'memory', current: { averageValue: '1Gi' } } },
        ],
      },
    ],
  ])('%s survive the older form', (_, spec, status) => {
    const object = stored(spec, status);
    const back = convert(autoscalers.toStored, autoscalers.fromStored(object));
    expect(back.metadata).toEqual(object.metadata);
    const sorted = (metrics: unknown) => (metrics as { type: string }[]).toSorted((one, other) => one.type.localeCompare(other.type));
    const { metrics, ...rest } = back['spec'] as Record<string, unknown>;
    const { metrics: before, ...expected } = object['spec'] as Record<string, unknown>;
    expect(sorted(metrics)).toEqual(sorted(before));
    expect(rest).toEqual(expected);
    expect(back['status']).toEqual(object['status']);
  });

  test('annotations that nobody can read say nothing', () => {
    const odd = v1({}, { 'autoscaling.alpha.kubernetes.io/metrics': '{', 'autoscaling.alpha.kubernetes.io/behavior': '[1]' });
    const result = autoscalers.toStored(odd);
    expect(result['spec']).toEqual({ scaleTargetRef, minReplicas: 1, maxReplicas: 3, metrics: [cpu(80)] });
    expect(result.metadata.annotations).toBeUndefined();
  });
});
