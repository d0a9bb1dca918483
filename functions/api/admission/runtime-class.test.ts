import { afterEach, expect, test } from '@jest/globals';
import { anApi, type TestApi } from '../testing.ts';
import { runtimeClass } from './runtime-class.ts';

let api: TestApi;
afterEach(() => api.close());

const create = async (...specs: object[]) => {
  api = await anApi(({ replicas }) => [runtimeClass(replicas)]);
  const classes = '/apis/node.k8s.io/v1/runtimeclasses';
  const overhead = { podFixed: { cpu: '100m' } };
  const scheduling = { nodeSelector: { a: 'b' } };
  await api.send('POST', classes, {
    apiVersion: 'node.k8s.io/v1',
    kind: 'RuntimeClass',
    metadata: { name: 'heavy' },
    handler: 'h',
    overhead,
    scheduling,
  });
  await api.send('POST', classes, { apiVersion: 'node.k8s.io/v1', kind: 'RuntimeClass', metadata: { name: 'light' }, handler: 'h' });
  const answers = [];
  for (const [i, spec] of specs.entries())
    answers.push(
      await api.send('POST', '/api/v1/namespaces/default/pods', {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: `p${i}` },
        spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
      }),
    );
  return answers;
};

test('a class gives its overhead and its nodes', async () => {
  const [taken, other] = await create({ runtimeClassName: 'heavy' }, { runtimeClassName: 'heavy', nodeSelector: { a: 'c' } });
  expect(taken?.body['spec']).toMatchObject({ overhead: { cpu: '100m' }, nodeSelector: { a: 'b' } });
  expect(other?.body.message).toContain('conflict: runtimeClass.scheduling.nodeSelector[a] = b; pod.spec.nodeSelector[a] = c');
});

test("overhead is the class's to give", async () => {
  const overhead = { cpu: '1' };
  const answers = await create({ overhead }, { runtimeClassName: 'light', overhead }, { runtimeClassName: 'heavy', overhead });
  const alone = 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead';
  const differs = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead";
  const expected = [alone, alone, differs].map((why, i) => `pods "p${i}" is forbidden: ${why}`);
  expect(answers.map(({ body }) => body.message)).toEqual(expected);
});

test('a class must be there, and have a name', async () => {
  const [none, empty] = await create({ runtimeClassName: 'none' }, { runtimeClassName: '' });
  expect(none?.body.message).toBe('pods "p0" is forbidden: pod rejected: RuntimeClass "none" not found');
  expect([empty?.status, empty?.body.message]).toEqual([500, 'resource name may not be empty']);
});
