import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { builtInRegistry } from '../../../kinds/registry.ts';
import { extensionsFrom } from '../../extensions.ts';
import { localBackends } from '../local/backends.ts';
import { nonResourceHandler } from '../non-resource.ts';
import { type ClusterPki, ensureClusterPki } from '../pki.ts';
import { anApi, answerText, aRequest, type TestApi } from '../testing.ts';
import type { ApiResponse, Attributes } from '../types.ts';
import { type Aggregation, createAggregation } from './aggregation.ts';
import { type ExtensionServer, extensionServer } from './testing.ts';

let dir: string;
let pki: ClusterPki;
let backends: ReturnType<typeof localBackends>;
let server: ExtensionServer;
let api: TestApi;
let aggregation: Aggregation;
let allowed: (attributes: Attributes) => boolean;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'aggregation-'));
  pki = await ensureClusterPki(dir, ['ext.default.svc'], Date.now());
});
afterAll(() => rm(dir, { recursive: true }));

beforeEach(async () => {
  server = await extensionServer(pki);
  backends = localBackends({ agents: { ca: pki.ca, ...pki.agentClient }, frontProxy: pki.frontProxy });
  allowed = () => true;
  const user = { name: 'ann', uid: 'u1', groups: ['devs', 'system:authenticated'], extra: { 'example.com/Team?': ['blue', 'red'] } };
  api = await anApi(
    () => [],
    true,
    undefined,
    async ({ replicas, random, clock }) => {
      const extensions = await extensionsFrom(replicas, clock);
      aggregation = createAggregation({ extensions, replicas, backends, random, clock });
      const tokens = { keys: async () => ({}), discovery: () => ({}) };
      return {
        aggregation,
        nonResource: nonResourceHandler({ registry: builtInRegistry(), aggregation, checks: [], tokens, gitVersion: 'v1.36.3' }),
        authenticators: [{ authenticate: async () => user }],
        authorizer: { authorize: async attributes => ({ allowed: allowed(attributes), reason: '' }) },
      };
    },
  );
  await api.send('POST', '/api/v1/namespaces/default/services', {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'ext' },
    spec: { ports: [{ port: 443 }] },
  });
  await api.send('POST', '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices', {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'ext-1', labels: { 'kubernetes.io/service-name': 'ext' } },
    addressType: 'IPv4',
    ports: [{ name: '', port: server.port }],
    endpoints: [{ addresses: ['10.0.0.1'] }],
  });
});
afterEach(async () => {
  backends.close();
  await api.close();
  await server.close();
});

const services = '/apis/apiregistration.k8s.io/v1/apiservices';
const merge = { 'content-type': 'application/merge-patch+json' };
/** The rules of endpoints forbid loopback, where the server of these tests listens. */
const atLoopback = (): void => {
  const request = backends.request.bind(backends);
  backends.request = (backend, asked) => request({ ...backend, host: '127.0.0.1' }, asked);
};

const register = async (spec: object = {}, available = 'True'): Promise<void> => {
  atLoopback();
  const name = 'v1.ext.example.com';
  const caBundle = Buffer.from(pki.ca).toString('base64');
  const service = { namespace: 'default', name: 'ext' };
  const created = await api.send('POST', services, {
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name },
    spec: { group: 'ext.example.com', version: 'v1', groupPriorityMinimum: 1500, versionPriority: 10, service, caBundle, ...spec },
  });
  expect(created.status).toBe(201);
  await setAvailable(available);
};
const setAvailable = (status: string) =>
  api.send('PATCH', `${services}/v1.ext.example.com/status`, { status: { conditions: [{ type: 'Available', status }] } }, merge);

const toys = '/apis/ext.example.com/v1/namespaces/default/toys';
const textOf = async ({ body }: ApiResponse): Promise<string> => {
  if (body === null || typeof body === 'string' || body instanceof Uint8Array || !(Symbol.asyncIterator in body)) {
    return body === null ? '' : typeof body === 'string' ? body : Buffer.concat([body].flat() as Uint8Array[]).toString();
  }
  let text = '';
  for await (const chunk of body) text += Buffer.from(chunk).toString();
  return text;
};
const answering = (write: (response: ServerResponse) => void): void => {
  server.answer = (request, response) => {
    if (!request.url?.includes('/toys')) return false;
    write(response);
    return true;
  };
};

