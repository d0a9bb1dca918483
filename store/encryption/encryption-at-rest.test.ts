import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Logger } from '../../kinds/environment.ts';
import { committed, keyOf, put, remove, text, wholeTail, write } from '../../test/contract/log-contract.ts';
import { ManualClock } from '../../test/manual-clock.ts';
import { silent } from '../../test/silent.ts';
import { openLmdbLog } from '../lmdb.ts';
import { type Log, type Mutation, type ObjectKey, UnreadableError } from '../log.ts';
import { memoryLog } from '../memory.ts';
import type { ListQuery } from '../replica.ts';
import { createReplicas } from '../replica-on-log.ts';
import { DataKeys } from './data-keys.ts';
import { encryptedLog } from './encrypted-log.ts';
import { type EncryptionAtRest, encryptionAtRest } from './encryption-at-rest.ts';
import { isEncrypted } from './envelope.ts';
import { newKey, readKeyFile, writeKeyFile } from './key-file.ts';

let folder = '';
let keyFile = '';
let log: Log;
let warnings: string[] = [];
const clock = new ManualClock();
const logger: Logger = { ...silent, warn: (message, fields) => void warnings.push(`${message} ${JSON.stringify(fields)}`) };
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'windvane-keys-'));
  keyFile = join(folder, 'keys', 'encryption.keys');
  log = memoryLog({ clock });
  warnings = [];
});
afterEach(async () => {
  await log.close();
  rmSync(folder, { recursive: true });
});

const start = (resources = ['secrets'], inner = log): Promise<EncryptionAtRest> =>
  encryptionAtRest({ log: inner, keyFile, resources, clock, logger });
const secret = (name: string, namespace = 'default'): ObjectKey => keyOf('secrets', name, namespace);
const raw = async (key: ObjectKey, inner = log): Promise<Uint8Array> => (await inner.get(key))?.value ?? new Uint8Array();
const ids = (): string[] => (readKeyFile(keyFile) ?? []).map(({ id }) => id);
/** Puts bytes under an object as a damaged disk would. */
const damage = async (key: ObjectKey, change: (value: Uint8Array) => Uint8Array): Promise<void> => {
  await log.rewrite(key.resource, async rows => rows.map(row => (row.key.name === key.name ? change(row.value) : undefined)));
};

describe('values', () => {
  test('are encrypted below and plain above; others are as they were', async () => {
    const { log: above } = await start();
    const revision = await write(above, put(secret('a'), 0, 'hunter2'));
    await write(above, put(keyOf('configmaps', 'a'), 0, 'plain'));
    expect(isEncrypted(await raw(secret('a')))).toBe(true);
    expect(Buffer.from(await raw(secret('a'))).includes('hunter2')).toBe(false);
    expect(text(await raw(keyOf('configmaps', 'a')))).toContain('plain');
    expect(await above.get(secret('a'))).toMatchObject({ revision, key: secret('a') });
    expect(text((await above.get(secret('a')))?.value)).toContain('hunter2');
  });

  test('reach those who follow, with the state before', async () => {
    const { log: above } = await start();
    const seen: (string | undefined)[] = [];
    above.subscribe('secrets', changes => {
      for (const change of changes) seen.push(`${change.type} ${text(change.value)} ${text(change.previous)}`);
    });
    const first = await write(above, put(secret('a'), 0, 'one'));
    const second = await write(above, put(secret('a'), first, 'two'));
    await write(above, remove(secret('a'), second, 'two'));
    expect(seen.map(line => line?.match(/^\w+|"text":"\w+"/g)?.join())).toEqual([
      'created,"text":"one"',
      'updated,"text":"two","text":"one"',
      'deleted,"text":"two","text":"two"',
    ]);
    expect((await wholeTail(log, 'secrets', 0)).every(({ value }) => isEncrypted(value))).toBe(true);
  });

  test('the same value twice is not the same bytes', async () => {
    const { log: above } = await start();
    const same = (name: string): Mutation => ({ type: 'put', key: secret(name), expected: 0, value: () => Buffer.from('same') });
    await committed(above.commit([same('a'), same('b')]));
    expect(Buffer.from(await raw(secret('a'))).equals(Buffer.from(await raw(secret('b'))))).toBe(false);
  });

  test('data keys change with use and age, and all stay readable', async () => {
    const keys = new DataKeys([newKey()], clock);
    const above = encryptedLog(log, keys, () => true);
    await write(above, put(secret('a'), 0, 'one'));
    clock.advance(25 * 3_600_000);
    expect(keys.ready).toBe(false);
    await write(above, put(secret('b'), 0, 'two'));
    const head = async (name: string) => Buffer.from(await raw(secret(name))).subarray(0, 80);
    expect((await head('a')).equals(await head('b'))).toBe(false);
    expect(text((await above.get(secret('a')))?.value)).toContain('one');
  });

  test('those who cannot know a data key yet are told to read', async () => {
    const key = newKey();
    const reader = encryptedLog(log, new DataKeys([key], clock), () => true);
    const handed: number[] = [];
    reader.subscribe('secrets', changes => handed.push(changes.length));
    await write(
      encryptedLog(log, new DataKeys([key], clock), () => true),
      put(secret('a'), 0, 'one'),
    );
    expect(handed).toEqual([0]);
    const replica = await createReplicas(reader, { logger: silent }).open('secrets');
    expect(text(replica.get('default', 'a')?.bytes)).toContain('one');
  });
});

