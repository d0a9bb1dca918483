import { expect, test } from '@jest/globals';
import type { KubeObject } from '../object.ts';
import type { Schema } from '../schema/schema.ts';
import { WebhookConversion } from './conversion.ts';

const schema: Schema = {
  type: 'object',
  properties: new Map<string, Schema>([
    ['spec', { type: 'object', properties: new Map<string, Schema>([['a', { type: 'string', default: 'd' }]]) }],
  ]),
};
const conversion = (): WebhookConversion =>
  new WebhookConversion({
    config: { conversionReviewVersions: ['v1'] },
    kind: 'Cow',
    served: 'x.io/v2',
    stored: 'x.io/v1',
    servedSchema: () => schema,
    storedSchema: () => schema,
  });
const cow = (more: object = {}): KubeObject =>
  ({ apiVersion: 'x.io/v1', kind: 'Cow', metadata: { name: 'c', uid: 'u', labels: { a: 'b' } }, spec: {}, ...more }) as KubeObject;
const made = (more: object = {}): object => ({ ...cow(), apiVersion: 'x.io/v2', ...more });
const review = (response: object, more: object = {}): string =>
  JSON.stringify({ apiVersion: 'apiextensions.k8s.io/v1', kind: 'ConversionReview', response: { uid: 'q', ...response }, ...more });
const success = (...convertedObjects: object[]): string => review({ result: { status: 'Success' }, convertedObjects });
const read = (text: string): KubeObject | undefined => conversion().read(text, 'apiextensions.k8s.io/v1', 'q', [cow()], 'x.io/v2')[0];

const who = 'conversion webhook for x.io/v1, Kind=Cow';
test.each([
  [review({ result: { status: 'Failure', message: 'no' } }), `${who} failed: no`],
  [review({ result: {} }), `${who} failed: response.result.status was '', not 'Success'`],
  [review({ uid: 'z' }), `${who} failed: expected response.uid="q", got "z"`],
  [success(), `${who} returned 0 objects, expected 1`],
  [success(made({ kind: 'Pig' })), `${who} returned invalid object at index 0: invalid kind (expected Cow, received Pig)`],
  [success(cow()), `${who} returned invalid object at index 0: invalid groupVersion (expected x.io/v2, received x.io/v1)`],
  [success(made({ metadata: { name: 'z', uid: 'u' } })), `${who} returned invalid object: must have the same name: c != z`],
  [
    success(made({ metadata: { name: 'c', uid: 'u', labels: { a: 1 } } })),
    `${who} returned invalid metadata: metadata.labels[a] must be a string, but is int64 in converted object`,
  ],
])('an answer that cannot be used: %s', (text, why) => {
  expect(() => read(text)).toThrow(why);
});

test('of metadata only labels and annotations are taken, and what the version does not name goes', () => {
  const metadata = { name: 'c', uid: 'u', labels: { n: 'm' }, finalizers: ['x/y'], resourceVersion: '9' };
  expect(read(success(made({ metadata, spec: { a: '1', b: '2' } })))).toEqual({
    apiVersion: 'x.io/v2',
    kind: 'Cow',
    metadata: { name: 'c', uid: 'u', labels: { n: 'm' } },
    spec: { a: '1' },
  });
});

test('an object is asked about once, and objects of the version that is served never', () => {
  const one = conversion();
  const stored = cow();
  expect(one.isMissing(stored)).toBe(true);
  expect(() => one.served(stored)).toThrow('was not converted');
  one.remember(stored, made() as KubeObject);
  expect(one.isMissing(stored)).toBe(false);
  expect(one.served(stored).apiVersion).toBe('x.io/v2');
  expect(one.isMissing(cow({ apiVersion: 'x.io/v2' }))).toBe(false);
  expect(one.complete(stored)['spec']).toEqual({ a: 'd' });
});
