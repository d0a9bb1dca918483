import { describe, expect, test } from '@jest/globals';
import { ManualClock, seededRandom } from '../testing.ts';
import { type Flow, type Manner, type Occupant, QueueSet } from './queue-set.ts';

const fair: Manner = { type: 'queue', queues: 64, handSize: 4, queueLengthLimit: 50 };
const flow = (distinguisher: string): Flow => ({ schema: 'test', distinguisher });

const aSet = (manner: Manner, limit: number) => {
  const clock = new ManualClock();
  const demands: number[] = [];
  const set = new QueueSet(clock, seats => demands.push(seats));
  set.configure(manner, limit);
  /** Comes now, works for `ms` once its turn has come; the answer says how long it waited, or that it was refused. */
  const come = async (who: string, ms: number, seats = 1): Promise<number | undefined> => {
    const from = clock.now();
    const occupant = set.start(flow(who), seats, undefined);
    if (!occupant || (occupant.state === 'waiting' && !(await set.wait(occupant)))) return undefined;
    const waited = clock.now() - from;
    clock.after(ms, () => set.finish(occupant));
    return waited;
  };
  const pass = async (ms: number): Promise<void> => {
    for (let i = 0; i < ms; i++) {
      clock.advance(1);
      await Promise.resolve();
      await Promise.resolve();
    }
  };
  return { clock, set, demands, come, pass };
};

describe('limits', () => {
  test('an exempt level takes everybody, one that rejects takes its limit', () => {
    const exempt = aSet({ type: 'exempt' }, 0);
    for (let i = 0; i < 100; i++) expect(exempt.set.start(flow('a'), 1, undefined)?.state).toBe('working');
    const strict = aSet({ type: 'reject' }, 2);
    expect([1, 2, 3].map(() => strict.set.start(flow('a'), 1, undefined)?.state)).toEqual(['working', 'working', undefined]);
    expect(strict.set.counts).toMatchObject({ dispatched: 2, rejected: 1 });
  });

  test('who does not fit waits, and is refused where its queue is full', () => {
    const { set } = aSet({ type: 'queue', queues: 1, handSize: 1, queueLengthLimit: 2 }, 1);
    const states = [1, 2, 3, 4].map(() => set.start(flow('a'), 1, undefined)?.state);
    expect(states).toEqual(['working', 'waiting', 'waiting', undefined]);
  });

  test('seats in use and waited for are told, and all are given back', async () => {
    const { set, demands, come, pass } = aSet(fair, 2);
    void come('a', 10);
    void come('a', 10);
    void come('b', 10, 2);
    expect(demands.at(-1)).toBe(4);
    await pass(40);
    expect(demands.at(-1)).toBe(0);
    expect(set).toMatchObject({ idle: true, seatsInUse: 0, seatsWaiting: 0 });
    expect(set.state.queues.size).toBe(0);
  });

  test('a wide request gets its turn among narrow ones, and one wider than the limit goes alone', async () => {
    const { come, pass } = aSet(fair, 4);
    const feed = async (): Promise<void> => {
      for (let i = 0; i < 50; i++) await come('narrow', 10);
    };
    for (let i = 0; i < 6; i++) void feed();
    await pass(20);
    const wide = come('wide', 10, 4);
    const tooWide = come('too wide', 10, 40);
    await pass(400);
    expect(await Promise.race([wide, 'still waiting'])).toBeLessThan(60);
    expect(await Promise.race([tooWide, 'still waiting'])).toEqual(expect.any(Number));
  });
});

