import { afterEach, expect, test } from '@jest/globals';
import { anApi, type TestApi } from '../testing.ts';

let api: TestApi;
afterEach(() => api.close());

const pods = '/api/v1/namespaces/default/pods';
const start = async (): Promise<(query: string, name?: string) => ReturnType<TestApi['send']>> => {
  api = await anApi(() => []);
  const container = (name: string) => ({ name, image: 'i' });
  const create = (name: string, spec: object) => api.send('POST', pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec });
  await create('one', { containers: [container('c')] });
  await create('two', { containers: [container('c'), container('d')], initContainers: [container('i')] });
  await create('bound', { nodeName: 'nowhere', containers: [container('c')] });
  return (query, name = 'one') => api.send('GET', `${pods}/${name}/log${query}`);
};

test('a pod without a node has nothing to say', async () => {
  const log = await start();
  expect((await log('')).status).toBe(204);
});

test.each([
  ['?tailLines=-1', 422, 'PodLogOptions "one" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0'],
  ['?stream=Stdout', 422, 'PodLogOptions "one" is invalid: stream: Forbidden: may not be specified'],
  [
    '?sinceSeconds=1&sinceTime=2020-01-01T00:00:00Z',
    422,
    'PodLogOptions "one" is invalid: []: Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified',
  ],
  ['?sinceTime=x', 400, 'parsing time "x" as "2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006"'],
  ['?container=none', 400, 'container none is not valid for pod one'],
])('%s is refused', async (query, status, message) => {
  const answer = await (await start())(query);
  expect([answer.status, answer.body.message]).toEqual([status, message]);
});

test('of several containers one must be named, and the node must be there', async () => {
  const log = await start();
  expect((await log('', 'two')).body.message).toBe('a container name must be specified for pod two, choose one of: [i c d]');
  expect((await log('', 'bound')).status).not.toBe(200);
});
