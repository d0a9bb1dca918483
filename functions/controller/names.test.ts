import { expect, test } from '@jest/globals';
import { namePrefix, nthSuffix, safeEncode } from './names.ts';

test('the n-th name of an owner is always the same and never another one', () => {
  const names = new Set<string>();
  for (let n = 0; n < 50_000; n++) names.add(nthSuffix('0b9dfb4c-0000-4000-8000-000000000001', n));
  expect(names.size).toBe(50_000);
  expect(nthSuffix('uid', 7)).toBe(nthSuffix('uid', 7));
});

test('suffixes look like upstream’s', () => {
  for (let n = 0; n < 100; n++) expect(nthSuffix('uid', n)).toMatch(/^[bcdfghjklmnpqrstvwxz2456789]{5}$/);
});

test('where a stranger holds the name there is another', () => {
  expect(new Set([0, 1, 2, 3].map(attempt => nthSuffix('uid', 5, attempt))).size).toBe(4);
});

test('owners have names of their own', () => {
  expect(nthSuffix('one', 0)).not.toBe(nthSuffix('two', 0));
});

test('a name with its suffix is never longer than a label', () => {
  expect(`${namePrefix('x'.repeat(300))}${nthSuffix('uid', 0)}`).toHaveLength(63);
});

test('digits are written in the safe alphabet', () => {
  expect(safeEncode('0123456789')).toBe('456789bcdf');
});
