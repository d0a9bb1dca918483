import { describe, expect, test } from '@jest/globals';
import type { StrategyContext } from '../strategy.ts';
import type { Service, ServiceSpec } from '../types.ts';
import { service } from './service.ts';
import { completeService } from './service-completion.ts';
import { needsHealthCheckPort, wantsNodePorts } from './service-type.ts';

const context: StrategyContext = {
  clock: { now: () => 0, after: () => () => undefined },
  random: { next: () => 0, uuid: () => 'u' },
  user: { name: 'u', groups: [] },
};
const texts = (errors: { field: string; message: string }[] = []) => errors.map(e => `${e.field}: ${e.message}`);
const written = (spec: object): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 's', namespace: 'n' },
  spec: { ports: [{ port: 80 }], selector: { app: 'a' }, ...spec } as ServiceSpec,
});
const created = (spec: object): Service => {
  const object = written(spec);
  service.defaults?.(object);
  if (object.spec) completeService(object.spec, undefined);
  service.prepareForCreate?.(object, context);
  return object;
};
const refused = (spec: object, previous?: Service): string[] => {
  const object = written(spec);
  service.defaults?.(object);
  return texts(completeService(object.spec ?? {}, previous?.spec));
};
/** As it is after addresses and ports were claimed. */
const running = (spec: object): Service => created({ clusterIP: '10.96.0.9', ...spec });
const updated = (previous: Service, spec: object): { object: Service; errors: string[] } => {
  const object = written(spec);
  object.metadata.resourceVersion = '1';
  service.defaults?.(object);
  const before = JSON.stringify(previous);
  if (object.spec) completeService(object.spec, previous.spec);
  service.prepareForUpdate?.(object, previous, context);
  const errors = texts([...(service.validate?.(object) ?? []), ...(service.validateUpdate?.(object, previous) ?? [])]);
  expect(JSON.stringify(previous)).toBe(before);
  return { object, errors };
};

describe('creation', () => {
  test('everything that is not said is filled in', () => {
    expect(created({}).spec).toEqual({
      ports: [{ port: 80, targetPort: 80, protocol: 'TCP' }],
      selector: { app: 'a' },
      sessionAffinity: 'None',
      type: 'ClusterIP',
      internalTrafficPolicy: 'Cluster',
      ipFamilyPolicy: 'SingleStack',
      ipFamilies: ['IPv4'],
    });
  });
  test.each<[string, object, Partial<ServiceSpec>]>([
    ['load balancer', { type: 'LoadBalancer' }, { allocateLoadBalancerNodePorts: true, externalTrafficPolicy: 'Cluster' }],
    [
      'headless without selector',
      { clusterIP: 'None', selector: {} },
      { ipFamilyPolicy: 'RequireDualStack', ipFamilies: ['IPv4', 'IPv6'] },
    ],
    ['given address', { clusterIP: '10.96.0.7' }, { clusterIPs: ['10.96.0.7'] }],
    ['affinity', { sessionAffinity: 'ClientIP' }, { sessionAffinityConfig: { clientIP: { timeoutSeconds: 10_800 } } }],
    ['prefers both', { ipFamilyPolicy: 'PreferDualStack' }, { ipFamilyPolicy: 'PreferDualStack', ipFamilies: ['IPv4'] }],
  ])('%s', (_, spec, expected) => {
    const object = created(spec);
    expect(object.spec).toMatchObject(expected);
    expect(texts(service.validate?.(object))).toEqual([]);
  });
  test.each<[string, object, string[]]>([
    ['no ports', { ports: [] }, ['spec.ports: Required value']],
    [
      'an address for a name',
      { type: 'ExternalName', externalName: 'a.b', clusterIP: '10.96.0.7' },
      ['spec.clusterIPs: Forbidden: may not be set for ExternalName services'],
    ],
    [
      'a node port without a type',
      { ports: [{ port: 80, nodePort: 30000 }] },
      ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
    ],
    ['ports without names', { ports: [{ port: 80 }, { port: 81, name: 'a' }] }, ['spec.ports[0].name: Required value']],
  ])('refuses %s', (_, spec, expected) => {
    expect(texts(service.validate?.(created(spec)))).toEqual(expected);
  });
});

