/**
 * What every adapter of the Log port must hold; run against each of them with `logContract(name, open)`. It assumes no more than the port
 * promises: revisions are ordered within a resource only, may have gaps, and start anywhere.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Change, CommitResult, Guard, Log, Mutation, ObjectKey, StoredObject } from '../../store/log.ts';
import { ExpiredError } from '../../store/log.ts';
import { anyHistory, checkHistory } from './log-model.ts';

export interface OpenedLog {
  readonly log: Log;
  readonly clock: { now(): number; advance(ms: number): void };
  /** Closes the log and opens it again on the same data; absent where nothing is kept. */
  reopen?(): Promise<Log>;
  /** Drives what moves the floor, once the clock has moved. Default: the log does so by itself. */
  sweep?(): Promise<void>;
  /** Removes what `open` made. */
  dispose?(): Promise<void>;
}

export const keyOf = (resource: string, name: string, namespace = 'default'): ObjectKey => ({ resource, namespace, name });
export const bytesOf = (key: ObjectKey, revision: number, text: string): Uint8Array =>
  Buffer.from(JSON.stringify({ metadata: { name: key.name, namespace: key.namespace, resourceVersion: String(revision) }, text }));
export const put = (key: ObjectKey, expected: number, text = ''): Mutation => ({
  type: 'put',
  key,
  expected,
  value: revision => bytesOf(key, revision, text),
});
export const remove = (key: ObjectKey, expected: number, text = ''): Mutation => ({
  type: 'delete',
  key,
  expected,
  value: revision => bytesOf(key, revision, text),
});
/** Compared as text: adapters may answer with any kind of byte array. */
export const text = (bytes: Uint8Array | undefined): string | undefined => bytes && Buffer.from(bytes).toString();
const plain = (object: StoredObject | undefined) => object && { ...object, value: text(object.value) };

export async function committed(result: Promise<CommitResult>): Promise<readonly number[]> {
  const outcome = await result;
  if (!outcome.committed) throw new Error(`not committed: ${JSON.stringify(outcome)}`);
  return outcome.revisions;
}

export async function write(log: Log, mutation: Mutation): Promise<number> {
  const [revision] = await committed(log.commit([mutation]));
  if (revision === undefined) throw new Error('no revision');
  return revision;
}

/** Everything after a revision, page by page. */
export async function wholeTail(log: Log, resource: string, after: number, limit?: number): Promise<Change[]> {
  const changes: Change[] = [];
  for (let last = after; ; ) {
    const page = await log.tail(resource, last, limit);
    const newest = page.at(-1)?.revision;
    if (newest === undefined) return changes;
    changes.push(...page);
    last = newest;
  }
}

/** The state by load and catch-up, as a replica makes it. */
export async function loaded(log: Log, resource: string): Promise<Map<string, StoredObject>> {
  const state = new Map<string, StoredObject>();
  let from = await log.head(resource);
  for await (const page of log.load(resource)) {
    from = page.from;
    for (const object of page.objects) state.set(`${object.key.namespace}/${object.key.name}`, object);
  }
  for (const { type, key, revision, value } of await wholeTail(log, resource, from)) {
    const name = `${key.namespace}/${key.name}`;
    if ((state.get(name)?.revision ?? 0) >= revision) continue;
    if (type === 'deleted') state.delete(name);
    else state.set(name, { key, revision, value });
  }
  return state;
}

