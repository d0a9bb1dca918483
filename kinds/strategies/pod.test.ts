import { describe, expect, test } from '@jest/globals';
import { bindPod, validateBinding } from '../pod-spec/binding.ts';
import type { Pod } from '../pod-spec/types.ts';
import type { FieldError } from '../status.ts';
import type { StrategyContext } from '../strategy.ts';
import { pod as strategy } from './pod.ts';

const context: StrategyContext = {
  clock: { now: () => Date.parse('2026-01-01T00:00:00Z'), after: () => () => undefined },
  random: { next: () => 0, uuid: () => '' },
  user: { name: 'admin', groups: [] },
};
const texts = (errors: FieldError[] | undefined) => (errors ?? []).map(({ field, message }) => `${field}: ${message}`);
type Spec = NonNullable<Pod['spec']>;
const aPod = (spec: Partial<Spec> = {}): Pod => {
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'a', namespace: 'default' },
    spec: { containers: [{ name: 'main', image: 'app:1' }], ...spec },
  };
  strategy.defaults?.(pod);
  strategy.prepareForCreate?.(pod, context);
  return pod;
};
const stored = (spec: Partial<Spec> = {}): Pod => {
  const pod = aPod(spec);
  pod.metadata.resourceVersion = '1';
  return pod;
};
const changed = (pod: Pod, change: (copy: Pod) => void): Pod => {
  const copy = structuredClone(pod);
  change(copy);
  strategy.defaults?.(copy);
  return copy;
};

describe('defaults', () => {
  test('run again without effect', () => {
    const pod = aPod({
      hostNetwork: true,
      containers: [{ name: 'c', image: 'x', ports: [{ containerPort: 80 }], resources: { limits: { cpu: '0.5' } } }],
    });
    expect(changed(pod, () => undefined)).toEqual(pod);
    expect(pod.spec?.containers[0]?.ports).toEqual([{ containerPort: 80, hostPort: 80, protocol: 'TCP' }]);
    expect(pod.spec?.containers[0]?.resources).toEqual({ limits: { cpu: '500m' }, requests: { cpu: '500m' } });
    expect(pod.status).toEqual({ phase: 'Pending', qosClass: 'Burstable' });
  });
  test('the older name of the service account follows', () => {
    expect(aPod({ serviceAccount: 'old' }).spec?.serviceAccountName).toBe('old');
    expect(aPod({ serviceAccount: 'old', serviceAccountName: 'new' }).spec?.serviceAccount).toBe('new');
  });
  test('label keys become requirements', () => {
    const pod: Pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'a', labels: { hash: '1' } },
      spec: {
        containers: [],
        topologySpreadConstraints: [
          { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule', labelSelector: {}, matchLabelKeys: ['hash', 'none'] },
        ],
      },
    };
    strategy.prepareForCreate?.(pod, context);
    expect(pod.spec?.topologySpreadConstraints?.[0]?.labelSelector).toEqual({
      matchExpressions: [{ key: 'hash', operator: 'In', values: ['1'] }],
    });
  });
  test('pod-level requests are what the containers need', () => {
    const resources = { requests: { cpu: '1' } };
    const pod = aPod({
      containers: [{ name: 'c', image: 'x', resources }],
      initContainers: [
        { name: 'side', image: 'x', restartPolicy: 'Always', resources },
        { name: 'big', image: 'x', resources: { requests: { cpu: '2' } } },
      ],
      resources: { limits: { cpu: '4', memory: '1Gi' } },
    });
    expect(pod.spec?.resources?.requests).toEqual({ cpu: '3', memory: '1Gi' });
  });
});

describe('rules', () => {
  test('debugging comes later', () => {
    const pod = aPod({ ephemeralContainers: [{ name: 'd', image: 'x' }] });
    expect(texts(strategy.validate?.(pod))).toEqual(['spec.ephemeralContainers: Forbidden: cannot be set on create']);
    pod.metadata.resourceVersion = '1';
    expect(strategy.validate?.(pod)).toEqual([]);
  });
  test('keys from a prototype are only keys', () => {
    const hostile = JSON.parse('{"__proto__":"1","constructor":"2"}') as Record<string, string>;
    const pod = aPod({ containers: [{ name: 'c', image: 'x', resources: { requests: hostile } }] });
    const errors = texts(strategy.validate?.(pod));
    expect(errors).toContain(
      'spec.containers[0].resources.requests[constructor]: Invalid value: "constructor": must be a standard resource for containers',
    );
    expect(errors.some(text => text.startsWith('spec.containers[0].resources.requests[__proto__]: '))).toBe(true);
  });
  test('gates hold back, and only fall', () => {
    const gated = stored({ schedulingGates: [{ name: 'example.com/a' }] });
    const narrowed = changed(gated, copy => {
      if (copy.spec) copy.spec.nodeSelector = { disk: 'ssd' };
    });
    expect(strategy.validateUpdate?.(narrowed, gated)).toEqual([]);
    const free = stored();
    const wrong = changed(free, copy => {
      if (copy.spec) copy.spec.nodeSelector = { disk: 'ssd' };
    });
    expect(texts(strategy.validateUpdate?.(wrong, free))[0]).toMatch(/^spec: Forbidden: pod updates may not change fields other than/);
  });
  test('the image may change, the deadline only shrink', () => {
    const before = stored({ activeDeadlineSeconds: 10 });
    const fine = changed(before, copy => {
      if (copy.spec?.containers[0]) copy.spec.containers[0].image = 'app:2';
      if (copy.spec) copy.spec.activeDeadlineSeconds = 5;
    });
    expect(strategy.validateUpdate?.(fine, before)).toEqual([]);
    const longer = changed(before, copy => {
      if (copy.spec) copy.spec.activeDeadlineSeconds = 11;
    });
    expect(texts(strategy.validateUpdate?.(longer, before))).toEqual([
      'spec.activeDeadlineSeconds: Invalid value: 11: must be less than or equal to previous value',
    ]);
  });
});

