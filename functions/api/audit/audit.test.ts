import { expect, test } from '@jest/globals';
import { unauthorized } from '../../../kinds/status.ts';
import { podSecurity } from '../admission/pod-security.ts';
import type { ApiOptions } from '../api.ts';
import { bearerTokens } from '../authentication/bearer.ts';
import { staticToken } from '../authentication/static-token.ts';
import { anApi, aRequest } from '../testing.ts';
import type { AuditEvent } from './event.ts';
import { readPolicy } from './policy.ts';

const policy = (...rules: object[]) => readPolicy(JSON.stringify({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules }));

const anAudited = async (rules: object[], more: Partial<ApiOptions> = {}) => {
  const events: AuditEvent[] = [];
  const texts: string[] = [];
  const write = (event: AuditEvent): void => {
    const text = JSON.stringify(event);
    texts.push(text);
    events.push(JSON.parse(text));
  };
  const test = await anApi(
    () => [],
    true,
    undefined,
    () => ({ auditing: { policy: policy(...rules), sink: { write } }, ...more }),
  );
  events.length = 0;
  texts.length = 0;
  return { ...test, events, texts };
};

const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings' }, data: { a: 'b' } };
const configMaps = '/api/v1/namespaces/default/configmaps';
const stagesOf = (events: readonly AuditEvent[]) => events.map(({ stage }) => stage);

test('a creation is recorded when it comes and when it is answered', async () => {
  const { send, events, close } = await anAudited([{ level: 'Metadata' }]);
  await send('POST', `${configMaps}?fieldManager=me`, configMap, { 'audit-id': 'abc', 'x-forwarded-for': '10.0.0.1, nonsense' });
  await close();
  const common = {
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'Metadata',
    auditID: 'abc',
    requestURI: `${configMaps}?fieldManager=me`,
    verb: 'create',
    user: { username: 'admin', groups: ['system:masters', 'system:authenticated'] },
    sourceIPs: ['10.0.0.1'],
    userAgent: 'test/1.0',
    requestReceivedTimestamp: '2030-01-01T00:00:00.000000Z',
    stageTimestamp: '2030-01-01T00:00:00.000000Z',
  };
  const objectRef = { resource: 'configmaps', namespace: 'default', apiVersion: 'v1' };
  expect(events).toEqual([
    { ...common, stage: 'RequestReceived', objectRef },
    {
      ...common,
      stage: 'ResponseComplete',
      objectRef: { ...objectRef, name: 'settings' },
      responseStatus: { metadata: {}, code: 201 },
      annotations: { 'authorization.k8s.io/decision': 'allow', 'authorization.k8s.io/reason': '' },
    },
  ]);
});

test('at Request the object that was sent, at RequestResponse also what was answered', async () => {
  const { send, events, close } = await anAudited([
    { level: 'Request', verbs: ['create'], omitStages: ['RequestReceived'] },
    { level: 'RequestResponse', omitStages: ['RequestReceived'], omitManagedFields: true },
  ]);
  await send('POST', configMaps, configMap);
  await send('PATCH', `${configMaps}/settings`, { data: { a: 'c' } }, { 'content-type': 'application/merge-patch+json' });
  await send('GET', configMaps, undefined, { accept: 'application/yaml' });
  await send('DELETE', `${configMaps}/settings`, { propagationPolicy: 'Background' });
  await close();
  const [created, patched, listed, deleted] = events;
  expect(created?.requestObject).toMatchObject({
    kind: 'ConfigMap',
    metadata: { name: 'settings', namespace: 'default' },
    data: { a: 'b' },
  });
  expect(created).not.toHaveProperty('responseObject');
  expect(patched).toMatchObject({ requestObject: { data: { a: 'c' } }, responseObject: { kind: 'ConfigMap', data: { a: 'c' } } });
  expect(JSON.stringify(patched)).not.toContain('managedFields');
  expect(listed).toMatchObject({ verb: 'list', responseObject: { kind: 'ConfigMapList', items: [{ metadata: { name: 'settings' } }] } });
  expect(deleted).toMatchObject({
    requestObject: { propagationPolicy: 'Background' },
    responseStatus: { status: 'Success', code: 200 },
    responseObject: { kind: 'Status' },
  });
});

test("neither a Secret's data at Metadata nor a bearer token at any level", async () => {
  const token = 'a-very-secret-token';
  const bearer = bearerTokens([staticToken(token, { name: 'ann', uid: '1', groups: [] })], 'issuer');
  const { send, texts, close } = await anAudited(
    [{ level: 'Metadata', resources: [{ resources: ['secrets'] }] }, { level: 'RequestResponse' }],
    { authenticators: [bearer] },
  );
  const headers = { authorization: `Bearer ${token}` };
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'keys' }, stringData: { key: 'hunter2' } };
  expect((await send('POST', '/api/v1/namespaces/default/secrets', secret, headers)).status).toBe(201);
  await send('GET', '/api/v1/namespaces/default/secrets/keys', undefined, headers);
  await send('GET', configMaps, undefined, headers);
  await send('GET', configMaps, undefined, { authorization: 'Bearer another-token' });
  await close();
  expect(texts).toHaveLength(7);
  const all = texts.join('\n');
  expect(all).toContain('"username":"ann"');
  for (const secretText of [token, 'another-token', 'hunter2', Buffer.from('hunter2').toString('base64')])
    expect(all).not.toContain(secretText);
});

