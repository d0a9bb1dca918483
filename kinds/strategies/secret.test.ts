import { describe, expect, test } from '@jest/globals';
import type { ConfigMap, Secret } from '../types.ts';
import { configMap, decodedLength } from './config-map.ts';
import { secret } from './secret.ts';

const metadata = { name: 'a', namespace: 'n' };
const base64 = (text: string) => Buffer.from(text).toString('base64');
const texts = (errors: { field: string; message: string }[] = []) => errors.map(e => `${e.field}: ${e.message}`);
const ofSecret = (fields: Partial<Secret>): Secret => ({ apiVersion: 'v1', kind: 'Secret', metadata, ...fields });
const ofMap = (fields: Partial<ConfigMap>): ConfigMap => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata, ...fields });

test('what is written as text becomes data', () => {
  const object = ofSecret({ data: { a: base64('old'), b: base64('b') }, stringData: { a: 'new' } });
  secret.defaults?.(object);
  expect(object).toEqual(ofSecret({ type: 'Opaque', data: { a: base64('new'), b: base64('b') } }));
});

test.each<[string, Partial<Secret>, string[]]>([
  ['bad key', { data: { 'a b': '' } }, ['data[a b]: Invalid value: "a b": a valid config key must consist of']],
  ['too much', { data: { a: base64('x'.repeat(1024 * 1024 + 1)) } }, ['data: Too long: may not be more than 1048576 bytes']],
  ['no certificate', { type: 'kubernetes.io/tls' }, ['data[tls.crt]: Required value', 'data[tls.key]: Required value']],
  ['no key', { type: 'kubernetes.io/ssh-auth' }, ['data[ssh-privatekey]: Required value']],
  ['a user is enough', { type: 'kubernetes.io/basic-auth', data: { username: '' } }, []],
  ['neither user nor password', { type: 'kubernetes.io/basic-auth' }, ['data[username]: Required value', 'data[password]: Required value']],
  [
    'contents are not shown',
    { type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': base64('{"a') } },
    ['data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": unexpected end of JSON input'],
  ],
  ['types of others', { type: 'toString' }, []],
])('%s', (_, fields, expected) => {
  const errors = texts(secret.validate?.(ofSecret({ type: 'Opaque', ...fields })));
  expect(errors).toHaveLength(expected.length);
  for (const [i, text] of expected.entries()) expect(errors[i]).toContain(text);
});

describe('what is marked immutable', () => {
  const frozen = 'Forbidden: field is immutable when `immutable` is set';
  test.each<[string, Partial<ConfigMap>, string[]]>([
    ['stays', { immutable: true, data: { a: '1' } }, []],
    ['stays immutable', { data: { a: '1' } }, [`immutable: ${frozen}`]],
    ['keeps its data', { immutable: true, data: { a: '2' } }, [`data: ${frozen}`]],
    ['keeps its binary data', { immutable: true, data: { a: '1' }, binaryData: { b: '' } }, [`binaryData: ${frozen}`]],
  ])('%s', (_, fields, expected) => {
    expect(texts(configMap.validateUpdate?.(ofMap(fields), ofMap({ immutable: true, data: { a: '1' } })))).toEqual(expected);
  });
  test('a secret, too; and its type never changes', () => {
    const previous = ofSecret({ type: 'Opaque', immutable: true, data: { a: '' } });
    expect(texts(secret.validateUpdate?.(ofSecret({ type: 'b', immutable: true }), previous))).toEqual([
      'type: Invalid value: "b": field is immutable',
      `data: ${frozen}`,
    ]);
  });
});

test('a key is in one of both maps', () => {
  expect(texts(configMap.validate?.(ofMap({ data: { a: '' }, binaryData: { a: '' } })))).toEqual([
    'data[a]: Invalid value: "a": duplicate of key present in binaryData',
  ]);
});

test.each(['', 'a', 'ab', 'abc', 'abcd'])('length of %p', text => {
  expect(decodedLength(base64(text))).toBe(text.length);
});
