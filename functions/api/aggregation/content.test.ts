import { expect, test } from '@jest/globals';
import type { ExtensionDiscovery } from '../../../kinds/discovery-merge.ts';
import type { Extension } from '../../extensions.ts';
import type { Question } from './ask-extension.ts';
import { extensionContents } from './content.ts';

const extension = (version: string, versionPriority: number): Extension => ({
  name: `${version}.ext.example.com`,
  group: 'ext.example.com',
  version,
  groupPriority: 1000,
  versionPriority,
  service: { namespace: 'default', name: 'ext', port: 443 },
  insecure: false,
  available: true,
  since: 0,
});
const verbs = ['list', 'delete', 'get'];
const toys = { resource: 'toys', scope: 'Namespaced', verbs, responseKind: { kind: 'Toy' } };

const contentOf = (answer: { status: number; text: string }, freshness = 'Current') => {
  const asked: { extension: string; question: Question }[] = [];
  const all = [extension('v1', 10), extension('v2', 20)];
  const discovery = async (): Promise<ExtensionDiscovery[]> =>
    all.map(one => ({
      ...one,
      discovery: {
        version: one.version,
        freshness: one.version === 'v2' ? 'Current' : freshness,
        resources: [toys, { resource: 'views', verbs: ['get'] }],
      },
    }));
  const content = extensionContents({
    all: () => all,
    discovery,
    ask: async (of, question) => {
      asked.push({ extension: of.name, question });
      return { ...answer, headers: {}, url: '' };
    },
  }).as('namespace-controller');
  return { content, asked };
};

const toy = { group: 'ext.example.com', version: 'v2', resource: 'toys', kind: 'Toy', namespaced: true };

test('each resource is found once, in the version that stands first, and those that do not say are told', async () => {
  const { content } = contentOf({ status: 200, text: '' }, 'Stale');
  expect(await content.discover()).toEqual({
    resources: [toy],
    failed: [{ groupVersion: 'ext.example.com/v1', message: 'stale GroupVersion discovery: ext.example.com/v1' }],
  });
});

test('asks as the controller, for metadata alone', async () => {
  const { content, asked } = contentOf({ status: 200, text: '{"items":[{"metadata":{"name":"a"}}]}' });
  expect(await content.list(toy, 'ns')).toEqual([{ name: 'a' }]);
  await content.list(toy, '');
  expect(asked.map(one => [one.extension, one.question.path])).toEqual([
    ['v2.ext.example.com', '/apis/ext.example.com/v2/namespaces/ns/toys'],
    ['v2.ext.example.com', '/apis/ext.example.com/v2/toys'],
  ]);
  expect(asked[0]?.question).toMatchObject({
    as: { name: 'system:serviceaccount:kube-system:namespace-controller' },
    headers: { accept: expect.stringContaining('as=PartialObjectMetadataList') },
  });
});

test('deletes only the one that was seen; one that is gone is no error, a refusal is', async () => {
  const gone = contentOf({ status: 404, text: '' });
  await gone.content.delete(toy, { namespace: 'ns', name: 'a', uid: 'u' }, 'Background');
  expect(gone.asked[0]?.question).toMatchObject({ method: 'DELETE', path: '/apis/ext.example.com/v2/namespaces/ns/toys/a' });
  expect(JSON.parse(gone.asked[0]?.question.body ?? '')).toMatchObject({ propagationPolicy: 'Background', preconditions: { uid: 'u' } });
  expect(await gone.content.get(toy, 'ns', 'a')).toBeUndefined();
  const refused = contentOf({ status: 403, text: 'no' });
  await expect(refused.content.delete(toy, { namespace: 'ns', name: 'a' }, 'Background')).rejects.toThrow(
    'delete of toys.ext.example.com was answered 403: no',
  );
  await expect(refused.content.list(toy, 'ns')).rejects.toThrow('403');
});
