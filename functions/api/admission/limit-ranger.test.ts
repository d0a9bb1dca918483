import { afterEach, expect, test } from '@jest/globals';
import { anApi, type TestApi } from '../testing.ts';
import { limitRanger } from './limit-ranger.ts';

let api: TestApi;
afterEach(() => api.close());

const start = async (...limits: object[]): Promise<(name: string, resources?: object, extra?: object) => ReturnType<TestApi['send']>> => {
  api = await anApi(({ replicas }) => [limitRanger(replicas)]);
  const range = { apiVersion: 'v1', kind: 'LimitRange', metadata: { name: 'l' }, spec: { limits } };
  await api.send('POST', '/api/v1/namespaces/default/limitranges', range);
  return (name, resources = {}, extra = {}) =>
    api.send('POST', '/api/v1/namespaces/default/pods', {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name },
      spec: { containers: [{ name: 'main', image: 'i', resources }], ...extra },
    });
};

test('defaults are filled in and noted', async () => {
  const create = await start({ type: 'Container', default: { cpu: '500m' }, defaultRequest: { cpu: '100m' } });
  const { body } = await create('a');
  expect(body.spec).toMatchObject({ containers: [{ resources: { limits: { cpu: '500m' }, requests: { cpu: '100m' } } }] });
  expect(body.metadata.annotations).toEqual({
    'kubernetes.io/limit-ranger': 'LimitRanger plugin set: cpu request for container main; cpu limit for container main',
  });
});

test('bounds of containers and of whole pods', async () => {
  const create = await start({ type: 'Container', min: { cpu: '100m' }, max: { cpu: '1' } }, { type: 'Pod', max: { memory: '1Gi' } });
  const fine = { requests: { cpu: '200m', memory: '512Mi' }, limits: { cpu: '1', memory: '512Mi' } };
  expect((await create('a', fine)).status).toBe(201);
  const message = async (resources: object, extra?: object): Promise<string> => (await create('b', resources, extra)).body.message;
  expect(await message({ ...fine, limits: { cpu: '2', memory: '1Gi' } })).toBe(
    'pods "b" is forbidden: maximum cpu usage per Container is 1, but limit is 2',
  );
  expect(await message({ ...fine, requests: { cpu: '50m' } })).toContain('minimum cpu usage per Container is 100m, but request is 50m');
  const init = { initContainers: [{ name: 'first', image: 'i', resources: { ...fine, limits: { cpu: '1', memory: '2Gi' } } }] };
  expect(await message(fine, init)).toContain('maximum memory usage per Pod is 1Gi, but limit is 2Gi');
});
