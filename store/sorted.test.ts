import { expect, test } from '@jest/globals';
import { inOrder } from './sorted.ts';

test('keys are ordered as one text, so that a dash comes before the slash', () => {
  const keys = [
    { namespace: 'a', name: 'x' },
    { namespace: 'a-b', name: 'x' },
    { namespace: 'ab', name: 'a' },
    { namespace: 'a', name: 'a' },
    { namespace: '', name: 'z' },
  ];
  const sorted = [...keys].sort(inOrder).map(({ namespace, name }) => `${namespace}/${name}`);
  expect(sorted).toEqual(['/z', 'a-b/x', 'a/a', 'a/x', 'ab/a']);
  expect(sorted).toEqual([...sorted].sort());
});
