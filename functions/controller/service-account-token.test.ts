import { afterEach, expect, test } from '@jest/globals';
import type { Secret, ServiceAccount } from '../../kinds/types.ts';
import { serviceAccountTokenReconciler } from './service-account-token.ts';
import { type TestCluster, testCluster } from './testing/cluster.ts';

let cluster: TestCluster;
afterEach(() => cluster.close());

const reconciler = serviceAccountTokenReconciler(
  async (secret, account) => `token of ${account.metadata.name} in ${secret.metadata.name}`,
  'CA',
);
const account = (name: string): ServiceAccount => ({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: 'a' } });
const secret = (of: string, uid?: string): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  type: 'kubernetes.io/service-account-token',
  metadata: {
    name: 't',
    namespace: 'a',
    annotations: { 'kubernetes.io/service-account.name': of, ...(uid ? { 'kubernetes.io/service-account.uid': uid } : {}) },
  },
});
const text = (value: string | undefined): string => Buffer.from(value ?? '', 'base64').toString();
const secrets = () => cluster.list<Secret>('secrets');

test('a token Secret is filled once', async () => {
  cluster = await testCluster([reconciler]);
  const { metadata } = await cluster.admin.create('serviceaccounts', account('robot'));
  await cluster.admin.create('secrets', secret('robot'));
  await cluster.settle();
  const [filled] = await secrets();
  expect(text(filled?.data?.['token'])).toBe('token of robot in t');
  expect(text(filled?.data?.['namespace'])).toBe('a');
  expect(text(filled?.data?.['ca.crt'])).toBe('CA');
  expect(filled?.metadata.annotations?.['kubernetes.io/service-account.uid']).toBe(metadata.uid);
  expect(cluster.written.filter(({ verb }) => verb === 'update')).toHaveLength(1);
});

test('it goes with its account, and where it is of another account of that name', async () => {
  cluster = await testCluster([reconciler]);
  await cluster.admin.create('serviceaccounts', account('robot'));
  await cluster.admin.create('secrets', secret('robot'));
  await cluster.settle();
  await cluster.admin.delete('serviceaccounts', 'a', 'robot');
  await cluster.settle();
  expect(await secrets()).toEqual([]);
  await cluster.admin.create('serviceaccounts', account('robot'));
  await cluster.admin.create('secrets', secret('robot', 'another'));
  await cluster.settle();
  expect(await secrets()).toEqual([]);
});

test('an account no longer lists a Secret that is gone', async () => {
  cluster = await testCluster([reconciler]);
  await cluster.admin.create('serviceaccounts', { ...account('robot'), secrets: [{ name: 't' }, { name: 'other' }] });
  await cluster.admin.create('secrets', secret('robot'));
  await cluster.settle();
  await cluster.admin.delete('secrets', 'a', 't');
  await cluster.settle();
  expect((await cluster.admin.get<ServiceAccount>('serviceaccounts', 'a', 'robot')).secrets).toEqual([{ name: 'other' }]);
});