describe('what cannot be read', () => {
  const bits: [string, (value: Uint8Array) => Uint8Array][] = [
    ['a changed byte', value => Buffer.from(value).fill((value.at(-20) ?? 0) ^ 1, value.length - 20, value.length - 19)],
    ['a lost end', value => value.subarray(0, value.length - 1)],
    ['nothing but a beginning', value => value.subarray(0, 20)],
    ['an unknown format', value => Buffer.from(value).fill(9, 1, 2)],
  ];
  test.each(bits)('%s is told with the name of the object', async (_, change) => {
    const { log: above } = await start();
    await write(above, put(secret('bad'), 0, 'x'));
    await damage(secret('bad'), change);
    const stored = await above.get(secret('bad'));
    expect(() => stored?.value).toThrow(UnreadableError);
    expect(() => stored?.value).toThrow('/registry/secrets/default/bad');
  });

  test("a value in another object's place is refused", async () => {
    const { log: above } = await start();
    await write(above, put(secret('a'), 0, 'of a'));
    await write(above, put(secret('b'), 0, 'of b'));
    const ofA = await raw(secret('a'));
    await damage(secret('b'), () => Buffer.from(ofA));
    const stored = await above.get(secret('b'));
    expect(() => stored?.value).toThrow('written for another object');
  });

  test('one of many hurts only those who look at it', async () => {
    const { log: above } = await start();
    for (const name of ['a', 'bad', 'c']) await write(above, put(secret(name, name), 0, name));
    await damage(secret('bad', 'bad'), value => value.subarray(0, 90));
    const replica = await createReplicas(above, { logger: silent }).open('secrets');
    expect(replica.list().map(({ name }) => name)).toEqual(['a', 'bad', 'c']);
    expect(text(replica.list({ namespace: 'c' })[0]?.bytes)).toContain('"c"');
    expect(replica.list({ labels: { app: 'none' } })).toEqual([]);
    const named = (query: ListQuery): string[] => replica.list({ ...query, orUnreadable: true }).map(({ name }) => name);
    expect(named({ labels: { app: 'none' } })).toEqual(['bad']);
    expect(named({ namespace: 'c', labels: { app: 'none' } })).toEqual([]);
    expect(named({})).toEqual(['a', 'bad', 'c']);
    expect(() => replica.get('bad', 'bad')?.bytes).toThrow(UnreadableError);
    expect(() => replica.get('bad', 'bad')?.object).toThrow('/registry/secrets/bad/bad');
    await write(above, put(secret('d'), 0, 'later'));
    await replica.sync();
    expect(text(replica.get('default', 'd')?.bytes)).toContain('later');
    // Written anew it is like the others.
    await write(above, put(secret('bad', 'bad'), replica.get('bad', 'bad')?.revision ?? 0, 'whole'));
    await replica.sync();
    expect(text(replica.get('bad', 'bad')?.bytes)).toContain('whole');
    expect(named({ labels: { app: 'none' } })).toEqual([]);
  });
});

