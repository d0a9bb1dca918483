import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { EndpointSlice, Endpoints, Pod } from '../../kinds/types.ts';
import { endpointSliceReconciler } from './endpoint-slice.ts';
import { endpointSliceMirroringReconciler } from './endpoint-slice-mirroring.ts';
import { endpointsReconciler } from './endpoints.ts';
import { aNode, aPod, aService } from './testing/builders.ts';
import { type TestCluster, testCluster } from './testing/cluster.ts';

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await testCluster([endpointSliceReconciler, endpointsReconciler, endpointSliceMirroringReconciler]);
  await cluster.admin.create('nodes', aNode('n1', { labels: { 'topology.kubernetes.io/zone': 'z1' } }));
});
afterEach(() => cluster.close());

const slices = () => cluster.list<EndpointSlice>('endpointslices.discovery.k8s.io');
const endpoints = async () => (await cluster.list<Endpoints>('endpoints'))[0] as Endpoints;
const backend = (name: string, ip: string) => aPod(name).labeled({ app: 'web' }).on('n1').ready(undefined, ip);
const create = async (...pods: ReturnType<typeof aPod>[]): Promise<void> => {
  for (const pod of pods) await cluster.admin.create('pods', pod.build());
  await cluster.settle();
};
const service = async (spec: Parameters<typeof aService>[1] = {}): Promise<void> => {
  await cluster.admin.create('services', aService('web', spec));
  await cluster.settle();
};

test('a Service without pods has an empty slice', async () => {
  await service();
  expect(await slices()).toMatchObject([{ addressType: 'IPv4', endpoints: [], ports: [] }]);
});

test('pods behind a Service, ready or not', async () => {
  await service();
  await create(backend('a', '10.0.0.1'), aPod('b').labeled({ app: 'web' }).on('n1').spec({}).ready(undefined, '10.0.0.2'));
  const unready = (await cluster.list<Pod>('pods')).find(pod => pod.metadata.name === 'b') as Pod;
  await cluster.admin.update('pods', { ...unready, status: { ...unready.status, conditions: [] } }, { subresource: 'status' });
  await cluster.settle();
  const [slice, ...others] = await slices();
  expect(others).toEqual([]);
  expect(slice?.metadata.name).toMatch(/^web-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  expect(slice?.metadata.labels).toEqual({
    'kubernetes.io/service-name': 'web',
    'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
  });
  expect(slice?.metadata.ownerReferences).toMatchObject([{ kind: 'Service', name: 'web', controller: true }]);
  expect(slice?.ports).toEqual([{ name: 'http', port: 8080, protocol: 'TCP' }]);
  expect(slice?.endpoints).toMatchObject([
    {
      addresses: ['10.0.0.1'],
      conditions: { ready: true, serving: true, terminating: false },
      targetRef: { kind: 'Pod', name: 'a', namespace: 'default' },
      nodeName: 'n1',
      zone: 'z1',
    },
    { addresses: ['10.0.0.2'], conditions: { ready: false, serving: false, terminating: false } },
  ]);
  expect(await endpoints()).toMatchObject({
    metadata: { name: 'web', labels: { 'endpoints.kubernetes.io/managed-by': 'endpoint-controller' } },
    subsets: [
      { addresses: [{ ip: '10.0.0.1', nodeName: 'n1' }], notReadyAddresses: [{ ip: '10.0.0.2' }], ports: [{ name: 'http', port: 8080 }] },
    ],
  });
});

test('a terminating pod still serves but takes no new connections; a finished one is gone', async () => {
  await service();
  await create(backend('a', '10.0.0.1'));
  await cluster.admin.delete('pods', 'default', 'a');
  await cluster.settle();
  expect((await slices())[0]?.endpoints?.[0]?.conditions).toEqual({ ready: false, serving: true, terminating: true });
  expect((await endpoints()).subsets ?? []).toEqual([]);
  await cluster.kubelet();
  expect((await slices())[0]?.endpoints).toEqual([]);
});

test('publishNotReadyAddresses calls everyone ready', async () => {
  await service({ publishNotReadyAddresses: true });
  await create(aPod('a').labeled({ app: 'web' }).on('n1').ready());
  await cluster.admin.delete('pods', 'default', 'a');
  await cluster.settle();
  expect((await slices())[0]?.endpoints?.[0]?.conditions).toEqual({ ready: true, serving: true, terminating: true });
});

test('a named target port is each pod’s own', async () => {
  await service({ ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 'web' as never }] });
  const withPort = (name: string, ip: string, containerPort: number) =>
    backend(name, ip).spec({ containers: [{ name: 'c', ports: [{ name: 'web', containerPort, protocol: 'TCP' }] }] });
  await create(withPort('a', '10.0.0.1', 8080), withPort('b', '10.0.0.2', 9090), backend('c', '10.0.0.3'));
  const ports = (await slices()).map(slice => [slice.ports?.[0]?.port, slice.endpoints?.map(({ addresses }) => addresses[0]).join()]);
  expect(ports.sort()).toEqual([
    [8080, '10.0.0.1'],
    [9090, '10.0.0.2'],
  ]);
  expect((await endpoints()).subsets).toHaveLength(2);
});

