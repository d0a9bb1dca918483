/** One rule or two of each kind that has no test file of its own, on objects as the decoder hands them over. */
import { describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../object.ts';
import { builtInRegistry } from '../registry.ts';
import type { Resource } from '../resource.ts';
import { decodeBody } from '../schema/decode.ts';
import { applySchemaDefaults } from '../schema/defaults.ts';
import type { StrategyContext } from '../strategy.ts';

const context: StrategyContext = {
  clock: { now: () => 0, after: () => () => undefined },
  random: { next: () => 0, uuid: () => 'u' },
  user: { name: 'u', groups: [] },
};
const texts = (errors: readonly { field: string; message: string }[] = []) => errors.map(e => `${e.field}: ${e.message}`);
const resourceOf = (apiVersion: string, plural: string): Resource => {
  const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
  const found = builtInRegistry().find(group ?? '', version ?? '', plural);
  if (!found) throw new Error(`no ${plural}`);
  return found;
};
const written = (apiVersion: string, plural: string, fields: object): KubeObject => {
  const resource = resourceOf(apiVersion, plural);
  const text = JSON.stringify({ apiVersion, kind: resource.kind, metadata: { name: 'a' }, ...fields });
  const { object } = decodeBody(resource, Buffer.from(text), 'json', { strict: false });
  applySchemaDefaults(resource.schema, object);
  resource.strategy.defaults?.(object);
  return object;
};
const created = (apiVersion: string, plural: string, fields: object): KubeObject => {
  const object = written(apiVersion, plural, fields);
  resourceOf(apiVersion, plural).strategy.prepareForCreate?.(object, context);
  return object;
};

describe('creation', () => {
  test.each<[apiVersion: string, plural: string, fields: object, expected: string[]]>([
    [
      'v1',
      'namespaces',
      { spec: { finalizers: ['x'] } },
      ['spec.finalizers: Invalid value: "x": name is neither a standard finalizer name nor is it fully qualified'],
    ],
    [
      'v1',
      'limitranges',
      { spec: { limits: [{ type: 'Container', max: { cpu: '1' }, min: { cpu: '2' } }] } },
      [
        'spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1',
        'spec.limits[0].defaultRequest[cpu]: Invalid value: "1": min value 2 is greater than default request value 1',
        'spec.limits[0].default[cpu]: Invalid value: "2": min value 2 is greater than default value 1',
      ],
    ],
    [
      'v1',
      'limitranges',
      {
        spec: {
          limits: [
            { type: 'Pod', max: { cpu: '1' } },
            { type: 'Pod', max: { cpu: '1' } },
          ],
        },
      },
      ['spec.limits[1].type: Duplicate value: "Pod"'],
    ],
    [
      'v1',
      'resourcequotas',
      { spec: { hard: { pods: '-1' }, scopes: ['Best'] } },
      [
        'spec.hard[pods]: Invalid value: "-1": must be greater than or equal to 0',
        'spec.scopes: Invalid value: ["Best"]: unsupported scope',
      ],
    ],
    [
      'v1',
      'resourcequotas',
      { spec: { scopes: ['BestEffort', 'NotBestEffort'] } },
      ['spec.scopes: Invalid value: ["BestEffort","NotBestEffort"]: conflicting scopes'],
    ],
    ['v1', 'persistentvolumeclaims', { spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } }, []],
    [
      'v1',
      'persistentvolumeclaims',
      { spec: {} },
      ['spec.accessModes: Required value: at least 1 access mode is required', 'spec.resources[storage]: Required value'],
    ],
    [
      'v1',
      'persistentvolumes',
      { spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'] } },
      ['spec: Required value: must specify a volume type'],
    ],
    [
      'networking.k8s.io/v1',
      'ingresses',
      { spec: {} },
      ['spec: Invalid value: null: either `defaultBackend` or `rules` must be specified'],
    ],
    [
      'networking.k8s.io/v1',
      'networkpolicies',
      { spec: { policyTypes: ['Sideways'] } },
      ['spec.policyTypes[0]: Unsupported value: "Sideways": supported values: "Ingress", "Egress"'],
    ],
    [
      'storage.k8s.io/v1',
      'storageclasses',
      { provisioner: 'a', reclaimPolicy: 'Recycle' },
      ['reclaimPolicy: Unsupported value: "Recycle": supported values: "Delete", "Retain"'],
    ],
    [
      'policy/v1',
      'poddisruptionbudgets',
      { spec: { minAvailable: 1, maxUnavailable: 1 } },
      [
        'spec: Invalid value: {"MinAvailable":1,"Selector":null,"MaxUnavailable":1,"UnhealthyPodEvictionPolicy":null}: minAvailable and maxUnavailable cannot be both set',
      ],
    ],
    [
      'scheduling.k8s.io/v1',
      'priorityclasses',
      { value: 2_000_000_000 },
      ['value: Forbidden: maximum allowed value of a user defined priority is 1000000000'],
    ],
    [
      'rbac.authorization.k8s.io/v1',
      'roles',
      { rules: [{ apiGroups: [''], resources: ['pods'] }] },
      ['rules[0].verbs: Required value: verbs must contain at least one value'],
    ],
    [
      'coordination.k8s.io/v1',
      'leases',
      { spec: { leaseDurationSeconds: 0 } },
      ['spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0'],
    ],
    ['node.k8s.io/v1', 'runtimeclasses', { handler: 'a' }, []],
    [
      'autoscaling/v2',
      'horizontalpodautoscalers',
      { spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' }, maxReplicas: 0 } },
      [
        'spec.maxReplicas: Required value: must be set and greater than 0',
        'spec.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`',
      ],
    ],
  ])('%s %s %p', (apiVersion, plural, fields, expected) => {
    const object = created(apiVersion, plural, fields);
    const { strategy } = resourceOf(apiVersion, plural);
    expect(texts([...(strategy.validate?.(object) ?? []), ...(strategy.validateCreate?.(object) ?? [])])).toEqual(expected);
  });
});

describe('update', () => {
  const rules = [
    [
      'rbac.authorization.k8s.io/v1',
      'rolebindings',
      { roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'a' } },
      {
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'b' },
      },
      ['roleRef: Invalid value: {"APIGroup":"rbac.authorization.k8s.io","Kind":"Role","Name":"b"}: cannot change roleRef'],
    ],
    ['scheduling.k8s.io/v1', 'priorityclasses', { value: 1 }, { value: 2 }, ['value: Forbidden: may not be changed in an update.']],
    [
      'storage.k8s.io/v1',
      'storageclasses',
      { provisioner: 'a' },
      { provisioner: 'b' },
      ['provisioner: Invalid value: "b": field is immutable'],
    ],
    ['node.k8s.io/v1', 'runtimeclasses', { handler: 'a' }, { handler: 'b' }, ['handler: Invalid value: "b": field is immutable']],
    ['v1', 'resourcequotas', { spec: { scopes: ['BestEffort'] } }, { spec: {} }, ['spec.scopes: Invalid value: null: field is immutable']],
  ] as [string, string, object, object, string[]][];
  test.each(rules)('%s %s %p to %p', (apiVersion, plural, before, after, expected) => {
    const { strategy } = resourceOf(apiVersion, plural);
    const previous = created(apiVersion, plural, before);
    const next = written(apiVersion, plural, after);
    strategy.prepareForUpdate?.(next, previous, context);
    expect(texts(strategy.validateUpdate?.(next, previous))).toEqual(expected);
  });
});

