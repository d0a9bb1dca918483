import { describe, expect, test } from '@jest/globals';
import type { Schema } from '../schema/schema.ts';
import { StatusError } from '../status.ts';
import { strategicMergePatch } from './index.ts';

const text: Schema = { type: 'string' };
const strings: Schema = { type: 'array', items: text };
const object = (definition: string, properties: Record<string, Schema>, more: Partial<Schema> = {}): Schema => ({
  definition: `io.example.v1.${definition}`,
  type: 'object',
  properties: new Map(Object.entries(properties)),
  ...more,
});
const mergedBy = (patchMergeKey: string, items: Schema): Schema => ({ type: 'array', items, patchStrategy: ['merge'], patchMergeKey });

const env = object('EnvVar', { name: text, value: text });
const container = object('Container', { name: text, image: text, args: strings, env: mergedBy('name', env) });
const schema = object('Thing', {
  labels: { type: 'object', additionalProperties: text },
  finalizers: { type: 'array', items: text, patchStrategy: ['merge'] },
  args: strings,
  containers: mergedBy('name', container),
  broken: { type: 'array', items: env, patchStrategy: ['merge'] },
  volumes: { ...mergedBy('name', object('Volume', { name: text, a: text, b: text })), patchStrategy: ['merge', 'retainKeys'] },
  strategy: object(
    'Strategy',
    { type: text, rollingUpdate: object('RollingUpdate', { maxSurge: text }) },
    { patchStrategy: ['retainKeys'] },
  ),
  whole: object('Whole', { a: text, b: text }, { patchStrategy: ['replace'] }),
});

const patched = (target: Record<string, unknown>, patch: unknown): unknown => {
  const before = JSON.stringify([target, patch]);
  const result = strategicMergePatch(schema, target, patch);
  expect(JSON.stringify([target, patch])).toBe(before);
  return result;
};
const refusal = (target: Record<string, unknown>, patch: unknown): [number, string, string] => {
  try {
    strategicMergePatch(schema, target, patch);
  } catch (error) {
    if (error instanceof StatusError) return [error.code, error.reason, error.message];
    throw error;
  }
  throw new Error('was accepted');
};
const names = (...list: string[]): { name: string }[] => list.map(name => ({ name }));

describe('maps', () => {
  test('merge, and null removes', () => {
    expect(patched({ labels: { a: '1', b: '2' }, args: ['x'] }, { labels: { a: null, c: '3' } })).toEqual({
      labels: { b: '2', c: '3' },
      args: ['x'],
    });
  });
  test('$patch: replace and delete', () => {
    expect(patched({ labels: { a: '1' } }, { labels: { $patch: 'replace', b: '2' } })).toEqual({ labels: { b: '2' } });
    expect(patched({ labels: { a: '1' } }, { labels: { $patch: 'delete' } })).toEqual({ labels: {} });
    expect(patched({}, { labels: { $patch: 'delete' } })).toEqual({});
    expect(patched({ whole: { a: '1' } }, { whole: { b: '2' } })).toEqual({ whole: { b: '2' } });
    expect(refusal({ labels: { a: '1' } }, { labels: { $patch: 'merge', b: '2' } })).toEqual([
      500,
      '',
      'unknown patch type: merge in map: map[$patch:merge b:2]',
    ]);
  });
  test('$retainKeys drops what it does not name', () => {
    const before = { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '1' } } };
    expect(patched(before, { strategy: { $retainKeys: ['type'], type: 'Recreate' } })).toEqual({ strategy: { type: 'Recreate' } });
    expect(patched({ volumes: [{ name: 'v', a: '1' }] }, { volumes: [{ $retainKeys: ['name', 'b'], name: 'v', b: '2' }] })).toEqual({
      volumes: [{ name: 'v', b: '2' }],
    });
    expect(refusal(before, { strategy: { $retainKeys: ['type'], rollingUpdate: {} } })).toEqual([
      400,
      'BadRequest',
      'invalid patch format of retainKeys',
    ]);
  });
  test('what was not there comes without nulls', () => {
    expect(patched({}, { strategy: { type: null, rollingUpdate: { maxSurge: '1' } } })).toEqual({
      strategy: { rollingUpdate: { maxSurge: '1' } },
    });
  });
  test('a null patch changes nothing', () => {
    expect(patched({ args: ['x'] }, null)).toEqual({ args: ['x'] });
  });
});