export function logContract(name: string, open: () => Promise<OpenedLog>): void {
  describe(`the log ${name}`, () => {
    let opened: OpenedLog;
    let log: Log;
    let resources = 0;
    /** Every test has resources of its own. */
    const aResource = (): string => `things${++resources}.example.com`;

    beforeAll(async () => {
      opened = await open();
      log = opened.log;
    });
    afterAll(async () => {
      await log.close();
      await opened.dispose?.();
    });

    describe('one object', () => {
      test('is created, read, updated and deleted, each with a higher revision', async () => {
        const key = keyOf(aResource(), 'a');
        expect(await log.get(key)).toBeUndefined();
        const first = await write(log, put(key, 0, 'one'));
        expect(first).toBeGreaterThan(0);
        expect(plain(await log.get(key))).toEqual({ key, revision: first, value: text(bytesOf(key, first, 'one')) });
        const second = await write(log, put(key, first, 'two'));
        expect(second).toBeGreaterThan(first);
        expect(plain(await log.get(key))).toEqual({ key, revision: second, value: text(bytesOf(key, second, 'two')) });
        const third = await write(log, remove(key, second, 'two'));
        expect(third).toBeGreaterThan(second);
        expect(await log.get(key)).toBeUndefined();
      });

      test('can be created again after its deletion, with a higher revision', async () => {
        const key = keyOf(aResource(), 'a');
        const first = await write(log, put(key, 0));
        const deleted = await write(log, remove(key, first));
        const again = await write(log, put(key, 0));
        expect(again).toBeGreaterThan(deleted);
        expect((await log.get(key))?.revision).toBe(again);
        expect((await wholeTail(log, key.resource, first)).map(({ type, revision }) => [type, revision])).toEqual([
          ['deleted', deleted],
          ['created', again],
        ]);
      });

      test('is told from others of the same name by namespace and resource', async () => {
        const [one, two] = [aResource(), aResource()];
        const keys = [keyOf(one, 'a', 'x'), keyOf(one, 'a', 'x-y'), keyOf(one, 'a', ''), keyOf(two, 'a', 'x'), keyOf(one, 'a.b', 'x')];
        for (const key of keys) await write(log, put(key, 0, JSON.stringify(key)));
        for (const key of keys) {
          const found = await log.get(key);
          expect(plain(found)).toEqual({
            key,
            revision: found?.revision,
            value: text(bytesOf(key, found?.revision ?? 0, JSON.stringify(key))),
          });
        }
        expect([...(await loaded(log, one)).keys()].sort()).toEqual(['/a', 'x-y/a', 'x/a', 'x/a.b']);
        expect([...(await loaded(log, two)).keys()]).toEqual(['x/a']);
      });

      test('holds up to 1.5 MiB, and more is refused with nothing written', async () => {
        const key = keyOf(aResource(), 'big');
        const limit = 1.5 * 1024 * 1024;
        const big = Buffer.alloc(limit, 'x');
        const revision = await write(log, { type: 'put', key, expected: 0, value: () => big });
        expect(Buffer.compare(Buffer.from((await log.get(key))?.value ?? ''), big)).toBe(0);
        const small = keyOf(key.resource, 'small');
        const tooBig: Mutation = { type: 'put', key, expected: revision, value: () => Buffer.alloc(limit + 1) };
        await expect(log.commit([put(small, 0), tooBig])).rejects.toThrow(RangeError);
        expect((await log.get(key))?.revision).toBe(revision);
        expect(await log.get(small)).toBeUndefined();
        const second = await write(log, { type: 'put', key, expected: revision, value: () => Buffer.alloc(limit, 'y') });
        const [change] = await log.tail(key.resource, revision);
        expect(change?.revision).toBe(second);
        expect(Buffer.compare(Buffer.from(change?.previous ?? ''), big)).toBe(0);
      });

      test('keeps bytes as they are, whatever they say', async () => {
        const key = keyOf(aResource(), '__proto__', 'constructor');
        const value = Buffer.from('{"__proto__":{"a":1},"text":"Grüße, 世界 \\u0000"}\n\u0001');
        await write(log, { type: 'put', key, expected: 0, value: () => value });
        expect(text((await log.get(key))?.value)).toBe(value.toString());
      });

      test('keeps what was given even when the writer uses its buffer again', async () => {
        const key = keyOf(aResource(), 'a');
        const pool = Buffer.from(`${'x'.repeat(1000)}value${'x'.repeat(1000)}`);
        await write(log, { type: 'put', key, expected: 0, value: () => pool.subarray(1000, 1005) });
        pool.fill('z');
        expect(text((await log.get(key))?.value)).toBe('value');
        expect(text((await log.tail(key.resource, 0).catch(() => log.tail(key.resource, 1)))[0]?.value)).toBe('value');
      });
    });

    describe('a commit', () => {
      test('that expects another revision is refused, and says which one is there', async () => {
        const key = keyOf(aResource(), 'a');
        const absent = keyOf(key.resource, 'absent');
        const revision = await write(log, put(key, 0));
        expect(await log.commit([put(key, 0)])).toEqual({ committed: false, conflicts: [{ index: 0, found: revision }], guards: [] });
        expect(await log.commit([put(key, revision + 1)])).toEqual({
          committed: false,
          conflicts: [{ index: 0, found: revision }],
          guards: [],
        });
        expect(await log.commit([put(absent, 7)])).toEqual({ committed: false, conflicts: [{ index: 0, found: 0 }], guards: [] });
        expect(await log.commit([remove(absent, 7)])).toEqual({ committed: false, conflicts: [{ index: 0, found: 0 }], guards: [] });
        expect(await log.head(key.resource)).toBe(revision);
      });

      test('of several resources happens as a whole or not at all', async () => {
        const [one, two] = [aResource(), aResource()];
        const [a, b, c] = [keyOf(one, 'a'), keyOf(two, 'b'), keyOf(one, 'c')];
        const first = await write(log, put(a, 0));
        const refused = await log.commit([put(b, 0), put(a, 0), put(c, 0)]);
        expect(refused).toEqual({ committed: false, conflicts: [{ index: 1, found: first }], guards: [] });
        expect(await log.get(b)).toBeUndefined();
        expect(await log.get(c)).toBeUndefined();
        const [ra = 0, rb = 0, rc = 0] = await committed(log.commit([put(a, first), put(b, 0), put(c, 0)]));
        expect(rc).not.toBe(ra);
        expect((await log.get(a))?.revision).toBe(ra);
        expect((await log.get(b))?.revision).toBe(rb);
        expect((await wholeTail(log, one, first)).map(({ revision }) => revision)).toEqual([ra, rc].sort((x, y) => x - y));
        expect(text((await log.get(c))?.value)).toBe(text(bytesOf(c, rc, '')));
      });

      test('takes 50 mutations and guards together, and no more', async () => {
        const resource = aResource();
        const mutations = Array.from({ length: 50 }, (_, i) => put(keyOf(resource, `m${i}`), 0));
        const revisions = await committed(log.commit(mutations));
        expect(new Set(revisions).size).toBe(50);
        for (const [index, revision] of revisions.entries()) {
          expect((await log.get(keyOf(resource, `m${index}`)))?.revision).toBe(revision);
        }
        const more = Array.from({ length: 50 }, (_, i) => put(keyOf(resource, `n${i}`), 0));
        await expect(log.commit(more, [{ row: `${resource}/guard`, seen: 0 }])).rejects.toThrow(RangeError);
        expect(await log.get(keyOf(resource, 'n0'))).toBeUndefined();
      });

      test('that changes an object twice is refused', async () => {
        const key = keyOf(aResource(), 'a');
        await expect(log.commit([put(key, 0), put(key, 0)])).rejects.toThrow(RangeError);
        expect(await log.get(key)).toBeUndefined();
      });

      test('whose value cannot be made fails alone', async () => {
        const resource = aResource();
        const broken: Mutation = {
          type: 'put',
          key: keyOf(resource, 'broken'),
          expected: 0,
          value: () => {
            throw new Error('no value today');
          },
        };
        const others = ['a', 'b'].map(name => write(log, put(keyOf(resource, name), 0)));
        await expect(log.commit([put(keyOf(resource, 'c'), 0), broken])).rejects.toThrow('no value today');
        await Promise.all(others);
        expect([...(await loaded(log, resource)).keys()].sort()).toEqual(['default/a', 'default/b']);
      });

      test('calls for its values with the revisions it answers', async () => {
        const resource = aResource();
        const revisions = await committed(log.commit([put(keyOf(resource, 'a'), 0, 'A'), put(keyOf(resource, 'b'), 0, 'B')]));
        const changes = await wholeTail(log, resource, Math.min(...revisions) - 1);
        for (const { key, revision, value } of changes) expect(text(value)).toBe(text(bytesOf(key, revision, key.name.toUpperCase())));
      });
    });

    describe('a guard', () => {
      test('counts from 0, is bumped by the commit, and stops one that saw another count', async () => {
        const resource = aResource();
        const row = `${resource}/owner`;
        expect(await log.guard(row)).toBe(0);
        await committed(log.commit([put(keyOf(resource, 'a'), 0)], [{ row, seen: 0 }]));
        expect(await log.guard(row)).toBe(1);
        const refused = await log.commit([put(keyOf(resource, 'b'), 0)], [{ row, seen: 0 }]);
        expect(refused).toEqual({ committed: false, conflicts: [], guards: [{ index: 0, found: 1 }] });
        expect(await log.get(keyOf(resource, 'b'))).toBeUndefined();
        const other: Guard = { row: `${resource}/other`, seen: 0 };
        await committed(log.commit([put(keyOf(resource, 'b'), 0)], [{ row, seen: 1 }, other]));
        expect([await log.guard(row), await log.guard(other.row)]).toEqual([2, 1]);
      });

      test('is not bumped by a commit that conflicts', async () => {
        const key = keyOf(aResource(), 'a');
        const row = `${key.resource}/owner`;
        const revision = await write(log, put(key, 0));
        const refused = await log.commit([put(key, 0)], [{ row, seen: 3 }]);
        expect(refused).toEqual({ committed: false, conflicts: [{ index: 0, found: revision }], guards: [{ index: 0, found: 0 }] });
        expect(await log.guard(row)).toBe(0);
      });

      test('alone makes a commit', async () => {
        const row = `${aResource()}/owner`;
        expect(await log.commit([], [{ row, seen: 0 }])).toEqual({ committed: true, revisions: [] });
        expect(await log.guard(row)).toBe(1);
      });

      test('lets one of many at once through', async () => {
        const resource = aResource();
        const row = `${resource}/owner`;
        const results = await Promise.all(
          Array.from({ length: 20 }, (_, i) => log.commit([put(keyOf(resource, `o${i}`), 0)], [{ row, seen: 0 }])),
        );
        expect(results.filter(result => result.committed)).toHaveLength(1);
        expect((await loaded(log, resource)).size).toBe(1);
        expect(await log.guard(row)).toBe(1);
      });
    });

    describe('head and tail', () => {
      test('of a resource never seen: a head of at least 1, and nothing', async () => {
        const resource = aResource();
        const head = await log.head(resource);
        expect(head).toBeGreaterThanOrEqual(1);
        expect(await log.tail(resource, head)).toEqual([]);
        expect((await loaded(log, resource)).size).toBe(0);
        expect(await log.resources()).not.toContain(resource);
        const revision = await write(log, put(keyOf(resource, 'a'), 0));
        expect(revision).toBeGreaterThan(head);
        expect((await wholeTail(log, resource, head)).map(change => change.revision)).toEqual([revision]);
        expect(await log.resources()).toContain(resource);
      });

      test('tell what changed, with the state before, when, and how', async () => {
        const key = keyOf(aResource(), 'a');
        const start = await log.head(key.resource);
        const time = opened.clock.now();
        const one = await write(log, put(key, 0, 'one'));
        const two = await write(log, put(key, one, 'two'));
        const three = await write(log, remove(key, two, 'two'));
        const changes = await wholeTail(log, key.resource, start);
        expect(changes.map(change => ({ ...change, value: text(change.value), previous: text(change.previous) }))).toEqual([
          { type: 'created', key, revision: one, value: text(bytesOf(key, one, 'one')), previous: undefined, time },
          {
            type: 'updated',
            key,
            revision: two,
            value: text(bytesOf(key, two, 'two')),
            previous: text(bytesOf(key, one, 'one')),
            time,
          },
          {
            type: 'deleted',
            key,
            revision: three,
            value: text(bytesOf(key, three, 'two')),
            previous: text(bytesOf(key, two, 'two')),
            time,
          },
        ]);
        expect(await log.head(key.resource)).toBe(three);
        expect(await log.tail(key.resource, three)).toEqual([]);
      });

      test('page through without gap or repeat, whatever the page size', async () => {
        const resource = aResource();
        const start = await log.head(resource);
        const revisions: number[] = [];
        for (let i = 0; i < 25; i++) revisions.push(await write(log, put(keyOf(resource, `o${i}`), 0)));
        for (const limit of [1, 2, 7, 24, 25, 26, undefined]) {
          const page = await log.tail(resource, start, limit);
          expect(page.length).toBeLessThanOrEqual(limit ?? 1000);
          expect((await wholeTail(log, resource, start, limit)).map(change => change.revision)).toEqual(revisions);
        }
        expect((await wholeTail(log, resource, revisions[9] ?? 0)).map(change => change.revision)).toEqual(revisions.slice(10));
      });

      test('reach back beyond what memory holds', async () => {
        const resource = aResource();
        const start = await log.head(resource);
        const pad = 'p'.repeat(300_000);
        let revision = 0;
        const revisions: number[] = [];
        for (let i = 0; i < 30; i++) {
          revision = await write(log, put(keyOf(resource, 'a'), revision, pad + i));
          revisions.push(revision);
        }
        const changes = await wholeTail(log, resource, start);
        expect(changes.map(change => change.revision)).toEqual(revisions);
        for (const [i, change] of changes.entries()) {
          expect(text(change.value)).toBe(text(bytesOf(change.key, change.revision, pad + i)));
          expect(text(change.previous)).toBe(text(changes[i - 1]?.value));
        }
      });
    });

    describe('load', () => {
      test('gives every object once, in pages that all say where to catch up from', async () => {
        const resource = aResource();
        const names = Array.from({ length: 1200 }, (_, i) => `o${i}`);
        for (let i = 0; i < names.length; i += 50) {
          await committed(log.commit(names.slice(i, i + 50).map(name => put(keyOf(resource, name), 0, name))));
        }
        const head = await log.head(resource);
        const seen: string[] = [];
        const froms = new Set<number>();
        for await (const page of log.load(resource)) {
          froms.add(page.from);
          for (const { key, revision, value } of page.objects) {
            seen.push(key.name);
            expect(text(value)).toBe(text(bytesOf(key, revision, key.name)));
          }
        }
        expect(seen.sort()).toEqual([...names].sort());
        expect([...froms]).toEqual([head]);
      });

      test('and catching up equal the state, while writers are at work', async () => {
        const resource = aResource();
        const expected = new Map<string, number>();
        for (let i = 0; i < 100; i++) expected.set(`default/o${i}`, await write(log, put(keyOf(resource, `o${i}`), 0)));
        let done = false;
        const writer = (async () => {
          for (let i = 0; i < 100; i++) {
            const name = `default/o${i}`;
            const key = keyOf(resource, `o${i}`);
            if (i % 3 === 0) {
              await write(log, remove(key, expected.get(name) ?? 0));
              expected.delete(name);
            } else expected.set(name, await write(log, put(key, expected.get(name) ?? 0)));
            if (i % 5 === 0) expected.set(`default/new${i}`, await write(log, put(keyOf(resource, `new${i}`), 0)));
          }
          done = true;
        })();
        const loads: Promise<Map<string, StoredObject>>[] = [];
        while (!done) {
          loads.push(loaded(log, resource));
          await loads.at(-1);
        }
        await writer;
        for (const load of await Promise.all(loads)) expect(load.size).toBeGreaterThan(0);
        const state = await loaded(log, resource);
        expect(new Map([...state].map(([name, { revision }]) => [name, revision]))).toEqual(expected);
      });
    });

    describe('many writers at once', () => {
      test('of one object: each revision is replaced once, and none is lost', async () => {
        const key = keyOf(aResource(), 'counter');
        const start = await log.head(key.resource);
        const winners: { expected: number; revision: number }[] = [];
        await Promise.all(
          Array.from({ length: 8 }, async () => {
            for (let i = 0; i < 15; i++) {
              const expected = (await log.get(key))?.revision ?? 0;
              const result = await log.commit([put(key, expected)]);
              const [revision] = result.committed ? result.revisions : [];
              if (revision !== undefined) winners.push({ expected, revision });
              else if (!result.committed) expect(result.conflicts[0]?.found).toBeGreaterThan(expected);
            }
          }),
        );
        winners.sort((a, b) => a.revision - b.revision);
        expect(winners.map(({ expected }) => expected)).toEqual([0, ...winners.map(({ revision }) => revision).slice(0, -1)]);
        expect((await wholeTail(log, key.resource, start)).map(({ revision }) => revision)).toEqual(
          winners.map(({ revision }) => revision),
        );
      });

      test('show no revision before all below it are settled', async () => {
        const resource = aResource();
        const start = await log.head(resource);
        const probe = keyOf(resource, 'probe');
        await write(log, put(probe, 0));
        let writing = true;
        const observed: { readonly shown: number; readonly below: readonly number[] }[] = [];
        const note = async (shown: number): Promise<void> => {
          const below = (await wholeTail(log, resource, start)).map(({ revision }) => revision).filter(revision => revision <= shown);
          observed.push({ shown, below });
        };
        const writers = Promise.all(
          Array.from({ length: 8 }, async (_, writer) => {
            for (let i = 0; i < 12; i++) {
              const revision = await write(log, put(keyOf(resource, `w${writer}-${i}`), 0));
              if (i % 4 === 0) await note(revision);
              const current = (await log.get(probe))?.revision ?? 0;
              await log.commit([put(probe, current)]);
            }
          }),
        ).finally(() => {
          writing = false;
        });
        while (writing) {
          // What is shown is settled, so the head, asked for afterwards, cannot be below it. Asked in turns of their own, between others' work.
          await new Promise(resolve => setImmediate(resolve));
          const shown = (await log.get(probe))?.revision ?? 0;
          expect(await log.head(resource)).toBeGreaterThanOrEqual(shown);
          await new Promise(resolve => setImmediate(resolve));
          for await (const { objects } of log.load(resource)) {
            const newest = Math.max(...objects.map(({ revision }) => revision));
            expect(await log.head(resource)).toBeGreaterThanOrEqual(newest);
          }
          await note((await log.get(probe))?.revision ?? 0);
          await note(await log.head(resource));
          await note(Math.max(...[...(await loaded(log, resource)).values()].map(({ revision }) => revision)));
        }
        await writers;
        const all = (await wholeTail(log, resource, start)).map(({ revision }) => revision);
        expect([...all].sort((a, b) => a - b)).toEqual(all);
        for (const { shown, below } of observed) expect(below).toEqual(all.filter(revision => revision <= shown));
      });

      test('a write acknowledged is in every read that begins after it', async () => {
        const resource = aResource();
        await Promise.all(
          Array.from({ length: 8 }, async (_, writer) => {
            for (let i = 0; i < 8; i++) {
              const key = keyOf(resource, `w${writer}-${i}`);
              const revision = await write(log, put(key, 0));
              expect((await log.get(key))?.revision).toBe(revision);
              expect(await log.head(resource)).toBeGreaterThanOrEqual(revision);
              expect((await log.tail(resource, revision - 1, 1))[0]?.revision).toBe(revision);
            }
          }),
        );
      });
    });

    describe('subscribe', () => {
      test('hands over, if anything, all changes from then on, in order and without gap', async () => {
        const resource = aResource();
        const got: number[] = [];
        let calls = 0;
        const unsubscribe = log.subscribe(resource, changes => {
          calls += 1;
          got.push(...changes.map(({ revision }) => revision));
        });
        const other = aResource();
        const revisions = await Promise.all(Array.from({ length: 20 }, (_, i) => write(log, put(keyOf(resource, `o${i}`), 0))));
        await write(log, put(keyOf(other, 'a'), 0));
        unsubscribe();
        unsubscribe();
        await write(log, put(keyOf(resource, 'late'), 0));
        if (calls > 0 && got.length > 0) expect(got).toEqual([...revisions].sort((a, b) => a - b).slice(0, got.length));
        expect(got.length).toBeLessThanOrEqual(20);
      });
    });

    describe('history', () => {
      test('that is too old is gone, what is left has no gap, and objects stay', async () => {
        const resource = aResource();
        const [kept, gone] = [keyOf(resource, 'kept'), keyOf(resource, 'gone')];
        const start = await log.head(resource);
        const first = await write(log, put(kept, 0, 'one'));
        const second = await write(log, put(kept, first, 'two'));
        await write(log, remove(gone, await write(log, put(gone, 0))));
        const oldHead = await log.head(resource);
        opened.clock.advance(50 * 3_600_000);
        const fresh = await write(log, put(kept, second, 'three'));
        // Trimming goes on in the background; every commit to elsewhere gives it a turn.
        const elsewhere = keyOf(aResource(), 'turn');
        let turn = 0;
        const giveTurn = async (): Promise<void> => {
          await opened.sweep?.();
          opened.clock.advance(10_000);
          turn = await write(log, put(elsewhere, turn));
        };
        let error: unknown;
        for (let i = 0; i < 200 && error === undefined; i++) {
          await giveTurn();
          error = await log.tail(resource, start).then(
            () => undefined,
            thrown => thrown,
          );
        }
        expect(error).toBeInstanceOf(ExpiredError);
        const floor = error instanceof ExpiredError ? error.floor : 0;
        expect(floor).toBeGreaterThan(start);
        expect(floor).toBeLessThanOrEqual(oldHead);
        for (let i = 0; i < 200; i++) {
          if ((await log.tail(resource, floor).catch(() => [])).length === 1) break;
          await giveTurn();
        }
        const rest = await wholeTail(log, resource, oldHead);
        expect(rest.map(({ revision, previous }) => [revision, text(previous)])).toEqual([[fresh, text(bytesOf(kept, second, 'two'))]]);
        expect(await log.head(resource)).toBeGreaterThanOrEqual(fresh);
        expect(text((await log.get(kept))?.value)).toBe(text(bytesOf(kept, fresh, 'three')));
        expect([...(await loaded(log, resource)).keys()]).toEqual(['default/kept']);
        expect(await log.get(gone)).toBeUndefined();
        await write(log, put(gone, 0));
      });
    });

    test('any history agrees with the model', async () => {
      await checkHistory(log, aResource, anyHistory);
    });

    test('opened again has everything as it was', async () => {
      if (opened.reopen === undefined) return;
      const resource = aResource();
      const start = await log.head(resource);
      const [a, b] = [keyOf(resource, 'a'), keyOf(resource, 'b', '')];
      const row = `${resource}/owner`;
      await committed(log.commit([put(a, 0, 'one'), put(b, 0)], [{ row, seen: 0 }]));
      await write(log, put(a, (await log.get(a))?.revision ?? 0, 'two'));
      await write(log, remove(b, (await log.get(b))?.revision ?? 0));
      const plainTail = async () =>
        (await wholeTail(log, resource, start)).map(change => ({ ...change, value: text(change.value), previous: text(change.previous) }));
      const before = {
        tail: await plainTail(),
        head: await log.head(resource),
        a: plain(await log.get(a)),
        resources: await log.resources(),
      };
      log = await opened.reopen();
      expect({
        tail: await plainTail(),
        head: await log.head(resource),
        a: plain(await log.get(a)),
        resources: await log.resources(),
      }).toEqual(before);
      expect(await log.get(b)).toBeUndefined();
      expect(await log.guard(row)).toBe(1);
      expect(await write(log, put(b, 0))).toBeGreaterThan(before.head);
    });

    test('closed refuses everything', async () => {
      const key = keyOf(aResource(), 'a');
      const other = await open();
      await write(other.log, put(key, 0));
      await other.log.close();
      await other.log.close();
      await expect(other.log.commit([put(key, 0)])).rejects.toThrow('closed');
      await expect(other.log.get(key)).rejects.toThrow('closed');
      await expect(other.log.head(key.resource)).rejects.toThrow('closed');
      await expect(other.log.tail(key.resource, 1)).rejects.toThrow('closed');
      await other.dispose?.();
    });
  });
}
