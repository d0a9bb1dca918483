/** What every adapter of the Log port must hold when stored values are replaced by others that mean the same. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Log, Rewriting } from '../../store/log.ts';
import { keyOf, loaded, type OpenedLog, put, remove, text, wholeTail, write } from './log-contract.ts';

const upperCase: Rewriting = async rows => rows.map(({ value }) => Buffer.from((text(value) ?? '').replaceAll('mild', 'LOUD, AND LONGER')));
const nothing: Rewriting = async rows => rows.map(() => undefined);

export function rewriteContract(name: string, open: () => Promise<OpenedLog>): void {
  describe(`rewriting the log ${name}`, () => {
    let opened: OpenedLog;
    let log: Log;
    beforeAll(async () => {
      opened = await open();
      log = opened.log;
    });
    afterAll(async () => {
      await log.close();
      await opened.dispose?.();
    });

    test('values are others at the same revisions: present, past and what went', async () => {
      const [a, b, c] = ['a', 'b', 'c'].map(name => keyOf('one', name)) as [
        ReturnType<typeof keyOf>,
        ReturnType<typeof keyOf>,
        ReturnType<typeof keyOf>,
      ];
      const start = await write(log, put(a, 0, 'mild'));
      await write(log, put(a, start, 'mild again'));
      const gone = await write(log, put(b, 0, 'mild'));
      await write(log, remove(b, gone, 'mild'));
      await write(log, put(c, 0, 'other'));
      const before = await wholeTail(log, 'one', 0);
      const head = await log.head('one');
      expect(await log.rewrite('one', nothing)).toBe(0);
      expect(await log.rewrite('one', upperCase)).toBeGreaterThanOrEqual(4);
      const after = await wholeTail(log, 'one', 0);
      expect(after.map(({ revision, type, key, time }) => ({ revision, type, key, time }))).toEqual(
        before.map(({ revision, type, key, time }) => ({ revision, type, key, time })),
      );
      const loud = (bytes: Uint8Array | undefined) => text(bytes)?.replaceAll('mild', 'LOUD, AND LONGER');
      expect(after.map(({ value, previous }) => [text(value), text(previous)])).toEqual(
        before.map(({ value, previous }) => [loud(value), loud(previous)]),
      );
      expect(await log.head('one')).toBe(head);
      expect(text((await log.get(a))?.value)).toContain('LOUD, AND LONGER again');
      expect([...(await loaded(log, 'one'))].map(([, { value }]) => text(value)).join()).not.toContain('mild');
    });

    test('what was rewritten can be replaced and deleted as before', async () => {
      const key = keyOf('two', 'a');
      const first = await write(log, put(key, 0, 'mild'));
      await log.rewrite('two', upperCase);
      const second = await write(log, put(key, first, 'next'));
      const [, change] = await wholeTail(log, 'two', 0);
      expect(text(change?.previous)).toContain('LOUD');
      await write(log, remove(key, second, 'next'));
      expect(await log.get(key)).toBeUndefined();
    });

    test('other resources stay as they are, and one never seen is no mistake', async () => {
      const key = keyOf('three', 'a');
      await write(log, put(key, 0, 'mild'));
      expect(await log.rewrite('four', upperCase)).toBe(0);
      expect(await log.rewrite('thre', upperCase)).toBe(0);
      expect(text((await log.get(key))?.value)).toContain('mild');
    });

    test('beside writers nothing is lost: all that was there before is rewritten, what came meanwhile is as it was written', async () => {
      const keys = Array.from({ length: 20 }, (_, i) => keyOf('busy', `o${i}`));
      const revisions = new Map<string, number>();
      for (const key of keys) revisions.set(key.name, await write(log, put(key, 0, 'mild')));
      let rewriting = true;
      const counts = new Map<string, number>();
      const writers = keys.slice(0, 10).map(async key => {
        for (let n = 1; rewriting || n < 5; n++) {
          revisions.set(key.name, await write(log, put(key, revisions.get(key.name) ?? 0, `soft ${n}`)));
          counts.set(key.name, n);
        }
      });
      for (let pass = 0; pass < 5; pass++) await log.rewrite('busy', upperCase);
      rewriting = false;
      await Promise.all(writers);
      const objects = await loaded(log, 'busy');
      for (const { name, namespace } of keys) {
        const object = objects.get(`${namespace}/${name}`);
        expect(object?.revision).toBe(revisions.get(name));
        expect(text(object?.value)).toContain(counts.has(name) ? `soft ${counts.get(name)}` : 'LOUD');
      }
      expect((await wholeTail(log, 'busy', 0)).some(({ value, previous }) => `${text(value)}${text(previous)}`.includes('mild'))).toBe(
        false,
      );
    });

    test('history may go meanwhile', async () => {
      const key = keyOf('old', 'a');
      let revision = 0;
      for (let n = 0; n < 5; n++) revision = await write(log, put(key, revision, 'mild'));
      await log.rewrite('old', async rows => {
        opened.clock.advance(24 * 3_600_000);
        await opened.sweep?.();
        // Something has to happen for the log to sweep.
        for (let n = 0; n < 10; n++) await write(log, put(keyOf('tick', `t${n}`), 0));
        return upperCase(rows);
      });
      const stored = await log.get(key);
      expect(stored?.revision).toBe(revision);
      expect(text(stored?.value)).toContain('LOUD');
    });

    test('kept when it is opened again', async () => {
      if (!opened.reopen) return;
      log = await opened.reopen();
      expect(text((await log.get(keyOf('one', 'a')))?.value)).toContain('LOUD');
      expect(text((await log.get(keyOf('busy', 'o19')))?.value)).toContain('LOUD');
    });
  });
}
