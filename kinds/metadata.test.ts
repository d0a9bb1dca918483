import { describe, expect, test } from '@jest/globals';
import * as metadata from './metadata.ts';
import type { KubeObject, ObjectMeta } from './object.ts';

const object = (meta: Partial<ObjectMeta>): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'a', namespace: 'b', ...meta },
});
const namespaced = { namespaced: true, strategy: {} };
const texts = (errors: { field: string; message: string }[]) => errors.map(e => `${e.field}: ${e.message}`);
const long = 'x'.repeat(64);

describe('name rules', () => {
  test.each<[metadata.Rule, string, number, string?]>([
    [metadata.isDns1123Subdomain, 'a.b-c', 0],
    [metadata.isDns1123Subdomain, 'A', 1, 'a lowercase RFC 1123 subdomain'],
    [metadata.isDns1123Subdomain, 'a\n', 1],
    [metadata.isDns1123Subdomain, 'a'.repeat(254), 1, 'must be no more than 253 characters'],
    [metadata.isDns1123Label, 'a.b', 1, 'must not contain dots'],
    [metadata.isDns1123Label, long, 1, 'must be no more than 63 characters'],
    [metadata.isDns1035Label, '1a', 1, 'a DNS-1035 label'],
    [metadata.isQualifiedName, 'example.com/a_b', 0],
    [metadata.isQualifiedName, '/a', 1, 'prefix part must be non-empty'],
    [metadata.isQualifiedName, 'a/', 2, 'name part must be non-empty'],
    [metadata.isQualifiedName, 'a/b/c', 1, 'a valid label key must consist'],
    [metadata.isQualifiedName, long, 1, 'name part must be no more than 63 bytes'],
    [metadata.isQualifiedName, 'Ä/a', 1, 'prefix part a lowercase'],
    [metadata.isLabelValue, '', 0],
    [metadata.isLabelValue, '-', 1, 'a valid label must be'],
    [metadata.isConfigMapKey, '..a', 1, "must not start with '..'"],
    [metadata.isConfigMapKey, 'a b', 1, 'a valid config key'],
    [metadata.isEnvironmentName, 'a b', 0],
    [metadata.isEnvironmentName, 'a=b', 1, 'a valid environment variable name'],
    [metadata.isPathSegment, '..', 1, "may not be '..'"],
    [metadata.isPathSegment, 'a/b%', 2, "may not contain '/'"],
    [metadata.isPortName, 'http--1-', 2, 'must not contain consecutive hyphens'],
    [metadata.isPortName, '80', 1, 'must contain at least one letter (a-z)'],
    [metadata.isWildcardDns1123Subdomain, '*.a.b', 0],
    [metadata.isWildcardDns1123Subdomain, '*', 1],
  ])('%p of %p', (rule, value, count, begin = '') => {
    const problems = rule(value);
    expect(problems).toHaveLength(count);
    if (count) expect(problems[0]).toContain(begin);
  });

  test('hostile input is judged in linear time', () => {
    expect(metadata.isDns1123Subdomain(`${'a-'.repeat(200_000)}!`)).toHaveLength(2);
    expect(metadata.isQualifiedName(`${'a.'.repeat(200_000)}!`)).toHaveLength(2);
  });
});

