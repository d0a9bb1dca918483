import { describe, expect, test } from '@jest/globals';
import * as field from './field.ts';

describe('Path', () => {
  test.each([
    [field.root('spec'), 'spec'],
    [field.root('spec').child('containers').index(0).child('name'), 'spec.containers[0].name'],
    [field.root('metadata', 'labels').key('a/b'), 'metadata.labels[a/b]'],
    [field.root('spec').child('hard').key('cpu').child('x', 'y'), 'spec.hard[cpu].x.y'],
  ])('%s', (path, text) => {
    expect(String(path)).toBe(text);
  });
});

describe('texts of errors', () => {
  const at = field.root('spec', 'type');
  test.each([
    [field.required(at), 'Required', 'Required value'],
    [field.required(at, 'must be there'), 'Required', 'Required value: must be there'],
    [field.invalid(at, 'x"y\n', 'no'), 'Invalid', 'Invalid value: "x\\"y\\n": no'],
    [field.invalid(at, -1, 'no'), 'Invalid', 'Invalid value: -1: no'],
    [field.invalid(at, { a: ['<b>'] }, 'no'), 'Invalid', 'Invalid value: {"a":["\\u003cb\\u003e"]}: no'],
    [field.invalid(at, undefined, 'no'), 'Invalid', 'Invalid value: null: no'],
    [field.notSupported(at, 'x', ['A', 'B']), 'NotSupported', 'Unsupported value: "x": supported values: "A", "B"'],
    [field.duplicate(at, 'x'), 'Duplicate', 'Duplicate value: "x"'],
    [field.notFound(at, 'x'), 'NotFound', 'Not found: "x"'],
    [field.forbidden(at, 'why'), 'Forbidden', 'Forbidden: why'],
    [field.tooLong(at, 1), 'TooLong', 'Too long: may not be more than 1 byte'],
    [field.tooMany(at, 3, 2), 'TooMany', 'Too many: 3: must have at most 2 items'],
  ])('%o', (error, type, message) => {
    expect(error).toEqual({ type, field: 'spec.type', message });
  });

  test.each([
    ['ä€😀', '"ä€😀"'],
    ['\u0000\u007f', '"\\x00\\x7f"'],
    ['\u00a0\u200b', '"\\u00a0\\u200b"'],
    ['a\\b', '"a\\\\b"'],
  ])('quotes %o as Go does', (text, quoted) => {
    expect(field.quote(text)).toBe(quoted);
  });
});
