import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  difference,
  type FieldSet,
  inOrder,
  intersection,
  isEmpty,
  isMember,
  nothing,
  ofPath,
  onlyMatching,
  paths,
  recursiveDifference,
  union,
} from './field-set.ts';
import { compareElements, keyElement, readElement, showPath, valueElement } from './path-element.ts';

const setOf = (...list: string[]): FieldSet => list.reduce<FieldSet>((set, path) => union(set, ofPath(path.split('/'))), nothing);
const listOf = (set: FieldSet): string[] =>
  paths(set)
    .map(path => path.join('/'))
    .sort();

const element = fc.constantFrom('f:a', 'f:b', 'k:{"name":"x"}', 'v:"1"');
const pathsOfSet = fc.array(
  fc.array(element, { minLength: 1, maxLength: 3 }).map(path => path.join('/')),
  { maxLength: 8 },
);

describe('sets of fields', () => {
  test('keep the form they have on the wire', () => {
    expect(setOf('f:spec/f:replicas', 'f:metadata/f:labels', 'f:metadata/f:labels/f:app')).toEqual({
      'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } },
      'f:spec': { 'f:replicas': {} },
    });
  });

  test('agree with sets of paths', () => {
    fc.assert(
      fc.property(pathsOfSet, pathsOfSet, (left, right) => {
        const [a, b] = [setOf(...left), setOf(...right)];
        const [x, y] = [new Set(left), new Set(right)];
        expect(listOf(union(a, b))).toEqual([...new Set([...x, ...y])].sort());
        expect(listOf(intersection(a, b))).toEqual([...x].filter(path => y.has(path)).sort());
        expect(listOf(difference(a, b))).toEqual([...x].filter(path => !y.has(path)).sort());
        const below = (path: string): boolean => right.some(other => path === other || path.startsWith(`${other}/`));
        expect(listOf(recursiveDifference(a, b))).toEqual([...x].filter(path => !below(path)).sort());
      }),
    );
  });

  test('are never changed, and share what stays', () => {
    fc.assert(
      fc.property(pathsOfSet, pathsOfSet, (left, right) => {
        const [a, b] = [setOf(...left), setOf(...right)];
        const before = JSON.stringify([a, b]);
        union(a, b);
        difference(a, b);
        intersection(a, b);
        recursiveDifference(a, b);
        expect(JSON.stringify([a, b])).toBe(before);
        expect(union(a, a)).toBe(a);
        expect(difference(a, nothing)).toBe(a);
      }),
    );
  });

  test('know members from nodes that only lead to them', () => {
    expect(isMember({})).toBe(true);
    expect(isMember({ '.': {}, 'f:a': {} })).toBe(true);
    expect(isMember({ 'f:a': {} })).toBe(false);
    expect(isEmpty(difference(setOf('f:a'), setOf('f:a')))).toBe(true);
  });

  test('can be reduced to patterns', () => {
    const set = setOf('f:spec/f:containers/k:{"name":"a"}', 'f:spec/f:containers/k:{"name":"a"}/f:resources/f:limits', 'f:spec/f:other');
    expect(listOf(onlyMatching(set, [['f:spec', 'f:containers', '*', 'f:resources']]))).toEqual([
      'f:spec/f:containers/k:{"name":"a"}',
      'f:spec/f:containers/k:{"name":"a"}/f:resources/f:limits',
    ]);
    expect(isEmpty(onlyMatching(set, [['f:status']]))).toBe(true);
  });
});

describe('path elements', () => {
  test('stand in the order of upstream: fields, keys by value, values, indices', () => {
    const written = ['i:10', 'i:9', 'v:"a"', 'v:2', 'v:10', 'k:{"port":443}', 'k:{"port":80}', 'f:b', 'f:a', '.'];
    expect([...written].sort(compareElements)).toEqual([
      '.',
      'f:a',
      'f:b',
      'k:{"port":80}',
      'k:{"port":443}',
      'v:2',
      'v:10',
      'v:"a"',
      'i:9',
      'i:10',
    ]);
    expect(Object.keys(inOrder({ 'f:b': {}, '.': {}, 'f:a': {} }))).toEqual(['.', 'f:a', 'f:b']);
  });
  test('are encoded as Go encodes them', () => {
    expect(keyElement([['name', 'a<b']])).toBe('k:{"name":"a\\u003cb"}');
    expect(
      keyElement([
        ['containerPort', 80],
        ['protocol', 'TCP'],
      ]),
    ).toBe('k:{"containerPort":80,"protocol":"TCP"}');
    expect(valueElement('x')).toBe('v:"x"');
  });
  test('are read into canonical form, or refused', () => {
    expect(readElement('k:{"b":1,  "a":"x"}')).toBe('k:{"a":"x","b":1}');
    expect(readElement('x:future')).toBeUndefined();
    expect(() => readElement('no colon')).toThrow(SyntaxError);
    expect(() => readElement('k:[1]')).toThrow(SyntaxError);
    expect(() => readElement('i:x')).toThrow(SyntaxError);
  });
  test('are shown as conflicts show them', () => {
    expect(showPath(['f:spec', 'f:containers', 'k:{"name":"main"}', 'f:image'])).toBe('.spec.containers[name="main"].image');
    expect(showPath(['f:ports', 'k:{"port":80,"protocol":"TCP"}'])).toBe('.ports[port=80,protocol="TCP"]');
    expect(showPath(['f:finalizers', 'v:"x"'])).toBe('.finalizers[="x"]');
  });
});
