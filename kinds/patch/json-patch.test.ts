import { describe, expect, test } from '@jest/globals';
import { StatusError } from '../status.ts';
import { jsonPatch } from './index.ts';

const refusal = (target: object, operations: unknown): StatusError => {
  try {
    jsonPatch(target, operations);
  } catch (error) {
    if (error instanceof StatusError) return error;
    throw error;
  }
  throw new Error('was accepted');
};

describe('JSON patch', () => {
  test.each([
    ['add a field', { a: 1 }, [{ op: 'add', path: '/b', value: 2 }], { a: 1, b: 2 }],
    ['add without a value', { d: {} }, [{ op: 'add', path: '/d/one' }], { d: { one: null } }],
    ['add into a list', { l: [1, 3] }, [{ op: 'add', path: '/l/1', value: 2 }], { l: [1, 2, 3] }],
    ['append', { l: [1] }, [{ op: 'add', path: '/l/-', value: 2 }], { l: [1, 2] }],
    ['add from the end', { l: [1] }, [{ op: 'add', path: '/l/-1', value: 2 }], { l: [1, 2] }],
    ['remove', { a: 1, b: 2 }, [{ op: 'remove', path: '/a' }], { b: 2 }],
    ['remove from the end', { l: [1, 2] }, [{ op: 'remove', path: '/l/-1' }], { l: [1] }],
    ['replace', { a: 1 }, [{ op: 'replace', path: '/a', value: 2 }], { a: 2 }],
    ['replace what is not there', { s: {} }, [{ op: 'replace', path: '/s/a', value: 2 }], { s: { a: 2 } }],
    ['replace all', { a: 1 }, [{ op: 'replace', path: '', value: { b: 1 } }], { b: 1 }],
    ['move', { a: 1 }, [{ op: 'move', from: '/a', path: '/b' }], { b: 1 }],
    ['move in a list', { l: [1, 2, 3] }, [{ op: 'move', from: '/l/0', path: '/l/2' }], { l: [2, 3, 1] }],
    [
      'copy',
      { a: { x: 1 } },
      [
        { op: 'copy', from: '/a', path: '/b' },
        { op: 'add', path: '/b/x', value: 2 },
      ],
      { a: { x: 1 }, b: { x: 2 } },
    ],
    ['test', { a: { x: [1], y: 2 } }, [{ op: 'test', path: '/a', value: { y: 2, x: [1] } }], { a: { x: [1], y: 2 } }],
    ['test absence', { a: 1 }, [{ op: 'test', path: '/b', value: null }], { a: 1 }],
    [
      'escapes',
      { 'a/b': 1, 'm~n': 2 },
      [
        { op: 'replace', path: '/a~1b', value: 3 },
        { op: 'remove', path: '/m~0n' },
      ],
      { 'a/b': 3 },
    ],
    ['nothing', { a: 1 }, null, { a: 1 }],
  ] as [string, object, unknown, unknown][])('%s', (_, target, operations, expected) => {
    const before = JSON.stringify([target, operations]);
    expect(jsonPatch(target, operations)).toEqual(expected);
    expect(JSON.stringify([target, operations])).toBe(before);
  });

  test.each([
    ['no operation', [{ path: '/a' }]],
    ['no path', [{ op: 'add', value: 1 }]],
    ['a path without a slash', [{ op: 'add', path: 'a', value: 1 }]],
    ['an unknown operation', [{ op: 'spin', path: '/a', value: 1 }]],
    ['a missing parent', [{ op: 'add', path: '/x/y', value: 1 }]],
    ['a missing field', [{ op: 'remove', path: '/x' }]],
    ['an inherited field', [{ op: 'remove', path: '/toString' }]],
    ['an index beyond the list', [{ op: 'add', path: '/l/3', value: 1 }]],
    ['a name in a list', [{ op: 'add', path: '/l/x', value: 1 }]],
    ['a failed test', [{ op: 'test', path: '/a', value: 2 }]],
    ['a move into itself', [{ op: 'move', from: '/o', path: '/o/x' }]],
    ['a prototype', [{ op: 'add', path: '/__proto__/polluted', value: 1 }]],
    ['a constructor', [{ op: 'add', path: '/constructor/prototype/polluted', value: 1 }]],
  ])('%s is refused', (_, operations) => {
    const { status } = refusal({ a: 1, l: [1, 2], o: {} }, operations);
    expect(status).toMatchObject({
      code: 422,
      reason: 'Invalid',
      details: {},
      message: 'the server rejected our request due to an error in our request',
    });
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  test('changes all or nothing', () => {
    const target = { a: 1 };
    refusal(target, [
      { op: 'replace', path: '/a', value: 2 },
      { op: 'test', path: '/a', value: 3 },
    ]);
    expect(target).toEqual({ a: 1 });
  });

  test('refuses what does not decode', () => {
    expect(refusal({}, {}).message).toBe(
      'error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp',
    );
    expect(refusal({}, ['x']).message).toBe(
      'error decoding patch: json: cannot unmarshal string into Go value of type handlers.jsonPatchOp',
    );
    expect(refusal({}, [{ op: 'add', path: 1 }]).message).toBe(
      'error decoding patch: json: cannot unmarshal number into Go struct field jsonPatchOp.path of type string',
    );
  });

  test('is bounded', () => {
    const many = Array.from({ length: 10_001 }, () => ({ op: 'test', path: '/a', value: 1 }));
    expect(refusal({ a: 1 }, many).status).toMatchObject({
      code: 413,
      message: 'Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001',
    });
    const doubling = Array.from({ length: 64 }, () => ({ op: 'copy', from: '/a', path: '/a/-' }));
    expect(refusal({ a: ['x'] }, doubling).code).toBe(422);
  });
});
