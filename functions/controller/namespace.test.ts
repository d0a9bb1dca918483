import { afterEach, expect, test } from '@jest/globals';
import type { Namespace } from '../../kinds/types.ts';
import type { ExtensionContents } from '../extension-content.ts';
import { namespaceReconciler } from './namespace.ts';
import { rootCaReconciler } from './root-ca.ts';
import { serviceAccountReconciler } from './service-account.ts';
import { aConfigMap, aNamespace, aPod } from './testing/builders.ts';
import { type TestCluster, testCluster } from './testing/cluster.ts';
import { refused } from './testing/fake-clients.ts';
import { testRegistry } from './testing/registry.ts';

let cluster: TestCluster;
afterEach(() => cluster.close());

test('an empty namespace that is deleted goes at once', async () => {
  cluster = await testCluster([namespaceReconciler(testRegistry())]);
  await cluster.admin.create('namespaces', aNamespace('ns'));
  await cluster.admin.delete('namespaces', '', 'ns');
  await cluster.settle();
  expect(await cluster.list('namespaces')).toEqual([]);
});

test('pods end with their grace before anything else goes', async () => {
  cluster = await testCluster([namespaceReconciler(testRegistry())]);
  await cluster.admin.create('namespaces', aNamespace('ns'));
  await cluster.admin.create('namespaces', aNamespace('other'));
  await cluster.admin.create('pods', aPod('p', 'ns').on('n1').build());
  for (const namespace of ['ns', 'other']) await cluster.admin.create('configmaps', aConfigMap('c', namespace));
  await cluster.admin.delete('namespaces', '', 'ns');
  await cluster.settle();
  expect((await cluster.list('pods', 'ns'))[0]?.metadata.deletionTimestamp).toBeDefined();
  expect(await cluster.list('configmaps', 'ns')).toHaveLength(1);
  const namespace = await cluster.admin.get<Namespace>('namespaces', '', 'ns');
  expect(namespace.status?.conditions?.find(({ type }) => type === 'NamespaceContentRemaining')).toMatchObject({
    status: 'True',
    reason: 'SomeResourcesRemain',
    message: 'Some resources are remaining: configmaps. has 1 resource instances, pods. has 1 resource instances',
  });
  await cluster.kubelet();
  expect((await cluster.list('namespaces')).map(({ metadata }) => metadata.name)).toEqual(['other']);
  expect((await cluster.list('configmaps')).map(({ metadata }) => metadata.namespace)).toEqual(['other']);
});

test('finalizers of content hold the namespace, and the status says which', async () => {
  cluster = await testCluster([namespaceReconciler(testRegistry())]);
  await cluster.admin.create('namespaces', aNamespace('ns'));
  const held = aConfigMap('c', 'ns');
  held.metadata.finalizers = ['example.com/hold'];
  await cluster.admin.create('configmaps', held);
  await cluster.admin.delete('namespaces', '', 'ns');
  await cluster.settle();
  const namespace = await cluster.admin.get<Namespace>('namespaces', '', 'ns');
  expect(namespace.status?.conditions?.find(({ type }) => type === 'NamespaceFinalizersRemaining')?.message).toBe(
    'Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances',
  );
  await cluster.admin.patch('configmaps', 'ns', 'c', 'merge', { metadata: { finalizers: null } });
  await cluster.settle();
  expect(await cluster.list('namespaces')).toEqual([]);
});

test('what cannot be deleted is told and tried again', async () => {
  let refusing = true;
  cluster = await testCluster([namespaceReconciler(testRegistry())], write =>
    refusing && write.verb === 'delete' && write.resource === 'configmaps' ? refused('configmaps', 'c', 'a webhook says no') : undefined,
  );
  await cluster.admin.create('namespaces', aNamespace('ns'));
  await cluster.admin.create('configmaps', aConfigMap('c', 'ns'));
  await cluster.admin.delete('namespaces', '', 'ns');
  await cluster.settle();
  const namespace = await cluster.admin.get<Namespace>('namespaces', '', 'ns');
  const failure = namespace.status?.conditions?.find(({ type }) => type === 'NamespaceDeletionContentFailure');
  expect(failure).toMatchObject({ status: 'True', reason: 'ContentDeletionFailed' });
  expect(failure?.message).toContain('a webhook says no');
  refusing = false;
  await cluster.advance(10_000);
  expect(await cluster.list('namespaces')).toEqual([]);
});

test('a namespace starts with its account and the CA, and gets them back', async () => {
  cluster = await testCluster([serviceAccountReconciler, rootCaReconciler('PEM')]);
  await cluster.admin.create('namespaces', aNamespace('ns'));
  await cluster.settle();
  expect((await cluster.list('serviceaccounts', 'ns')).map(({ metadata }) => metadata.name)).toEqual(['default']);
  await cluster.admin.delete('serviceaccounts', 'ns', 'default');
  await cluster.admin.patch('configmaps', 'ns', 'kube-root-ca.crt', 'merge', { data: { 'ca.crt': 'other', more: 'x' } });
  await cluster.settle();
  expect(await cluster.list('serviceaccounts', 'ns')).toHaveLength(1);
  expect((await cluster.list('configmaps', 'ns'))[0]?.['data']).toEqual({ 'ca.crt': 'PEM' });
});

test('what extension API servers hold goes too, and holds the namespace while it is there or they do not say', async () => {
  const toys = { group: 'ext.example.com', version: 'v1', resource: 'toys', kind: 'Toy', namespaced: true };
  let held = [
    { namespace: 'ns', name: 'a', uid: '1', finalizers: ['example.com/hold'] },
    { namespace: 'ns', name: 'b', uid: '2' },
  ];
  const stale = { groupVersion: 'gone.example.com/v1', message: 'stale GroupVersion discovery: gone.example.com/v1' };
  let failed = [stale];
  const asked: string[] = [];
  const extensions: ExtensionContents = {
    as: account => ({
      discover: async () => ({ resources: [toys, { ...toys, resource: 'worlds', namespaced: false }], failed }),
      list: async ({ resource }, namespace) => {
        asked.push(`${account} ${resource} ${namespace}`);
        return held;
      },
      get: async () => undefined,
      setFinalizers: async () => undefined,
      delete: async (_, { name }) => {
        held = held.filter(one => one.name !== name || one.finalizers);
      },
    }),
  };
  cluster = await testCluster([namespaceReconciler(testRegistry(), extensions)]);
  await cluster.admin.create('namespaces', aNamespace('ns'));
  await cluster.admin.delete('namespaces', '', 'ns');
  await cluster.settle();
  expect(new Set(asked)).toEqual(new Set(['namespace-controller toys ns']));
  const condition = async (type: string) =>
    (await cluster.admin.get<Namespace>('namespaces', '', 'ns')).status?.conditions?.find(one => one.type === type);
  expect(await condition('NamespaceDeletionDiscoveryFailure')).toMatchObject({
    status: 'True',
    reason: 'DiscoveryFailed',
    message:
      'Discovery failed for some groups, 1 failing: unable to retrieve the complete list of server APIs: gone.example.com/v1: stale GroupVersion discovery: gone.example.com/v1',
  });
  expect((await condition('NamespaceContentRemaining'))?.message).toBe(
    'Some resources are remaining: toys.ext.example.com has 1 resource instances',
  );
  expect((await condition('NamespaceFinalizersRemaining'))?.message).toContain('example.com/hold in 1 resource instances');
  held = [];
  await cluster.advance(20_000);
  expect(await cluster.list('namespaces')).toHaveLength(1);
  failed = [];
  await cluster.advance(20_000);
  expect(await cluster.list('namespaces')).toEqual([]);
});
