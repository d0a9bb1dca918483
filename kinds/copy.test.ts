import { expect, test } from '@jest/globals';
import { copyJson } from './copy.ts';
import { difference } from './diff.ts';

test('a copy shares nothing', () => {
  const source = { a: [{ b: null }, 1, 'x'], c: {} };
  const copy = copyJson(source);
  expect(copy).toEqual(source);
  expect(copy.a).not.toBe(source.a);
  expect(copy.a[0]).not.toBe(source.a[0]);
  expect(copy.c).not.toBe(source.c);
});

test('a copy has no prototype of the writer', () => {
  const copy = copyJson(JSON.parse('{"__proto__": {"polluted": true}, "a": 1}') as Record<string, unknown>);
  expect(copy).toEqual({ a: 1 });
  expect(copy['polluted']).toBeUndefined();
});

test('a difference lists old before new', () => {
  expect(difference({ a: [1, 2], b: { c: 'x' } }, { a: [1, 3], d: true })).toBe(
    ['@@ changed @@', '- a[1]: 2', '+ a[1]: 3', '- b: {"c":"x"}', '+ d: true'].join('\n'),
  );
});
