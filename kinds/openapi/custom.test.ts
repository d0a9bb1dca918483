import { describe, expect, test } from '@jest/globals';
import type { JsonObject } from '../object.ts';
import { builtInRegistry } from '../registry.ts';
import type { Resource } from '../resource.ts';
import type { Schema } from '../schema/schema.ts';
import { customSchemas } from './custom.ts';
import type { Flavour } from './schemas.ts';

const pods = builtInRegistry().find('', 'v1', 'pods') as Resource;
const widgets: Resource = { ...pods, group: 'example.com', kind: 'Widget', listKind: 'Widgets', resource: 'widgets', strategy: {} };
const objectOf = (properties: Record<string, Schema>, more: Partial<Schema> = {}): Schema => ({
  type: 'object',
  properties: new Map(Object.entries(properties)),
  ...more,
});
const written = (flavour: Flavour, schema: Schema, more: Partial<Resource> = {}): JsonObject =>
  customSchemas([{ ...widgets, schema, ...more }], flavour).get('com.example.v1.Widget') ?? {};
const specOf = (flavour: Flavour, spec: Schema): unknown =>
  (written(flavour, objectOf({ spec }))['properties'] as JsonObject | undefined)?.['spec'];

describe('version 2 says nothing that kubectl would misread', () => {
  test('a kind that keeps unknown fields is any object', () => {
    const open = objectOf({ spec: { type: 'object' } }, { preserveUnknownFields: true, description: 'Open.' });
    expect(written('v2', open)).toEqual({ type: 'object' });
    expect(Object.keys(written('v3', open)['properties'] as JsonObject)).toEqual(['spec', 'apiVersion', 'kind', 'metadata']);
  });

  test.each<[string, Schema, JsonObject]>([
    ['what may be null', objectOf({ a: { type: 'string' } }, { nullable: true }), {}],
    ['an open object', objectOf({ a: {} }, { preserveUnknownFields: true }), { 'x-kubernetes-preserve-unknown-fields': true }],
    ['a list that may be null', { type: 'array', items: { type: 'string' }, nullable: true }, {}],
    ['a default', { type: 'string', default: 'a' }, { type: 'string' }],
    [
      'required, but possibly null',
      objectOf({ a: { type: 'string', nullable: true } }, { required: ['a'] }),
      { type: 'object', properties: { a: {} } },
    ],
    ['a junctor', { type: 'string', anyOf: [{ bounds: { pattern: 'a' } }] }, { type: 'string' }],
  ])('%s', (_, schema, shown) => {
    expect(specOf('v2', schema)).toEqual(shown);
  });
});

test('an embedded object has a kind', () => {
  const embedded = objectOf({}, { embeddedResource: true });
  expect(specOf('v3', embedded)).toMatchObject({ required: ['kind', 'apiVersion'], properties: { apiVersion: { type: 'string' } } });
  expect(specOf('v2', { ...embedded, preserveUnknownFields: true })).not.toHaveProperty('required');
});

test('an integer or a string is said in two ways', () => {
  expect(specOf('v3', { intOrString: true })).toEqual({
    anyOf: [{ type: 'integer' }, { type: 'string' }],
    'x-kubernetes-int-or-string': true,
  });
});

test('the list has the name of its own, and fields to select by are published', () => {
  const strategy = { fields: () => ({ 'spec.color': '' }) };
  const table = customSchemas([{ ...widgets, schema: objectOf({}), strategy }], 'v3');
  expect([...table.keys()]).toEqual(['com.example.v1.Widget', 'com.example.v1.Widgets']);
  for (const schema of table.values()) expect(schema['x-kubernetes-selectable-fields']).toEqual([{ fieldPath: 'spec.color' }]);
});
