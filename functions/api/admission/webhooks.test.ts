import { afterEach, expect, test } from '@jest/globals';
import { builtInRegistry } from '../../../kinds/registry.ts';
import { anApi, type TestAnswer, type TestApi } from '../testing.ts';
import { mutatingAdmissionWebhook } from './mutating-admission-webhook.ts';
import { validatingAdmissionWebhook } from './validating-admission-webhook.ts';
import type { WebhookCall } from './webhook/caller.ts';

let api: TestApi;
afterEach(() => api.close());

interface Asked {
  readonly uid: string;
  readonly operation: string;
  readonly object: { data?: Record<string, string> } | null;
  readonly userInfo: { username: string };
}
const calls: { readonly call: WebhookCall; readonly request: Asked }[] = [];

const start = async (answer: (request: Asked, path: string) => object): Promise<void> => {
  calls.length = 0;
  const registry = builtInRegistry();
  const caller = {
    post: async (call: WebhookCall) => {
      const { request } = JSON.parse(call.body) as { request: Asked };
      calls.push({ call, request });
      const response = { uid: request.uid, ...answer(request, call.path) };
      return { status: 200, body: JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response }) };
    },
  };
  api = await anApi(({ replicas, clock, random }) => {
    const dependencies = { replicas, registry, clock, random, caller };
    return [mutatingAdmissionWebhook(dependencies), validatingAdmissionWebhook(dependencies)];
  });
};
const rules = [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE', 'DELETE'], resources: ['configmaps'] }];
const configure = async (kind: 'Validating' | 'Mutating', name: string, hook: object = {}): Promise<void> => {
  const base = '/apis/admissionregistration.k8s.io/v1';
  const { status } = await api.send('POST', `${base}/${kind.toLowerCase()}webhookconfigurations`, {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: `${kind}WebhookConfiguration`,
    metadata: { name },
    webhooks: [
      {
        name: `${name}.example.com`,
        clientConfig: { url: `https://hooks.example.com/${name}` },
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
        rules,
        ...hook,
      },
    ],
  });
  expect(status).toBe(201);
};
const map = (name: string, query = ''): Promise<TestAnswer> =>
  api.send('POST', `/api/v1/namespaces/default/configmaps${query}`, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name },
    data: { a: '1' },
  });
const add = (path: string, value: string) => ({
  allowed: true,
  patchType: 'JSONPatch',
  patch: Buffer.from(JSON.stringify([{ op: 'add', path, value }])).toString('base64'),
});

test('a refusal is told in the words of the webhook', async () => {
  await start(() => ({ allowed: false, warnings: ['careful'], status: { code: 418, message: 'no', reason: 'Teapot' } }));
  await configure('Validating', 'v');
  const { status, body, headers } = await map('x');
  expect(status).toBe(418);
  expect(body.message).toBe('admission webhook "v.example.com" denied the request: no');
  expect(headers['warning']).toEqual(['299 - "careful"']);
  expect(calls[0]?.call).toMatchObject({ host: 'hooks.example.com', port: 443, path: '/v?timeout=10s', timeoutMs: 10_000 });
  expect(calls[0]?.request).toMatchObject({ operation: 'CREATE', object: { data: { a: '1' } }, userInfo: { username: 'admin' } });
});

test('patches of several webhooks, and one that looks again', async () => {
  await start(({ object }, path) => {
    if (path.startsWith('/second')) return add('/data/second', 'x');
    return object?.data?.['second'] ? add('/data/first', 'again') : add('/data/first', 'x');
  });
  await configure('Mutating', 'first', { reinvocationPolicy: 'IfNeeded' });
  await configure('Mutating', 'second');
  expect((await map('x')).body.data).toEqual({ a: '1', first: 'again', second: 'x' });
});

test('what cannot be called fails the request, unless the webhook may be passed over', async () => {
  await start(() => {
    throw Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
  });
  await configure('Validating', 'v', { clientConfig: { url: 'https://127.0.0.1:9/hook' } });
  const { status, body } = await map('x');
  expect(status).toBe(500);
  expect(body.message).toBe(
    'Internal error occurred: failed calling webhook "v.example.com": failed to call webhook: Post "https://127.0.0.1:9/hook?timeout=10s": dial tcp 127.0.0.1:9: connect: connection refused',
  );
  await api.send('DELETE', '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/v');
  await configure('Validating', 'v', { failurePolicy: 'Ignore' });
  expect((await map('x')).status).toBe(201);
});

