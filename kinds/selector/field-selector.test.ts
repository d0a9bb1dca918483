import { describe, expect, test } from '@jest/globals';
import { formatFieldSelector, matchesFields, parseFieldSelector, requiredField } from './field-selector.ts';

const fields: Record<string, string> = { 'metadata.name': 'a', 'status.phase': 'Running' };
const matches = (text: string): boolean => matchesFields(parseFieldSelector(text), name => fields[name]);

describe('field selectors', () => {
  test.each([
    ['', true],
    ['metadata.name=a', true],
    ['metadata.name==a', true],
    ['metadata.name!=a', false],
    ['metadata.name=a,status.phase!=Failed', true],
    ['metadata.name=a,,', true],
    ['spec.nodeName=', true],
    ['spec.nodeName=n', false],
  ])('%s: %s', (text, expected) => {
    expect(matches(text)).toBe(expected);
  });
  test('values may be escaped', () => {
    const requirements = parseFieldSelector(String.raw`a=x\,y\=z\\`);
    expect(requirements).toEqual([{ field: 'a', operator: '=', value: 'x,y=z\\' }]);
    expect(formatFieldSelector(requirements)).toBe(String.raw`a=x\,y\=z\\`);
  });
  test.each([
    ['nothing', "invalid selector: 'nothing'; can't understand 'nothing'"],
    [String.raw`a=\x`, String.raw`invalid field selector: invalid escape sequence: \x`],
    ['a=\\', 'invalid field selector: invalid escape sequence: \\'],
    ['a=b=c', 'invalid field selector: unescaped character in value: 61'],
  ])('%s is refused', (text, message) => {
    expect(() => parseFieldSelector(text)).toThrow(message);
  });
  test('names the value that a lookup may use', () => {
    expect(requiredField(parseFieldSelector('metadata.name=a,x!=b'), 'metadata.name')).toBe('a');
    expect(requiredField(parseFieldSelector('x!=b'), 'x')).toBeUndefined();
  });
});
