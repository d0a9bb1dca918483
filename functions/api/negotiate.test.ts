import { describe, expect, test } from '@jest/globals';
import { StatusError } from '../../kinds/status.ts';
import { bodyType, negotiate, patchType } from './negotiate.ts';

const protobuf = 'application/vnd.kubernetes.protobuf';
const as = (kind: string, version = 'v1') => `;as=${kind};g=meta.k8s.io;v=${version}`;
const code = (run: () => unknown): number => {
  try {
    run();
  } catch (error) {
    if (error instanceof StatusError) return error.code;
    throw error;
  }
  return 200;
};

describe('the form of an answer', () => {
  test('the first form that is served, by quality', () => {
    expect(negotiate(null, false, true)).toEqual({ mediaType: 'json' });
    expect(negotiate('application/yaml;q=0.5, application/json;q=0.9', false, true)).toEqual({ mediaType: 'json' });
    expect(negotiate(`application/cbor, ${protobuf}, application/json`, false, true)).toEqual({ mediaType: 'protobuf' });
    expect(negotiate(`application/json, ${protobuf}`, false, true)).toEqual({ mediaType: 'json' });
    expect(negotiate('*/*', false, true)).toEqual({ mediaType: 'json' });
  });

  test('custom resources are not sent in protobuf, but for their metadata', () => {
    expect(negotiate(`${protobuf}, application/json`, false, false)).toEqual({ mediaType: 'json' });
    expect(code(() => negotiate(protobuf, false, false))).toBe(406);
    expect(negotiate(protobuf + as('PartialObjectMetadata'), false, false)).toEqual({
      mediaType: 'protobuf',
      transform: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1' },
    });
  });

  test('there are no Tables of what can only be posted', () => {
    expect(code(() => negotiate(`application/json${as('Table')}`, false, true, false))).toBe(406);
    expect(negotiate(`application/json${as('Table')}, application/json`, false, true, false)).toEqual({ mediaType: 'json' });
  });

  test('there are no Tables in protobuf', () => {
    expect(code(() => negotiate(protobuf + as('Table'), false, true))).toBe(406);
    expect(negotiate(`${protobuf}${as('Table')}, application/json${as('Table')}`, false, true)).toEqual({
      mediaType: 'json',
      transform: { kind: 'Table', apiVersion: 'meta.k8s.io/v1' },
    });
  });

  test('names of object members are no media types', () => {
    for (const header of ['constructor', '__proto__', 'application/xml']) expect(code(() => negotiate(header, false, true))).toBe(406);
    expect(code(() => patchType('constructor'))).toBe(415);
  });
});

test('the form of a body', () => {
  expect(bodyType(null)).toBe('json');
  expect(bodyType('Application/JSON; charset=utf-8')).toBe('json');
  expect(bodyType(protobuf)).toBe('protobuf');
  expect(code(() => bodyType('application/cbor'))).toBe(415);
});