test('a refusal says why', async () => {
  const { send, events, close } = await anAudited([{ level: 'RequestResponse', omitStages: ['RequestReceived'] }], {
    authorizer: { authorize: async () => ({ allowed: false, reason: 'no role' }) },
  });
  await send('GET', `${configMaps}/settings`);
  await close();
  expect(events).toHaveLength(1);
  expect(events[0]).toMatchObject({
    stage: 'ResponseComplete',
    responseStatus: { metadata: {}, status: 'Failure', reason: 'Forbidden', code: 403 },
    responseObject: { kind: 'Status', code: 403 },
    annotations: { 'authorization.k8s.io/decision': 'forbid', 'authorization.k8s.io/reason': 'no role' },
  });
});

test('one who acts as another is recorded with both, also where that is refused', async () => {
  const { send, events, close } = await anAudited([{ level: 'Metadata', omitStages: ['RequestReceived'] }], {
    authorizer: { authorize: async ({ name }) => ({ allowed: name !== 'eve', reason: '' }) },
  });
  await send('GET', configMaps, undefined, { 'impersonate-user': 'bob', 'impersonate-group': 'dev' });
  await send('GET', configMaps, undefined, { 'impersonate-user': 'eve' });
  await close();
  expect(events[0]).toMatchObject({
    user: { username: 'admin' },
    impersonatedUser: { username: 'bob', groups: ['dev', 'system:authenticated'] },
    responseStatus: { code: 200 },
  });
  expect(events[1]).toMatchObject({ user: { username: 'admin' }, responseStatus: { code: 403 } });
  expect(events[1]).not.toHaveProperty('impersonatedUser');
});

test('one whom nobody knows is recorded once, with what it tried', async () => {
  const authenticate = async () => {
    throw unauthorized();
  };
  const { send, events, close } = await anAudited([{ level: 'Metadata' }], { authenticators: [{ authenticate }] });
  await send('GET', configMaps, undefined, { authorization: 'Bearer x' });
  await close();
  expect(events).toHaveLength(1);
  expect(events[0]).toMatchObject({
    stage: 'ResponseStarted',
    user: {},
    responseStatus: { message: 'Authentication failed, attempted: bearer', code: 401 },
  });
});

test('a path that is no resource', async () => {
  const { send, events, close } = await anAudited([{ level: 'RequestResponse', nonResourceURLs: ['/version'] }], {
    nonResource: async () => ({ status: 200, headers: {}, body: '{}' }),
  });
  await send('GET', '/version');
  await send('GET', '/healthz');
  await close();
  expect(stagesOf(events)).toEqual(['RequestReceived', 'ResponseComplete']);
  expect(events[1]).toMatchObject({ verb: 'get', requestURI: '/version', responseStatus: { code: 200 } });
  for (const field of ['objectRef', 'responseObject']) expect(events[1]).not.toHaveProperty(field);
});

test('a watch is recorded when it begins and when its reader is gone', async () => {
  const { api, events, close } = await anAudited([{ level: 'Metadata' }]);
  const client = new AbortController();
  const { body } = await api.handle(aRequest('GET', `${configMaps}?watch=1`, undefined, {}, client.signal), {
    remoteAddress: '::ffff:127.0.0.1',
  });
  expect(stagesOf(events)).toEqual(['RequestReceived', 'ResponseStarted']);
  client.abort();
  for await (const _ of body as AsyncIterable<Uint8Array>);
  await close();
  expect(stagesOf(events)).toEqual(['RequestReceived', 'ResponseStarted', 'ResponseComplete']);
  expect(events[2]).toMatchObject({ verb: 'watch', sourceIPs: ['127.0.0.1'], responseStatus: { code: 200 } });
});

test('a failure that nobody foresaw is a panic', async () => {
  const nonResource = async () => {
    throw new Error('broken');
  };
  const { send, events, close } = await anAudited([{ level: 'Metadata', omitStages: ['RequestReceived'] }], { nonResource });
  await send('GET', '/version');
  await close();
  expect(stagesOf(events)).toEqual(['Panic']);
  expect(events[0]).toMatchObject({ responseStatus: { reason: 'InternalError', code: 500 } });
});

test('what the policy does not name is not recorded', async () => {
  const { send, events, close } = await anAudited([
    { level: 'None', verbs: ['get'] },
    { level: 'Metadata', users: ['somebody'] },
  ]);
  await send('GET', `${configMaps}/settings`);
  await send('POST', configMaps, configMap);
  await close();
  expect(events).toEqual([]);
});

test('admission plugins have their say', async () => {
  const events: AuditEvent[] = [];
  const auditing = {
    policy: policy({ level: 'Metadata', verbs: ['create'], resources: [{ resources: ['pods'] }], omitStages: ['RequestReceived'] }),
    sink: { write: (event: AuditEvent) => void events.push(JSON.parse(JSON.stringify(event))) },
  };
  const { send, close } = await anApi(
    ({ replicas }) => [podSecurity(replicas)],
    true,
    undefined,
    () => ({ auditing }),
  );
  const namespace = (name: string, labels: object) =>
    send('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
  const pod = (namespaceName: string) =>
    send('POST', `/api/v1/namespaces/${namespaceName}/pods`, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p' },
      spec: { hostNetwork: true, containers: [{ name: 'c', image: 'i' }] },
    });
  await namespace('recorded', { 'pod-security.kubernetes.io/audit': 'baseline' });
  await namespace('refused', { 'pod-security.kubernetes.io/enforce': 'baseline' });
  expect((await pod('default')).status).toBe(201);
  expect((await pod('recorded')).status).toBe(201);
  expect((await pod('refused')).status).toBe(403);
  await close();
  const prefix = 'pod-security.kubernetes.io/';
  expect(events.map(({ annotations }) => [annotations?.[`${prefix}enforce-policy`], annotations?.[`${prefix}audit-violations`]])).toEqual([
    ['privileged:latest', undefined],
    ['privileged:latest', 'would violate PodSecurity "baseline:latest": host namespaces (hostNetwork=true)'],
    ['baseline:latest', undefined],
  ]);
});
