import { afterEach, describe, expect, test } from '@jest/globals';
import type { Definition } from '../../kinds/custom-resources/definition.ts';
import { builtInRegistry } from '../../kinds/registry.ts';
import type { Registry } from '../../kinds/resource.ts';
import { createReplicas } from '../../store/replica-on-log.ts';
import { servedRegistry, settledRegistry } from '../served.ts';
import { customResourceDefinitionReconciler } from './custom-resource-definition.ts';
import { namespaceReconciler } from './namespace.ts';
import { type TestCluster, testCluster } from './testing/cluster.ts';

const resource = 'customresourcedefinitions.apiextensions.k8s.io';
let cluster: TestCluster;
afterEach(() => cluster.close());

const aDefinition = (plural: string, names: object = {}): Definition => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${plural}.example.com` },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural, singular: `one-${plural}`, kind: `Kind${plural}`, listKind: `List${plural}`, ...names },
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
  },
});
/** The registry reads the same log as the reconcilers, which are given it before it can exist. */
const start = async (): Promise<Registry> => {
  let served: Registry = builtInRegistry();
  const late: Registry = {
    all: () => served.all(),
    find: (...path) => served.find(...path),
    findKind: (...kind) => served.findKind(...kind),
    findStored: name => served.findStored(name),
  };
  cluster = await testCluster([customResourceDefinitionReconciler(late)]);
  served = await servedRegistry(builtInRegistry(), createReplicas(cluster.log, { logger: cluster.logger }));
  return served;
};
const conditions = async (plural: string): Promise<string[]> => {
  const { status } = await cluster.admin.get<Definition>(resource, '', `${plural}.example.com`);
  return (status?.conditions ?? []).map(one => `${one.type}=${one.status} ${one.reason}: ${one.message}`);
};

test('a definition is accepted, established and served', async () => {
  const registry = await start();
  await cluster.admin.create(resource, aDefinition('cows', { shortNames: ['c'] }));
  await cluster.settle();
  expect(await conditions('cows')).toEqual([
    'NamesAccepted=True NoConflicts: no conflicts found',
    'Established=True InitialNamesAccepted: the initial names have been accepted',
  ]);
  const { status, spec } = await cluster.admin.get<Definition>(resource, '', 'cows.example.com');
  expect(status?.acceptedNames).toEqual(spec.names);
  expect(registry.findStored('cows.example.com')).toMatchObject({ kind: 'Kindcows', shortNames: ['c'] });
});

test('names that another has are refused until it lets go of them', async () => {
  const registry = await start();
  await cluster.admin.create(resource, aDefinition('cows', { shortNames: ['c'] }));
  await cluster.settle();
  await cluster.admin.create(resource, aDefinition('cats', { kind: 'Kindcows', shortNames: ['c'] }));
  await cluster.settle();
  expect(await conditions('cats')).toEqual([
    'NamesAccepted=False KindConflict: "Kindcows" is already in use',
    'Established=False NotAccepted: not all names are accepted',
  ]);
  expect(registry.findStored('cats.example.com')).toBeUndefined();
  await cluster.admin.delete(resource, '', 'cows.example.com');
  await cluster.settle();
  expect(await conditions('cats')).toEqual([
    'NamesAccepted=True NoConflicts: no conflicts found',
    'Established=True InitialNamesAccepted: the initial names have been accepted',
  ]);
});

test('of a protected group it is told whether its API was approved', async () => {
  await start();
  const definition = aDefinition('cows');
  definition.metadata = { name: 'cows.x.k8s.io', annotations: { 'api-approved.kubernetes.io': 'unapproved, a test' } };
  definition.spec = { ...definition.spec, group: 'x.k8s.io' };
  await cluster.admin.create(resource, definition);
  await cluster.settle();
  const { status } = await cluster.admin.get<Definition>(resource, '', 'cows.x.k8s.io');
  expect(status?.conditions?.at(-1)).toMatchObject({
    type: 'KubernetesAPIApprovalPolicyConformant',
    status: 'False',
    message: 'not approved: "unapproved, a test"',
  });
});

describe('deletion', () => {
  const finalizer = 'customresourcecleanup.apiextensions.k8s.io';
  const aCow = (name: string, finalizers: string[] = []) => ({
    apiVersion: 'example.com/v1',
    kind: 'Kindcows',
    metadata: { name, namespace: 'n', ...(finalizers.length > 0 ? { finalizers } : {}) },
  });
  const definitions = () => cluster.list(resource);

  test('takes the objects first, and waits for those that wait', async () => {
    await start();
    const definition = aDefinition('cows');
    definition.metadata.finalizers = [finalizer];
    await cluster.admin.create(resource, definition);
    await cluster.settle();
    await cluster.admin.create('cows.example.com', aCow('a'));
    await cluster.admin.create('cows.example.com', aCow('b', ['x.y/z']));
    await cluster.admin.delete(resource, '', 'cows.example.com');
    await cluster.settle();
    expect((await cluster.list('cows.example.com')).map(({ metadata }) => metadata.name)).toEqual(['b']);
    expect((await conditions('cows')).at(-1)).toBe('Terminating=True InstanceDeletionInProgress: CustomResource deletion is in progress');
    await cluster.admin.patch('cows.example.com', 'n', 'b', 'merge', { metadata: { finalizers: null } });
    await cluster.advance(1000);
    expect(await cluster.list('cows.example.com')).toEqual([]);
    expect(await definitions()).toEqual([]);
  });
});

test('controllers of everything learn of it when its objects can be read', async () => {
  const served = await start();
  const replicas = createReplicas(cluster.log, { logger: cluster.logger });
  const settled = await settledRegistry(served as Awaited<ReturnType<typeof servedRegistry>>, replicas, cluster.logger);
  let told = 0;
  const seen: boolean[] = [];
  settled.follow(async () => {
    told++;
    seen.push(replicas.loaded('cows.example.com') !== undefined);
  });
  const watched = () => namespaceReconciler(settled.registry).watches.map(watch => watch.resource);
  expect(watched()).not.toContain('cows.example.com');
  await cluster.admin.create(resource, aDefinition('cows'));
  await cluster.settle();
  await cluster.settle();
  expect(watched()).toContain('cows.example.com');
  expect(told).toBe(1);
  expect(seen).toEqual([true]);
  settled.close();
});