test('a namespace carries its name, and its end is up to the finalize subresource', () => {
  const { strategy } = resourceOf('v1', 'namespaces');
  const previous = created('v1', 'namespaces', {});
  expect(previous.metadata.labels).toEqual({ 'kubernetes.io/metadata.name': 'a' });
  expect(previous['spec']).toEqual({ finalizers: ['kubernetes'] });
  expect(previous['status']).toEqual({ phase: 'Active' });
  const next = written('v1', 'namespaces', { spec: { finalizers: [] } });
  strategy.prepareForUpdate?.(next, previous, context);
  expect(next['spec']).toEqual({ finalizers: ['kubernetes'] });
  const final = written('v1', 'namespaces', { spec: {}, status: { phase: 'Terminating' } });
  strategy.subresources?.['finalize']?.prepareForUpdate?.(final, previous, context);
  expect(final['spec']).toEqual({});
  expect(final['status']).toEqual({ phase: 'Active' });
});

test('the limits of containers follow from each other', () => {
  const { spec } = created('v1', 'limitranges', { spec: { limits: [{ type: 'Container', max: { cpu: '2' }, min: { memory: '1Mi' } }] } });
  expect(spec).toEqual({
    limits: [
      { type: 'Container', max: { cpu: '2' }, min: { memory: '1Mi' }, default: { cpu: '2' }, defaultRequest: { cpu: '2', memory: '1Mi' } },
    ],
  });
});

test('a claim says once what it is made from', () => {
  const dataSource = { kind: 'PersistentVolumeClaim', name: 'b' };
  const { spec } = created('v1', 'persistentvolumeclaims', { spec: { dataSource } }) as { spec?: Record<string, object> };
  expect(spec?.['dataSourceRef']).toMatchObject(dataSource);
  const odd = created('v1', 'persistentvolumeclaims', { spec: { dataSource: { kind: 'Cow', name: 'b' } } });
  expect(odd['spec']).not.toHaveProperty('dataSource');
});
