import { describe, expect, test } from '@jest/globals';
import { aDeployment, aReplicaSet } from '../testing/builders.ts';
import { newSize, proportionally, sizesOf } from './sizes.ts';

const sizes = (replicas: number, maxSurge: number | string, maxUnavailable: number | string) =>
  sizesOf(
    aDeployment('d', replicas, {
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: maxSurge as never, maxUnavailable: maxUnavailable as never } },
    }),
  );

describe('surge and unavailability', () => {
  test.each([
    [10, '25%', '25%', 3, 2],
    [1, '25%', '25%', 1, 0],
    [3, '25%', '25%', 1, 0],
    [2, 0, '1%', 0, 1],
    [4, 0, 2, 0, 2],
    [1, 0, 5, 0, 1],
    [0, '50%', '50%', 0, 0],
  ])('%d replicas, surge %s, unavailable %s', (replicas, surge, unavailable, maxSurge, maxUnavailable) => {
    expect(sizes(replicas, surge, unavailable)).toMatchObject({ maxSurge, maxUnavailable });
  });
  test('Recreate knows neither', () => {
    expect(sizesOf(aDeployment('d', 3, { strategy: { type: 'Recreate' } }))).toMatchObject({ maxSurge: 0, maxUnavailable: 0 });
  });
});

test('the new ReplicaSet grows into the room that surge leaves', () => {
  expect(newSize(sizes(10, 3, 2), [aReplicaSet('old', 10)], 0)).toBe(3);
  expect(newSize(sizes(10, 3, 2), [aReplicaSet('old', 8), aReplicaSet('new', 3)], 3)).toBe(5);
  expect(newSize(sizes(10, 3, 2), [aReplicaSet('old', 10), aReplicaSet('new', 3)], 3)).toBe(3);
  expect(newSize(sizes(10, 3, 2), [aReplicaSet('new', 9)], 9)).toBe(10);
});

test('a scale-up in the middle of a rollout is shared by size', () => {
  const sets = [aReplicaSet('new', 8), aReplicaSet('old', 5)];
  expect(proportionally(sets, 10, sizes(20, 3, 2), () => 13)).toEqual([14, 9]);
});

test('a scale-down to nothing takes all', () => {
  expect(proportionally([aReplicaSet('a', 5), aReplicaSet('b', 3)], -8, sizes(0, 0, 1), () => 8)).toEqual([0, 0]);
});
