import { describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../../kinds/object.ts';
import { atRevision, copyJson, listItem, parse, sameJson, serialize, withRevision } from './wire.ts';

const object = (): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'ä', resourceVersion: '7', labels: { a: 'b' } },
  data: { x: '1' },
});
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('utf8');

describe('the stored form', () => {
  test('carries the revision at its known place', () => {
    const bytes = atRevision(serialize(object()), 42);
    expect(text(bytes)).toMatch(/^\{"kind":"ConfigMap","apiVersion":"v1","metadata":\{"resourceVersion":"42",/);
    expect(parse(bytes)).toEqual({ ...object(), metadata: { ...object().metadata, resourceVersion: '42' } });
  });

  test('of an object with nothing but a revision', () => {
    const bare = { apiVersion: 'v1', kind: 'X', metadata: {} } as unknown as KubeObject;
    expect(parse(atRevision(serialize(bare), 1))).toEqual({ ...bare, metadata: { resourceVersion: '1' } });
  });

  test('takes another revision, also when somebody else wrote it', () => {
    const bytes = atRevision(serialize(object()), 9);
    expect(parse(withRevision(bytes, 'v1', 'ConfigMap', 10_000)).metadata.resourceVersion).toBe('10000');
    const foreign = Buffer.from(JSON.stringify(object()));
    expect(parse(withRevision(foreign, 'v1', 'ConfigMap', 11)).metadata).toEqual({ ...object().metadata, resourceVersion: '11' });
  });

  test('as a list item has neither kind nor version', () => {
    const { kind: _, apiVersion: __, ...item } = object();
    for (const bytes of [atRevision(serialize(object()), 7), Buffer.from(JSON.stringify(object()))]) {
      expect(JSON.parse(`{${text(listItem(bytes, 'v1', 'ConfigMap'))}`)).toEqual(item);
    }
  });
});

describe('plain JSON', () => {
  test('copies are deep, drop undefined and keep hostile keys as data', () => {
    const source = JSON.parse('{"a":[{"b":1}],"__proto__":{"x":1}}');
    const copy = copyJson({ ...source, none: undefined, own: source });
    expect(Object.keys(copy)).toEqual(['a', '__proto__', 'own'].filter(key => Object.hasOwn(copy, key)));
    expect(copy.own).toEqual(source);
    expect(copy.own.a[0]).not.toBe(source.a[0]);
    expect(Object.getPrototypeOf(copy.own)).toBe(Object.prototype);
  });

  test('sameness ignores order and undefined, nothing else', () => {
    expect(sameJson({ a: 1, b: [1, { c: null }] }, { b: [1, { c: null }], a: 1, d: undefined })).toBe(true);
    expect(sameJson({ a: 1 }, { a: 1, b: 0 })).toBe(false);
    expect(sameJson({ a: 1, b: 0 }, { a: 1 })).toBe(false);
    expect(sameJson([1, 2], [2, 1])).toBe(false);
    expect(sameJson([], {})).toBe(false);
    expect(sameJson(null, {})).toBe(false);
  });
});
