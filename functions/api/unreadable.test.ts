/** Objects whose stored values are damaged: who asks for them is told so, by name; everybody else goes on. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { encryptionAtRest } from '../../store/encryption/encryption-at-rest.ts';
import { memoryLog } from '../../store/memory.ts';
import { createReplicas } from '../../store/replica-on-log.ts';
import { silent } from '../../test/silent.ts';
import { type AnswerBody, anApi, ManualClock, type TestApi } from './testing.ts';

const secrets = '/api/v1/namespaces/default/secrets';
const labelled = (name: string, app: string) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, labels: { app } },
  stringData: { password: 'hunter2' },
});
const told = { kind: 'Status', code: 500, reason: 'InternalError' };
const key = '"/registry/secrets/default/bad"';
const names = ({ items }: AnswerBody): string[] => items.map(({ metadata }) => metadata.name);

let folder = '';
let api: TestApi;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'windvane-unreadable-'));
  const clock = new ManualClock();
  const inner = memoryLog({ clock });
  const options = { log: inner, keyFile: join(folder, 'keys'), resources: ['secrets'], clock, logger: silent };
  const { log } = await encryptionAtRest(options);
  const open = (): Promise<TestApi> =>
    anApi(
      () => [],
      false,
      () => [],
      () => ({ log, replicas: createReplicas(log, { logger: silent }) }),
    );
  const before = await open();
  for (const name of ['default', 'other'])
    await before.send('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  for (const [name, app] of [
    ['a', 'x'],
    ['bad', 'y'],
    ['c', 'x'],
  ] as const)
    expect((await before.send('POST', secrets, labelled(name, app))).status).toBe(201);
  await inner.rewrite('secrets', async rows =>
    rows.map(row => (row.key.name === 'bad' ? row.value.subarray(0, row.value.length - 1) : undefined)),
  );
  // What was read before the damage is still in the memory of that process.
  api = await open();
});
afterEach(async () => {
  await api.close();
  rmSync(folder, { recursive: true });
});

describe('an object that is damaged', () => {
  test.each([
    ['GET', `${secrets}/bad`],
    ['DELETE', `${secrets}/bad`],
    ['GET', secrets],
    ['GET', '/api/v1/secrets'],
    ['GET', `${secrets}?limit=2`],
    // Nobody knows which labels it has.
    ['GET', `${secrets}?labelSelector=app%3Dx`],
    ['GET', `${secrets}?labelSelector=app%3Dnone`],
    ['GET', `${secrets}?labelSelector=app`],
    ['GET', `${secrets}?fieldSelector=type%3DOpaque`],
    ['GET', '/api/v1/secrets?labelSelector=app%3Dx'],
    ['DELETE', `${secrets}?labelSelector=app%3Dx`],
    ['DELETE', secrets],
  ])('%s %s answers an error that names it', async (method, url) => {
    const { status, body } = await api.send(method, url);
    expect(status).toBe(500);
    expect(body).toMatchObject(told);
    expect(body.message).toContain(`unable to transform key ${key}`);
    // Nothing was deleted before the error was found.
    for (const name of ['a', 'c']) expect((await api.send('GET', `${secrets}/${name}`)).status).toBe(200);
  });

  test('a patch and an update say the same', async () => {
    const patched = await api.send('PATCH', `${secrets}/bad`, { data: {} }, { 'content-type': 'application/merge-patch+json' });
    expect(patched.body).toMatchObject(told);
    expect(patched.body.message).toContain(key);
    expect((await api.send('PUT', `${secrets}/bad`, labelled('bad', 'y'))).body.message).toContain(key);
  });

  test('is no harm to others', async () => {
    expect((await api.send('GET', `${secrets}?limit=1`)).body.items).toHaveLength(1);
    expect(names((await api.send('GET', `${secrets}?fieldSelector=metadata.name%3Da`)).body)).toEqual(['a']);
    expect((await api.send('GET', '/api/v1/namespaces/other/secrets?labelSelector=app%3Dx')).body.items).toEqual([]);
    expect((await api.send('POST', secrets, labelled('d', 'x'))).status).toBe(201);
    expect((await api.send('DELETE', `${secrets}/c`)).status).toBe(200);
  });
});
