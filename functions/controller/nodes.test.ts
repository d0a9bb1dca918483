import { afterEach, describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../../kinds/object.ts';
import type { Node, Pod } from '../../kinds/types.ts';
import { nodeIpam, ranges } from './node-ipam.ts';
import { nodeLifecycle } from './node-lifecycle.ts';
import { podGarbageCollector } from './pod-garbage-collector.ts';
import { taintEviction } from './taint-eviction.ts';
import { aLease, aNode, aPod } from './testing/builders.ts';
import { type TestCluster, testCluster } from './testing/cluster.ts';

let cluster: TestCluster;
afterEach(() => cluster.close());

const node = (name: string): Promise<Node> => cluster.admin.get<Node>('nodes', '', name);
const taints = async (name: string): Promise<string[]> =>
  ((await node(name)).spec?.taints ?? []).map(({ key, effect }) => `${key}:${effect}`).sort();
const renew = async (name: string): Promise<void> => {
  const lease = await cluster.admin.get('leases.coordination.k8s.io', 'kube-node-lease', name);
  const renewTime = new Date(cluster.clock.now()).toISOString();
  await cluster.admin.update('leases.coordination.k8s.io', { ...lease, spec: { ...(lease['spec'] as object), renewTime } } as KubeObject);
};
const join = async (...names: string[]): Promise<void> => {
  for (const name of names) {
    await cluster.admin.create('nodes', aNode(name));
    await cluster.admin.create('leases.coordination.k8s.io', aLease(name, new Date(cluster.clock.now()).toISOString()));
  }
  await cluster.settle();
};
/** Time passes; the named nodes are alive. */
const pass = async (seconds: number, ...alive: string[]): Promise<void> => {
  for (let left = seconds; left > 0; left -= 10) {
    for (const name of alive) await renew(name);
    await cluster.advance(Math.min(10, left) * 1000);
  }
};

describe('a silent node', () => {
  test('becomes Unknown, unready and tainted, and comes back', async () => {
    cluster = await testCluster([nodeLifecycle()]);
    await join('n1', 'n2');
    await cluster.admin.create('pods', aPod('p').on('n1').ready().build());
    await pass(39, 'n1', 'n2');
    expect(await taints('n1')).toEqual([]);
    await pass(50, 'n2');
    const ready = (await node('n1')).status?.conditions?.find(({ type }) => type === 'Ready');
    expect(ready).toMatchObject({ status: 'Unknown', reason: 'NodeStatusUnknown', message: 'Kubelet stopped posting node status.' });
    expect(await taints('n1')).toEqual(['node.kubernetes.io/unreachable:NoExecute', 'node.kubernetes.io/unreachable:NoSchedule']);
    expect(await taints('n2')).toEqual([]);
    const pod = await cluster.admin.get<Pod>('pods', 'default', 'p');
    expect(pod.status?.conditions?.find(({ type }) => type === 'Ready')?.status).toBe('False');
    expect(await cluster.events()).toContain('Normal NodeNotReady Node n1 status is now: NodeNotReady');

    await renew('n1');
    const back = await node('n1');
    const conditions = back.status?.conditions?.map(each => (each.type === 'Ready' ? { ...each, status: 'True' } : each));
    await cluster.admin.update('nodes', { ...back, status: { ...back.status, conditions } } as Node, { subresource: 'status' });
    await cluster.settle();
    expect(await taints('n1')).toEqual([]);
  });

  test('is not emptied when no node works at all', async () => {
    cluster = await testCluster([nodeLifecycle()]);
    await join('n1');
    await pass(60);
    expect(await taints('n1')).toEqual(['node.kubernetes.io/unreachable:NoSchedule']);
  });

  test('is given its time after the control plane was away', async () => {
    cluster = await testCluster([]);
    await join('n1', 'n2');
    await cluster.advance(3_600_000);
    await cluster.another([nodeLifecycle()]);
    await cluster.settle();
    expect(await taints('n1')).toEqual([]);
    await pass(50, 'n2');
    expect(await taints('n1')).toHaveLength(2);
    expect(await taints('n2')).toEqual([]);
  });

  test('that never reported is told so', async () => {
    cluster = await testCluster([nodeLifecycle()]);
    await cluster.admin.create('nodes', { ...aNode('n1'), status: {} });
    await cluster.settle();
    await cluster.advance(61_000);
    expect((await node('n1')).status?.conditions).toMatchObject([
      { type: 'Ready', status: 'Unknown', reason: 'NodeStatusNeverUpdated' },
      {},
      {},
      {},
    ]);
  });
});

test('conditions and cordons become taints', async () => {
  cluster = await testCluster([nodeLifecycle()]);
  const strained = aNode('n1', { unschedulable: true, taints: [{ key: 'mine', effect: 'NoSchedule' }] });
  strained.status?.conditions?.push({ type: 'DiskPressure', status: 'True' });
  await cluster.admin.create('nodes', strained);
  await cluster.settle();
  expect(await taints('n1')).toEqual([
    'mine:NoSchedule',
    'node.kubernetes.io/disk-pressure:NoSchedule',
    'node.kubernetes.io/unschedulable:NoSchedule',
  ]);
  await cluster.admin.patch('nodes', '', 'n1', 'merge', { spec: { unschedulable: null } });
  await cluster.settle();
  expect(await taints('n1')).toEqual(['mine:NoSchedule', 'node.kubernetes.io/disk-pressure:NoSchedule']);
});

describe('NoExecute', () => {
  const taint = { key: 'k', effect: 'NoExecute', timeAdded: '2030-01-01T00:00:00Z' };
  const left = async (): Promise<string[]> =>
    (await cluster.list<Pod>('pods')).filter(({ metadata }) => !metadata.deletionTimestamp).map(({ metadata }) => metadata.name);
  test('drives out at once, later or never', async () => {
    cluster = await testCluster([taintEviction()]);
    await cluster.admin.create('nodes', aNode('n1'));
    const tolerating = (name: string, tolerationSeconds?: number) =>
      aPod(name)
        .on('n1')
        .tolerating({
          key: 'k',
          operator: 'Exists',
          effect: 'NoExecute',
          ...(tolerationSeconds === undefined ? {} : { tolerationSeconds }),
        });
    for (const pod of [aPod('a').on('n1'), tolerating('b', 300), tolerating('c')]) await cluster.admin.create('pods', pod.build());
    await cluster.admin.patch('nodes', '', 'n1', 'merge', { spec: { taints: [taint] } });
    await cluster.settle();
    expect(await left()).toEqual(['b', 'c']);
    const evicted = await cluster.admin.get<Pod>('pods', 'default', 'a');
    expect(evicted.status?.conditions).toMatchObject([{ type: 'DisruptionTarget', status: 'True', reason: 'DeletionByTaintManager' }]);
    await cluster.advance(299_000);
    expect(await left()).toEqual(['b', 'c']);
    await cluster.advance(1_000);
    expect(await left()).toEqual(['c']);
  });
  test('taken back in time lets pods stay', async () => {
    cluster = await testCluster([taintEviction()]);
    await cluster.admin.create('nodes', aNode('n1', { taints: [taint] }));
    await cluster.admin.create('pods', aPod('b').on('n1').tolerating({ key: 'k', operator: 'Exists', tolerationSeconds: 300 }).build());
    await cluster.settle();
    await cluster.advance(200_000);
    await cluster.admin.patch('nodes', '', 'n1', 'merge', { spec: { taints: [] } });
    await cluster.settle();
    await cluster.advance(200_000);
    expect(await left()).toEqual(['b']);
  });
});

describe('pods nobody else removes', () => {
  test('on a node that is gone for good', async () => {
    cluster = await testCluster([podGarbageCollector()]);
    await cluster.admin.create('nodes', aNode('n1'));
    await cluster.admin.create('nodes', aNode('n2'));
    for (const name of ['n1', 'n2']) await cluster.admin.create('pods', aPod(`on-${name}`).on(name).ready().build());
    await cluster.admin.delete('nodes', '', 'n1');
    await cluster.settle();
    await cluster.advance(39_000);
    expect(await cluster.list('pods')).toHaveLength(2);
    await cluster.advance(1_000);
    expect((await cluster.list('pods')).map(({ metadata }) => metadata.name)).toEqual(['on-n2']);
  });
  test('on a node that came back they stay', async () => {
    cluster = await testCluster([podGarbageCollector()]);
    await cluster.admin.create('pods', aPod('p').on('n1').build());
    await cluster.settle();
    await cluster.advance(20_000);
    await cluster.admin.create('nodes', aNode('n1'));
    await cluster.advance(60_000);
    expect(await cluster.list('pods')).toHaveLength(1);
  });
  test('finished ones beyond the threshold, oldest first', async () => {
    cluster = await testCluster([podGarbageCollector({ threshold: 2 })]);
    await cluster.admin.create('nodes', aNode('n1'));
    for (const name of ['a', 'b', 'c', 'd']) {
      await cluster.admin.create('pods', aPod(name).on('n1').phase('Succeeded').build());
      await cluster.advance(1000);
    }
    expect((await cluster.list('pods')).map(({ metadata }) => metadata.name)).toEqual(['c', 'd']);
  });
});

describe('pod address ranges', () => {
  test('each node gets one of its own; one that brings its own keeps it', async () => {
    cluster = await testCluster([nodeIpam('10.112.0.0/16')]);
    await cluster.another([nodeIpam('10.112.0.0/16')]);
    const own = aNode('own');
    own.spec = { podCIDR: '10.112.0.0/24', podCIDRs: ['10.112.0.0/24'] };
    await cluster.admin.create('nodes', own);
    for (const name of ['a', 'b', 'c']) await cluster.admin.create('nodes', aNode(name));
    await cluster.settle();
    const given = (await cluster.list<Node>('nodes')).map(({ spec }) => spec?.podCIDR);
    expect(given.sort()).toEqual(['10.112.0.0/24', '10.112.1.0/24', '10.112.2.0/24', '10.112.3.0/24']);
    expect((await node('own')).spec?.podCIDRs).toEqual(['10.112.0.0/24']);
  });
  test('a range given back is given again', async () => {
    cluster = await testCluster([nodeIpam('10.0.0.0/24')]);
    await join('a', 'b');
    expect((await node('b')).spec?.podCIDR).toBeUndefined();
    await cluster.admin.delete('nodes', '', 'a');
    await cluster.settle();
    expect((await node('b')).spec?.podCIDR).toBe('10.0.0.0/24');
  });
  test('ranges end with the cluster’s', () => {
    expect([...ranges('10.1.0.0/22', 24)]).toEqual(['10.1.0.0/24', '10.1.1.0/24', '10.1.2.0/24', '10.1.3.0/24']);
  });
});
