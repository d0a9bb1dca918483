import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { anApi, answerText, type TestApi } from '../testing.ts';
import type { Backend, BackendRequest, BackendResponse, HeaderFields } from '../types.ts';

async function* once(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

let api: TestApi;
let asked: { backend: Backend; request: BackendRequest }[];
let reply: () => Promise<BackendResponse>;
const answers = (status: number, headers: HeaderFields, body = ''): void => {
  reply = async () => ({ status, headers, body: once(body) });
};
const failsWith = (code: string): void => {
  reply = () => Promise.reject(Object.assign(new Error(code), { code }));
};

beforeEach(async () => {
  asked = [];
  answers(200, { 'content-type': 'text/plain' }, 'hello');
  const backends = {
    request: async (backend: Backend, request: BackendRequest) => {
      asked.push({ backend, request });
      return reply();
    },
  };
  api = await anApi(
    () => [],
    true,
    () => [],
    () => ({ backends }),
  );
});
afterEach(() => api.close());

const pods = '/api/v1/namespaces/default/pods';
const aPod = async (name: string, ip: string): Promise<void> => {
  const spec = { containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 8080 }] }] };
  await api.send('POST', pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec });
  const status = { podIP: ip, podIPs: [{ ip }] };
  await api.send('PATCH', `${pods}/${name}/status`, { status }, { 'content-type': 'application/merge-patch+json' });
};
const textOf = async (body: unknown): Promise<string> => {
  let text = '';
  for await (const chunk of body as AsyncIterable<Uint8Array>) text += Buffer.from(chunk).toString();
  return text;
};
const send = (method: string, url: string, body?: unknown, headers?: Record<string, string>) => api.raw(method, url, body, headers);

