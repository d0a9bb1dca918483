import { afterEach, describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../../kinds/object.ts';
import type { Pod, ReplicaSet } from '../../kinds/types.ts';
import { nthSuffix } from './names.ts';
import { replicaSetReconciler, replicationControllerReconciler } from './replica-set.ts';
import { aPod, aReplicaSet } from './testing/builders.ts';
import { type TestCluster, testCluster } from './testing/cluster.ts';
import { type FakeOptions, refused } from './testing/fake-clients.ts';

let cluster: TestCluster;
const start = async (refuse?: FakeOptions['refuse']): Promise<void> => {
  cluster = await testCluster([replicaSetReconciler, replicationControllerReconciler], refuse);
};
afterEach(() => cluster.close());

const pods = () => cluster.list<Pod>('pods');
const set = async (): Promise<ReplicaSet> => (await cluster.list<ReplicaSet>('replicasets.apps'))[0] as ReplicaSet;
const scaleTo = async (replicas: number): Promise<void> => {
  const current = await set();
  await cluster.admin.patch('replicasets.apps', 'default', current.metadata.name, 'merge', { spec: { replicas } });
  await cluster.settle();
};

describe('making pods', () => {
  test('as many as wished, owned, named and counted', async () => {
    await start();
    await cluster.admin.create('replicasets.apps', aReplicaSet('web', 5));
    await cluster.settle();
    const made = await pods();
    expect(made).toHaveLength(5);
    for (const pod of made) {
      expect(pod.metadata.name).toMatch(/^web-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
      expect(pod.metadata.generateName).toBe('web-');
      expect(pod.metadata.ownerReferences).toMatchObject([{ kind: 'ReplicaSet', name: 'web', controller: true, blockOwnerDeletion: true }]);
    }
    expect((await set()).status).toMatchObject({ replicas: 5, fullyLabeledReplicas: 5, observedGeneration: 1 });
    expect(await cluster.events()).toContain(`Normal SuccessfulCreate Created pod: ${made[0]?.metadata.name}`);
  });

  test('a deleted pod is replaced under a new name', async () => {
    await start();
    await cluster.admin.create('replicasets.apps', aReplicaSet('web', 2));
    await cluster.settle();
    const before = (await pods()).map(pod => pod.metadata.name);
    await cluster.admin.delete('pods', 'default', before[0] ?? '');
    await cluster.settle();
    const after = (await pods()).map(pod => pod.metadata.name);
    expect(after).toHaveLength(2);
    expect(after).not.toContain(before[0]);
  });

  test('a failed pod is replaced and stays', async () => {
    await start();
    await cluster.admin.create('replicasets.apps', aReplicaSet('web', 1));
    await cluster.settle();
    const [pod] = await pods();
    await cluster.admin.update('pods', { ...pod, status: { phase: 'Failed' } } as KubeObject, { subresource: 'status' });
    await cluster.settle();
    expect(await pods()).toHaveLength(2);
    expect((await set()).status?.replicas).toBe(1);
  });

  test('two copies at once make no pod too many', async () => {
    await start();
    await cluster.another([replicaSetReconciler]);
    await cluster.another([replicaSetReconciler]);
    await cluster.admin.create('replicasets.apps', aReplicaSet('web', 12));
    await cluster.settle();
    expect(cluster.written.filter(write => write.resource === 'pods' && write.verb === 'delete')).toHaveLength(0);
    expect(await pods()).toHaveLength(12);
  });

  test('a stranger who holds a name does not stop it', async () => {
    await start();
    const made = await cluster.admin.create('replicasets.apps', aReplicaSet('web', 0));
    const taken = `web-${nthSuffix(made.metadata.uid ?? '', 0)}`;
    await cluster.admin.create('pods', aPod(taken).build());
    await scaleTo(3);
    const owned = (await pods()).filter(pod => pod.metadata.ownerReferences);
    expect(owned).toHaveLength(3);
    expect(owned.map(pod => pod.metadata.name)).not.toContain(taken);
  });

  test('what refuses pods is told in status and event, and tried again later', async () => {
    let quota = true;
    await start(write =>
      quota && write.resource === 'pods' && write.verb === 'create' ? refused('pods', write.name, 'exceeded quota') : undefined,
    );
    await cluster.admin.create('replicasets.apps', aReplicaSet('web', 100));
    await cluster.settle();
    const [condition] = (await set()).status?.conditions ?? [];
    expect(condition).toMatchObject({ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate' });
    expect(condition?.message).toContain('exceeded quota');
    // Starting slow: few of the hundred were tried (the status that tells of it wakes the set once more).
    expect(cluster.written.filter(write => write.resource === 'pods').length).toBeLessThanOrEqual(16);
    quota = false;
    await cluster.advance(10_000);
    expect(await pods()).toHaveLength(100);
    expect((await set()).status?.conditions).toBeUndefined();
  });
});

describe('removing pods', () => {
  test('down to the wished number, those not yet running first', async () => {
    await start();
    await cluster.admin.create('replicasets.apps', aReplicaSet('web', 3));
    await cluster.settle();
    const [kept] = await pods();
    await cluster.admin.update('pods', { ...kept, status: { phase: 'Running' } } as KubeObject, { subresource: 'status' });
    await scaleTo(1);
    expect((await pods()).map(pod => pod.metadata.name)).toEqual([kept?.metadata.name]);
    expect((await set()).status).toMatchObject({ replicas: 1, observedGeneration: 3 - 1 });
  });

  test('a set that is being deleted makes none', async () => {
    await start();
    const doomed = aReplicaSet('web', 3);
    doomed.metadata.finalizers = ['example.com/hold'];
    await cluster.admin.create('replicasets.apps', doomed);
    await cluster.settle();
    await cluster.admin.delete('replicasets.apps', 'default', 'web');
    const [pod] = await pods();
    await cluster.admin.delete('pods', 'default', pod?.metadata.name ?? '');
    await cluster.settle();
    expect(await pods()).toHaveLength(2);
  });
});

describe('ownership', () => {
  test('an orphan with matching labels is adopted', async () => {
    await start();
    await cluster.admin.create('pods', aPod('orphan').labeled({ app: 'web' }).build());
    await cluster.admin.create('replicasets.apps', aReplicaSet('web', 2));
    await cluster.settle();
    const all = await pods();
    expect(all).toHaveLength(2);
    expect(all.find(pod => pod.metadata.name === 'orphan')?.metadata.ownerReferences).toMatchObject([{ name: 'web', controller: true }]);
  });

  test('a pod whose labels match no more is released and replaced', async () => {
    await start();
    await cluster.admin.create('replicasets.apps', aReplicaSet('web', 1));
    await cluster.settle();
    const [pod] = await pods();
    await cluster.admin.patch('pods', 'default', pod?.metadata.name ?? '', 'merge', { metadata: { labels: { app: 'other' } } });
    await cluster.settle();
    const all = await pods();
    expect(all).toHaveLength(2);
    expect(all.find(each => each.metadata.name === pod?.metadata.name)?.metadata.ownerReferences ?? []).toEqual([]);
  });
});

test('a pod is available once it has been ready for long enough', async () => {
  await start();
  await cluster.admin.create('replicasets.apps', aReplicaSet('web', 1, { minReadySeconds: 10 }));
  await cluster.settle();
  const [pod] = await pods();
  await cluster.admin.update('pods', { ...pod, spec: { ...pod?.spec, nodeName: 'n' } } as KubeObject);
  await cluster.kubelet();
  expect((await set()).status).toMatchObject({ readyReplicas: 1 });
  expect((await set()).status?.availableReplicas).toBeUndefined();
  await cluster.advance(10_000);
  expect((await set()).status?.availableReplicas).toBe(1);
});

test('a pod on its way out counts as terminating', async () => {
  await start();
  await cluster.admin.create('replicasets.apps', aReplicaSet('web', 1));
  await cluster.settle();
  const [pod] = await pods();
  await cluster.admin.update('pods', { ...pod, spec: { ...pod?.spec, nodeName: 'n' } } as KubeObject);
  await cluster.admin.delete('pods', 'default', pod?.metadata.name ?? '');
  await cluster.settle();
  expect((await set()).status).toMatchObject({ replicas: 1, terminatingReplicas: 1 });
});

test('a ReplicationController is served by the same mechanism', async () => {
  await start();
  const controller = { ...aReplicaSet('rc', 2), apiVersion: 'v1', kind: 'ReplicationController' };
  controller.spec = { ...controller.spec, selector: { app: 'rc' } } as never;
  await cluster.admin.create('replicationcontrollers', controller);
  await cluster.settle();
  expect(await pods()).toHaveLength(2);
  expect(cluster.written.find(write => write.resource === 'pods')?.user).toBe('system:serviceaccount:kube-system:replication-controller');
});
