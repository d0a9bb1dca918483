/** Keys are rotated by a process that dies of `kill -9` at every step of it: nothing is lost, and the next start ends what was begun. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { encryptionAtRest } from '../../store/encryption/encryption-at-rest.ts';
import { isEncrypted } from '../../store/encryption/envelope.ts';
import { readKeyFile } from '../../store/encryption/key-file.ts';
import { openLmdbLog } from '../../store/lmdb.ts';
import type { Log } from '../../store/log.ts';
import { loaded, text, wholeTail } from '../contract/log-contract.ts';
import { ManualClock } from '../manual-clock.ts';
import { silent } from '../silent.ts';
import { bundled } from './bundled.ts';

interface Told {
  readonly namespace: string;
  readonly n: number;
  readonly revision: number;
}

let folder = '';
let program = '';
let path = '';
let keyFile = '';

beforeAll(() => {
  ({ folder, program } = bundled('rotator'));
  path = join(folder, 'data');
  keyFile = join(folder, 'keys', 'encryption.keys');
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What a process was told before it died by its own hand. */
async function rotating(round: string, end: string): Promise<Told[]> {
  const child = spawn(process.execPath, [program, path, keyFile, round, end], { stdio: ['ignore', 'pipe', 'inherit'] });
  const told: Told[] = [];
  const exited = once(child, 'exit');
  for await (const line of createInterface({ input: child.stdout })) if (line.endsWith('}')) told.push(JSON.parse(line));
  await exited;
  expect(child.signalCode).toBe('SIGKILL');
  return told;
}

const ids = (): string[] => (readKeyFile(keyFile) ?? []).map(({ id }) => id);
const clock = new ManualClock(Date.now());
const opened = async () => {
  const inner = await openLmdbLog({ path, clock, logger: silent });
  return { inner, encryption: await encryptionAtRest({ log: inner, keyFile, resources: ['secrets'], clock, logger: silent }) };
};

/** Every value, present and past, can be read, is of its object and revision, and says what was acknowledged. */
async function check(log: Log, told: readonly Told[]): Promise<void> {
  const values = new Map<number, Told>();
  for (const { key, revision, value } of await wholeTail(log, 'secrets', 0)) {
    const written = JSON.parse(text(value) ?? '');
    expect(written).toMatchObject({ namespace: key.namespace, name: key.name, revision });
    values.set(revision, written);
  }
  for (const one of told) expect(values.get(one.revision)).toMatchObject(one);
  const present = await loaded(log, 'secrets');
  for (const { revision, value } of present.values()) expect(JSON.parse(text(value) ?? '').revision).toBe(revision);
  expect([...present.keys()].filter(name => name.startsWith('seed/'))).toHaveLength(1200);
}

test('killed at any step of a rotation, no value and no key that one needs is lost', async () => {
  const told: Told[] = [];
  // Nobody ends a rotation between these: each begins with what the ones before it left.
  for (const [round, end] of ['1', '2', 'end', '3'].entries()) {
    told.push(...(await rotating(`round${round}`, end)));
    expect(ids()).toHaveLength(round + 2);
    const { inner, encryption } = await opened();
    await check(encryption.log, told);
    await inner.close();
  }
  expect(told.length).toBeGreaterThan(0);
  const [newest] = ids();
  const { inner, encryption } = await opened();
  await encryption.settle();
  expect(ids()).toEqual([newest]);
  await inner.close();

  // With that key alone all of it can be read, and nothing of it without.
  const again = await opened();
  await check(again.encryption.log, told);
  for (const { value } of await wholeTail(again.inner, 'secrets', 0)) expect(isEncrypted(value)).toBe(true);
  await again.inner.close();
  expect(readFileSync(join(path, 'data.mdb')).includes('hunter2-in-the-open')).toBe(false);
});
