import { afterEach, expect, test } from '@jest/globals';
import { anApi, type TestAnswer, type TestApi } from '../testing.ts';
import { resourceQuota } from './resource-quota.ts';

let api: TestApi;
afterEach(() => api.close());

const base = '/api/v1/namespaces/default';
const merge = { 'content-type': 'application/merge-patch+json' };
type Hard = Record<string, string>;

/** As its controller would fill it in. */
const addQuota = async (hard: Hard, used: Hard, spec: object = {}, name = 'q'): Promise<void> => {
  const quota = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name }, spec: { hard, ...spec } };
  expect((await api.send('POST', `${base}/resourcequotas`, quota)).status).toBe(201);
  expect((await api.send('PATCH', `${base}/resourcequotas/${name}/status`, { status: { hard, used } }, merge)).status).toBe(200);
};
const start = async (): Promise<void> => {
  api = await anApi(({ replicas, clock }) => [resourceQuota(replicas, clock)]);
};
const used = async (name = 'q'): Promise<Hard> => {
  const { body } = await api.send('GET', `${base}/resourcequotas/${name}`);
  return (body.status as unknown as { used: Hard }).used;
};
const map = (name: string, query = ''): Promise<TestAnswer> =>
  api.send('POST', `${base}/configmaps${query}`, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } });
const pod = (name: string, resources: object = {}, spec: object = {}): Promise<TestAnswer> =>
  api.send('POST', `${base}/pods`, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { containers: [{ name: 'main', image: 'i', resources }], ...spec },
  });

test('of many at once exactly as many as there is room for', async () => {
  await start();
  await addQuota({ configmaps: '7', 'count/configmaps': '9' }, { configmaps: '0', 'count/configmaps': '0' });
  const answers = await Promise.all(Array.from({ length: 20 }, (_, at) => map(`m${at}`)));
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(7);
  expect(await used()).toEqual({ configmaps: '7', 'count/configmaps': '7' });
  const refused = answers.find(({ status }) => status === 403);
  expect(refused?.body.message).toMatch(
    /^configmaps "m\d+" is forbidden: exceeded quota: q, requested: configmaps=1, used: configmaps=7, limited: configmaps=7$/,
  );
  expect((await api.send('GET', `${base}/configmaps`)).body.items).toHaveLength(7);
});

test('a quota that others write meanwhile is looked at again', async () => {
  await start();
  await addQuota({ configmaps: '3' }, { configmaps: '0' });
  const touch = (at: number): Promise<TestAnswer> =>
    api.send('PATCH', `${base}/resourcequotas/q`, { metadata: { labels: { at: `${at}` } } }, merge);
  const writes = Array.from({ length: 12 }, (_, at) => (at % 2 ? touch(at) : map(`m${at}`)));
  const statuses = (await Promise.all(writes)).map(({ status }) => status);
  expect(statuses.filter((_, at) => at % 2)).toEqual(Array.from({ length: 6 }, () => 200));
  expect(statuses.filter(status => status === 201)).toHaveLength(3);
  expect(await used()).toEqual({ configmaps: '3' });
});

test('a write that fails for another reason is not counted', async () => {
  await start();
  await addQuota({ configmaps: '5' }, { configmaps: '0' });
  await map('a');
  expect((await map('a')).status).toBe(409);
  expect((await map('b', '?dryRun=All')).status).toBe(201);
  expect(await used()).toEqual({ configmaps: '1' });
});

test('compute resources of pods, and what must be stated', async () => {
  await start();
  await addQuota({ 'requests.cpu': '1', 'limits.memory': '1Gi', pods: '9' }, { 'requests.cpu': '0', 'limits.memory': '0', pods: '0' });
  expect((await pod('a')).body.message).toBe(
    'pods "a" is forbidden: failed quota: q: must specify limits.memory for: main; requests.cpu for: main',
  );
  const half = { requests: { cpu: '600m' }, limits: { memory: '512Mi' } };
  expect((await pod('a', half)).status).toBe(201);
  expect(await used()).toEqual({ 'requests.cpu': '600m', 'limits.memory': '512Mi', pods: '1' });
  expect((await pod('b', { requests: { cpu: '600m' }, limits: { memory: '600Mi' } })).body.message).toBe(
    'pods "b" is forbidden: exceeded quota: q, requested: limits.memory=600Mi,requests.cpu=600m, used: limits.memory=512Mi,requests.cpu=600m, limited: limits.memory=1Gi,requests.cpu=1',
  );
});

test('scopes decide which pods count', async () => {
  await start();
  await addQuota({ pods: '1' }, { pods: '0' }, { scopes: ['BestEffort'] }, 'best');
  const classes = [{ scopeName: 'PriorityClass', operator: 'In', values: ['high'] }];
  await addQuota({ pods: '0' }, { pods: '0' }, { scopeSelector: { matchExpressions: classes } }, 'high');
  expect((await pod('a')).status).toBe(201);
  expect((await pod('b')).body.message).toContain('exceeded quota: best, requested: pods=1, used: pods=1, limited: pods=1');
  expect((await pod('c', { requests: { cpu: '1' } })).status).toBe(201);
  expect((await pod('d', { requests: { cpu: '1' } }, { priorityClassName: 'high' })).body.message).toContain('exceeded quota: high');
});

test('an update costs what it adds', async () => {
  await start();
  await addQuota({ 'services.nodeports': '2', services: '5' }, { 'services.nodeports': '0', services: '0' });
  const service = (type: string, ports: number) => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 's' },
    spec: { type, ports: Array.from({ length: ports }, (_, at) => ({ name: `p${at}`, port: at + 1 })) },
  });
  expect((await api.send('POST', `${base}/services`, service('ClusterIP', 3))).status).toBe(201);
  const patch = (body: object) => api.send('PATCH', `${base}/services/s`, body, merge);
  expect((await patch({ spec: { type: 'NodePort' } })).body.message).toBe(
    'services "s" is forbidden: exceeded quota: q, requested: services.nodeports=3, used: services.nodeports=0, limited: services.nodeports=2',
  );
  expect((await patch({ spec: service('NodePort', 2).spec })).status).toBe(200);
  expect(await used()).toEqual({ 'services.nodeports': '2', services: '1' });
});

test('a quota that nobody has filled in holds nothing back', async () => {
  await start();
  const quota = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'q' }, spec: { hard: { configmaps: '0' } } };
  const { body } = await api.send('POST', `${base}/resourcequotas`, quota);
  expect((await map('a')).status).toBe(201);
  expect(await api.log.guard(`quota/default/${body.metadata.uid}`)).toBe(1);
});
