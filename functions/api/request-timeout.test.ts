import { expect, test } from '@jest/globals';
import { parseRequest } from './request-info.ts';
import { checkTimeout, durationProblem } from './request-timeout.ts';

test.each([
  ['5s', undefined],
  ['0', undefined],
  ['-1.5h30m', undefined],
  ['5', 'time: missing unit in duration "5"'],
  ['foo', 'time: invalid duration "foo"'],
  ['1x', 'time: unknown unit "x" in duration "1x"'],
  ['-', 'time: invalid duration "-"'],
])('%s as a duration', (text, problem) => expect(durationProblem(text)).toBe(problem));

test('a request is refused for a timeout that is none, a watch is not', () => {
  expect(() => checkTimeout(parseRequest('GET', '/api/v1/pods?timeout=x'))).toThrow('invalid timeout specified in the request URL');
  expect(() => checkTimeout(parseRequest('GET', '/api/v1/pods?watch=1&timeout=x'))).not.toThrow();
  expect(() => checkTimeout(parseRequest('GET', '/version?timeout='))).not.toThrow();
});
