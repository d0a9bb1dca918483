import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { open } from 'lmdb';
import type { Logger } from '../kinds/environment.ts';
import { committed, keyOf, put, remove, text, wholeTail, write } from '../test/contract/log-contract.ts';
import { ManualClock } from '../test/manual-clock.ts';
import { silent } from '../test/silent.ts';
import { openLmdbLog, StoreOpenError } from './lmdb.ts';
import { ExpiredError, type Log } from './log.ts';

let path = '';
let clock = new ManualClock();
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'windvane-lmdb-'));
  clock = new ManualClock();
});
afterEach(() => rmSync(path, { recursive: true }));

const opened = (options: { readonly historyBytes?: number; readonly logger?: Logger } = {}): Promise<Log> =>
  openLmdbLog({ path, clock, logger: silent, ...options });
const refused = async (): Promise<StoreOpenError> => {
  const error = await opened().then(
    log => log.close(),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof StoreOpenError)) throw new Error(`opened, or failed otherwise: ${error}`);
  expect(error.message).toMatch(new RegExp(`^The data in ${path} [^.]+(data\\.mdb[^.]+)?\\.$`));
  return error;
};

describe('the data directory', () => {
  test('belongs to one at a time, and can be opened again after it was closed', async () => {
    const log = await opened();
    const error = await refused();
    expect([error.reason, error.message]).toEqual([
      'in-use',
      expect.stringContaining(`in use by process ${process.pid}: stop that process`),
    ]);
    await write(log, put(keyOf('pods', 'a'), 0));
    await log.close();
    const again = await opened();
    expect(await again.get(keyOf('pods', 'a'))).toBeDefined();
    await again.close();
    expect(existsSync(join(path, 'owner'))).toBe(false);
  });

  test('of a process that died, or of another with its number, is taken over', async () => {
    const child = spawn(process.execPath, ['-e', '']);
    await once(child, 'exit');
    for (const owner of [`${child.pid} 1@boot`, `${process.pid} 1@before-the-restart`, '', 'nonsense']) {
      writeFileSync(join(path, 'owner'), owner);
      const log = await opened();
      expect(readFileSync(join(path, 'owner'), 'utf8')).toMatch(new RegExp(`^${process.pid} `));
      await log.close();
    }
  });

  test('is made, and nobody else may look into it', async () => {
    const nested = join(path, 'a', 'b');
    const log = await openLmdbLog({ path: nested, clock, logger: silent });
    expect(statSync(nested).mode & 0o777).toBe(0o700);
    await log.close();
  });

  test('with a file that is no database is refused', async () => {
    writeFileSync(join(path, 'data.mdb'), 'not a database, but long enough to be one '.repeat(500));
    expect((await refused()).reason).toBe('damaged');
    expect(existsSync(join(path, 'owner'))).toBe(false);
  });

  test.each([0.9, 0.5, 0.05, 0.001])('cut to %s of its size is refused, or serves no wrong answer', async share => {
    const log = await opened();
    for (let i = 0; i < 40; i++) {
      await committed(log.commit(Array.from({ length: 50 }, (_, n) => put(keyOf('pods', `p${i}-${n}`), 0, 'x'.repeat(1000)))));
    }
    await log.close();
    const file = join(path, 'data.mdb');
    truncateSync(file, Math.floor(statSync(file).size * share));
    expect((await refused()).reason).toBe('damaged');
  });

  test('cut by a few pages does not bring the process down', async () => {
    const log = await opened();
    for (let i = 0; i < 20; i++) await write(log, put(keyOf('pods', `p${i}`), 0, 'x'.repeat(1000)));
    await log.close();
    const file = join(path, 'data.mdb');
    truncateSync(file, statSync(file).size - 5 * 4096);
    let reached: unknown;
    try {
      const again = await opened();
      for (let i = 0; i < 20; i++) await again.get(keyOf('pods', `p${i}`));
      await again.close();
    } catch (error) {
      reached = error;
    }
    expect(String(reached)).toMatch(/Error: /);
  });

  test.each([
    ['2', 'newer', 'has format 2, which a newer version wrote'],
    ['soon', 'damaged', 'its format version is unreadable'],
  ])('of format %s is refused', async (format, reason, message) => {
    await (await opened()).close();
    const root = open({ path, encoding: 'binary', keyEncoding: 'binary', overlappingSync: false });
    const meta = root.openDB({ name: 'meta', encoding: 'binary', keyEncoding: 'binary' });
    await meta.put(Buffer.from('format'), Buffer.from(format));
    await root.close();
    const error = await refused();
    expect([error.reason, error.message]).toEqual([reason, expect.stringContaining(message)]);
  });
});