describe('subresources', () => {
  test('resize changes CPU and memory, nothing else', () => {
    const resources = { requests: { cpu: '1' }, limits: { cpu: '2' } };
    const before = stored({ containers: [{ name: 'main', image: 'app:1', resources }] });
    const next = changed(before, copy => {
      const [container] = copy.spec?.containers ?? [];
      if (container) {
        container.image = 'other';
        container.resources = { requests: { cpu: '1500m' }, limits: { cpu: '2' } };
      }
    });
    const resize = strategy.subresources?.['resize'];
    resize?.prepareForUpdate?.(next, before, context);
    expect(next.spec?.containers[0]?.image).toBe('app:1');
    expect(next.spec?.containers[0]?.resources?.requests).toEqual({ cpu: '1500m' });
    expect(resize?.validateUpdate?.(next, before)).toEqual([]);
    const guaranteed = changed(before, copy => {
      const [container] = copy.spec?.containers ?? [];
      if (container) container.resources = {};
    });
    expect(texts(resize?.validateUpdate?.(guaranteed, before))[0]).toBe(
      'spec: Invalid value: "Burstable": Pod QOS Class may not change as a result of resizing',
    );
  });
  test('a container that ended stays ended', () => {
    const before = stored({ restartPolicy: 'Never' });
    const base = { name: 'main', image: 'x', imageID: '', ready: false, restartCount: 0 };
    before.status = { ...before.status, containerStatuses: [{ ...base, state: { terminated: { exitCode: 0 } } }] };
    const next = changed(before, copy => {
      if (copy.status) copy.status.containerStatuses = [{ ...base, state: { running: {} } }];
    });
    expect(texts(strategy.subresources?.['status']?.validateUpdate?.(next, before))).toEqual([
      'status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state',
    ]);
  });
  test('binding puts a pod on a node once', () => {
    const pod = stored();
    const binding = {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name: 'a', annotations: { by: 'x' } },
      target: { kind: 'Node', name: 'n1' },
    };
    expect(validateBinding(binding)).toEqual([]);
    expect(texts(validateBinding({ ...binding, target: { kind: 'Pod' } }))).toHaveLength(2);
    bindPod(pod, binding, context);
    expect(pod.spec?.nodeName).toBe('n1');
    expect(pod.metadata.annotations).toEqual({ by: 'x' });
    expect(pod.status?.conditions).toEqual([
      { lastProbeTime: null, lastTransitionTime: '2026-01-01T00:00:00Z', status: 'True', type: 'PodScheduled' },
    ]);
    expect(() => bindPod(pod, binding, context)).toThrow(
      'Operation cannot be fulfilled on pods/binding "a": pod a is already assigned to node "n1"',
    );
  });
});

test('grace: the pod asks, the request overrides, nothing runs without a node', () => {
  const pod = stored({ nodeName: 'n1' });
  expect(strategy.gracePeriod?.(pod, undefined)).toBe(30);
  expect(strategy.gracePeriod?.(pod, 5)).toBe(5);
  expect(strategy.gracePeriod?.(pod, -1)).toBe(1);
  expect(strategy.gracePeriod?.({ ...pod, status: { phase: 'Failed' } }, 5)).toBe(0);
  expect(strategy.gracePeriod?.(stored(), 5)).toBe(0);
});

test('warnings for what is hardly meant', () => {
  const pod = aPod({
    containers: [
      {
        name: 'c',
        image: 'x',
        ports: [{ containerPort: 80 }, { containerPort: 80 }],
        env: [
          { name: 'A', value: '1' },
          { name: 'A', value: '2' },
        ],
        resources: { requests: { memory: '100m' } },
      },
    ],
  });
  expect(strategy.warnings?.(pod, undefined)).toEqual([
    'spec.containers[0].resources.requests[memory]: fractional byte value "100m" is invalid, must be an integer',
    'spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply',
    'spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]',
  ]);
});
