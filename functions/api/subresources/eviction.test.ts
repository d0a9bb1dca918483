import { afterEach, expect, test } from '@jest/globals';
import { anApi, type TestApi } from '../testing.ts';

let api: TestApi;
afterEach(() => api.close());

const pods = '/api/v1/namespaces/default/pods';
const budgets = '/apis/policy/v1/namespaces/default/poddisruptionbudgets';
const start = async (status: object): Promise<() => ReturnType<TestApi['send']>> => {
  api = await anApi(() => []);
  const spec = { minAvailable: 1, selector: { matchLabels: { app: 'a' } } };
  await api.send('POST', budgets, { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: 'b' }, spec });
  await api.send('PATCH', `${budgets}/b/status`, { status }, { 'content-type': 'application/merge-patch+json' });
  const containers = [{ name: 'c', image: 'i' }];
  await api.send('POST', pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', labels: { app: 'a' } }, spec: { containers } });
  const ready = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
  await api.send('PATCH', `${pods}/p/status`, { status: ready }, { 'content-type': 'application/merge-patch+json' });
  return () => api.send('POST', `${pods}/p/eviction`, { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'p' } });
};
const counted = { observedGeneration: 1, currentHealthy: 2, desiredHealthy: 1, expectedPods: 2 };
const condition = { type: 'DisruptionAllowed', status: 'False', lastTransitionTime: '2020-01-01T00:00:00Z' };

test.each([
  ['too few', { ...counted, currentHealthy: 1 }, 'needs 1 healthy pods and has 1 currently'],
  ['none left', counted, 'does not allow evicting pods currently'],
  ['told why', { ...counted, conditions: [{ ...condition, reason: 'R', message: 'm' }] }, 'does not allow evicting pods currently (R): m'],
  [
    'not counted',
    { ...counted, currentHealthy: 0, conditions: [{ ...condition, reason: 'SyncFailed', message: 'm' }] },
    'does not allow evicting pods currently because it failed sync: m',
  ],
])('a budget that allows nothing says why: %s', async (_, status, why) => {
  const { status: code, body } = await (await start(status))();
  expect(code).toBe(429);
  expect(body.details.causes).toEqual([{ reason: 'DisruptionBudget', message: `The disruption budget b ${why}` }]);
});

test('an eviction is counted, and the last one that is allowed is told as such', async () => {
  const evict = await start({ ...counted, disruptionsAllowed: 1 });
  expect((await evict()).status).toBe(201);
  const { body } = await api.send('GET', `${budgets}/b`);
  expect(body['status']).toMatchObject({ disruptionsAllowed: 0, disruptedPods: { p: expect.any(String) } });
  expect(body['status']).toMatchObject({ conditions: [{ type: 'DisruptionAllowed', status: 'False', reason: 'InsufficientPods' }] });
});