describe('pods/proxy', () => {
  test('passes method, path, query and body to the first port of the pod', async () => {
    await aPod('p', '10.1.2.3');
    const answer = await send('POST', `${pods}/p/proxy/a%20b/c/?q=1&q=%20`, 'body', { authorization: 'Bearer secret', 'x-own': 'v' });
    expect(answer.status).toBe(200);
    expect(await textOf(answer.body)).toBe('hello');
    const [{ backend, request } = { backend: undefined, request: undefined }] = asked;
    expect(backend).toEqual({ kind: 'address', scheme: 'http', host: '10.1.2.3', port: 8080 });
    expect(request?.path).toBe('/a%20b/c/?q=1&q=%20');
    expect(request?.headers).toMatchObject({ 'x-own': 'v', 'x-forwarded-uri': `${pods}/p/proxy/a%20b/c/` });
    expect(JSON.stringify(request?.headers)).not.toContain('secret');
    expect(await textOf(request?.body)).toBe('body');
  });

  test.each([
    ['p', { scheme: 'http', port: 8080 }],
    ['p:90', { scheme: 'http', port: 90 }],
    ['https:p:443', { scheme: 'https', port: 443 }],
    [':p:1', { scheme: 'http', port: 1 }],
  ])('%s', async (id, expected) => {
    await aPod('p', '10.1.2.3');
    await send('GET', `${pods}/${id}/proxy/`);
    expect(asked[0]?.backend).toMatchObject(expected);
  });

  test.each(['ftp:p:1', 'a:b:c:d'])('%s is no pod', async id => {
    const answer = await send('GET', `${pods}/${id}/proxy/`);
    expect(JSON.parse(answerText(answer))).toMatchObject({ code: 400, message: `invalid pod request "${id}"` });
  });

  test.each(['127.0.0.1', '169.254.1.1', '::1', 'fe80::1', ''])('an address like %p is not reached', async ip => {
    await aPod('p', ip);
    const answer = await send('GET', `${pods}/p/proxy/`);
    expect(JSON.parse(answerText(answer))).toMatchObject({ code: 400, message: 'address not allowed' });
    expect(asked).toEqual([]);
  });

  test('the root without a slash leads to the one with it', async () => {
    await aPod('p', '10.1.2.3');
    const answer = await send('GET', `${pods}/p/proxy?x=1`);
    expect(answer).toMatchObject({ status: 301, headers: { location: `${pods}/p/proxy/?x=1` } });
    expect(asked).toEqual([]);
  });

  test('redirects and pages lead through the proxy', async () => {
    await aPod('p', '10.1.2.3');
    answers(302, { location: '/login', 'access-control-allow-origin': '*', connection: 'x-hop', 'x-hop': '1' });
    expect(await send('GET', `${pods}/p/proxy/x`)).toMatchObject({ status: 302, headers: { location: `${pods}/p/proxy/login` } });
    answers(200, { 'content-type': 'text/html; charset=utf-8', 'content-length': '9', 'x-frame': 'y' }, '<a href="/z">');
    const page = await send('GET', `${pods}/p/proxy/x`);
    expect(answerText(page)).toBe(`<a href="${pods}/p/proxy/z">`);
    expect(page.headers).toEqual({
      'audit-id': expect.any(String),
      'cache-control': 'no-cache, private',
      'content-type': 'text/html; charset=utf-8',
      'x-frame': 'y',
    });
  });

  test('says why nobody was reached', async () => {
    await aPod('p', '10.1.2.3');
    failsWith('ECONNREFUSED');
    expect(JSON.parse(answerText(await send('GET', `${pods}/p/proxy/x`)))).toMatchObject({
      code: 503,
      reason: 'ServiceUnavailable',
      message: 'error trying to reach service: dial tcp 10.1.2.3:8080: connect: connection refused',
    });
  });

  test('the form of the answer is not ours to choose, nor is the way there to wander', async () => {
    await aPod('p', '10.1.2.3');
    await send('GET', `${pods}/p/proxy/a//b/../c/`, undefined, { accept: 'text/html' });
    expect(asked.map(({ request }) => [request.path, request.headers['accept'], request.headers['x-forwarded-uri']])).toEqual([
      ['/a/c/', 'text/html', `${pods}/p/proxy/a/c/a/c/`],
    ]);
    expect((await send('GET', `${pods}/p//proxy/a`)).status).toBe(404);
    expect(asked).toHaveLength(1);
  });

  test('takes every method', async () => {
    await aPod('p', '10.1.2.3');
    for (const method of ['GET', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']) await send(method, `${pods}/p/proxy/x`);
    expect(asked.map(({ request }) => request.method)).toEqual(['GET', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']);
  });
});

describe('services/proxy', () => {
  const services = '/api/v1/namespaces/default/services';
  beforeEach(async () => {
    await aPod('p', '10.1.2.3');
    const ports = [{ name: 'web', port: 80, targetPort: 8080 }];
    await api.send('POST', services, { apiVersion: 'v1', kind: 'Service', metadata: { name: 's' }, spec: { ports } });
  });
  const endpoints = (addresses: unknown[]) =>
    api.send('POST', '/api/v1/namespaces/default/endpoints', {
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: { name: 's' },
      subsets: [{ addresses, ports: [{ name: 'web', port: 8080 }] }],
    });
  const targetRef = { kind: 'Pod', namespace: 'default', name: 'p' };

  test.each(['s:80', 's:web', 'http:s:web'])('%s leads to a pod behind it', async id => {
    await endpoints([{ ip: '10.9.9.9' }, { ip: '10.8.8.8', targetRef }, { ip: '10.1.2.3', targetRef }]);
    expect(await send('GET', `${services}/${id}/proxy/x`)).toMatchObject({ status: 200 });
    expect(asked[0]?.backend).toMatchObject({ host: '10.1.2.3', port: 8080 });
  });

  test.each([
    ['s:81', 503, 'no service port 81 found for service "s"'],
    ['s:other', 503, 'no endpoints available for service "s:other"'],
    ['missing', 404, 'services "missing" not found'],
    ['missing:80', 404, 'services "missing" not found'],
  ])('%s', async (id, code, message) => {
    await endpoints([{ ip: '10.1.2.3', targetRef }]);
    expect(JSON.parse(answerText(await send('GET', `${services}/${id}/proxy/x`)))).toMatchObject({ code, message });
  });

  test('an address that is no pod is not reached', async () => {
    await endpoints([{ ip: '10.1.2.3' }]);
    const answer = await send('GET', `${services}/s:web/proxy/x`);
    expect(JSON.parse(answerText(answer)).message).toBe('no endpoints available for service "s:web"');
  });
});

test('nodes/proxy leads to the agent, shown the API’s own certificate', async () => {
  await api.send('POST', '/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' } });
  const status = { addresses: [{ type: 'InternalIP', address: '10.2.2.2' }], daemonEndpoints: { kubeletEndpoint: { Port: 10250 } } };
  await api.send('PATCH', '/api/v1/nodes/n/status', { status }, { 'content-type': 'application/merge-patch+json' });
  await send('GET', '/api/v1/nodes/n/proxy/stats/summary');
  await send('GET', '/api/v1/nodes/n:10250/proxy/healthz');
  await send('GET', '/api/v1/nodes/n:9100/proxy/metrics');
  expect(asked.map(({ backend, request }) => [backend.kind, backend.port, request.path])).toEqual([
    ['agent', 10250, '/stats/summary'],
    ['agent', 10250, '/healthz'],
    ['address', 9100, '/metrics'],
  ]);
});
