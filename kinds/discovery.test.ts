import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { aggregatedDiscovery, apiGroup, apiGroupList, apiResourceList, apiVersions } from './discovery.ts';
import type { JsonObject } from './object.ts';
import { builtInRegistry, ResourceTable } from './registry.ts';

const registry = builtInRegistry();

test('groups stand in the order of their priorities, autoscaling with both versions', () => {
  const groups = apiGroupList(registry)['groups'] as { name: string }[];
  expect(groups.slice(0, 3).map(({ name }) => name)).toEqual(['apiregistration.k8s.io', 'apps', 'events.k8s.io']);
  expect(apiGroup(registry, 'autoscaling')).toEqual({
    kind: 'APIGroup',
    apiVersion: 'v1',
    name: 'autoscaling',
    versions: [
      { groupVersion: 'autoscaling/v2', version: 'v2' },
      { groupVersion: 'autoscaling/v1', version: 'v1' },
    ],
    preferredVersion: { groupVersion: 'autoscaling/v2', version: 'v2' },
  });
  expect(apiGroup(registry, 'nothing')).toBeUndefined();
  expect(apiVersions('h:1')).toMatchObject({ versions: ['v1'], serverAddressByClientCIDRs: [{ serverAddress: 'h:1' }] });
});

test('a group version lists resources with the hash of their stored form, and subresources with foreign kinds', () => {
  const list = apiResourceList(registry, 'apps', 'v1')?.['resources'] as JsonObject[];
  expect(list.find(({ name }) => name === 'deployments/scale')).toEqual({
    name: 'deployments/scale',
    singularName: '',
    namespaced: true,
    group: 'autoscaling',
    version: 'v1',
    kind: 'Scale',
    verbs: ['get', 'patch', 'update'],
  });
  const hash = (version: string) => {
    const [first] = (apiResourceList(registry, 'autoscaling', version)?.['resources'] ?? []) as JsonObject[];
    return first?.['storageVersionHash'];
  };
  expect([hash('v1'), hash('v2')]).toEqual(['qwQve8ut294=', 'qwQve8ut294=']);
  expect(apiResourceList(registry, 'apps', 'v7')).toBeUndefined();
});

test('custom resources state group and version, built-in ones do not', () => {
  const pods = registry.find('', 'v1', 'pods');
  if (!pods) throw new Error('no pods');
  const widgets = { ...pods, group: 'example.com', kind: 'Widget', schema: {}, subresources: [] };
  const items = aggregatedDiscovery(new ResourceTable([pods, widgets]), 'apis')['items'];
  expect(items).toMatchObject([
    {
      metadata: { name: 'example.com' },
      versions: [{ version: 'v1', resources: [{ responseKind: { group: 'example.com', version: 'v1', kind: 'Widget' } }] }],
    },
  ]);
  expect(aggregatedDiscovery(registry, 'api', 'v2beta1')['apiVersion']).toBe('apidiscovery.k8s.io/v2beta1');
});

// Recorded conversations with kube-apiserver, where they are at hand.
const golden = new URL('../../shared/golden/discovery/', import.meta.url);
const recorded = existsSync(golden) ? readdirSync(golden) : [];
interface Step {
  path: string;
  headers?: { Accept?: string };
  pick?: unknown;
  response: { status: number; body: JsonObject };
}
const answer = ({ path, headers }: Step): JsonObject | undefined => {
  const aggregated = headers?.Accept?.includes('APIGroupDiscoveryList');
  const [, root, ...rest] = path.split('/');
  if (rest.length === 0 && root === 'api') return aggregated ? aggregatedDiscovery(registry, 'api') : apiVersions();
  if (rest.length === 0 && root === 'apis') return aggregated ? aggregatedDiscovery(registry, 'apis') : apiGroupList(registry);
  const [group = '', version] = root === 'api' ? ['', rest[0]] : rest;
  return version ? apiResourceList(registry, group, version) : apiGroup(registry, group);
};
const inOrder = (value: JsonObject): JsonObject => {
  const list = value['resources'];
  if (Array.isArray(list))
    value['resources'] = [...(list as JsonObject[])].sort((a, b) => (String(a['name']) < String(b['name']) ? -1 : 1));
  return value;
};
(recorded.length > 0 ? describe : describe.skip)('as recorded', () => {
  const steps = recorded.flatMap(file => (JSON.parse(readFileSync(new URL(file, golden), 'utf8')) as { steps: Step[] }).steps);
  const whole = steps.filter(step => /^\/apis?(\/|$)/.test(step.path) && step.response.status === 200 && !step.pick);
  test.each(whole.map(step => [step.path, step] as const))('%s', (_, step) => {
    const given = answer(step) as JsonObject;
    const cidrs = given['serverAddressByClientCIDRs'] as JsonObject[] | undefined;
    for (const cidr of cidrs ?? []) delete cidr['serverAddress'];
    expect(inOrder(given)).toEqual(inOrder(step.response.body));
  });
});
