import { beforeEach, expect, test } from '@jest/globals';
import type { KubeObject } from '../../kinds/object.ts';
import { builtInRegistry } from '../../kinds/registry.ts';
import { bootstrapObjects } from '../../kinds/schema/data.ts';
import type { Log } from '../../store/log.ts';
import { memoryLog } from '../../store/memory.ts';
import { bootstrap } from './bootstrap.ts';
import { ManualClock, seededRandom } from './testing.ts';

const clock = new ManualClock();
let log: Log;
const start = (host = '10.0.0.1'): Promise<void> => {
  const addresses = { serviceCidr: '10.97.0.0/16', apiServiceIp: '10.97.0.1', advertise: { host, port: 6444 } };
  return bootstrap({ log, registry: builtInRegistry(), facts: bootstrapObjects(), addresses, clock, random: seededRandom() });
};
const get = async (resource: string, name: string, namespace = '') => {
  const found = await log.get({ resource, namespace, name });
  return found && (JSON.parse(Buffer.from(found.value).toString()) as KubeObject & { rules: unknown[]; spec: Record<string, unknown> });
};
const roles = 'clusterroles.rbac.authorization.k8s.io';

beforeEach(async () => {
  log = memoryLog({ clock });
  await start();
});

test('a fresh cluster has what upstream starts with, at its own addresses', async () => {
  expect((await get('services', 'kubernetes', 'default'))?.spec).toMatchObject({ clusterIP: '10.97.0.1' });
  expect(await get('namespaces', 'kube-system')).toBeDefined();
  expect((await get(roles, 'cluster-admin'))?.rules).toHaveLength(2);
});

test('each object says which part of the server wrote what', async () => {
  const fields = async (resource: string, name: string, namespace?: string) =>
    (await get(resource, name, namespace))?.metadata.managedFields?.map(({ manager, operation, subresource }) =>
      [manager, operation, subresource].filter(Boolean).join(' '),
    );
  expect(await fields(roles, 'view')).toEqual(['kube-apiserver Update']);
  expect(await fields('servicecidrs.networking.k8s.io', 'kubernetes')).toEqual([
    'kubernetes-service-cidr-controller Apply status',
    'kube-apiserver Update',
  ]);
  const [entry] = (await get('services', 'kubernetes', 'default'))?.metadata.managedFields ?? [];
  expect(entry?.fieldsV1).toMatchObject({ 'f:spec': { 'f:clusterIP': {} } });
  expect(entry?.fieldsV1).not.toHaveProperty(['f:spec', 'f:clusterIPs']);
});

test('another start changes nothing but what is not as it should be', async () => {
  const before = await log.head(roles);
  await start();
  expect(await log.head(roles)).toEqual(before);
  const found = await log.get({ resource: roles, namespace: '', name: 'edit' });
  const lost = await log.get({ resource: roles, namespace: '', name: 'system:basic-user' });
  if (!found || !lost) throw new Error('default roles are missing');
  const without = JSON.parse(Buffer.from(lost.value).toString());
  await log.commit([
    { type: 'put', key: lost.key, expected: lost.revision, value: () => Buffer.from(JSON.stringify({ ...without, rules: [] })) },
    { type: 'delete', key: found.key, expected: found.revision, value: () => found.value },
  ]);
  await start();
  expect(await get(roles, 'edit')).toBeDefined();
  expect((await get(roles, 'system:basic-user'))?.rules).not.toEqual([]);
});

test('a server that moved says where it is', async () => {
  await start('10.0.0.2');
  const endpoints = (await get('endpoints', 'kubernetes', 'default')) as unknown as { subsets: { addresses: { ip: string }[] }[] };
  expect(endpoints.subsets[0]?.addresses).toEqual([{ ip: '10.0.0.2' }]);
});
