import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../../kinds/object.ts';
import type { ExtensionContents } from '../extension-content.ts';
import { garbageCollector } from './garbage-collector.ts';
import { aConfigMap, aNode, aReplicaSet, reference } from './testing/builders.ts';
import { type TestCluster, testCluster } from './testing/cluster.ts';
import { testRegistry } from './testing/registry.ts';

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await testCluster([garbageCollector(testRegistry())]);
});
afterEach(() => cluster.close());

const create = async (resource: string, object: KubeObject): Promise<KubeObject> => {
  const made = await cluster.admin.create(resource, object);
  await cluster.settle();
  return made;
};
const names = async (resource = 'configmaps'): Promise<string[]> => (await cluster.list(resource)).map(({ metadata }) => metadata.name);
const owner = (name = 'owner'): Promise<KubeObject> => create('replicasets.apps', aReplicaSet(name, 0));
const remove = async (policy?: 'Background' | 'Foreground' | 'Orphan', name = 'owner'): Promise<void> => {
  await cluster.admin.delete('replicasets.apps', 'default', name, policy ? { propagationPolicy: policy } : {});
  await cluster.settle();
};

describe('in the background', () => {
  test('dependents go after their owner, and theirs after them', async () => {
    const child = await create('configmaps', aConfigMap('child', 'default', [reference(await owner())]));
    await create('configmaps', aConfigMap('grandchild', 'default', [reference(child)]));
    await create('configmaps', aConfigMap('stranger'));
    expect(await names()).toEqual(['child', 'grandchild', 'stranger']);
    await remove();
    expect(await names()).toEqual(['stranger']);
  });

  test('one remaining owner keeps a dependent, and the gone one is struck out', async () => {
    const [one, other] = [await owner('one'), await owner('other')];
    await create('configmaps', aConfigMap('child', 'default', [reference(one), reference(other, false)]));
    await remove('Background', 'one');
    const [child] = await cluster.list('configmaps');
    expect(child?.metadata.ownerReferences).toMatchObject([{ name: 'other' }]);
  });

  test('an owner of another uid is none', async () => {
    const made = await owner();
    await create('configmaps', aConfigMap('child', 'default', [{ ...reference(made), uid: 'another' }]));
    expect(await names()).toEqual([]);
  });

  test('an owner is looked for in the dependent’s own namespace', async () => {
    await create('configmaps', aConfigMap('child', 'elsewhere', [reference(await owner())]));
    expect(await names()).toEqual([]);
  });

  test('a cluster-scoped owner holds dependents in namespaces', async () => {
    const node = await create('nodes', aNode('n1'));
    await create('configmaps', aConfigMap('child', 'default', [reference(node)]));
    expect(await names()).toEqual(['child']);
    await cluster.admin.delete('nodes', '', 'n1');
    await cluster.settle();
    expect(await names()).toEqual([]);
  });

  test('a cluster-scoped object with a namespaced owner is never collected', async () => {
    const set = await owner();
    const node = aNode('n1');
    node.metadata.ownerReferences = [reference(set)];
    await create('nodes', node);
    await remove();
    expect(await names('nodes')).toEqual(['n1']);
  });

  test('an owner of a kind nobody serves holds', async () => {
    const unknown = { apiVersion: 'example.com/v1', kind: 'Widget', name: 'w', uid: 'u' };
    await create('configmaps', aConfigMap('child', 'default', [unknown]));
    expect(await names()).toEqual(['child']);
  });
});

describe('in the foreground', () => {
  test('the owner waits for dependents that block it', async () => {
    const set = await owner();
    const held = aConfigMap('child', 'default', [reference(set)]);
    held.metadata.finalizers = ['example.com/hold'];
    await create('configmaps', held);
    await remove('Foreground');
    expect(await names('replicasets.apps')).toEqual(['owner']);
    const [child] = await cluster.list('configmaps');
    expect(child?.metadata.deletionTimestamp).toBeDefined();
    await cluster.admin.patch('configmaps', 'default', 'child', 'merge', { metadata: { finalizers: null } });
    await cluster.settle();
    expect(await names()).toEqual([]);
    expect(await names('replicasets.apps')).toEqual([]);
  });

  test('the whole family below goes first', async () => {
    const child = await create('configmaps', aConfigMap('child', 'default', [reference(await owner())]));
    await create('configmaps', aConfigMap('grandchild', 'default', [reference(child)]));
    await remove('Foreground');
    expect(await names()).toEqual([]);
    expect(await names('replicasets.apps')).toEqual([]);
    const order = cluster.written.filter(({ verb }) => verb === 'delete').map(({ name }) => name);
    expect(order).toEqual(['owner', 'child', 'grandchild']);
  });

  test('a dependent that blocks nothing goes after the owner', async () => {
    await create('configmaps', aConfigMap('child', 'default', [reference(await owner(), false)]));
    await remove('Foreground');
    expect(await names('replicasets.apps')).toEqual([]);
    expect(await names()).toEqual([]);
  });
});

test('orphans stay and forget their owner', async () => {
  await create('configmaps', aConfigMap('child', 'default', [reference(await owner())]));
  await remove('Orphan');
  expect(await names('replicasets.apps')).toEqual([]);
  const [child] = await cluster.list('configmaps');
  expect(child?.metadata.ownerReferences).toBeUndefined();
});

test('what lost its owner while nobody watched is found at start', async () => {
  await cluster.host.close();
  const set = await owner();
  await create('configmaps', aConfigMap('child', 'default', [reference(set)]));
  await remove();
  expect(await names()).toEqual(['child']);
  await cluster.another([garbageCollector(testRegistry())]);
  await cluster.settle();
  expect(await names()).toEqual([]);
});

test('an owner that an extension API server holds is asked for there', async () => {
  const toys = { group: 'ext.example.com', version: 'v1', resource: 'toys', kind: 'Toy', namespaced: true };
  let owner: { name: string; uid: string } | undefined = { name: 'bear', uid: 'u1' };
  let answers = true;
  const extensions: ExtensionContents = {
    as: () => ({
      discover: async () => ({ resources: [toys], failed: [] }),
      list: async () => [],
      get: async () => {
        if (!answers) throw new Error('no answer');
        return owner;
      },
      delete: async () => undefined,
      setFinalizers: async () => undefined,
    }),
  };
  cluster = await testCluster([garbageCollector(testRegistry(), extensions)]);
  const owned = aConfigMap('c');
  owned.metadata.ownerReferences = [{ apiVersion: 'ext.example.com/v1', kind: 'Toy', name: 'bear', uid: 'u1' }];
  await cluster.admin.create('configmaps', owned);
  await cluster.settle();
  expect(await cluster.list('configmaps')).toHaveLength(1);
  owner = undefined;
  answers = false;
  await cluster.advance(60_000);
  expect(await cluster.list('configmaps')).toHaveLength(1);
  answers = true;
  await cluster.advance(60_000);
  expect(await cluster.list('configmaps')).toEqual([]);
});
