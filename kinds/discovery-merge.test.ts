import { expect, test } from '@jest/globals';
import { fromLegacyList, mergeDiscovery, type PlacedVersion, placedGroup, placedGroupList } from './discovery-merge.ts';
import type { JsonObject } from './object.ts';

const placed = (text: string): PlacedVersion => {
  const [group = '', version = '', groupPriority, versionPriority] = text.split(' ');
  return { group, version, groupPriority: Number(groupPriority), versionPriority: Number(versionPriority) };
};

test('groups stand by priority, then by the names of their APIServices; versions by priority, then as Kubernetes orders them', () => {
  const all = ['b.io v1beta1 1000 100', 'a.io v2 1000 100', 'b.io v1 1000 100', 'z.io v1 2000 1', 'c.io v1 10 1', 'c.io v9 5 50'].map(
    placed,
  );
  const { groups } = placedGroupList(all) as unknown as { groups: { name: string; versions: { version: string }[] }[] };
  expect(groups.map(({ name, versions }) => [name, ...versions.map(({ version }) => version)])).toEqual([
    ['z.io', 'v1'],
    ['b.io', 'v1', 'v1beta1'],
    ['a.io', 'v2'],
    ['c.io', 'v9', 'v1'],
  ]);
  expect(placedGroup(all.filter(({ group }) => group === 'c.io'))).toMatchObject({ kind: 'APIGroup', preferredVersion: { version: 'v9' } });
  expect(placedGroup([])).toBeUndefined();
});

test('an extension joins a group, or takes the place of a version that is there', () => {
  const version = (name: string, mark: string) => ({ version: name, resources: [{ resource: mark }] });
  const items: JsonObject[] = [
    { metadata: { name: 'apps' }, versions: [version('v1', 'own')] },
    { metadata: { name: 'example.com' }, versions: [version('v1', 'own'), version('v1beta1', 'own')] },
  ];
  const extension = (text: string) => ({ ...placed(text), discovery: version(placed(text).version, 'extension') });
  const merged = mergeDiscovery(
    items,
    [extension('example.com v1beta1 1000 100'), extension('example.com v2alpha1 1000 200'), extension('new.io v1 20000 1')],
    (_, name) => ({ group: 1000, version: name === 'v1' ? 100 : 50 }),
  );
  expect(merged).toEqual([
    { metadata: { name: 'new.io' }, versions: [version('v1', 'extension')] },
    { metadata: { name: 'apps' }, versions: [version('v1', 'own')] },
    {
      metadata: { name: 'example.com' },
      versions: [version('v2alpha1', 'extension'), version('v1', 'own'), version('v1beta1', 'extension')],
    },
  ]);
});

test('a legacy list tells of subresources, also of those whose resource it does not name', () => {
  const list = fromLegacyList([
    { name: 'toys/scale', namespaced: true, kind: 'Scale', group: 'autoscaling', version: 'v1', verbs: ['get'] },
    { name: 'toys', singularName: 'toy', namespaced: true, kind: 'Toy', verbs: ['list'], categories: ['all'] },
    { name: 'boxes/open', namespaced: false, verbs: ['create'] },
  ]);
  expect(list).toEqual([
    {
      resource: 'toys',
      responseKind: { group: '', version: '', kind: 'Toy' },
      scope: 'Namespaced',
      singularResource: 'toy',
      verbs: ['list'],
      categories: ['all'],
      subresources: [{ subresource: 'scale', responseKind: { group: 'autoscaling', version: 'v1', kind: 'Scale' }, verbs: ['get'] }],
    },
    {
      resource: 'boxes',
      responseKind: { group: '', version: '', kind: '' },
      scope: 'Cluster',
      singularResource: '',
      verbs: [],
      subresources: [{ subresource: 'open', responseKind: { group: '', version: '', kind: '' }, verbs: ['create'] }],
    },
  ]);
});