describe('commits', () => {
  test('taken before the log was closed are carried out', async () => {
    const log = await opened();
    const writing = Promise.all(Array.from({ length: 30 }, (_, i) => write(log, put(keyOf('pods', `p${i}`), 0))));
    await log.close();
    const revisions = await writing;
    const again = await opened();
    expect(await again.head('pods')).toBe(Math.max(...revisions));
    await again.close();
  });

  test('are handed to subscribers before they are acknowledged, and one that throws hurts nobody', async () => {
    const errors: string[] = [];
    const logger: Logger = { ...silent, error: message => errors.push(message) };
    const log = await opened({ logger });
    const order: string[] = [];
    log.subscribe('pods', () => {
      throw new Error('bad');
    });
    log.subscribe('pods', changes => order.push(...changes.map(({ key }) => `seen ${key.name}`)));
    await Promise.all(['a', 'b'].map(async name => order.push(`done ${name} ${await write(log, put(keyOf('pods', name), 0))}`)));
    expect(order).toEqual(['seen a', 'seen b', 'done a 2', 'done b 3']);
    expect(errors).toEqual(['a subscriber of the log failed']);
    await log.close();
  });

  test('that are on the disk, but not settled here yet, are not shown', async () => {
    const log = await opened();
    const key = keyOf('pods', 'a');
    let revision = await write(log, put(key, 0));
    const turn = () => new Promise(resolve => setImmediate(resolve));
    /** The disk gets ahead while this thread stands still: the commit is readable, and nobody has been told. */
    const ahead = async (): Promise<{ readonly writing: Promise<number> }> => {
      const writing = write(log, put(key, revision));
      // LMDB's thread has been given the work after some turns.
      for (let i = 0; i < 3; i++) await turn();
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
      return { writing };
    };
    for (let round = 0; round < 5; round++) {
      const one = await ahead();
      const shown = (await log.get(key))?.revision ?? 0;
      expect(await log.head('pods')).toBeGreaterThanOrEqual(shown);
      revision = await one.writing;
      const two = await ahead();
      for await (const { objects } of log.load('pods')) expect(await log.head('pods')).toBeGreaterThanOrEqual(objects[0]?.revision ?? 0);
      revision = await two.writing;
    }
    await log.close();
  });

  test('of one group see each other', async () => {
    const log = await opened();
    const key = keyOf('pods', 'a');
    const results = await Promise.all([
      log.commit([put(key, 0, 'one')]),
      log.commit([put(key, 0, 'lost')]),
      log.commit([put(key, 2, 'two')]),
      log.commit([remove(key, 3, 'two')]),
      log.commit([put(key, 0, 'three')]),
    ]);
    expect(results.map(result => (result.committed ? result.revisions[0] : result.conflicts[0]))).toEqual([
      2,
      { index: 0, found: 2 },
      3,
      4,
      5,
    ]);
    const plain = (await wholeTail(log, 'pods', 1)).map(({ type, value, previous }) => [type, text(value), text(previous)]);
    await log.close();
    const again = await opened();
    expect((await wholeTail(again, 'pods', 1)).map(({ type, value, previous }) => [type, text(value), text(previous)])).toEqual(plain);
    await again.close();
  });
});

describe('history', () => {
  /** Rows in the log, counted by another look at the file. */
  const rows = (): number => {
    const root = open({ path, encoding: 'binary', keyEncoding: 'binary', overlappingSync: false });
    const log = root.openDB({ name: 'log', encoding: 'binary', keyEncoding: 'binary' });
    const count = log.getCount();
    void root.close();
    return count;
  };
  const churn = async (log: Log, name: string, times: number): Promise<number> => {
    let revision = (await log.get(keyOf('pods', name)))?.revision ?? 0;
    for (let i = 0; i < times; i++) revision = await write(log, put(keyOf('pods', name), revision, 'x'.repeat(1000)));
    return revision;
  };
  /** Each commit gives trimming a turn. */
  const turns = async (log: Log, count: number): Promise<void> => {
    let revision = (await log.get(keyOf('turns', 'a')))?.revision ?? 0;
    for (let i = 0; i < count; i++) {
      clock.advance(10_000);
      revision = await write(log, put(keyOf('turns', 'a'), revision));
    }
  };

  test('leaves only what is current, and survives being opened again', async () => {
    const log = await opened();
    const last = await churn(log, 'a', 600);
    const gone = await write(log, remove(keyOf('pods', 'gone'), await write(log, put(keyOf('pods', 'gone'), 0))));
    clock.advance(2 * 3_600_000);
    await turns(log, 10);
    await expect(log.tail('pods', last - 1)).rejects.toThrow(ExpiredError);
    const head = await log.head('pods');
    await log.close();
    // The object itself and the ten turns.
    expect(rows()).toBe(11);
    const again = await opened();
    expect(await again.head('pods')).toBe(head);
    expect((await again.get(keyOf('pods', 'a')))?.revision).toBe(last);
    expect(await again.tail('pods', head)).toEqual([]);
    expect(await again.tail('pods', gone)).toEqual([]);
    await expect(again.tail('pods', gone - 1)).rejects.toThrow(new ExpiredError('pods', gone - 1, gone));
    const next = await write(again, put(keyOf('pods', 'gone'), 0));
    expect(next).toBeGreaterThan(head);
    expect((await again.tail('pods', head)).map(({ revision }) => revision)).toEqual([next]);
    await again.close();
  });

  test('is only what was replaced or deleted: objects count nothing, however many', async () => {
    const log = await opened({ historyBytes: 10_000 });
    const revisions: number[] = [];
    for (let i = 0; i < 50; i++) revisions.push(await write(log, put(keyOf('pods', `p${i}`), 0, 'x'.repeat(1000))));
    await turns(log, 5);
    expect((await wholeTail(log, 'pods', 1)).map(({ revision }) => revision)).toEqual(revisions);
    await log.close();
  });

  test('beyond its size goes before its time, oldest first', async () => {
    const log = await opened({ historyBytes: 200_000 });
    await churn(log, 'quiet', 3);
    const head = await churn(log, 'busy', 500);
    await turns(log, 10);
    const floor = await log.tail('pods', 1).then(
      () => 0,
      (error: unknown) => (error instanceof ExpiredError ? error.floor : -1),
    );
    expect(head - floor).toBeGreaterThan(100);
    expect(head - floor).toBeLessThan(250);
    const rest = await wholeTail(log, 'pods', floor);
    expect(rest.map(({ revision }) => revision)).toEqual(Array.from({ length: head - floor }, (_, i) => floor + 1 + i));
    expect(rest.every(({ previous }) => previous !== undefined)).toBe(true);
    expect(await log.get(keyOf('pods', 'quiet'))).toBeDefined();
    await log.close();
  });
});