describe('lists of objects', () => {
  test('merge by key: new ones first, the order of the patch before the order of the object', () => {
    expect(patched({ containers: names('a', 'b') }, { containers: [{ name: 'c' }] })).toEqual({ containers: names('c', 'a', 'b') });
    expect(patched({ containers: names('a', 'b', 'c') }, { containers: names('c', 'a') })).toEqual({ containers: names('b', 'c', 'a') });
    expect(
      patched(
        { containers: [{ name: 'a', image: '1', env: [{ name: 'X', value: '1' }] }] },
        { containers: [{ name: 'a', env: [{ name: 'Y', value: '2' }] }] },
      ),
    ).toEqual({
      containers: [
        {
          name: 'a',
          image: '1',
          env: [
            { name: 'Y', value: '2' },
            { name: 'X', value: '1' },
          ],
        },
      ],
    });
  });
  test('delete one, replace all', () => {
    expect(patched({ containers: names('a', 'b') }, { containers: [{ name: 'a', $patch: 'delete' }] })).toEqual({ containers: names('b') });
    expect(patched({ containers: names('a', 'b') }, { containers: [{ $patch: 'replace' }, { name: 'z' }] })).toEqual({
      containers: names('z'),
    });
    expect(patched({}, { containers: [{ name: 'a', $patch: 'delete' }, { name: 'b' }] })).toEqual({ containers: names('b') });
  });
  test('$setElementOrder', () => {
    expect(patched({ containers: names('a', 'b', 'c') }, { '$setElementOrder/containers': names('c', 'a') })).toEqual({
      containers: names('b', 'c', 'a'),
    });
    expect(
      patched(
        { containers: names('a', 'b') },
        { '$setElementOrder/containers': names('b', 'z', 'a'), containers: [{ name: 'z', image: '1' }] },
      ),
    ).toEqual({ containers: [{ name: 'b' }, { name: 'z', image: '1' }, { name: 'a' }] });
    expect(patched({}, { '$setElementOrder/containers': names('a') })).toEqual({});
    expect(refusal({ containers: names('a') }, { '$setElementOrder/containers': names('b'), containers: names('c') })[2]).toBe(
      "The order in patch list:\n[map[name:c]]\n doesn't match $setElementOrder list:\n[map[name:b]]\n",
    );
  });
  test('refusals', () => {
    expect(refusal({ containers: names('a') }, { containers: [{ image: 'i:9' }] })).toEqual([
      500,
      '',
      'map: map[image:i:9] does not contain declared merge key: name',
    ]);
    expect(refusal({ containers: names('a') }, { containers: [{ name: 'a', $patch: 'merge' }] })[2]).toBe(
      'merging lists cannot yet be specified in the patch',
    );
    expect(refusal({ containers: names('a') }, { containers: ['a'] })[2]).toBe('list element types are not identical: [[map[name:a]] [a]]');
    expect(refusal({ broken: names('a') }, { broken: names('a') })[2]).toBe('cannot merge lists without merge key for struct');
    expect(refusal({ finalizers: [['a']] }, { finalizers: ['a'] })).toEqual([
      422,
      'Invalid',
      'the server rejected our request due to an error in our request',
    ]);
  });
  test('a list where the object has something else takes its place', () => {
    expect(patched({ containers: names('a') }, { containers: 'x' })).toEqual({ containers: 'x' });
  });
});

describe('lists of primitives', () => {
  test('are replaced, or merged without repetition', () => {
    expect(patched({ args: ['a', 'b'] }, { args: ['c'] })).toEqual({ args: ['c'] });
    expect(patched({ finalizers: ['a', 'b'] }, { finalizers: ['c', 'b'] })).toEqual({ finalizers: ['c', 'a', 'b'] });
  });
  test('$deleteFromPrimitiveList', () => {
    expect(patched({ finalizers: ['a', 'b'] }, { '$deleteFromPrimitiveList/finalizers': ['a', 'x'] })).toEqual({ finalizers: ['b'] });
    expect(
      patched(
        { finalizers: ['a', 'b'] },
        { finalizers: ['c'], '$deleteFromPrimitiveList/finalizers': ['a'], '$setElementOrder/finalizers': ['b', 'c'] },
      ),
    ).toEqual({ finalizers: ['b', 'c'] });
    expect(patched({}, { '$deleteFromPrimitiveList/finalizers': ['a'] })).toEqual({});
    expect(refusal({}, { $deleteFromPrimitiveList: ['a'] })[2]).toBe('invalid patch format of primitive list');
  });
});

describe('hostile patches', () => {
  test('cannot reach prototypes', () => {
    const result = strategicMergePatch(schema, { labels: {} }, JSON.parse('{"__proto__":{"polluted":"1"},"labels":{"__proto__":"x"}}'));
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect((result as Record<string, unknown>)['polluted']).toBeUndefined();
    expect(patched({}, { constructor: null })).toEqual({});
  });
  test('cannot be nested without end', () => {
    let deep: unknown = {};
    for (let i = 0; i < 5000; i++) deep = { labels: deep };
    expect(refusal({}, deep)[0]).toBe(400);
  });
  test('of another type', () => {
    expect(refusal({}, [])[2]).toBe('json: cannot unmarshal array into Go value of type map[string]interface {}');
  });
});
