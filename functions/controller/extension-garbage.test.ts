import { afterEach, expect, test } from '@jest/globals';
import type { ObjectMeta } from '../../kinds/object.ts';
import type { ExtensionContents } from '../extension-content.ts';
import { apiServices } from '../extensions.ts';
import { extensionGarbageCollector } from './extension-garbage.ts';
import { aConfigMap } from './testing/builders.ts';
import { type TestCluster, testCluster } from './testing/cluster.ts';
import { testRegistry } from './testing/registry.ts';

let cluster: TestCluster;
afterEach(() => cluster.close());

const toys = { group: 'ext.example.com', version: 'v1', resource: 'toys', kind: 'Toy', namespaced: true };

/** An extension that holds these objects, and how often it was asked for them. */
const holding = (initial: ObjectMeta[]) => {
  const state = { objects: initial, lists: 0 };
  const contents: ExtensionContents = {
    as: () => ({
      discover: async () => ({ resources: [toys], failed: [] }),
      list: async () => {
        state.lists++;
        return state.objects;
      },
      get: async (_, namespace, name) => state.objects.find(one => one.namespace === namespace && one.name === name),
      delete: async (_, { name }) => {
        state.objects = state.objects.filter(one => one.name !== name);
      },
      setFinalizers: async (_, { name }, finalizers) => {
        state.objects = state.objects.filter(one => one.name !== name || finalizers.length > 0);
      },
    }),
  };
  return { state, contents };
};

const start = async (initial: ObjectMeta[], spec: object = { service: { namespace: 'default', name: 'ext' } }) => {
  const { state, contents } = holding(initial);
  cluster = await testCluster([extensionGarbageCollector(testRegistry(), contents)]);
  await cluster.admin.create('configmaps', aConfigMap('owner'));
  await cluster.admin.create(apiServices, {
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name: 'v1.ext.example.com' },
    spec: { group: 'ext.example.com', version: 'v1', groupPriorityMinimum: 1, versionPriority: 1, ...spec },
  });
  await cluster.settle();
  return state;
};
const sweep = () => cluster.advance(15_000);
const meta = (name: string, more: Partial<ObjectMeta> = {}): ObjectMeta => ({ namespace: 'default', name, uid: `uid-${name}`, ...more });
const ownedBy = (apiVersion: string, kind: string, name: string, uid: string) => ({ ownerReferences: [{ apiVersion, kind, name, uid }] });
const namesOf = ({ objects }: { objects: ObjectMeta[] }): string[] => objects.map(({ name }) => name);

test('what no owner holds goes, wherever the owner was', async () => {
  const state = await start([]);
  const { uid = '' } = (await cluster.admin.get('configmaps', 'default', 'owner')).metadata;
  state.objects = [
    meta('free'),
    meta('held', ownedBy('v1', 'ConfigMap', 'owner', uid)),
    meta('other-uid', ownedBy('v1', 'ConfigMap', 'owner', 'x')),
    meta('gone', ownedBy('v1', 'ConfigMap', 'missing', 'x')),
    meta('of-toy', ownedBy('ext.example.com/v1', 'Toy', 'free', 'uid-free')),
    meta('of-no-toy', ownedBy('ext.example.com/v1', 'Toy', 'nobody', 'x')),
    meta('of-unknown', ownedBy('unknown.example.com/v1', 'Thing', 'x', 'x')),
  ];
  await sweep();
  expect(namesOf(state)).toEqual(['free', 'held', 'of-toy', 'of-unknown']);
  await cluster.admin.delete('configmaps', 'default', 'owner');
  await sweep();
  expect(namesOf(state)).toEqual(['free', 'of-toy', 'of-unknown']);
});

test('a deletion in the foreground takes the dependents along, one that orphans sets them free', async () => {
  const deletionTimestamp = '2030-01-01T00:00:00Z';
  const state = await start([]);
  for (const owner of ['front', 'leaver']) {
    const dependent = aConfigMap(`of-${owner}`);
    dependent.metadata.ownerReferences = [
      { apiVersion: 'ext.example.com/v1', kind: 'Toy', name: owner, uid: `uid-${owner}`, blockOwnerDeletion: true },
    ];
    await cluster.admin.create('configmaps', dependent);
  }
  state.objects = [
    meta('front', { deletionTimestamp, finalizers: ['foregroundDeletion'] }),
    meta('leaver', { deletionTimestamp, finalizers: ['orphan'] }),
  ];
  await sweep();
  expect(namesOf(state)).toEqual(['front']);
  await sweep();
  expect(namesOf(state)).toEqual([]);
  const left = await cluster.list('configmaps');
  expect(left.map(({ metadata }) => metadata.name)).toEqual(['of-leaver', 'owner']);
  expect(left[0]?.metadata.ownerReferences).toBeUndefined();
});

test('costs nothing where no server is registered', async () => {
  const state = await start([meta('free')], {});
  await sweep();
  expect(state.lists).toBe(0);
});
