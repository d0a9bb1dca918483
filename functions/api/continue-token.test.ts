import { expect, test } from '@jest/globals';
import { decodeContinue, encodeContinue, isTooOld } from './continue-token.ts';

test('a token says where the list began and how far it came', () => {
  expect(decodeContinue(encodeContinue(12, 'ns/name'))).toEqual({ revision: 12, key: 'ns/name' });
});

test('a list can be continued for five minutes', () => {
  const token = decodeContinue(encodeContinue(12, 'ns/name', 1000));
  expect(isTooOld(token, 1000 + 5 * 60_000)).toBe(false);
  expect(isTooOld(token, 1001 + 5 * 60_000)).toBe(true);
});

test.each([
  ['garbage', "invalid character '\\u0081' looking for beginning of value"],
  ['e30', 'server does not recognize this encoded version '],
  ['!', 'illegal base64 data at input byte 0'],
  [Buffer.from('{"v":"meta.k8s.io/v1","rv":3}').toString('base64url'), 'encoded start key empty (version meta.k8s.io/v1)'],
  [
    Buffer.from('{"v":"meta.k8s.io/v1","start":"a"}').toString('base64url'),
    'incorrect encoded start resourceVersion (version meta.k8s.io/v1)',
  ],
])('%s is refused', (token, why) => {
  expect(() => decodeContinue(token)).toThrow(`invalid continue token: continue key is not valid: ${why}`);
});
