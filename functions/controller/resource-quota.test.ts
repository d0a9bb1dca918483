import { afterEach, expect, test } from '@jest/globals';
import type { KubeObject } from '../../kinds/object.ts';
import type { ResourceQuota } from '../../kinds/quota/scopes.ts';
import { resourceQuotaReconciler } from './resource-quota.ts';
import { type TestCluster, testCluster } from './testing/cluster.ts';
import { testRegistry } from './testing/registry.ts';

let cluster: TestCluster;
afterEach(() => cluster.close());

const metadata = (name: string) => ({ name, namespace: 'default' });
const map = (name: string): KubeObject => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: metadata(name) });
const pod = (name: string, cpu: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: metadata(name),
  spec: { containers: [{ name: 'main', image: 'i', resources: { requests: { cpu } } }] },
});
const status = async (name = 'q') => (await cluster.admin.get<ResourceQuota>('resourcequotas', 'default', name)).status;
const start = async (spec: ResourceQuota['spec']): Promise<void> => {
  const registry = testRegistry();
  const like = registry.find('', 'v1', 'configmaps');
  if (!like) throw new Error('the registry has changed');
  const own = { ...like, resource: 'resourcequotas', kind: 'ResourceQuota', storage: { ...like.storage, name: 'resourcequotas' } };
  const all = [...registry.all(), own];
  cluster = await testCluster([resourceQuotaReconciler({ ...registry, all: () => all })]);
  await cluster.admin.create('configmaps', map('a'));
  await cluster.admin.create('pods', pod('one', '300m'));
  await cluster.admin.create('resourcequotas', { apiVersion: 'v1', kind: 'ResourceQuota', metadata: metadata('q'), spec } as KubeObject);
  await cluster.settle();
};

test('a new quota is filled in from what is there', async () => {
  await start({ hard: { 'count/configmaps': '5', 'requests.cpu': '2', pods: '3', 'count/deployments.apps': '1' } });
  expect(await status()).toEqual({
    hard: { 'count/configmaps': '5', 'requests.cpu': '2', pods: '3', 'count/deployments.apps': '1' },
    used: { 'count/configmaps': '1', 'requests.cpu': '300m', pods: '1', 'count/deployments.apps': '0' },
  });
});

test('what goes, and what ends, is given back', async () => {
  await start({ hard: { configmaps: '5', 'requests.cpu': '2', 'count/pods': '9' } });
  await cluster.admin.delete('configmaps', 'default', 'a');
  const one = await cluster.admin.get('pods', 'default', 'one');
  await cluster.admin.update('pods', { ...one, status: { phase: 'Succeeded' } } as KubeObject, { subresource: 'status' });
  await cluster.settle();
  expect((await status())?.used).toEqual({ configmaps: '0', 'requests.cpu': '0', 'count/pods': '1' });
});

test('scopes and changed limits', async () => {
  await start({ hard: { pods: '3' }, scopes: ['Terminating'] });
  expect((await status())?.used).toEqual({ pods: '0' });
  const quota = await cluster.admin.get<ResourceQuota>('resourcequotas', 'default', 'q');
  await cluster.admin.update('resourcequotas', { ...quota, spec: { hard: { pods: '4', 'count/pods': '4' } } } as KubeObject);
  await cluster.settle();
  expect(await status()).toEqual({ hard: { pods: '4', 'count/pods': '4' }, used: { pods: '1', 'count/pods': '1' } });
});
