import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  add,
  canonical,
  compare,
  formatQuantity,
  isQuantity,
  isWhole,
  milliValue,
  parseQuantity,
  QuantityError,
  sub,
  toNumber,
  value,
} from './quantity.ts';

const q = parseQuantity;

describe('the canonical text', () => {
  test.each([
    ['0', '0'],
    ['0Ki', '0'],
    ['1000m', '1'],
    ['0.5', '500m'],
    ['1024Ki', '1Mi'],
    ['1536Ki', '1536Ki'],
    ['1.5Gi', '1536Mi'],
    ['100.035Ki', '102435840m'],
    ['0.5Mi', '512Ki'],
    ['1.5', '1500m'],
    ['1.25G', '1250M'],
    ['1.234G', '1.234G'],
    ['50k', '50k'],
    ['1000k', '1M'],
    ['12000000', '12M'],
    ['1200', '1200'],
    ['1e3', '1e3'],
    ['1e4', '10e3'],
    ['0.5e0', '500e-3'],
    ['1E6', '1E6'],
    ['0.1m', '100u'],
    ['0.9n', '1n'],
    ['1.1E-9', '2e-9'],
    ['0.000000000001Ki', '2n'],
    ['9Ei', '9223372036854775807'],
    ['12E', '12E'],
    ['-1.025Ti', '-1126999418470400m'],
    ['-0.5', '-500m'],
    ['512Mi', '512Mi'],
    ['1023', '1023'],
    ['.5Ki', '512'],
    ['1.', '1.'],
    ['.', '0'],
    ['12000E', '12000E'],
  ])('%s is %s', (text, expected) => {
    expect(canonical(text)).toBe(expected);
  });

  test('a JSON number counts as its digits', () => {
    expect(canonical(2)).toBe('2');
    expect(canonical(0.25)).toBe('250m');
  });

  test('is a fixed point and keeps the value', () => {
    const suffix = fc.constantFrom('', 'n', 'u', 'm', 'k', 'M', 'G', 'Ki', 'Mi', 'Gi', 'Ti', 'e2', 'e-2', 'E6');
    fc.assert(
      fc.property(fc.integer({ min: -100000, max: 100000 }), fc.integer({ min: 0, max: 99999 }), suffix, (whole, fraction, end) => {
        const quantity = q(`${whole}.${fraction}${end}`);
        const { text: _, ...bare } = quantity;
        const printed = formatQuantity(bare);
        expect(compare(q(printed), quantity)).toBe(0);
        const { text: __, ...again } = q(printed);
        expect(formatQuantity(again)).toBe(printed);
      }),
    );
  });
});

describe('what is no quantity', () => {
  test.each(['', '1.1.M', '1+1.0M', '0.1mi', '0.1am', 'aoeu', '.5i', '1i', '-3.01i', '-3.01e-', '1 M', '1e999999999999'])('%j', text => {
    expect(isQuantity(text)).toBe(false);
    expect(() => q(text)).toThrow(QuantityError);
  });
  test('says why in the API server’s words', () => {
    expect(() => q('abc')).toThrow("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
    expect(() => q('1mm')).toThrow("unable to parse quantity's suffix");
  });
  test('other types', () => {
    expect(isQuantity(undefined)).toBe(false);
    expect(isQuantity({})).toBe(false);
  });
});

describe('arithmetic', () => {
  test('adds exactly across formats, in the format of the first', () => {
    expect(formatQuantity(add(q('1Gi'), q('512Mi')))).toBe('1536Mi');
    expect(formatQuantity(add(q('100m'), q('1.9')))).toBe('2');
    expect(formatQuantity(sub(q('1'), q('100m')))).toBe('900m');
    expect(formatQuantity(add(q('0.1'), q('0.2')))).toBe('300m');
  });
  test('a zero takes the format of the other', () => {
    expect(formatQuantity(add(q('0'), q('1Gi')))).toBe('1Gi');
    expect(formatQuantity(add(q('1Gi'), q('0')))).toBe('1Gi');
  });
  test('compares', () => {
    expect(compare(q('1000m'), q('1'))).toBe(0);
    expect(compare(q('1Mi'), q('1M'))).toBe(1);
    expect(compare(q('-1'), q('1n'))).toBe(-1);
    expect(compare(q('1e300'), q('1n'))).toBe(1);
  });
  test('rounds to whole units and thousandths away from zero', () => {
    expect(value(q('1.1'))).toBe(2);
    expect(value(q('-1.1'))).toBe(-2);
    expect(value(q('1Ki'))).toBe(1024);
    expect(milliValue(q('0.1'))).toBe(100);
    expect(milliValue(q('100u'))).toBe(1);
    expect(milliValue(q('2'))).toBe(2000);
    expect(toNumber(q('250m'))).toBe(0.25);
    expect(toNumber(q('1Gi'))).toBe(1073741824);
  });
  test.each([
    ['1', true],
    ['1500m', false],
    ['1Pi', true],
    ['1E', true],
    ['1Ei', false],
    ['2Ei', true],
  ])('%s is whole, as 64 bits see it: %s', (text, expected) => {
    expect(isWhole(q(text))).toBe(expected);
  });
});