test('a request arrives as that of its user, under the name of the front proxy', async () => {
  await register();
  answering(response => response.writeHead(201, { 'content-type': 'application/json', 'x-own': '1' }).end('{"kind":"Toy"}'));
  const headers = { authorization: 'Bearer secret', 'x-remote-user': 'root', 'impersonate-user': '' };
  const answer = await api.raw('POST', `${toys}?dryRun=All`, { kind: 'Toy' }, { ...headers, 'x-remote-group': 'system:masters' });
  expect(answer).toMatchObject({ status: 201, headers: { 'x-own': '1', 'content-type': 'application/json' } });
  expect(await textOf(answer)).toBe('{"kind":"Toy"}');
  const request = server.seen.at(-1);
  expect(request).toMatchObject({ method: 'POST', url: `${toys}?dryRun=All`, commonName: 'front-proxy-client', body: '{"kind":"Toy"}' });
  expect(request?.headers).toMatchObject({
    'x-remote-user': 'ann',
    'x-remote-uid': 'u1',
    'x-remote-group': 'devs, system:authenticated',
    'x-remote-extra-example.com%2fteam%3f': 'blue, red',
  });
  expect(JSON.stringify(request?.headers)).not.toMatch(/secret|masters|root/);
});

test('who may not is refused here', async () => {
  await register();
  allowed = ({ group }) => group !== 'ext.example.com';
  expect((await api.send('GET', toys)).body).toMatchObject({ code: 403, reason: 'Forbidden' });
  expect(server.seen).toEqual([]);
});

test('one that is not available is not asked', async () => {
  await register({}, 'False');
  expect(await api.raw('GET', toys)).toMatchObject({ status: 503, body: 'service unavailable\n' });
  expect(server.seen).toEqual([]);
});

test('a name that the certificate is not for, an authority that did not sign it, and insecurity where it is wanted', async () => {
  await register({ caBundle: Buffer.from(pki.frontProxy.ca).toString('base64') });
  const unknown = await api.raw('GET', toys);
  expect(unknown.status).toBe(503);
  expect(await textOf(unknown)).toBe(
    'error trying to reach service: tls: failed to verify certificate: x509: certificate signed by unknown authority\n',
  );
  await api.send('PATCH', `${services}/v1.ext.example.com`, { spec: { caBundle: null, insecureSkipTLSVerify: true } }, merge);
  answering(response => response.end('ok'));
  expect(await textOf(await api.raw('GET', toys))).toBe('ok');
});

test('says in upstream’s words that nobody listens', async () => {
  await register();
  await server.close();
  server = { ...server, close: async () => {} };
  expect(await textOf(await api.raw('GET', toys))).toMatch(
    /^error trying to reach service: dial tcp 10\.0\.0\.1:\d+: connect: connection refused\n$/,
  );
});

test('a redirect is not passed on', async () => {
  await register();
  answering(response => response.writeHead(302, { location: 'https://elsewhere.example' }).end());
  expect(await api.raw('GET', toys)).toMatchObject({
    status: 502,
    body: 'the backend attempted to redirect this request, which is not permitted',
  });
});

test('an escaped slash, which the two would read differently, is refused', async () => {
  await register();
  expect((await api.send('GET', '/apis/ext.example.com/v1/namespaces/a%2Fb/toys')).status).toBe(400);
});