test('a headless Service has hostnames and needs no ports', async () => {
  await service({ clusterIP: 'None', ports: [] });
  await create(backend('a', '10.0.0.1').spec({ hostname: 'h', subdomain: 'web' }));
  const [slice] = await slices();
  expect(slice?.metadata.labels).toHaveProperty(['service.kubernetes.io/headless'], '');
  expect(slice?.endpoints).toMatchObject([{ addresses: ['10.0.0.1'], hostname: 'h' }]);
});

test('more than a hundred endpoints spread over slices, and a change touches one', async () => {
  await service();
  await create(...Array.from({ length: 130 }, (_, i) => backend(`p${i}`, `10.0.${Math.floor(i / 100)}.${(i % 100) + 1}`)));
  const sizes = (await slices()).map(slice => slice.endpoints?.length ?? 0);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(100);
  expect(sizes.reduce((a, b) => a + b)).toBe(130);
  const before = cluster.written.length;
  await cluster.admin.delete('pods', 'default', 'p7', { gracePeriodSeconds: 0 });
  await cluster.settle();
  const writes = cluster.written.slice(before).filter(({ resource }) => resource.startsWith('endpointslices'));
  expect(writes).toMatchObject([{ verb: 'update' }]);
});

test('two copies make one slice', async () => {
  await cluster.another([endpointSliceReconciler]);
  await create(backend('a', '10.0.0.1'));
  await service();
  expect(await slices()).toHaveLength(1);
});

describe('without a selector', () => {
  const custom = {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { name: 'web', namespace: 'default' },
    subsets: [{ addresses: [{ ip: '192.0.2.1' }], ports: [{ name: 'x', port: 1, protocol: 'TCP' }] }],
  };
  test('hand-made Endpoints are mirrored and left alone', async () => {
    const { selector: _, ...spec } = aService('web').spec ?? {};
    await cluster.admin.create('services', { ...aService('web'), spec });
    await cluster.admin.create('endpoints', custom);
    await cluster.settle();
    expect(await slices()).toMatchObject([
      {
        metadata: { labels: { 'endpointslice.kubernetes.io/managed-by': 'endpointslicemirroring-controller.k8s.io' } },
        endpoints: [{ addresses: ['192.0.2.1'] }],
      },
    ]);
    const current = await endpoints();
    await cluster.admin.update('endpoints', {
      ...current,
      subsets: [{ ...custom.subsets[0], addresses: [{ ip: '192.0.2.2' }] }],
    } as Endpoints);
    await cluster.settle();
    expect((await slices())[0]?.endpoints?.[0]?.addresses).toEqual(['192.0.2.2']);
    await cluster.admin.delete('endpoints', 'default', 'web');
    await cluster.settle();
    expect(await slices()).toEqual([]);
  });
});

test('when the Service is gone its Endpoints go', async () => {
  await service();
  await cluster.admin.delete('services', 'default', 'web');
  await cluster.settle();
  expect(await cluster.list('endpoints')).toEqual([]);
});