test.each<[string, object, string[]]>([
  [
    'families it cannot have',
    { ipFamilyPolicy: 'RequireDualStack' },
    ['spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services'],
  ],
  ['an unknown family', { ipFamilies: ['IPv6'] }, ['spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster']],
  [
    'an address of such a family',
    { clusterIP: 'fd00::1' },
    ['spec.clusterIPs[0]: Invalid value: ["fd00::1"]: IPv6 is not configured on this cluster'],
  ],
  [
    'a malformed policy, and nothing else',
    { ipFamilyPolicy: 'a', ports: [] },
    [expect.stringContaining('spec.ipFamilyPolicy: Unsupported value: "a"') as unknown as string],
  ],
])('before all else refuses %s', (_, spec, expected) => {
  expect(refused(spec)).toEqual(expected);
});

describe('update', () => {
  test('what was allocated stays if it is left out', () => {
    const previous = running({ type: 'NodePort', ports: [{ port: 80, name: 'a', nodePort: 30001 }] });
    const { object, errors } = updated(previous, { type: 'NodePort', ports: [{ port: 81, name: 'a' }] });
    expect(errors).toEqual([]);
    expect(object.spec).toMatchObject({ clusterIP: '10.96.0.9', clusterIPs: ['10.96.0.9'], ports: [{ nodePort: 30001 }] });
  });
  test('a node port that went to another port is not kept', () => {
    const previous = running({ type: 'NodePort', ports: [{ port: 80, name: 'a', nodePort: 30001 }] });
    const ports = [
      { port: 80, name: 'a' },
      { port: 81, name: 'b', nodePort: 30001 },
    ];
    expect(updated(previous, { type: 'NodePort', ports }).object.spec?.ports?.[0]?.nodePort).toBeUndefined();
  });
  test('what a change of type makes meaningless goes', () => {
    const previous = running({ type: 'NodePort', ports: [{ port: 80, nodePort: 30001 }] });
    const kept = { clusterIP: '10.96.0.9', clusterIPs: ['10.96.0.9'], ports: [{ port: 80, nodePort: 30001 }] };
    const inner = updated(previous, { ...kept, type: 'ClusterIP', externalTrafficPolicy: 'Cluster' });
    expect(inner.errors).toEqual([]);
    expect(inner.object.spec?.ports?.[0]?.nodePort).toBeUndefined();
    expect(inner.object.spec?.externalTrafficPolicy).toBeUndefined();
    const named = updated(previous, {
      type: 'ExternalName',
      externalName: 'a.b',
      ...kept,
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
    });
    expect(named.errors).toEqual([]);
    expect(named.object.spec?.clusterIP).toBeUndefined();
    expect(named.object.spec?.ipFamilies).toBeUndefined();
  });
  test('an address cannot be exchanged', () => {
    expect(updated(running({}), { clusterIP: '10.96.0.10' }).errors).toEqual([
      'spec.clusterIPs[0]: Invalid value: ["10.96.0.10"]: may not change once set',
    ]);
  });
});

test.each<[Partial<ServiceSpec>, boolean, boolean]>([
  [{ type: 'ClusterIP' }, false, false],
  [{ type: 'NodePort', externalTrafficPolicy: 'Local' }, true, false],
  [{ type: 'LoadBalancer', externalTrafficPolicy: 'Local' }, true, true],
  [{ type: 'LoadBalancer', allocateLoadBalancerNodePorts: false }, false, false],
])('%p: node ports %p, health check %p', (spec, ports, health) => {
  expect(wantsNodePorts(spec)).toBe(ports);
  expect(needsHealthCheckPort(spec)).toBe(health);
});

test.each<[object, string[]]>([
  [{ type: 'LoadBalancer', externalIPs: ['1.2.3.4'] }, ['<none>', '1.2.3.4', '80/TCP']],
  [{ type: 'LoadBalancer' }, ['<none>', '<pending>', '80/TCP']],
  [{ type: 'ExternalName', externalName: 'a.b', ports: [] }, ['<none>', 'a.b', '<none>']],
  [{ type: 'NodePort', clusterIP: '10.96.0.9', ports: [{ port: 80, nodePort: 30001 }] }, ['10.96.0.9', '<none>', '80:30001/TCP']],
])('cells of %p', (spec, expected) => {
  expect(service.cells?.(created(spec), 0).slice(2, 5)).toEqual(expected);
});
