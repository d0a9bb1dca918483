import http from 'node:http';
import http2 from 'node:http2';
import net, { type AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Engine } from '../docker/engine.ts';
import { systemClock } from '../system.ts';
import { aContainer } from '../testing/pods.ts';
import { createProber } from './prober.ts';

const open: { close(): void }[] = [];
afterEach(() => {
  for (const server of open.splice(0)) server.close();
});
const listen = async (server: net.Server | http2.Http2Server): Promise<number> => {
  open.push(server);
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
};
const probe = createProber({ engine: {} as Engine, clock: systemClock });
const container = (port: number) => aContainer('main', { ports: [{ name: 'web', containerPort: port }] });
const closedPort = async (): Promise<number> => {
  const server = net.createServer();
  const port = await listen(server);
  await new Promise(resolve => server.close(resolve));
  return port;
};

describe('one probe', () => {
  const answering = (code: number, headers: http.OutgoingHttpHeaders = {}) =>
    listen(
      http.createServer((request, response) => {
        if (request.url === '/ok') response.end(`fine ${request.headers['user-agent']} ${request.headers['x-mine'] ?? ''}`);
        else response.writeHead(code, headers).end('body');
      }),
    );
  test('by HTTP, on a named port, with headers', async () => {
    const port = await answering(200);
    const httpGet = { path: '/ok', port: 'web', httpHeaders: [{ name: 'X-Mine', value: 'a' }] };
    expect(await probe({ httpGet }, container(port), 'c', '127.0.0.1')).toEqual({ success: true, output: 'fine kube-probe/1.36 a' });
  });
  test.each([
    [500, false, 'HTTP probe failed with statuscode: 500'],
    [404, false, 'HTTP probe failed with statuscode: 404'],
    [204, true, ''],
  ])('by HTTP: %i', async (code, success, output) => {
    const port = await answering(code);
    expect(await probe({ httpGet: { path: '/', port } }, container(port), 'c', '127.0.0.1')).toEqual({ success, output });
  });
  test('follows redirects on the same host, and lets others be', async () => {
    const port = await answering(302, { location: '/ok' });
    expect((await probe({ httpGet: { path: '/', port } }, container(port), 'c', '127.0.0.1')).output).toMatch(/^fine/);
    const away = await answering(302, { location: 'http://example.invalid/' });
    expect(await probe({ httpGet: { path: '/', port: away } }, container(away), 'c', '127.0.0.1')).toMatchObject({
      success: true,
      warning: true,
    });
  });
  test('of a port that nobody listens on', async () => {
    const port = await closedPort();
    expect(await probe({ httpGet: { path: '/x', port } }, container(port), 'c', '127.0.0.1')).toEqual({
      success: false,
      output: `Get "http://127.0.0.1:${port}/x": dial tcp 127.0.0.1:${port}: connect: connection refused`,
    });
    expect(await probe({ tcpSocket: { port } }, container(port), 'c', '127.0.0.1')).toEqual({
      success: false,
      output: `dial tcp 127.0.0.1:${port}: connect: connection refused`,
    });
  });
  test('by TCP', async () => {
    const port = await listen(net.createServer(socket => socket.end()));
    expect(await probe({ tcpSocket: { port: 'web' } }, container(port), 'c', '127.0.0.1')).toEqual({ success: true, output: '' });
  });
  test.each([
    [1, true],
    [2, false],
  ])('by gRPC: status %i', async (status, success) => {
    const server = http2.createServer();
    server.on('stream', stream => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(Buffer.from([0, 0, 0, 0, 2, 8, status]));
    });
    const port = await listen(server);
    expect((await probe({ grpc: { port, service: 'a' } }, container(port), 'c', '127.0.0.1')).success).toBe(success);
  });
  test('of a port that has no such name cannot be made', async () => {
    await expect(probe({ tcpSocket: { port: 'nothing' } }, container(1), 'c', '127.0.0.1')).rejects.toThrow(
      'couldn\'t find port: "nothing"',
    );
  });
});
