import { describe, expect, test } from '@jest/globals';
import { ManualClock } from '../testing.ts';
import { SeatDemand } from './demand.ts';
import { RetryAfter } from './retry-after.ts';
import { type Borrower, borrow, divide } from './shares.ts';
import { deal, flowHash } from './shuffle-sharding.ts';

describe('division', () => {
  test('the same multiple of each target, held within bounds', () => {
    expect(
      divide(
        30,
        [10, 5].map(target => ({ target, lower: 0, upper: 100 })),
      ),
    ).toEqual([20, 10]);
    const bounded = divide(30, [
      { target: 10, lower: 0, upper: 12 },
      { target: 5, lower: 0, upper: 100 },
      { target: 1, lower: 1, upper: 100 },
    ]);
    expect(bounded?.map(part => Math.round(part * 1000) / 1000)).toEqual([12, 15, 3]);
  });

  test('bounds that leave no choice, and bounds that cannot be met', () => {
    expect(
      divide(
        6,
        [1, 2, 3].map(lower => ({ target: lower, lower, upper: 9 })),
      ),
    ).toEqual([1, 2, 3]);
    expect(
      divide(
        5,
        [1, 2, 3].map(lower => ({ target: lower, lower, upper: 9 })),
      ),
    ).toBeUndefined();
    expect(
      divide(
        28,
        [1, 2, 3].map(lower => ({ target: lower, lower, upper: 9 })),
      ),
    ).toBeUndefined();
    expect(divide(0, [{ target: 0, lower: 0, upper: 5 }])).toEqual([0]);
  });
});

const level = (nominal: number, lendable: number, wanted: number, exempt = false): Borrower => ({
  exempt,
  nominal,
  min: nominal - lendable,
  max: nominal + 100,
  current: nominal,
  demand: { highWatermark: wanted, smoothed: wanted },
});

describe('borrowing', () => {
  test('who wants much gets what idle ones lend, and no more', () => {
    const [busy = 0, idle = 0, generous = 0] = borrow([level(40, 0, 400), level(40, 10, 0), level(20, 18, 0)]);
    expect(busy + idle + generous).toBe(100);
    expect(idle).toBe(30);
    expect(generous).toBe(2);
    expect(busy).toBe(68);
  });

  test('what is lent comes back when it is wanted', () => {
    expect(borrow([level(50, 50, 400), level(50, 50, 400)])).toEqual([50, 50]);
  });

  test('the exempt take first, down to what none lends', () => {
    expect(borrow([level(0, 0, 30, true), level(50, 25, 50), level(50, 25, 50)])).toEqual([30, 35, 35]);
    expect(borrow([level(0, 0, 90, true), level(50, 25, 50), level(50, 25, 50)])).toEqual([90, 25, 25]);
  });
});

test('demand is smoothed: up at once, down to a half in five minutes of silence, in one period or in many', () => {
  for (const periods of [1, 30]) {
    const clock = new ManualClock();
    const demand = new SeatDemand(clock, 10_000);
    demand.set(40);
    clock.advance(10_000);
    demand.turn();
    expect(demand).toMatchObject({ highWatermark: 40, average: 40, deviation: 0, smoothed: 40 });
    demand.set(0);
    for (let period = 0; period < periods; period++) {
      clock.advance(300_000 / periods);
      demand.turn();
    }
    expect(demand.smoothed).toBeCloseTo(40 * 0.977 ** 30, 5);
    expect(demand.average).toBe(0);
  }
});

test('a refused client is told to wait longer while many are refused, and shorter afterwards', () => {
  const retryAfter = new RetryAfter();
  const told: number[] = [];
  for (let second = 0; second < 10; second++) for (let i = 0; i < 100; i++) told.push(retryAfter.refuse(1e12 + second * 1000 + i));
  expect(told[0]).toBe(1);
  expect(told.at(-1)).toBe(8);
  expect(Math.max(...told)).toBe(8);
  const calm = [60, 120, 180].map(second => retryAfter.refuse(1e12 + second * 1000));
  expect(calm).toEqual([7, 6, 5]);
});

describe('shuffle sharding', () => {
  test('a hand is of different cards, all equally likely', () => {
    const dealt = new Array<number>(16).fill(0);
    for (let user = 0; user < 2000; user++) {
      const hand = deal(flowHash('schema', `user-${user}`), 16, 4);
      expect(new Set(hand).size).toBe(4);
      for (const card of hand) dealt[card] = (dealt[card] ?? 0) + 1;
    }
    expect(Math.min(...dealt)).toBeGreaterThan(400);
    expect(Math.max(...dealt)).toBeLessThan(600);
  });

  test('the whole deck may be one hand, and the smallest hash deals from the top', () => {
    expect(deal(0n, 4, 4)).toEqual([0, 1, 2, 3]);
    expect(deal(3n, 4, 2)).toEqual([3, 0]);
    expect([...deal(flowHash('a', 'b'), 5, 5)].sort()).toEqual([0, 1, 2, 3, 4]);
  });
});