describe('leaving', () => {
  test('one that gives up makes way, and its end afterwards changes nothing', async () => {
    const { set } = aSet({ type: 'queue', queues: 1, handSize: 1, queueLengthLimit: 9 }, 1);
    const [first, second, third] = [1, 2, 3].map(() => set.start(flow('a'), 1, undefined)) as [Occupant, Occupant, Occupant];
    const decided = [set.wait(second), set.wait(third)];
    set.giveUp(second, 'timedOut');
    set.finish(second);
    expect(set).toMatchObject({ waiting: 1, working: 1 });
    set.finish(first);
    set.finish(first);
    expect(await Promise.all(decided)).toEqual([false, true]);
    expect(set).toMatchObject({ waiting: 0, working: 1, seatsInUse: 1 });
    set.giveUp(third, 'cancelled');
    expect(set.counts).toEqual({ dispatched: 2, rejected: 1, timedOut: 1, cancelled: 0 });
  });

  test('with fewer queues than before, all who wait still get their turn', async () => {
    const { set, come, pass } = aSet(fair, 1);
    const waits = Array.from({ length: 30 }, (_, i) => come(`user ${i}`, 1));
    set.configure({ type: 'queue', queues: 1, handSize: 1, queueLengthLimit: 50 }, 1);
    void come('late', 1);
    set.configure({ type: 'reject' }, 1);
    await pass(100);
    expect((await Promise.all(waits)).every(waited => waited !== undefined)).toBe(true);
    expect(set.idle).toBe(true);
  });

  test('a limit of nothing lets nobody begin until there is one again', async () => {
    const { set, come, pass } = aSet(fair, 0);
    const waited = come('a', 5);
    await pass(100);
    expect(set.waiting).toBe(1);
    set.configure(fair, 1);
    expect(await waited).toBe(100);
  });
});

describe('fairness', () => {
  test('one that floods waits for itself: another that comes now and then hardly waits', async () => {
    const { set, clock, come, pass } = aSet(fair, 10);
    const refused = { noisy: 0, quiet: 0 };
    const waits: number[] = [];
    // 500 at once that come again as soon as they are answered, and one that asks every 50 ms.
    const noisy = async (): Promise<void> => {
      for (;;) {
        if ((await come('noisy', 20)) !== undefined) await new Promise<void>(resolve => clock.after(20, resolve));
        else {
          refused.noisy += 1;
          await new Promise<void>(resolve => clock.after(1000, resolve));
        }
      }
    };
    for (let i = 0; i < 500; i++) void noisy();
    await pass(500);
    for (let i = 0; i < 100; i++) {
      void come('quiet', 20).then(waited => {
        if (waited === undefined) refused.quiet += 1;
        else waits.push(waited);
      });
      await pass(50);
    }
    await pass(200);
    expect(refused.quiet).toBe(0);
    expect(waits).toHaveLength(100);
    // The seats are all taken when it comes, so it waits for one of them to end, and for little more.
    expect(Math.max(...waits)).toBeLessThanOrEqual(40);
    expect(refused.noisy).toBeGreaterThan(0);
    // The flood is still served by all that the other leaves.
    expect(set.counts.dispatched).toBeGreaterThan(2000);
  });

  test('two that want all get half each, however much more often one asks, and however long its requests take', async () => {
    const { clock, come, pass } = aSet({ type: 'queue', queues: 2, handSize: 1, queueLengthLimit: 1000 }, 4);
    const random = seededRandom();
    const worked = { one: 0, other: 0 };
    // Names that are dealt different queues.
    const names = distinctNames(2);
    const ask = async (name: string, who: 'one' | 'other', ms: number): Promise<void> => {
      for (;;) {
        await come(name, ms);
        worked[who] += ms;
        await new Promise<void>(resolve => clock.after(ms, resolve));
      }
    };
    for (let i = 0; i < 40; i++) void ask(names[0] ?? '', 'one', 2 + Math.floor(random.next() * 4));
    for (let i = 0; i < 8; i++) void ask(names[1] ?? '', 'other', 20 + Math.floor(random.next() * 20));
    await pass(4000);
    const part = worked.one / (worked.one + worked.other);
    expect(part).toBeGreaterThan(0.42);
    expect(part).toBeLessThan(0.58);
  });
});

/** Of which the first is dealt queue 0 of two and the second queue 1. */
function distinctNames(count: number): string[] {
  const found: (string | undefined)[] = Array.from({ length: count });
  for (let i = 0; found.includes(undefined); i++) {
    const { set } = aSet({ type: 'queue', queues: count, handSize: 1, queueLengthLimit: 1 }, 1);
    set.start(flow(`name ${i}`), 1, undefined);
    const [queue] = set.state.queues.keys();
    found[queue ?? 0] ??= `name ${i}`;
  }
  return found.map(String);
}
