import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer as createHttp } from 'node:http';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { Agent, type RequestOptions, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, createServer } from 'node:tls';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Logger } from '../../kinds/environment.ts';
import { forbidden } from '../../kinds/status.ts';
import { localBackends } from './local/backends.ts';
import { type LocalServer, serve } from './local.ts';
import { type ClusterPki, ensureClusterPki } from './pki.ts';
import { requestHeaders } from './proxy/headers.ts';
import type { ApiRequest, ApiResponse, Connection } from './types.ts';

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
let dir: string;
let pki: ClusterPki;
let server: LocalServer;
let handle: (request: ApiRequest, connection: Connection) => Promise<ApiResponse>;
let agentPort = 0;
const backends = () => localBackends({ agents: { ca: pki.ca, ...pki.agentClient }, frontProxy: pki.frontProxy });
const text = (body: string): ApiResponse => ({ status: 200, headers: { 'content-type': 'text/plain' }, body });

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'local-'));
  pki = await ensureClusterPki(dir, ['localhost', '127.0.0.1'], Date.now());
  server = await serve({
    api: {
      handle: (request, connection) => handle(request, connection),
      async authorizeUpgrade(request) {
        if (request.url.includes('secret')) throw forbidden({ group: '', resource: 'pods' }, 'p', 'no');
        const headers = requestHeaders(request, {}, 'agent', true);
        return { backend: { kind: 'agent', host: '127.0.0.1', port: agentPort }, path: '/exec/ns/p/c?command=ls', headers };
      },
    },
    tls: { ...pki.server, clientCa: pki.ca },
    host: '127.0.0.1',
    port: 0,
    backends: backends(),
    logger: silent,
  });
});
afterAll(async () => {
  await server.close();
  await rm(dir, { recursive: true });
});

const agent = new Agent({ keepAlive: false });
async function call(path: string, options: RequestOptions = {}, body?: string | Buffer) {
  const outgoing = request({ host: '127.0.0.1', port: server.port, path, ca: pki.ca, agent, ...options });
  outgoing.end(body);
  const [response] = await once(outgoing, 'response');
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return { status: response.statusCode as number, headers: response.headers, body: Buffer.concat(chunks).toString() };
}

test('passes method, path, headers and body in, and the answer out', async () => {
  handle = async incoming =>
    text(
      `${incoming.method} ${incoming.url} ${incoming.headers.get('X-One')} ${Buffer.from(new Uint8Array(await incoming.arrayBuffer()))}`,
    );
  const answer = await call('/a?b=c', { method: 'POST', headers: { 'x-one': '1' } }, 'hello');
  expect(answer).toMatchObject({ status: 200, body: 'POST /a?b=c 1 hello' });
  expect(answer.headers['content-length']).toBe(String(answer.body.length));
});

test('knows who holds a certificate of the authority, and who shows a foreign one', async () => {
  handle = async (_, connection) => text(JSON.stringify(connection.certificate ?? { error: connection.certificateError }));
  const own = { commonName: 'admin', organizations: ['system:masters'], sha256: expect.stringMatching(/^[0-9a-f]{64}$/) };
  expect(JSON.parse((await call('/', { ...pki.admin })).body)).toEqual(own);
  expect((await call('/')).body).toBe('{}');
  const other = join(dir, 'other');
  const foreign = await ensureClusterPki(other, ['localhost'], Date.now());
  expect((await call('/', { ...foreign.admin })).body).toContain('error');
});

test('sends a list of many chunks whole and in order', async () => {
  const chunks = Array.from({ length: 3000 }, (_, i) => Buffer.from(`${i},`.repeat(60)));
  handle = async () => ({ status: 200, headers: {}, body: chunks });
  expect((await call('/')).body).toBe(Buffer.concat(chunks).toString());
});

