import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { anApi, type TestAnswer, type TestApi } from '../testing.ts';
import { serviceAllocator } from './service.ts';

let api: TestApi;
beforeEach(async () => {
  api = await anApi(
    () => [],
    true,
    parts => [serviceAllocator({ ...parts, serviceCidr: '10.96.0.0/24' })],
  );
});
afterEach(() => api.close());

interface Spec {
  readonly clusterIP?: string;
  readonly healthCheckNodePort?: number;
  readonly ports?: readonly { readonly nodePort?: number }[];
}
const services = '/api/v1/namespaces/default/services';
const create = (name: string, spec: object, query = ''): Promise<TestAnswer> =>
  api.send('POST', `${services}${query}`, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    spec: { ports: [{ port: 80 }], ...spec },
  });
const specOf = ({ body }: TestAnswer): Spec => (body as unknown as { spec: Spec }).spec;
const addresses = async (): Promise<string[]> => {
  const { body } = await api.send('GET', '/apis/networking.k8s.io/v1/ipaddresses');
  return (body as unknown as { items: { metadata: { name: string } }[] }).items.map(({ metadata }) => metadata.name);
};

test('an address is claimed with its Service and given back with it', async () => {
  expect((await create('a', { clusterIP: '10.96.0.7' })).status).toBe(201);
  expect(await addresses()).toEqual(['10.96.0.7']);
  expect((await create('b', { clusterIP: '10.96.0.7' })).body.message).toContain('provided IP is already allocated');
  await api.send('DELETE', `${services}/a`);
  expect(await addresses()).toEqual([]);
  expect((await create('b', { clusterIP: '10.96.0.7' })).status).toBe(201);
});

test.each([
  ['10.96.0.0', 'is not in the valid range'],
  ['10.9.9.9', 'does not match the current range'],
])('%s %s', async (clusterIP, text) => {
  expect((await create('a', { clusterIP })).body.message).toContain(text);
});

test('what cannot be had is told before anything else of the Service', async () => {
  const { body } = await create('a', { type: 'NodePort', ports: [{ port: 0, nodePort: 99 }], sessionAffinity: 'x' });
  expect(body.message).toBe(
    'Service "a" is invalid: spec.ports[0].nodePort: Invalid value: 99: provided port is not in the valid range. The range of valid ports is 30000-32767',
  );
});

test('one number serves TCP and UDP, but not two ports', async () => {
  const both = [
    { name: 'a', port: 53, protocol: 'TCP' },
    { name: 'b', port: 53, protocol: 'UDP' },
  ];
  const [tcp, udp] = specOf(await create('dns', { type: 'NodePort', ports: both })).ports ?? [];
  expect(tcp?.nodePort).toBe(udp?.nodePort);
  const twice = [
    { name: 'a', port: 80, nodePort: 30_500 },
    { name: 'b', port: 81, nodePort: 30_500 },
  ];
  expect((await create('two', { type: 'NodePort', ports: twice })).body.message).toContain('spec.ports[1].nodePort');
});

test('a dry run takes nothing and shows what nobody can mistake for a claim', async () => {
  const shown = specOf(await create('a', { type: 'NodePort' }, '?dryRun=All'));
  expect(shown.clusterIP).toBe('10.96.0.0');
  expect(shown.ports?.[0]?.nodePort).toBeGreaterThan(32_767);
  expect(await addresses()).toEqual([]);
});

test('a port for health checks comes and goes with the need for it', async () => {
  const balancer = { type: 'LoadBalancer', externalTrafficPolicy: 'Local' };
  const port = specOf(await create('a', balancer)).healthCheckNodePort;
  expect(port).toBeGreaterThanOrEqual(30_000);
  const other = await create('b', { ...balancer, healthCheckNodePort: port });
  expect([other.status, other.body.message]).toEqual([
    500,
    `Internal error occurred: failed to allocate requested HealthCheck NodePort ${port}: provided port is already allocated`,
  ]);
  const merge = { 'content-type': 'application/merge-patch+json' };
  const patched = await api.send('PATCH', `${services}/a`, { spec: { externalTrafficPolicy: 'Cluster' } }, merge);
  expect(specOf(patched).healthCheckNodePort).toBeUndefined();
  expect((await create('b', { ...balancer, healthCheckNodePort: port })).status).toBe(201);
});
