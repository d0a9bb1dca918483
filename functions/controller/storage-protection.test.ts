import { afterEach, expect, test } from '@jest/globals';
import type { KubeObject } from '../../kinds/object.ts';
import type { Pod } from '../../kinds/types.ts';
import { storageProtectionReconcilers } from './storage-protection.ts';
import { aPod } from './testing/builders.ts';
import { type TestCluster, testCluster } from './testing/cluster.ts';

let cluster: TestCluster;
afterEach(() => cluster.close());

const claims = 'persistentvolumeclaims';
const aClaim = (name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name, namespace: 'default', finalizers: ['kubernetes.io/pvc-protection'] },
  spec: { accessModes: ['ReadWriteOnce'] },
});
const aPodWith = (claim: string): Pod => {
  const pod = aPod('user').on('n1').ready().build();
  return { ...pod, spec: { containers: [], ...pod.spec, volumes: [{ name: 'data', persistentVolumeClaim: { claimName: claim } }] } };
};
const names = async (resource: string): Promise<string[]> => (await cluster.list(resource)).map(one => one.metadata.name);

test('a claim goes when it is deleted and no pod mounts it', async () => {
  cluster = await testCluster(storageProtectionReconcilers);
  await cluster.admin.create(claims, aClaim('free'));
  await cluster.settle();
  expect(await names(claims)).toEqual(['free']);
  await cluster.admin.delete(claims, 'default', 'free');
  await cluster.settle();
  expect(await names(claims)).toEqual([]);
});

test('a claim in use stays until the pod has gone', async () => {
  cluster = await testCluster(storageProtectionReconcilers);
  await cluster.admin.create(claims, aClaim('used'));
  await cluster.admin.create('pods', aPodWith('used'));
  await cluster.admin.delete(claims, 'default', 'used');
  await cluster.settle();
  expect(await names(claims)).toEqual(['used']);
  await cluster.admin.delete('pods', 'default', 'user', { gracePeriodSeconds: 0 });
  await cluster.settle();
  expect(await names(claims)).toEqual([]);
});

test('a bound volume stays, a released one goes', async () => {
  cluster = await testCluster(storageProtectionReconcilers);
  const volume = (name: string, phase: string): KubeObject => ({
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name, finalizers: ['kubernetes.io/pv-protection'] },
    spec: {},
    status: { phase },
  });
  await cluster.admin.create('persistentvolumes', volume('bound', 'Bound'));
  await cluster.admin.create('persistentvolumes', volume('released', 'Released'));
  for (const name of ['bound', 'released']) await cluster.admin.delete('persistentvolumes', '', name);
  await cluster.settle();
  expect(await names('persistentvolumes')).toEqual(['bound']);
});