test('keeps long lists apart that are sent at once, on both protocols, even when clients leave in the middle', async () => {
  const listOf = (name: string) => Array.from({ length: 3500 }, (_, i) => Buffer.from(`${name}-${i} ${'x'.repeat(150)}\n`));
  handle = async incoming => ({ status: 200, headers: {}, body: listOf(incoming.url) });
  const whole = (name: string): string => Buffer.concat(listOf(name)).toString();
  const session = connectHttp2(`https://127.0.0.1:${server.port}`, { ca: pki.ca });
  const overHttp2 = async (path: string): Promise<string> => {
    const stream = session.request({ ':path': path });
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  };
  const leave = async (path: string): Promise<void> => {
    const outgoing = request({ host: '127.0.0.1', port: server.port, path, ca: pki.ca, agent });
    outgoing.on('error', () => undefined).end();
    const [response] = await once(outgoing, 'response');
    await once(response, 'data');
    response.destroy();
  };
  for (const round of ['/first', '/second']) {
    const names = Array.from({ length: 4 }, (_, i) => `${round}-${i}`);
    const [one, two] = await Promise.all([
      Promise.all(names.map(async name => (await call(`${name}-h1`)).body === whole(`${name}-h1`))),
      Promise.all(names.map(async name => (await overHttp2(`${name}-h2`)) === whole(`${name}-h2`))),
      Promise.all(names.map(leave)),
    ]);
    expect([...one, ...two]).toEqual(Array(8).fill(true));
  }
  session.close();
});

test('streams chunk by chunk and tells when the client has gone', async () => {
  const aborted = deferred();
  handle = async incoming => ({
    status: 200,
    headers: {},
    body: (async function* () {
      yield 'one\n';
      await new Promise<void>(resolve => incoming.signal.addEventListener('abort', () => resolve()));
      aborted.resolve();
    })(),
  });
  const outgoing = request({ host: '127.0.0.1', port: server.port, path: '/', ca: pki.ca, agent });
  outgoing.on('error', () => undefined).end();
  const [response] = await once(outgoing, 'response');
  const [first] = await once(response, 'data');
  expect(String(first)).toBe('one\n');
  outgoing.destroy();
  await aborted.promise;
});

test('refuses a body above 3 MiB with 413 and closes', async () => {
  handle = async incoming => {
    try {
      await incoming.arrayBuffer();
      return text('read');
    } catch (error) {
      return { status: (error as { code: number }).code, headers: {}, body: (error as Error).message };
    }
  };
  const answer = await call('/', { method: 'POST' }, Buffer.alloc(3 * 1024 * 1024 + 1));
  expect(answer).toMatchObject({ status: 413, body: 'Request entity too large: limit is 3145728' });
});

test('an unexpected error reveals nothing', async () => {
  handle = async () => {
    throw new Error('password is hunter2');
  };
  const answer = await call('/');
  expect(answer.status).toBe(500);
  expect(answer.body).not.toContain('hunter2');
});

test('serves HTTP/2 on the same port', async () => {
  handle = async incoming => text(`${incoming.method} ${incoming.url}`);
  const session: ClientHttp2Session = connectHttp2(`https://127.0.0.1:${server.port}`, { ca: pki.ca });
  const stream = session.request({ ':path': '/api/v1/pods' });
  let body = '';
  for await (const chunk of stream) body += chunk;
  session.close();
  expect(body).toBe('GET /api/v1/pods');
});

test('carries an upgrade to the agent without the caller’s credentials', async () => {
  const seen = deferred<string>();
  const fake = createServer({ ...pki.server, ca: pki.ca, requestCert: true, rejectUnauthorized: true }, socket => {
    socket.once('data', data => {
      seen.resolve(String(data));
      socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n');
      socket.on('data', more => socket.write(`echo ${more}`));
    });
  });
  fake.listen(0, '127.0.0.1');
  await once(fake, 'listening');
  agentPort = (fake.address() as { port: number }).port;
  const outgoing = request({
    host: '127.0.0.1',
    port: server.port,
    path: '/exec',
    ca: pki.ca,
    agent,
    headers: { connection: 'upgrade', upgrade: 'websocket', authorization: 'Bearer top-secret', 'sec-websocket-key': 'k' },
  });
  outgoing.end();
  const [, socket] = await once(outgoing, 'upgrade');
  socket.write('hi');
  const [reply] = await once(socket, 'data');
  expect(String(reply)).toBe('echo hi');
  const handshake = await seen.promise;
  expect(handshake).toContain('GET /exec/ns/p/c?command=ls HTTP/1.1');
  expect(handshake).toContain('sec-websocket-key: k');
  expect(handshake).not.toContain('top-secret');
  socket.destroy();
  fake.close();
});

