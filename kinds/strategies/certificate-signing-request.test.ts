import { describe, expect, test } from '@jest/globals';
import type * as generated from '@kubernetes/client-node';
import type { StrategyContext } from '../strategy.ts';
import type { Kind } from '../types.ts';
import { certificateProblem, requestProblem } from './certificate-request.ts';
import { certificateSigningRequest as strategy } from './certificate-signing-request.ts';

type Request = Kind<generated.V1CertificateSigningRequest>;
const base64 = (text: string) => Buffer.from(text).toString('base64');
const pem = `-----BEGIN CERTIFICATE REQUEST-----
MIHRMHoCAQAwGDEKMAgGA1UECgwBZzEKMAgGA1UEAwwBdTBZMBMGByqGSM49AgEG
CCqGSM49AwEHA0IABMP8ITNNpmTi7Rmf7WUkPwdfQQ+oJrZFK3HQ61T60DZz4ku7
BI3VL2cUD/g5uj4BQeyBRPMxdyA8GaxPxQ502iygADAKBggqhkjOPQQDAgNHADBE
AiA0G9xfmQH/5Aqurru6yjqVkzRIu1rHga2TKd+kMkXkMwIgaaBwRW67Re/3cyGq
Sdf8mrfJaHIe4A474qMPykcSQOw=
-----END CERTIFICATE REQUEST-----
`;
const signerName = 'example.com/signer';
const context: StrategyContext = {
  clock: { now: () => 0, after: () => () => undefined },
  random: { next: () => 0, uuid: () => 'u' },
  user: { name: 'jane', uid: '7', groups: ['g'], extra: { a: ['b'] } },
};
const texts = (errors: { field: string; message: string }[] = []) => errors.map(e => `${e.field}: ${e.message}`);
const request = (spec: object = {}, status: object = {}): Request => ({
  apiVersion: 'certificates.k8s.io/v1',
  kind: 'CertificateSigningRequest',
  metadata: { name: 'r' },
  spec: { request: base64(pem), signerName, usages: ['client auth'], ...spec } as Request['spec'],
  status,
});
const decided = (type: string, fields: object = {}) => ({ conditions: [{ type, status: 'True', ...fields }] });

describe('requests', () => {
  test.each<[string, string, string | undefined]>([
    ['signed by its key', pem, undefined],
    ['text around it', `hello\n${pem}bye`, undefined],
    ['another block', pem.replaceAll('CERTIFICATE REQUEST', 'CERTIFICATE'), 'PEM block type must be CERTIFICATE REQUEST'],
    ['no block', 'x', 'PEM block type must be CERTIFICATE REQUEST'],
    ['an altered signature', pem.replace('kcSQ', 'kcSR'), 'x509: ECDSA verification failure'],
    ['another subject', pem.replace('MAgGA1UECgwBZ', 'MAgGA1UECgwBa'), 'x509: ECDSA verification failure'],
  ])('%s', (_, text, problem) => {
    expect(requestProblem(base64(text))).toBe(problem);
  });
  test('cut short', () => {
    const body = 'MIHRMHoCAQAwGDEKMAgGA1UECgwBZzEK';
    expect(requestProblem(base64(`-----BEGIN CERTIFICATE REQUEST-----\n${body}\n-----END CERTIFICATE REQUEST-----\n`))).toContain('asn1');
  });
  test('hostile input is judged in linear time', () => {
    expect(requestProblem(base64('-----BEGIN CERTIFICATE REQUEST-----\n'.repeat(50_000)))).toContain('PEM block type');
  });
  test.each<[string, string | undefined]>([
    ['', undefined],
    ['x', 'must contain at least one CERTIFICATE PEM block'],
    [pem, 'only CERTIFICATE PEM blocks are allowed, found "CERTIFICATE REQUEST"'],
    ['-----BEGIN CERTIFICATE-----\na: b\n\n-----END CERTIFICATE-----', 'no PEM block headers are permitted'],
    ['-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----', 'found CERTIFICATE PEM block containing 0 certificates'],
  ])('certificates %p', (text, problem) => {
    expect(certificateProblem(base64(text))).toBe(problem);
  });
});

