import { X509Certificate } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ensureClusterPki, ensureNodePki } from './pki.ts';

const hosts = ['localhost', '127.0.0.1', 'kubernetes.default.svc', '10.96.0.1'];
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pki-'));
});
afterAll(() => rm(dir, { recursive: true }));

test('makes an authority, a server certificate for every host, and an admin of system:masters', async () => {
  const pki = await ensureClusterPki(dir, hosts, Date.now());
  const authority = new X509Certificate(pki.ca);
  const server = new X509Certificate(pki.server.cert);
  expect(server.verify(authority.publicKey)).toBe(true);
  for (const host of ['localhost', 'kubernetes.default.svc']) expect(server.checkHost(host)).toBe(host);
  expect(server.checkIP('10.96.0.1')).toBe('10.96.0.1');
  expect(server.checkHost('example.com')).toBeUndefined();
  expect(new X509Certificate(pki.admin.cert).subject).toBe('CN=admin\nO=system:masters');
  createSecureContext({ cert: pki.server.cert, key: pki.server.key });
});

test('keeps every file private, and finds all of it again', async () => {
  const before = await ensureClusterPki(dir, hosts, Date.now());
  for (const file of await readdir(dir)) expect((await stat(join(dir, file))).mode & 0o777).toBe(0o600);
  expect((await stat(dir)).mode & 0o777).toBe(0o700);
  expect(await ensureClusterPki(dir, hosts, Date.now())).toEqual(before);
});

test('renews a serving certificate near its end or for a new host, with the same authority', async () => {
  const before = await ensureClusterPki(dir, hosts, Date.now());
  const widened = await ensureClusterPki(dir, [...hosts, 'other.example'], Date.now());
  expect(widened.ca).toBe(before.ca);
  expect(new X509Certificate(widened.server.cert).checkHost('other.example')).toBe('other.example');
  const later = await ensureClusterPki(dir, hosts, Date.now() + 800 * 24 * 3600 * 1000);
  expect(later.server.cert).not.toBe(widened.server.cert);
  expect(later.adminToken).toBe(before.adminToken);
});

test('gives a node its own identity', async () => {
  const node = await ensureNodePki(dir, 'n1', ['192.0.2.1'], Date.now());
  expect(new X509Certificate(node.client.cert).subject).toBe('CN=system:node:n1\nO=system:nodes\nO=windvane:node-agents');
  expect(new X509Certificate(node.server.cert).checkIP('192.0.2.1')).toBe('192.0.2.1');
});

test('a half-written pair is made again', async () => {
  await rm(join(dir, 'admin.key'));
  await writeFile(join(dir, 'admin.key'), '');
  const pki = await ensureClusterPki(dir, hosts, Date.now());
  expect(pki.admin.key).toContain('PRIVATE KEY');
  expect(await readFile(join(dir, 'admin.key'), 'utf8')).toBe(pki.admin.key);
});
