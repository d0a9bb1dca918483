import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Logger } from '../../../kinds/environment.ts';
import type { AuditEvent } from '../audit/event.ts';
import { auditFile } from './audit-file.ts';

let dir = '';
let path = '';
let told: string[] = [];
const tell = (message: string, fields?: Record<string, unknown>): void => {
  told.push(`${message} ${JSON.stringify(fields ?? {})}`);
};
const logger: Logger = { debug: () => {}, info: () => {}, warn: tell, error: tell, child: () => logger };

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'audit-'));
  path = join(dir, 'audit.log');
  told = [];
});
afterEach(() => rm(dir, { recursive: true }));

const event = (auditID: string, requestObject?: unknown): AuditEvent => ({
  kind: 'Event',
  apiVersion: 'audit.k8s.io/v1',
  level: 'Request',
  auditID,
  stage: 'ResponseComplete',
  requestURI: '/',
  verb: 'get',
  user: {},
  requestObject,
  requestReceivedTimestamp: '',
  stageTimestamp: '',
});
const idsIn = async (file: string): Promise<string[]> =>
  (await readFile(file, 'utf8'))
    .split('\n')
    .slice(0, -1)
    .map(line => (line.startsWith('{"kind"') ? JSON.parse(line).auditID : line));
const names = Array.from({ length: 50 }, (_, i) => `event-${i}`);

test('events are lines in their order, in a file that nobody else reads', async () => {
  const file = await auditFile({ path, logger });
  for (const name of names) {
    file.write(event(name));
    if (name.endsWith('7')) await file.flush();
  }
  await file.close();
  expect(await idsIn(path)).toEqual(names);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

test('an event is taken as it is when it is written', async () => {
  const file = await auditFile({ path, logger });
  const changing = { name: 'before' };
  file.write(event('one', changing));
  changing.name = 'after';
  await file.close();
  expect(await readFile(path, 'utf8')).toContain('before');
});

test('a file that has grown is put aside, and the oldest are removed', async () => {
  const size = Buffer.byteLength(`${JSON.stringify(event('event-00'))}\n`);
  const file = await auditFile({ path, logger, maxBytes: 2 * size, kept: 2 });
  for (let i = 10; i < 17; i++) {
    file.write(event(`event-${i}`));
    await file.flush();
  }
  await file.close();
  expect((await readdir(dir)).sort()).toEqual(['audit.log', 'audit.log.1', 'audit.log.2']);
  expect(await idsIn(path)).toEqual(['event-16']);
  expect(await idsIn(`${path}.1`)).toEqual(['event-14', 'event-15']);
  expect(await idsIn(`${path}.2`)).toEqual(['event-12', 'event-13']);
});

test('a line that was cut off does not spoil the next', async () => {
  await writeFile(path, 'half a li', { mode: 0o644 });
  const file = await auditFile({ path, logger });
  file.write(event('next'));
  await file.close();
  expect(await idsIn(path)).toEqual(['half a li', 'next']);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

test('what does not fit in the queue is dropped and told of; later events are written', async () => {
  const size = Buffer.byteLength(`${JSON.stringify(event('a'))}\n`);
  const file = await auditFile({ path, logger, maxQueued: 2 * size });
  for (const name of ['a', 'b', 'c', 'd']) file.write(event(name));
  await file.flush();
  file.write(event('e'));
  await file.close();
  expect(await idsIn(path)).toEqual(['a', 'b', 'e']);
  expect(told).toEqual(['audit events were lost {"count":2}']);
});

test('of an event that is too large the objects are left out', async () => {
  const file = await auditFile({ path, logger, maxEvent: 400 });
  file.write(event('large', 'x'.repeat(500)));
  await file.close();
  const written = JSON.parse(await readFile(path, 'utf8'));
  expect(written).toMatchObject({ auditID: 'large', annotations: { 'audit.k8s.io/truncated': 'true' } });
  expect(written).not.toHaveProperty('requestObject');
});

test('a file that cannot be opened is refused', async () => {
  await expect(auditFile({ path: join(dir, 'missing', 'audit.log'), logger })).rejects.toThrow('ENOENT');
});
