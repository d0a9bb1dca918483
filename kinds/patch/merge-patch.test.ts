import { describe, expect, test } from '@jest/globals';
import { mergePatch } from './index.ts';

describe('JSON merge patch', () => {
  test.each([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
    [{}, { a: [null, { b: null }] }, { a: [null, {}] }],
  ] as [Record<string, unknown>, unknown, unknown][])('%j with %j', (target, patch, expected) => {
    const before = JSON.stringify([target, patch]);
    expect(mergePatch(target, patch)).toEqual(expected);
    expect(JSON.stringify([target, patch])).toBe(before);
  });
  test('refuses what is no object', () => {
    const prefix = 'error decoding patch: json: cannot unmarshal';
    expect(() => mergePatch({}, [])).toThrow(`${prefix} array into Go value of type map[string]interface {}`);
    expect(() => mergePatch({}, 'x')).toThrow(`${prefix} string into Go value of type map[string]interface {}`);
    expect(() => mergePatch({}, true)).toThrow(`${prefix} bool into Go value of type map[string]interface {}`);
    expect(() => mergePatch({}, null)).toThrow('Invalid JSON Patch');
  });
  test('treats __proto__ as a field like any other', () => {
    const result = mergePatch<Record<string, unknown>>({ a: { b: 1 } }, JSON.parse('{"a":{"__proto__":{"x":1}},"__proto__":{"x":1}}'));
    expect(Object.getPrototypeOf(result)).toBe(Object.prototype);
    expect(result['x']).toBeUndefined();
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
    expect(JSON.stringify(result)).toBe('{"__proto__":{"x":1},"a":{"__proto__":{"x":1},"b":1}}');
  });
});
