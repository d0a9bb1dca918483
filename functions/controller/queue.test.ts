import { describe, expect, test } from '@jest/globals';
import { conflict } from '../../kinds/status.ts';
import { backoff, createQueue } from './queue.ts';
import type { Key, Result } from './reconciler.ts';
import { memoryLogger, seededRandom, virtualClock } from './testing/virtual-time.ts';

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

const fixture = (run: (key: Key) => Promise<Result>, concurrency = 2) => {
  const clock = virtualClock();
  let caughtUp = 0;
  const queue = createQueue({
    name: 'test',
    concurrency,
    run,
    catchUp: async () => {
      caughtUp++;
    },
    clock,
    random: seededRandom(),
    logger: memoryLogger(),
  });
  return { clock, queue, caughtUp: () => caughtUp };
};

/** Runs that end only when told to. */
const gates = () => {
  const started: Key[] = [];
  const open: (() => void)[] = [];
  const run = (key: Key): Promise<Result> => {
    started.push(key);
    return new Promise(resolve => open.push(() => resolve(undefined)));
  };
  return { started, open, run };
};

describe('the work queue', () => {
  test('queues a key once however often it is added', async () => {
    const { started, run } = gates();
    const { queue } = fixture(run);
    for (let i = 0; i < 3; i++) queue.add('a/b');
    expect(started).toEqual([]);
    await turn();
    expect(started).toEqual(['a/b']);
  });

  test('never runs a key twice at once, and runs it again when it was added meanwhile', async () => {
    const { started, open, run } = gates();
    const { queue } = fixture(run);
    queue.add('a');
    await turn();
    queue.add('a');
    queue.add('a');
    await turn();
    expect(started).toEqual(['a']);
    open[0]?.();
    await turn();
    expect(started).toEqual(['a', 'a']);
    open[1]?.();
    await turn();
    expect(queue.idle).toBe(true);
  });

  test('runs no more keys at once than it may, in the order they came', async () => {
    const { started, open, run } = gates();
    const { queue } = fixture(run, 2);
    for (const key of ['a', 'b', 'c']) queue.add(key);
    await turn();
    expect(started).toEqual(['a', 'b']);
    open[0]?.();
    await turn();
    expect(started).toEqual(['a', 'b', 'c']);
  });

  test('looks again after the time a run asks for, and only then', async () => {
    let runs = 0;
    const { queue, clock } = fixture(async () => (++runs === 1 ? { after: 1000 } : undefined));
    queue.add('a');
    await turn();
    clock.advance(999);
    await turn();
    expect(runs).toBe(1);
    clock.advance(1);
    await turn();
    expect(runs).toBe(2);
  });

  test('a failing key waits longer each time and holds up no other', async () => {
    const runs: Key[] = [];
    const { queue, clock } = fixture(async key => {
      runs.push(key);
      if (key === 'bad') throw new Error('no');
      return undefined;
    }, 1);
    queue.add('bad');
    queue.add('good');
    await turn();
    expect(runs).toEqual(['bad', 'good']);
    const gaps: number[] = [];
    for (let i = 0; i < 6; i++) {
      const due = clock.next() ?? 0;
      gaps.push(due - clock.now());
      clock.advance(due - clock.now());
      await turn();
    }
    expect(runs.filter(key => key === 'bad')).toHaveLength(7);
    for (const [i, gap] of gaps.entries()) {
      expect(gap).toBeGreaterThanOrEqual(2.5 * 2 ** i);
      expect(gap).toBeLessThanOrEqual(5 * 2 ** i);
    }
  });

  test('a lost race is tried again at once after catching up', async () => {
    let runs = 0;
    const { queue, clock, caughtUp } = fixture(async () => {
      if (++runs < 3) throw conflict({ group: '', resource: 'pods' }, 'p', 'raced');
      return undefined;
    });
    queue.add('a');
    await turn();
    expect(runs).toBe(3);
    expect(caughtUp()).toBe(2);
    expect(clock.next()).toBeUndefined();
  });

  test('a race lost without end backs off', async () => {
    let runs = 0;
    const { queue, clock } = fixture(async () => {
      runs++;
      throw conflict({ group: '', resource: 'pods' }, 'p', 'raced');
    });
    queue.add('a');
    await turn();
    expect(runs).toBe(9);
    expect(clock.next()).toBeGreaterThan(clock.now());
  });

  test('closing waits for what runs and takes nothing more', async () => {
    const { started, open, run } = gates();
    const { queue } = fixture(run);
    queue.add('a');
    await turn();
    let closed = false;
    const closing = queue.close().then(() => {
      closed = true;
    });
    queue.add('b');
    await turn();
    expect(closed).toBe(false);
    open[0]?.();
    await closing;
    expect(started).toEqual(['a']);
  });
});

test('back-off grows to 1000 seconds and no further', () => {
  const most = { next: () => 1, uuid: () => '' };
  expect(Math.round(backoff(0, most))).toBe(5);
  expect(Math.round(backoff(3, most))).toBe(40);
  expect(Math.round(backoff(1000, most))).toBe(1_000_000);
});
