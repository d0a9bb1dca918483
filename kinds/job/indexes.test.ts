import { expect, test } from '@jest/globals';
import { countIndexes, firstCommonIndex, indexesProblem } from './indexes.ts';

test('indexes are counted', () => {
  expect(countIndexes('', 5)).toBe(0);
  expect(countIndexes('0,2-4', 5)).toBe(4);
});
test.each([
  ['5', 'too large index: "5"'],
  ['1,1', 'non-increasing order, previous: 1, current: 1'],
  ['3-2', 'non-increasing order, previous: 3, current: 2'],
  ['1-2-3', `the fragment "1-2-3" violates the requirement that an index interval can have at most two parts separated by '-'`],
  ['x', 'cannot convert string to integer for index: "x"'],
])('%s is refused', (text, problem) => {
  expect(indexesProblem(text, 5)).toBe(problem);
});
test('what two sets share', () => {
  expect(firstCommonIndex('0-2,6', '3,5-7', 10)).toBe(6);
  expect(firstCommonIndex('0-2', '3-4', 10)).toBeUndefined();
  expect(firstCommonIndex('0-4', '2', 10)).toBe(2);
});