describe('the key file', () => {
  test('is made for its owner alone at the first start, and read at the next', async () => {
    const first = await start();
    expect(statSync(keyFile).mode & 0o777).toBe(0o600);
    await write(first.log, put(secret('a'), 0, 'kept'));
    const before = ids();
    const second = await start();
    expect(ids()).toEqual(before);
    expect(text((await second.log.get(secret('a')))?.value)).toContain('kept');
  });

  test('missing or another while values need it: one sentence, and nothing is written', async () => {
    await write((await start()).log, put(secret('a'), 0, 'kept'));
    const [id = ''] = ids();
    const right = readFileSync(keyFile);
    const head = await log.head('secrets');
    rmSync(keyFile);
    await expect(start()).rejects.toThrow(`encrypted with the key ${id}, which is not in ${keyFile} (there is no such file)`);
    expect(() => statSync(keyFile)).toThrow();
    writeKeyFile(keyFile, [newKey()]);
    const wrong = readFileSync(keyFile);
    await expect(start()).rejects.toThrow(`encrypted with the key ${id}, which is not in ${keyFile}.`);
    expect(readFileSync(keyFile).equals(wrong)).toBe(true);
    expect(await log.head('secrets')).toBe(head);
    writeFileSync(keyFile, right);
    expect(text((await (await start()).log.get(secret('a')))?.value)).toContain('kept');
  });

  test('that others may read, that is empty or holds something else is refused', async () => {
    await start();
    chmodSync(keyFile, 0o644);
    await expect(start()).rejects.toThrow(`Run "chmod 600 ${keyFile}"`);
    writeFileSync(keyFile, '# nothing\n');
    chmodSync(keyFile, 0o600);
    await expect(start()).rejects.toThrow('holds no key');
    writeFileSync(keyFile, 'c2hvcnQ=\n');
    await expect(start()).rejects.toThrow('Key 1 of the key file');
    expect(readFileSync(keyFile, 'utf8')).toBe('c2hvcnQ=\n');
  });

  test('a key refuses what another wrapped, and what is cut short', async () => {
    const [one, other] = [newKey(), newKey()];
    const wrapped = await one.wrap(Buffer.alloc(32, 7));
    expect(Buffer.from(await one.unwrap(wrapped)).equals(Buffer.alloc(32, 7))).toBe(true);
    await expect(other.unwrap(wrapped)).rejects.toThrow();
    await expect(one.unwrap(wrapped.subarray(0, 20))).rejects.toThrow('cut short');
  });
});

