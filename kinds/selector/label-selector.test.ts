import { describe, expect, test } from '@jest/globals';
import { StatusError } from '../status.ts';
import {
  equalities,
  everything,
  formatLabelSelector,
  fromLabelSelector,
  matchesLabels,
  nothing,
  parseLabelSelector,
} from './label-selector.ts';

const matches = (text: string, labels?: Record<string, string>): boolean => matchesLabels(parseLabelSelector(text), labels);
const refusal = (text: string): string => {
  try {
    parseLabelSelector(text);
  } catch (error) {
    if (error instanceof StatusError && error.code === 400) return error.message;
    throw error;
  }
  throw new Error(`${text} was accepted`);
};

describe('texts', () => {
  test.each([
    ['', {}, true],
    ['a=1', { a: '1' }, true],
    ['a==1', { a: '2' }, false],
    ['a=', { a: '' }, true],
    ['a!=1', {}, true],
    ['a!=1', { a: '1' }, false],
    ['a in (1,2)', { a: '2' }, true],
    ['a in (1,2)', {}, false],
    ['a notin (1,2)', {}, true],
    ['a notin (1,2)', { a: '1' }, false],
    ['a in ()', { a: '' }, true],
    ['in in (in,notin)', { in: 'notin' }, true],
    ['a', { a: 'x' }, true],
    ['!a', { a: 'x' }, false],
    ['!a', {}, true],
    ['a>3', { a: '4' }, true],
    ['a>3', { a: '3' }, false],
    ['a<3', { a: 'x' }, false],
    ['a<9223372036854775807', { a: '9223372036854775808' }, false],
    ['a=1, b in (x)', { a: '1', b: 'x' }, true],
    ['a=1,b', { a: '1' }, false],
    ['constructor', {}, false],
    ['constructor=x', { constructor: 'x' }, true],
  ] as [string, Record<string, string>, boolean][])('%s on %j: %s', (text, labels, expected) => {
    expect(matches(text, labels)).toBe(expected);
  });

  test('an object without labels', () => {
    expect(matches('a')).toBe(false);
    expect(matches('!a')).toBe(true);
  });

  test.each([
    [',a', "found ',', expected: !, identifier, or 'end of string'"],
    ['a,', "found '', expected: identifier after ','"],
    ['a b', "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
    ['a in 1', "unable to parse requirement: found '1' expected: '('"],
    ['a in (1', "unable to parse requirement: found '', expected: ',' or ')'"],
    ['a=b=c', "found '=', expected: ',' or 'end of string'"],
    ['!a=1', "found '=', expected: ',' or 'end of string'"],
    ['a<x', "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer"],
    [
      'a=$',
      "unable to parse requirement: values[0][a]: Invalid value: \"$\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
    ],
    [
      '$=a',
      "unable to parse requirement: <nil>: Invalid value: \"$\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
    ],
  ])('%s is refused', (text, message) => {
    expect(refusal(text)).toBe(message);
  });

  test('are printed sorted by key', () => {
    expect(formatLabelSelector(parseLabelSelector('z=1, y in (b,a),!x,w>2,v notin (q),u==1,t!=0,s<4,r'))).toBe(
      'r,s<4,t!=0,u==1,v notin (q),w>2,!x,y in (a,b),z=1',
    );
  });
});

describe('LabelSelector objects', () => {
  test('absent selects nothing, empty everything', () => {
    expect(fromLabelSelector(undefined)).toBe(nothing);
    expect(fromLabelSelector({})).toBe(everything);
    expect(matchesLabels(nothing, { a: '1' })).toBe(false);
    expect(matchesLabels(everything, undefined)).toBe(true);
    expect(formatLabelSelector(nothing)).toBe('');
  });
  test('matchLabels and matchExpressions', () => {
    const requirements = fromLabelSelector({
      matchLabels: { b: '2' },
      matchExpressions: [
        { key: 'a', operator: 'In', values: ['y', 'x'] },
        { key: 'c', operator: 'DoesNotExist' },
        { key: 'd', operator: 'NotIn', values: ['1'] },
        { key: 'e', operator: 'Exists' },
      ],
    });
    expect(formatLabelSelector(requirements)).toBe('a in (x,y),b=2,!c,d notin (1),e');
    expect(matchesLabels(requirements, { a: 'x', b: '2', e: '' })).toBe(true);
    expect(matchesLabels(requirements, { a: 'x', b: '2', e: '', c: '' })).toBe(false);
  });
  test('refuses what no selector can say', () => {
    expect(() => fromLabelSelector({ matchExpressions: [{ key: 'a', operator: 'Like' }] })).toThrow(
      '"Like" is not a valid label selector operator',
    );
    expect(() => fromLabelSelector({ matchExpressions: [{ key: 'a', operator: 'In' }] })).toThrow(
      "values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty",
    );
    expect(() => fromLabelSelector({ matchExpressions: [{ key: 'a', operator: 'toString' }] })).toThrow('not a valid label selector');
  });
});

test('equalities are what an index may look up', () => {
  expect(equalities(parseLabelSelector('a=1,b in (x),c in (x,y),d!=2,e'))).toEqual({ a: '1', b: 'x' });
});