test('a watch comes event by event, and its end reaches the server', async () => {
  await register();
  let open: ServerResponse | undefined;
  answering(response => {
    open = response;
    response.writeHead(200, { 'content-type': 'application/json' });
    response.write('{"type":"ADDED"}\n');
  });
  const client = new AbortController();
  const answer = await api.api.handle(aRequest('GET', `${toys}?watch=true`, undefined, {}, client.signal), {});
  const events = (answer.body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  expect(Buffer.from((await events.next()).value as Uint8Array).toString()).toBe('{"type":"ADDED"}\n');
  open?.write('{"type":"MODIFIED"}\n');
  expect(Buffer.from((await events.next()).value as Uint8Array).toString()).toBe('{"type":"MODIFIED"}\n');
  const closed = once(open as ServerResponse, 'close');
  client.abort();
  await closed;
  await expect(events.next()).rejects.toThrow('aborted');
});

const aggregated = { accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList' };
interface Groups {
  items: { metadata: { name: string }; versions: { version: string; freshness: string; resources?: object[] }[] }[];
}
const discovered = async (): Promise<Groups> => JSON.parse(await textOf(await api.raw('GET', '/apis', undefined, aggregated))) as Groups;
const extension = ({ items }: Groups) => items.find(({ metadata }) => metadata.name === 'ext.example.com')?.versions;

test('discovery is of all, each group in its place', async () => {
  await register();
  const all = await discovered();
  expect(all.items[0]?.metadata.name).toBe('apiregistration.k8s.io');
  expect(extension(all)).toEqual([
    {
      version: 'v1',
      freshness: 'Current',
      resources: [
        {
          resource: 'toys',
          scope: 'Namespaced',
          singularResource: 'toy',
          verbs: ['list'],
          responseKind: { group: '', version: '', kind: '' },
        },
      ],
    },
  ]);
  const names = (await api.send('GET', '/apis')).body as unknown as { groups: { name: string }[] };
  expect(names.groups.map(({ name }) => name)).toContain('ext.example.com');
  expect((await api.send('GET', '/apis/ext.example.com')).body).toMatchObject({
    kind: 'APIGroup',
    preferredVersion: { groupVersion: 'ext.example.com/v1', version: 'v1' },
  });
});

test('the document is kept while nothing changes, and the server says whether something has', async () => {
  await register();
  const one = await api.raw('GET', '/apis', undefined, aggregated);
  api.clock.advance(60_000);
  const other = await api.raw('GET', '/apis', undefined, aggregated);
  expect(other.headers['etag']).toBe(one.headers['etag']);
  expect(server.seen.map(({ url, headers }) => [url, headers['if-none-match']])).toEqual([
    ['/apis', undefined],
    ['/apis', '"1"'],
  ]);
});

test('what does not answer is stale, and known again when it does', async () => {
  await register({}, 'False');
  expect(extension(await discovered())).toEqual([{ version: 'v1', freshness: 'Stale' }]);
  expect(server.seen).toEqual([]);
  api.clock.advance(10);
  await setAvailable('True');
  expect(extension(await discovered())).toMatchObject([{ freshness: 'Current' }]);
});

test('a server without the aggregated form is read version by version', async () => {
  await register();
  server.answer = (request, response) => {
    if (request.url !== '/apis') return false;
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"kind":"APIGroupList","groups":[]}');
    return true;
  };
  expect(extension(await discovered())).toMatchObject([
    {
      freshness: 'Current',
      resources: [
        { resource: 'toys', shortNames: ['ty'], responseKind: { kind: 'Toy' }, subresources: [{ subresource: 'status', verbs: ['get'] }] },
      ],
    },
  ]);
});

test('OpenAPI 3 lists and reads through, also what it listed before it went away', async () => {
  await register();
  const index = async () => (await api.send('GET', '/openapi/v3')).body as unknown as { paths: Record<string, object> };
  expect((await index()).paths['apis/ext.example.com/v1']).toEqual({
    serverRelativeURL: '/openapi/v3/apis/ext.example.com/v1?hash=1',
  });
  expect((await index()).paths['apis/apps/v1']).toBeDefined();
  expect(JSON.parse(await textOf(await api.raw('GET', '/openapi/v3/apis/ext.example.com/v1?hash=1')))).toMatchObject({
    info: { title: 'ext' },
  });
  await setAvailable('False');
  expect((await index()).paths['apis/ext.example.com/v1']).toBeDefined();
  expect(await api.raw('GET', '/openapi/v3/apis/ext.example.com/v1')).toMatchObject({ status: 503 });
});

test('OpenAPI 2 has its paths and what they mean, nothing of its others', async () => {
  await register();
  const answer = await api.raw('GET', '/openapi/v2');
  const document = JSON.parse(answerText(answer)) as {
    paths: object;
    definitions: Record<string, { properties?: object; description: string }>;
  };
  expect(Object.keys(document.paths)).toContain('/apis/ext.example.com/v1/toys');
  expect(Object.keys(document.paths)).not.toContain('/apis/other.example.com/v1/toys');
  expect(document.definitions['com.example.Other']).toBeUndefined();
  expect(document.definitions['com.example.Toy']?.properties).toEqual({
    metadata: { $ref: '#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta_v2' },
  });
  expect(document.definitions['io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta_v2']?.description).toBe('not ours');
});

test('an upgrade goes the same way as the same user', async () => {
  await register();
  const target = await api.api.authorizeUpgrade(
    aRequest('GET', `${toys}/t/stream`, undefined, { connection: 'Upgrade', upgrade: 'websocket', authorization: 'Bearer secret' }),
    { remoteAddress: '192.0.2.1' },
  );
  expect(target).toMatchObject({
    backend: { kind: 'extension', serverName: 'ext.default.svc', host: '10.0.0.1' },
    path: `${toys}/t/stream`,
    headers: { upgrade: 'websocket', connection: 'Upgrade', 'x-remote-user': 'ann', 'x-forwarded-for': '192.0.2.1' },
  });
  expect(JSON.stringify(target.headers)).not.toContain('secret');
});

test('the probe tells in upstream’s words what is wrong', async () => {
  await register();
  const [one] = aggregation.all();
  if (!one) throw new Error('nothing is registered');
  expect(await aggregation.probe(one)).toBeUndefined();
  expect(server.seen[0]).toMatchObject({
    url: '/apis/ext.example.com/v1',
    headers: { 'x-remote-user': 'system:kube-aggregator', 'x-remote-group': 'system:masters' },
  });
  server.answer = (_, response) => {
    response.writeHead(403).end();
    return true;
  };
  const url = `https://10.0.0.1:${server.port}/apis/ext.example.com/v1`;
  expect(await aggregation.probe(one)).toBe(`failing or missing response from ${url}: bad status from ${url}: 403`);
});
