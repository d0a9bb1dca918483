import { describe, expect, test } from '@jest/globals';
import { root } from '../field.ts';
import { validateSchemaOfDefinition } from './validate-definition.ts';

const within = root('spec', 'validation');
const schema = (spec: Record<string, unknown>) => ({ type: 'object', properties: { spec } });
const rule = (text: string, more: Record<string, unknown> = {}) => ({ 'x-kubernetes-validations': [{ rule: text, ...more }] });
const refusals = (spec: Record<string, unknown>): string[] =>
  validateSchemaOfDefinition(schema(spec), within, false).map(({ field, message }) => `${field}: ${message.replace(/ \(try.*/, '')}`);
const at = (path: string) => `spec.validation.openAPIV3Schema.properties[spec].${path}`;
const inItems = at('items.x-kubernetes-validations[0].rule');

describe('rules that may cost too much', () => {
  test('are refused, with how much too much', () => {
    const items = { type: 'string', ...rule("self.contains('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa')") };
    expect(refusals({ type: 'array', maxItems: 10, items })).toEqual([
      `${inItems}: Forbidden: estimated rule cost exceeds budget by factor of 1.258293x`,
    ]);
    expect(refusals({ type: 'array', maxItems: 7, items })).toEqual([]);
  });
  test('are counted as often as their values may stand in a request, where nothing bounds that', () => {
    const items = { type: 'string', maxLength: 10, ...rule('self == self && self == self') };
    expect(refusals({ type: 'array', items })).toEqual([
      `${inItems}: Forbidden: estimated rule cost exceeds budget by factor of 1.258291x`,
    ]);
    expect(refusals({ type: 'array', maxItems: 1000, items })).toEqual([]);
  });
  test('are refused together where none is too dear alone', () => {
    const part = { type: 'array', maxItems: 7, items: { type: 'string', ...rule("self.contains('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa')") } };
    const properties = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`p${i}`, part]));
    const told = refusals({ type: 'object', properties });
    expect(told).toHaveLength(5);
    expect(told[0]).toMatch(/p0.*: Forbidden: contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema$/);
    expect(told[4]).toBe(
      'spec.validation.openAPIV3Schema: Forbidden: x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema exceeds budget by factor of 1.056966x',
    );
  });
  test('messages are counted too', () => {
    const [told] = refusals({ type: 'string', ...rule('true', { messageExpression: "self.replace('a', self) + self" }) });
    expect(told).toBe(
      `${at('x-kubernetes-validations[0].messageExpression')}: Forbidden: estimated messageExpression cost exceeds budget by factor of more than 100x`,
    );
  });
});
