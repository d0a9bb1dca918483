import { expect, test } from '@jest/globals';
import { formEqual, semanticEqual } from './equality.ts';

test.each([
  [{ a: 1 }, { a: 1, b: undefined }, true],
  [{ a: [] }, {}, true],
  [{ a: { b: null } }, { a: {} }, true],
  [undefined, [], true],
  [[1, 2], [2, 1], false],
  [{ a: 'x' }, { a: 'y' }, false],
  [{}, { a: 'x' }, false],
  [[1], { 0: 1 }, false],
  [JSON.parse('{"__proto__": {"a": 1}}'), {}, false],
])('%j and %j', (one, other, expected) => {
  expect(semanticEqual(one, other)).toBe(expected);
  expect(semanticEqual(other, one)).toBe(expected);
});

test.each([
  [{ a: 1 }, { a: 1, b: undefined }, true],
  [{ a: [] }, {}, true],
  [{ a: null }, { a: [] }, true],
  [{ a: false }, {}, false],
  [{ a: {} }, {}, false],
  [{ a: { b: [1] } }, { a: { b: [1] } }, true],
  [{ a: { b: [1] } }, { a: { b: [1, 2] } }, false],
  [[{}], [[]], false],
  [JSON.parse('{"__proto__": {"a": 1}}'), {}, false],
])('in the stored form, %j and %j', (one, other, expected) => {
  expect(formEqual(one, other)).toBe(expected);
  expect(formEqual(other, one)).toBe(expected);
});
