import { describe, expect, test } from '@jest/globals';
import type { Schema } from '../schema/schema.ts';
import { estimateCost } from './cost.ts';
import { extentOf, mostOften } from './extents.ts';
import { compile } from './program.ts';
import { typeOf } from './types.ts';

const text = (maxLength?: number): Schema => ({ type: 'string', ...(maxLength === undefined ? {} : { bounds: { maxLength } }) });
const list = (items: Schema, maxItems?: number): Schema => ({
  type: 'array',
  items,
  ...(maxItems === undefined ? {} : { bounds: { maxItems } }),
});
const object = (properties: Readonly<Record<string, Schema>>, required: string[] = []): Schema => ({
  type: 'object',
  properties: new Map(Object.entries(properties)),
  required,
});
const pair = object({ a: text(3), c: list(text(6), 4), w: text() });
const self = object({
  i: { type: 'integer' },
  b: { type: 'boolean' },
  s: text(),
  t: text(20),
  names: list(text(10), 10),
  open: list(text()),
  pairs: list(pair, 5),
  labels: { type: 'object', additionalProperties: text(10), bounds: { maxProperties: 10 } },
  o: object({ a: text(5) }),
  when: { type: 'string', format: 'date-time' },
  either: { intOrString: true },
});

const costOf = (source: string): number => {
  const program = compile(source, new Map([['self', typeOf(self) ?? { kind: 'dyn' }]]));
  return estimateCost(program, () => extentOf(self));
};

// The numbers are what a server of upstream counts for the same rules and schema.
describe('the most that an expression may cost', () => {
  test.each([
    ['true', 0],
    ['self.i > 1', 3],
    ["self.t == 'abc'", 3],
    ['self.t == self.t', 12],
    ["has(self.o) && self.o.a == 'a'", 5],
    ['self.i > 1 ? self.b : true', 5],
    ['self.i in [1, 2, 3]', 15],
    ['[1, 2].all(x, x > 1)', 21],
    ["self.names.all(x, x == 'abc')", 53],
    ["self.names.all(i, x, x == 'abc')", 53],
    ["self.labels.all(k, self.labels[k] == 'abc')", 83],
    ["self.pairs.all(p, p.c.all(x, x == 'abc'))", 133],
    ["self.t.matches('abcdefgh')", 20],
    ['dyn(self.t) == dyn(self.t)', 14],
    ["quantity(self.t) == quantity('1')", 12],
    ['self.names.map(x, x + x).size() > 1', 235],
    ["optional.of(self.t).optMap(x, x == 'a').orValue(false)", 22],
    ["self.labels.transformMap(k, v, v).all(k, k == 'a')", 114],
    ["self.when > timestamp('2020-01-01T00:00:00Z')", 4],
  ])('%s: %d', (source, cost) => {
    expect(costOf(source)).toBe(cost);
  });

  test('what has no bound may fill a request', () => {
    expect(costOf('self.s.startsWith(self.s)')).toBe(314_577);
    expect(costOf("self.open.all(x, x == 'a')")).toBe(5_242_878);
    expect(costOf('lists.range(self.i).all(x, x > 1)')).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('the extent of a schema', () => {
  test('is what it states, or what fits into a request', () => {
    const most = (schema: Schema) => extentOf(schema)?.most;
    expect(most(text(5))).toBe(20);
    expect(most(text())).toBe(3_145_726);
    expect(most({ type: 'string', enum: ['a', 'éé'] })).toBe(4);
    expect(most({ type: 'string', format: 'byte', bounds: { maxLength: 5 } })).toBe(5);
    expect(most({ type: 'string', format: 'duration', bounds: { maxLength: 5 } })).toBe(32);
    expect(most(list({ type: 'boolean' }))).toBe(629_145);
    expect(most(list(text(), -1))).toBe(0);
    expect(most({ type: 'object', additionalProperties: { type: 'integer' } })).toBe(449_389);
    expect(most({ intOrString: true, bounds: { maxLength: 2 } })).toBe(8);
    expect(most({ type: 'integer' })).toBe(0);
    expect(extentOf({ preserveUnknownFields: true })).toBeUndefined();
  });
  test('counts what an object cannot go without', () => {
    const item = object({ a: text(), b: { type: 'integer' }, c: { type: 'boolean', default: true } }, ['a', 'c']);
    const extent = extentOf(item);
    expect(extent?.least).toBe(9);
    expect(extent && mostOften(extent)).toBe(314_572);
    expect(extentOf(list(item))?.most).toBe(314_572);
  });
  test('of a whole object has its names', () => {
    expect(extentOf(object({}), true)?.step('metadata')?.step('name')?.most).toBe(3_145_726);
    expect(extentOf(object({}))?.step('metadata')).toBeUndefined();
  });
});