test('who asks is recorded, whatever they say', () => {
  const object = request({ username: 'admin', groups: ['system:masters'] }, decided('Approved'));
  strategy.prepareForCreate?.(object, context);
  expect(object.spec).toEqual({
    ...request().spec,
    username: 'jane',
    uid: '7',
    groups: ['g'],
    extra: { a: ['b'] },
  });
  expect(object.status).toEqual({});
});

test.each<[string, object, string[]]>([
  ['nothing wrong', {}, []],
  ['no usages', { usages: [] }, ['spec.usages: Required value']],
  ['a usage twice', { usages: ['signing', 'signing'] }, ['spec.usages[1]: Duplicate value: "signing"']],
  [
    'a signer without domain',
    { signerName: 'x' },
    [`spec.signerName: Invalid value: "x": must be a fully qualified domain and path of the form 'example.com/signer-name'`],
  ],
  [
    'too short',
    { expirationSeconds: 599 },
    ['spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 600 seconds (10 minutes)'],
  ],
])('%s', (_, spec, expected) => {
  expect(texts(strategy.validate?.(request(spec)))).toEqual(expected);
});

describe('decisions', () => {
  const approval = strategy.subresources?.['approval'];
  const status = strategy.subresources?.['status'];

  test('approval adds its condition, and its times', () => {
    const next = request({ signerName: 'other.example.com/x' }, { certificate: base64('x'), ...decided('Approved') });
    const previous = request();
    approval?.prepareForUpdate?.(next, previous, context);
    expect(next.spec).toEqual(previous.spec);
    expect(next.status).toEqual(
      decided('Approved', { lastUpdateTime: '1970-01-01T00:00:00Z', lastTransitionTime: '1970-01-01T00:00:00Z' }),
    );
    expect(approval?.validateUpdate?.(next, previous)).toEqual([]);
  });
  test('nobody else decides', () => {
    const errors = ['status.conditions: Forbidden: updates may not add a condition of type "Approved"'];
    expect(texts(strategy.validateUpdate?.(request({}, decided('Approved')), request()))).toEqual(errors);
    expect(texts(status?.validateUpdate?.(request({}, decided('Approved')), request()))).toEqual(errors);
  });
  test('a decision is final', () => {
    const errors = ['status.conditions: Forbidden: updates may not remove a condition of type "Denied"'];
    expect(texts(approval?.validateUpdate?.(request(), request({}, decided('Denied'))))).toEqual(errors);
  });
  test('both at once are none', () => {
    const both = { conditions: [...decided('Approved').conditions, ...decided('Denied').conditions] };
    expect(texts(approval?.validateUpdate?.(request({}, both), request()))).toEqual([
      'status.conditions: Invalid value: "Denied": Approved and Denied conditions are mutually exclusive',
    ]);
  });
  test('the recorded decision stands', () => {
    const previous = request({}, decided('Approved', { reason: 'first', lastUpdateTime: 't', lastTransitionTime: 't' }));
    const next = request({}, decided('Approved', { reason: 'second' }));
    status?.prepareForUpdate?.(next, previous, context);
    expect(next.status).toEqual(previous.status);
    expect(next.status?.conditions?.[0]).not.toBe(previous.status?.conditions?.[0]);
  });
});

test.each<[object, string]>([
  [{}, 'Pending'],
  [decided('Denied'), 'Denied'],
  [{ ...decided('Approved'), certificate: 'x' }, 'Approved,Issued'],
  [{ conditions: [...decided('Approved').conditions, ...decided('Failed').conditions] }, 'Approved,Failed'],
])('%p is shown as %p', (status, expected) => {
  expect(strategy.cells?.(request({}, status), 0).at(-1)).toBe(expected);
});

test('a name is one segment of a path', () => {
  expect(strategy.nameRule).toBe('path-segment');
});