describe('upkeep', () => {
  test('values from before there was encryption are read, and encrypted at the next start, at their revisions', async () => {
    const revision = await write(log, put(secret('a'), 0, 'old'));
    await write(log, put(secret('a'), revision, 'older'));
    const encryption = await start();
    expect(text((await encryption.log.get(secret('a')))?.value)).toContain('older');
    const before = await wholeTail(log, 'secrets', 0);
    await encryption.settle();
    const after = await wholeTail(log, 'secrets', 0);
    expect(after.every(({ value, previous }) => isEncrypted(value) && (previous === undefined || isEncrypted(previous)))).toBe(true);
    expect(after.map(({ revision: at }) => at)).toEqual(before.map(({ revision: at }) => at));
    expect(text((await encryption.log.get(secret('a')))?.value)).toContain('older');
  });

  test('a rotation leaves one new key, nothing under the old one, and every revision as it was', async () => {
    const encryption = await start();
    const replica = await createReplicas(encryption.log, { logger: silent }).open('secrets');
    const revision = await write(encryption.log, put(secret('a'), 0, 'one'));
    await write(encryption.log, put(secret('a'), revision, 'two'));
    const [old] = ids();
    const head = await log.head('secrets');
    await encryption.rotate();
    expect(ids()).toHaveLength(1);
    expect(ids()).not.toContain(old);
    expect(await log.head('secrets')).toBe(head);
    for (const { value } of await wholeTail(log, 'secrets', 0)) expect(Buffer.from(value).includes(old ?? '')).toBe(false);
    // Another start has the new key alone.
    const again = await start();
    expect((await wholeTail(again.log, 'secrets', 0)).map(({ value }) => text(value)?.includes('"text"'))).toEqual([true, true]);
    expect(text((await again.log.get(secret('a')))?.value)).toContain('two');
    await replica.sync();
    expect(text(replica.get('default', 'a')?.bytes)).toContain('two');
  });

  test('a rotation that was broken off after its first step is ended by the next start', async () => {
    const encryption = await start();
    await write(encryption.log, put(secret('a'), 0, 'one'));
    const keys = readKeyFile(keyFile) ?? [];
    writeKeyFile(keyFile, [newKey(), ...keys]);
    const next = await start();
    expect(text((await next.log.get(secret('a')))?.value)).toContain('one');
    await next.settle();
    expect(ids()).toHaveLength(1);
    expect(ids()).not.toContain(keys[0]?.id);
    expect(text((await (await start()).log.get(secret('a')))?.value)).toContain('one');
  });

  test('old keys stay while something under them cannot be read', async () => {
    const encryption = await start();
    await write(encryption.log, put(secret('bad'), 0, 'x'));
    await write(encryption.log, put(secret('good'), 0, 'x'));
    await damage(secret('bad'), value => value.subarray(0, value.length - 1));
    const [old] = ids();
    await encryption.rotate();
    expect(ids()).toHaveLength(2);
    expect(ids()[1]).toBe(old);
    expect(warnings.join()).toContain('secrets default/bad');
    expect(text((await encryption.log.get(secret('good')))?.value)).toContain('x');
  });

  test('what need not be encrypted any more is plain after a rotation, what has to be is encrypted', async () => {
    const first = await start(['secrets', 'configmaps']);
    await write(first.log, put(keyOf('configmaps', 'a'), 0, 'map'));
    const second = await start(['secrets', 'widgets.example.com']);
    await write(second.log, put(keyOf('widgets.example.com', 'w'), 0, 'widget'));
    expect(text((await second.log.get(keyOf('configmaps', 'a')))?.value)).toContain('map');
    await second.rotate();
    expect(text(await raw(keyOf('configmaps', 'a')))).toContain('map');
    expect(isEncrypted(await raw(keyOf('widgets.example.com', 'w')))).toBe(true);
  });
});

describe('on the disk', () => {
  const marker = 'hunter2-is-a-very-secret-marker';
  const inBase64 = [0, 1, 2].map(shift =>
    Buffer.from('x'.repeat(shift) + marker)
      .toString('base64')
      .slice(4, -4),
  );
  const object = (key: ObjectKey, n: number) => (revision: number) =>
    Buffer.from(JSON.stringify({ metadata: { name: key.name, resourceVersion: String(revision) }, n, data: { x: marker, y: inBase64 } }));

  test('no byte of a value is in the data file, through updates, deletions, rotations and writers beside them', async () => {
    const path = join(folder, 'data');
    const inner = await openLmdbLog({ path, clock, logger: silent });
    const encryption = await start(['secrets'], inner);
    const revisions = new Map<string, number>();
    const writeNext = async (key: ObjectKey, n: number): Promise<void> => {
      const [revision = 0] = await committed(
        encryption.log.commit([{ type: 'put', key, expected: revisions.get(key.name) ?? 0, value: object(key, n) }]),
      );
      revisions.set(key.name, revision);
    };
    const keys = Array.from({ length: 30 }, (_, i) => secret(`s${i}`));
    let rotating = true;
    const writers = keys.map(async key => {
      for (let n = 0; rotating || n < 3; n++) await writeNext(key, n);
    });
    for (let i = 0; i < 3; i++) await encryption.rotate();
    rotating = false;
    await Promise.all(writers);
    await write(encryption.log, remove(secret('s0'), revisions.get('s0') ?? 0, marker));
    expect(ids()).toHaveLength(1);
    await encryption.log.close();
    const file = readFileSync(join(path, 'data.mdb'));
    for (const text of [marker, ...inBase64]) expect(file.includes(text)).toBe(false);

    // All of it is there, under the one key that is left.
    const reopened = await openLmdbLog({ path, clock, logger: silent });
    const again = await start(['secrets'], reopened);
    for (const key of keys.slice(1)) {
      const stored = await again.log.get(key);
      expect(stored?.revision).toBe(revisions.get(key.name));
      expect(text(stored?.value)).toContain(marker);
    }
    const [change] = (await again.log.tail('secrets', (revisions.get('s0') ?? 0) - 1)).filter(({ key }) => key.name === 's0');
    expect(text(change?.value)).toContain(marker);
    await again.log.close();
  });
});