test('selectors and conditions spare a call, and dry runs need webhooks without side effects', async () => {
  await start(() => ({ allowed: true }));
  await configure('Validating', 'v', {
    sideEffects: 'NoneOnDryRun',
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'default' } },
    matchConditions: [{ name: 'c', expression: "object.metadata.name != 'spared'" }],
  });
  await configure('Validating', 'other', { objectSelector: { matchLabels: { never: 'there' } } });
  expect((await map('spared')).status).toBe(201);
  expect(calls).toHaveLength(0);
  expect((await map('x', '?dryRun=All')).status).toBe(201);
  expect(calls.map(({ call }) => call.path)).toEqual(['/v?timeout=10s']);
});

test('a service is called at one of its endpoints, by its own name', async () => {
  await start(() => ({ allowed: true }));
  const metadata = { name: 's', namespace: 'default' };
  const spec = { ports: [{ name: 'web', port: 443, targetPort: 8443 }] };
  await api.send('POST', '/api/v1/namespaces/default/services', { apiVersion: 'v1', kind: 'Service', metadata, spec });
  await api.send('POST', '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices', {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 's-1', labels: { 'kubernetes.io/service-name': 's' } },
    addressType: 'IPv4',
    ports: [{ name: 'web', port: 8443 }],
    endpoints: [{ addresses: ['10.9.8.6'], conditions: { ready: false } }, { addresses: ['10.9.8.7'] }],
  });
  await configure('Validating', 'v', { clientConfig: { service: { namespace: 'default', name: 's', path: '/check' } } });
  expect((await map('x')).status).toBe(201);
  expect(calls[0]?.call).toMatchObject({ host: '10.9.8.7', port: 8443, serverName: 's.default.svc', path: '/check?timeout=10s' });
});

test('webhooks that look again see what others changed, in turn', async () => {
  const next = ({ object }: Asked): object => add('/data/n', String(Number(object?.data?.['n'] ?? 0) + 1));
  await start(next);
  for (const name of ['m1', 'm2']) await configure('Mutating', name, { reinvocationPolicy: 'IfNeeded' });
  const { body } = await map('x');
  expect(calls.map(({ call }) => call.path.slice(1, 3))).toEqual(['m1', 'm2', 'm1', 'm2']);
  expect(body.data).toEqual({ a: '1', n: '4' });
});

test('a request is shown in a version that the webhook knows', async () => {
  await start(() => add('/spec/targetCPUUtilizationPercentage', 7 as never));
  const known = { apiGroups: ['autoscaling'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['horizontalpodautoscalers'] };
  await configure('Mutating', 'm', { rules: [known] });
  await configure('Mutating', 'exact', { rules: [known], matchPolicy: 'Exact' });
  const { body } = await api.send('POST', '/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers', {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'h' },
    spec: { scaleTargetRef: { kind: 'Deployment', name: 'd', apiVersion: 'apps/v1' }, maxReplicas: 3 },
  });
  expect(calls).toHaveLength(1);
  expect(calls[0]?.request).toMatchObject({
    kind: { version: 'v1' },
    requestKind: { version: 'v2' },
    object: { apiVersion: 'autoscaling/v1' },
    options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' },
  });
  expect(body).toMatchObject({
    apiVersion: 'autoscaling/v2',
    spec: { metrics: [{ resource: { name: 'cpu', target: { averageUtilization: 7 } } }] },
  });
});

test.each<[string, object, string]>([
  ['of another request', { uid: 'z' }, 'received invalid webhook response: expected response.uid='],
  [
    'without a type of patch',
    { patch: 'W10=' },
    'received invalid webhook response: webhook returned response.patch but not response.patchType',
  ],
  ['with a patch that does not fit', add('/none/x', 'y'), 'add operation does not apply: doc is missing path: "/none/x": missing value'],
  [
    'with a patch that makes no object',
    add('/data', 'y'),
    'json: cannot unmarshal string into Go struct field ConfigMap.data of type map[string]string',
  ],
])('an answer %s is an error of the webhook', async (_, answer, why) => {
  await start(() => ({ allowed: true, ...answer }));
  await configure('Mutating', 'm');
  const { status, body } = await map('x');
  expect(status).toBe(500);
  expect(body.message).toContain(why);
});
