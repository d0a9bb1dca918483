/** `vectors.json`: objects as JSON and in protobuf, both written by client-go v0.36.3's own encoders; the last is a framed watch event. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../object.ts';
import { definitionOf } from '../schema/data.ts';
import { conform, decodeBody, type Target } from '../schema/decode.ts';
import { StatusError } from '../status.ts';
import { openEnvelope } from './envelope.ts';
import {
  decodeProtobuf,
  encodeList,
  encodeMessage,
  encodeObject,
  encodePartialList,
  sealEnvelope,
  statedApiVersion,
  watchFrame,
} from './index.ts';

interface Vector {
  readonly name: string;
  readonly object: KubeObject;
  readonly protobuf: string;
}
const vectors = JSON.parse(readFileSync(new URL('./vectors.json', import.meta.url), 'utf8')) as Vector[];
const bytesOf = ({ protobuf }: Vector): Uint8Array => Buffer.from(protobuf, 'base64');
const vector = (name: string): Vector => {
  const found = vectors.find(one => one.name === name);
  if (!found) throw new Error(`no vector ${name}`);
  return found;
};

const targetOf = (apiVersion: string, kind: string): Target => {
  const schema = definitionOf(apiVersion, kind);
  if (!schema) throw new Error(`no schema of ${apiVersion} ${kind}`);
  const [version = '', group = ''] = apiVersion.split('/').reverse();
  return { group, version, kind, schema };
};
const configMap = targetOf('v1', 'ConfigMap');
const fromJson = (target: Target, object: unknown): KubeObject =>
  decodeBody(target, Buffer.from(JSON.stringify(object)), 'json', { strict: false }).object;
const refusal = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof StatusError) return `${error.code} ${error.message}`;
    throw error;
  }
  return 'accepted';
};

const objects = vectors.filter(({ object, name }) => name !== 'event ADDED' && definitionOf(object.apiVersion, object.kind));

describe('what client-go sends', () => {
  test.each(objects.map(one => [one.name, one] as const))('%s is the same object as in JSON', (_, one) => {
    const target = targetOf(one.object.apiVersion, one.object.kind);
    const { object, problems } = decodeProtobuf(target, bytesOf(one));
    expect(problems).toEqual([]);
    expect(object).toEqual(fromJson(target, one.object));
  });

  test('keys of maps are data', () => {
    const { object } = decodeProtobuf(configMap, bytesOf(vector('v1 ConfigMap')));
    expect(Object.keys(object['data'] as object).sort()).toEqual(['__proto__', 'x', 'y']);
    expect(Object.getPrototypeOf(object['data'])).toBe(Object.prototype);
  });

  test('the stated version is read without the object', () => {
    expect(statedApiVersion(bytesOf(vector('policy/v1 Eviction')))).toBe('policy/v1');
    expect(statedApiVersion(Buffer.from('{}'))).toBeUndefined();
  });
});

describe('what is written', () => {
  test.each(objects.map(one => [one.name, one] as const))('%s reads back as it was', (_, one) => {
    const target = targetOf(one.object.apiVersion, one.object.kind);
    const object = fromJson(target, one.object);
    const bytes = encodeObject(object);
    if (!bytes) throw new Error('not encoded');
    expect(decodeProtobuf(target, bytes).object).toEqual(object);
    expect(conform(target.schema, object, { strict: false }).object).toEqual(object);
  });

  test('a list is made of messages made before', () => {
    const item = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data: { x: '1' } };
    const message = encodeMessage(item);
    if (!message) throw new Error('not encoded');
    const list = encodeList('v1', 'ConfigMapList', { resourceVersion: '9' }, [message, message]);
    const { apiVersion: _, kind: __, ...bare } = item;
    expect(decodeProtobuf(targetOf('v1', 'ConfigMapList'), list).object).toEqual({
      apiVersion: 'v1',
      kind: 'ConfigMapList',
      metadata: { resourceVersion: '9' },
      items: [bare, bare],
    });
  });

  test.each([
    ['meta.k8s.io/v1', [1, 2]],
    ['meta.k8s.io/v1beta1', [2, 1]],
  ])('metadata alone in %s has its fields where client-go has them', (apiVersion, order) => {
    const object = { apiVersion: 'example.com/v1', kind: 'Custom', metadata: { name: 'a' } };
    const fieldsOf = (bytes: Uint8Array): Map<number, string> => {
      const { raw, kind } = openEnvelope(bytes);
      expect(kind).toBe('PartialObjectMetadataList');
      const fields = new Map<number, string>();
      // All lengths here fit in one byte.
      for (let at = 0; at < raw.length; at += 2 + (raw[at + 1] ?? 0))
        fields.set((raw[at] ?? 0) >> 3, Buffer.from(raw.subarray(at + 2, at + 2 + (raw[at + 1] ?? 0))).toString('latin1'));
      return fields;
    };
    const ours = fieldsOf(encodePartialList([object], { resourceVersion: '9' }, apiVersion));
    const theirs = fieldsOf(bytesOf(vector(`${apiVersion} PartialObjectMetadataList`)));
    for (const fields of [ours, theirs]) {
      expect(fields.get(order[0] ?? 0)).toContain('\x12\x019');
      expect(fields.get(order[1] ?? 0)).toContain('\x01a');
    }
  });

  test('an object is its metadata where only that is asked for', () => {
    const bytes = encodeObject({ apiVersion: 'meta.k8s.io/v1', kind: 'PartialObjectMetadata', metadata: { name: 'a' } });
    expect(bytes && openEnvelope(bytes)).toMatchObject({ apiVersion: 'meta.k8s.io/v1', kind: 'PartialObjectMetadata' });
  });

  test('an event of a watch is framed as client-go frames it', () => {
    const theirs = Buffer.from(bytesOf(vector('event ADDED')));
    const envelope = theirs.subarray(theirs.indexOf('k8s\0'));
    expect(Buffer.from(watchFrame('ADDED', envelope))).toEqual(theirs);
  });

  test('kinds without a message are not encoded', () => {
    expect(encodeObject({ apiVersion: 'example.com/v1', kind: 'Custom', metadata: { name: 'a' } })).toBeUndefined();
    expect(encodeObject({ apiVersion: 'meta.k8s.io/v1', kind: 'Table', metadata: { name: '' } })).toBeUndefined();
  });
});

describe('what cannot be read', () => {
  test.each([
    [Buffer.from(''), 'empty data (<empty>)'],
    [Buffer.from('k8s\0'), 'empty body (6b387300)'],
    [Buffer.from('hello'), 'provided data does not appear to be a protobuf message, expected prefix [107 56 115 0] (68656c6c6f)'],
  ])('%# is refused in Go words', (body, why) => {
    expect(refusal(() => decodeProtobuf(configMap, body))).toBe(
      `400 the object provided is unrecognized (must be of type ConfigMap): ${why}`,
    );
  });

  test('another kind', () => {
    expect(refusal(() => decodeProtobuf(configMap, bytesOf(vector('v1 Secret'))))).toBe(
      '400 Secret in version "v1" cannot be handled as a ConfigMap: converting (v1.Secret) to (core.ConfigMap): unknown conversion',
    );
  });

  test('a wrong wire type, and a length beyond the end', () => {
    const refused = (raw: number[]) => refusal(() => decodeProtobuf(configMap, sealEnvelope('v1', 'ConfigMap', [Uint8Array.from(raw)])));
    expect(refused([0x08, 1])).toBe(
      '400 ConfigMap in version "v1" cannot be handled as a ConfigMap: proto: wrong wireType = 0 for a field of type v1.ObjectMeta',
    );
    expect(refused([0x0a, 0x7f])).toBe('400 ConfigMap in version "v1" cannot be handled as a ConfigMap: unexpected EOF');
    // The inner message claims a byte of the outer one.
    expect(refused([0x0a, 0x03, 0x0a, 0x02, 0x61, 0x62])).toBe(
      '400 ConfigMap in version "v1" cannot be handled as a ConfigMap: unexpected EOF',
    );
  });

  test('however a body is cut or changed, the answer is a refusal or an object', () => {
    for (const one of objects) {
      const target = targetOf(one.object.apiVersion, one.object.kind);
      const bytes = bytesOf(one);
      for (let length = 0; length < bytes.length; length += 3) refusal(() => decodeProtobuf(target, bytes.subarray(0, length)));
      for (let at = 4; at < bytes.length; at += 3) {
        const changed = Uint8Array.from(bytes);
        changed[at] = (changed[at] ?? 0) ^ 0xff;
        refusal(() => decodeProtobuf(target, changed));
      }
    }
  });

  test('nesting without end', () => {
    // JSONSchemaProps.not (field 28) inside itself.
    let schema: Buffer = Buffer.alloc(0);
    const wrap = (tag: readonly number[], content: Buffer): Buffer => {
      const length: number[] = [];
      for (let rest = content.length; ; rest >>>= 7) {
        length.push(rest > 127 ? (rest & 127) | 128 : rest);
        if (rest <= 127) return Buffer.concat([Buffer.from([...tag, ...length]), content]);
      }
    };
    for (let depth = 0; depth < 5000; depth++) schema = wrap([0xe2, 0x01], schema);
    const raw = wrap([0x12], wrap([0x3a], wrap([0x22], wrap([0x0a], schema))));
    const target = targetOf('apiextensions.k8s.io/v1', 'CustomResourceDefinition');
    const answer = refusal(() => decodeProtobuf(target, sealEnvelope('apiextensions.k8s.io/v1', 'CustomResourceDefinition', [raw])));
    expect(answer).toMatch(/^400 .*exceeded max depth$/);
  });
});

test('fields of later releases are skipped', () => {
  const body = sealEnvelope('v1', 'ConfigMap', [Uint8Array.from([0x0a, 0x03, 0x0a, 0x01, 0x61, 0xfa, 0x3e, 0x02, 0x08, 0x01])]);
  expect(decodeProtobuf(configMap, body).object).toEqual({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } });
});