describe('creation', () => {
  test.each<[string, Partial<ObjectMeta>, string[]]>([
    ['nothing wrong', { labels: { a: 'b' }, annotations: { 'A.b/C': '' }, finalizers: ['x.y/z'] }, []],
    ['no name', { name: '' }, ['metadata.name: Required value: name or generateName is required']],
    [
      'bad finalizer pair',
      { finalizers: ['orphan', 'foregroundDeletion'] },
      ['metadata.finalizers: Invalid value: ["orphan","foregroundDeletion"]: finalizer orphan and foregroundDeletion cannot be both set'],
    ],
    ['no namespace', { namespace: '' }, ['metadata.namespace: Required value']],
    ['negative generation', { generation: -1 }, ['metadata.generation: Invalid value: -1: must be greater than or equal to 0']],
    [
      'annotations too large',
      { annotations: { a: 'x'.repeat(300_000) } },
      ['metadata.annotations: Too long: may not be more than 262144 bytes'],
    ],
    [
      'owner without identity',
      { ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: '', uid: '' }] },
      [
        'metadata.ownerReferences.name: Invalid value: "": must not be empty',
        'metadata.ownerReferences.uid: Invalid value: "": must not be empty',
      ],
    ],
    [
      'managed by nobody',
      { managedFields: [{ manager: 'a' }] },
      ['metadata.managedFields[0].operation: Invalid value: "": must be `Apply` or `Update`'],
    ],
  ])('%s', (_, meta, expected) => {
    expect(texts(metadata.validateMetadata(object(meta), namespaced))).toEqual(expected);
  });

  test('two controllers', () => {
    const owner = { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'u', controller: true };
    const errors = metadata.validateMetadata(object({ ownerReferences: [owner, { ...owner, name: 'q' }] }), namespaced);
    expect(errors).toHaveLength(1);
    expect(errors[0]?.message).toContain('Found "true" in references for Pod/p and Pod/q');
  });

  test('a prefix may end in a dash, a name may not', () => {
    expect(metadata.validateMetadata(object({ name: 'a-x', generateName: 'a-' }), namespaced)).toEqual([]);
    expect(metadata.validateMetadata(object({ name: 'a-' }), namespaced)).toHaveLength(1);
  });

  test('a cluster-wide object has no namespace', () => {
    expect(texts(metadata.validateMetadata(object({}), { namespaced: false, strategy: {} }))).toEqual([
      'metadata.namespace: Forbidden: not allowed on this type',
    ]);
  });
});

describe('update', () => {
  const stored = { uid: 'u', resourceVersion: '1', creationTimestamp: '2020-01-01T00:00:00Z' };
  test('fixed fields, as often as upstream reports them', () => {
    const errors = metadata.validateMetadataUpdate(object({ ...stored, uid: 'v' }), object(stored), namespaced);
    expect(texts(errors)).toEqual(Array(2).fill('metadata.uid: Invalid value: "v": field is immutable'));
  });
  test('no new finalizers while being deleted', () => {
    const previous = object({ ...stored, deletionTimestamp: 't', finalizers: ['a.b/c'] });
    const next = object({ ...stored, deletionTimestamp: 't', finalizers: ['a.b/c', 'a.b/d'] });
    expect(metadata.validateMetadataUpdate(next, previous, namespaced)[0]?.message).toBe(
      'Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"a.b/d"}',
    );
    expect(metadata.validateMetadataUpdate(previous, next, namespaced)).toEqual([]);
  });
  test('a bad label', () => {
    const errors = metadata.validateMetadataUpdate(object({ ...stored, labels: { a: '-' } }), object(stored), namespaced);
    expect(errors).toHaveLength(3);
  });
});

describe('how a kind looks at metadata', () => {
  const named = (finalizers: string[], more: object = {}) => object({ uid: 'u', resourceVersion: '1', finalizers, ...more });
  test('a finalizer without a domain is a standard one, but for kinds of the machinery', () => {
    const text = 'metadata.finalizers[0]: Invalid value: "a": name is neither a standard finalizer name nor is it fully qualified';
    expect(texts(metadata.validateMetadata(named(['a']), namespaced))).toEqual([text]);
    expect(metadata.validateMetadata(named(['orphan', 'a.b/c']), namespaced)).toEqual([]);
    const machinery = { namespaced: true, strategy: { metadataChecks: { machinery: true } } };
    expect(metadata.validateMetadata(named(['a']), machinery)).toEqual([]);
  });
  test.each([
    [{ update: [] }, 2],
    [{ update: ['change'] }, 3],
    [{ update: ['whole'] }, 3],
    [{ update: ['whole', 'change'] }, 4],
  ] as const)('%j tells a label that is wrong %i times', (metadataChecks, times) => {
    const next = named([], { labels: { a: '-' } });
    expect(metadata.validateMetadataUpdate(next, named([]), { namespaced: true, strategy: { metadataChecks } })).toHaveLength(times);
  });
});
