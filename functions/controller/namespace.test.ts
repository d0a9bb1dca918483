import { afterEach, expect, test } from '@jest/globals';
import type { Namespace } from '../../kinds/types.ts';
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
