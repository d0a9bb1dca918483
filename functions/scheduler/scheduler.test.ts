import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Pod } from '../../kinds/types.ts';
import { aNode, aPod } from '../controller/testing/builders.ts';
import { type TestCluster, testCluster } from '../controller/testing/cluster.ts';
import { createScheduler } from './scheduler.ts';

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await testCluster([createScheduler()]);
});
afterEach(() => cluster.close());

const pod = async (name: string): Promise<Pod> => cluster.admin.get<Pod>('pods', 'default', name);
const create = async (...pods: ReturnType<typeof aPod>[]): Promise<void> => {
  await Promise.all(pods.map(each => cluster.admin.create('pods', each.build())));
  await cluster.settle();
};

test('binds a pod as the scheduler and says so', async () => {
  await cluster.admin.create('nodes', aNode('n1'));
  await create(aPod('p'));
  expect((await pod('p')).spec?.nodeName).toBe('n1');
  expect(await cluster.events()).toEqual(['Normal Scheduled Successfully assigned default/p to n1']);
  expect(cluster.written[1]).toMatchObject({ user: 'admin' });
  expect(cluster.written.filter(write => write.subresource === 'binding')).toMatchObject([{ user: 'system:kube-scheduler' }]);
});

test('leaves gated pods and other schedulers’ pods alone until the gates are gone', async () => {
  await cluster.admin.create('nodes', aNode('n1'));
  await create(aPod('gated').spec({ schedulingGates: [{ name: 'g' }] }), aPod('other').spec({ schedulerName: 'mine' }));
  expect((await pod('gated')).spec?.nodeName).toBeUndefined();
  expect((await pod('other')).spec?.nodeName).toBeUndefined();
  await cluster.admin.patch('pods', 'default', 'gated', 'merge', { spec: { schedulingGates: [] } });
  await cluster.settle();
  expect((await pod('gated')).spec?.nodeName).toBe('n1');
});

test('a pod that fits nowhere says why, and is bound when a node comes', async () => {
  await create(aPod('p').requesting({ cpu: '2' }));
  expect((await pod('p')).status?.conditions).toMatchObject([
    { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: 'no nodes available to schedule pods' },
  ]);
  await cluster.admin.create('nodes', aNode('small', { allocatable: { cpu: '1' } }));
  await cluster.settle();
  const message =
    '0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: ' +
    '0/1 nodes are available: 1 Preemption is not helpful for scheduling.';
  expect((await pod('p')).status?.conditions?.[0]?.message).toBe(message);
  expect(await cluster.events()).toContain(`Warning FailedScheduling ${message}`);
  await cluster.admin.create('nodes', aNode('large'));
  await cluster.settle();
  expect((await pod('p')).spec?.nodeName).toBe('large');
});

test('a pod that went makes room for one that waits', async () => {
  await cluster.admin.create('nodes', aNode('n1', { allocatable: { cpu: '1' } }));
  await create(aPod('first').requesting({ cpu: '1' }));
  await create(aPod('second').requesting({ cpu: '1' }));
  expect((await pod('second')).spec?.nodeName).toBeUndefined();
  await cluster.admin.delete('pods', 'default', 'first', { gracePeriodSeconds: 0 });
  await cluster.settle();
  expect((await pod('second')).spec?.nodeName).toBe('n1');
});

test('heartbeats of nodes wake nobody', async () => {
  await cluster.admin.create('nodes', aNode('n1', { allocatable: { cpu: '1' } }));
  await create(aPod('p').requesting({ cpu: '2' }));
  const before = cluster.written.length;
  const node = await cluster.admin.get('nodes', '', 'n1');
  const status = {
    ...(node['status'] as object),
    conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime: '2030-01-01T00:05:00Z' }],
  };
  await cluster.admin.update('nodes', { ...node, status }, { subresource: 'status' });
  await cluster.settle();
  expect(cluster.written.length).toBe(before + 1);
});

test('copies at once never overcommit a node', async () => {
  for (let i = 0; i < 3; i++) await cluster.another([createScheduler()]);
  await cluster.admin.create('nodes', aNode('n1', { allocatable: { cpu: '5' } }));
  await cluster.admin.create('nodes', aNode('n2', { allocatable: { cpu: '5' } }));
  await create(...Array.from({ length: 14 }, (_, i) => aPod(`p${i}`).requesting({ cpu: '1' })));
  const all = await cluster.list<Pod>('pods');
  const on = (node: string): number => all.filter(each => each.spec?.nodeName === node).length;
  expect([on('n1'), on('n2')]).toEqual([5, 5]);
});

test('many pods spread over equal nodes', async () => {
  for (const name of ['n1', 'n2', 'n3']) await cluster.admin.create('nodes', aNode(name));
  await create(...Array.from({ length: 12 }, (_, i) => aPod(`p${i}`).requesting({ cpu: '100m', memory: '100Mi' })));
  const all = await cluster.list<Pod>('pods');
  expect(['n1', 'n2', 'n3'].map(node => all.filter(each => each.spec?.nodeName === node).length)).toEqual([4, 4, 4]);
});