test('what does not agree to an upgrade gets none of the caller’s bytes', async () => {
  let received = '';
  let answer = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
  const fake = createServer({ ...pki.server, ca: pki.ca, requestCert: true, rejectUnauthorized: true }, socket => {
    socket.on('data', data => {
      received += data;
      if (received.endsWith('\r\n\r\n')) socket.write(answer);
    });
    socket.on('error', () => {});
  });
  fake.listen(0, '127.0.0.1');
  await once(fake, 'listening');
  agentPort = (fake.address() as { port: number }).port;
  const smuggle = async (): Promise<string> => {
    const socket = connectTls({ host: '127.0.0.1', port: server.port, ca: pki.ca, ALPNProtocols: ['http/1.1'] });
    socket.write('GET /exec HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n');
    socket.write('GET /smuggled HTTP/1.1\r\nx-remote-user: root\r\n\r\n');
    let text = '';
    for await (const chunk of socket) text += chunk;
    return text;
  };
  expect(await smuggle()).toMatch(/^HTTP\/1\.1 503 Service Unavailable\r\n[\s\S]*invalid upgrade response: status code 200/);
  answer = 'HTTP/1.1 403 Forbidden\r\ncontent-length: 4\r\n\r\nnope';
  received = '';
  expect(await smuggle()).toBe('HTTP/1.1 403 Forbidden\r\n\r\nnope');
  expect(received).not.toContain('smuggled');
  fake.close();
});

test('a refused upgrade is an ordinary answer with a Status', async () => {
  const answer = await call('/secret', { headers: { connection: 'upgrade', upgrade: 'websocket' } });
  expect(answer.status).toBe(403);
  expect(JSON.parse(answer.body)).toMatchObject({ kind: 'Status', reason: 'Forbidden' });
});

function deferred<T = void>() {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>(done => {
    resolve = done;
  });
  return { promise, resolve };
}

test('a body that is not as long as it says is never half of another request', async () => {
  const seen: string[] = [];
  const fake = createHttp((incoming, outgoing) => {
    seen.push(`${incoming.method} ${incoming.url} ${incoming.headers['content-length'] ?? incoming.headers['transfer-encoding'] ?? ''}`);
    incoming.resume().on('end', () => outgoing.end('ok'));
  });
  fake.listen(0, '127.0.0.1');
  await once(fake, 'listening');
  const backend = { kind: 'address', scheme: 'http', host: '127.0.0.1', port: (fake.address() as { port: number }).port } as const;
  const all = backends();
  async function* body(text: string) {
    yield Buffer.from(text);
  }
  const ask = (path: string, headers: Record<string, string>, text?: string) =>
    all.request(backend, {
      method: 'POST',
      path,
      headers,
      body: text === undefined ? null : body(text),
      signal: new AbortController().signal,
    });
  await expect(ask('/long', { 'content-length': '2' }, 'hiGET /smuggled HTTP/1.1\r\n\r\n')).rejects.toThrow();
  await expect(ask('/short', { 'content-length': '9' }, 'hi')).rejects.toThrow();
  for (const [headers, text] of [[{ 'content-length': '5' }], [{}, 'chunks'], [{ 'content-length': '2' }, 'hi']] as const) {
    const answer = await ask('/fine', headers, text);
    for await (const _ of answer.body);
  }
  all.close();
  fake.closeAllConnections();
  fake.close();
  expect(seen.filter(one => one.includes('/fine'))).toEqual(['POST /fine 0', 'POST /fine chunked', 'POST /fine 2']);
  expect(seen.join()).not.toContain('smuggled');
});
