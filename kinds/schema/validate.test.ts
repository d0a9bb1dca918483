import { describe, expect, test } from '@jest/globals';
import { applySchemaDefaults } from './defaults.ts';
import { matchesFormat } from './formats.ts';
import type { Schema } from './schema.ts';
import { validateSchema } from './validate.ts';

const object = (properties: Record<string, Schema>, more: Partial<Schema> = {}): Schema => ({
  type: 'object',
  properties: new Map(Object.entries(properties)),
  ...more,
});
const spec = (properties: Record<string, Schema>, more: Partial<Schema> = {}): Schema => object({ spec: object(properties, more) });
const texts = (schema: Schema, value: unknown): string[] =>
  validateSchema(schema, value).map(({ field, message }) => `${field}: ${message}`);

describe('types', () => {
  const schema = spec({
    a: { type: 'string' },
    n: { type: 'integer' },
    b: { type: 'boolean' },
    f: { type: 'number' },
    l: { type: 'array', items: { type: 'integer' } },
  });
  test('each wrong one is named', () => {
    expect(texts(schema, { spec: { a: 1, b: 'yes', f: '1.5', l: ['a'] } })).toEqual([
      'spec.a: Invalid value: "integer": spec.a in body must be of type string: "integer"',
      'spec.b: Invalid value: "string": spec.b in body must be of type boolean: "string"',
      'spec.f: Invalid value: "string": spec.f in body must be of type number: "string"',
      'spec.l[0]: Invalid value: "string": spec.l[0] in body must be of type integer: "string"',
    ]);
    expect(validateSchema(schema, { spec: 'text' })[0]).toMatchObject({ type: 'TypeInvalid', field: 'spec' });
  });
  test('integers are numbers, but not the other way', () => {
    expect(texts(schema, { spec: { f: 1, n: 2147483648 } })).toEqual([]);
    expect(texts(schema, { spec: { n: 1.5, l: {} } })).toEqual([
      'spec.n: Invalid value: "number": spec.n in body must be of type integer: "number"',
      '<nil>: Invalid value: "": Checked value must be of type integer (default format) in spec.n',
      'spec.l: Invalid value: "object": spec.l in body must be of type array: "object"',
    ]);
    expect(texts(spec({ n: { type: 'integer', format: 'int32' } }), { spec: { n: 2 ** 31 } })).toEqual([
      '<nil>: Invalid value: "": Checked value must be of type integer with format int32 in spec.n',
    ]);
  });
  test('null where it is allowed, and both forms of int-or-string', () => {
    expect(texts(spec({ a: { type: 'string', nullable: true } }), { spec: { a: null } })).toEqual([]);
    expect(texts(spec({ a: { type: 'string' } }), { spec: { a: null } })).toHaveLength(1);
    const either = spec({ p: { intOrString: true } });
    expect([texts(either, { spec: { p: 1 } }), texts(either, { spec: { p: '1%' } })]).toEqual([[], []]);
    expect(texts(either, { spec: { p: true } })).toEqual([
      'spec.p: Invalid value: "boolean": spec.p in body must be of type integer,string: "boolean"',
    ]);
  });
});

describe('bounds', () => {
  test.each<[Schema, unknown, string]>([
    [{ type: 'integer', bounds: { minimum: 0 } }, -1, 'Invalid value: -1: spec.x in body should be greater than or equal to 0'],
    [{ type: 'integer', bounds: { maximum: 5, exclusiveMaximum: true } }, 5, 'Invalid value: 5: spec.x in body should be less than 5'],
    [{ type: 'number', bounds: { multipleOf: 0.1 } }, 0.25, 'Invalid value: 0.25: spec.x in body should be a multiple of 0.1'],
    [{ type: 'string', bounds: { maxLength: 2 } }, 'abc', 'Too long: may not be more than 2 bytes'],
    [{ type: 'string', bounds: { minLength: 4 } }, 'abc', 'Invalid value: "abc": spec.x in body should be at least 4 chars long'],
    [{ type: 'string', bounds: { pattern: '^[0-9]+$' } }, 'abc', `Invalid value: "abc": spec.x in body should match '^[0-9]+$'`],
    [{ type: 'string', enum: ['a', 'b'] }, 'c', 'Unsupported value: "c": supported values: "a", "b"'],
    [{ type: 'array', bounds: { minItems: 1 } }, [], 'Invalid value: 0: spec.x in body should have at least 1 items'],
    [{ type: 'array', bounds: { maxItems: 1 } }, [1, 2], 'Too many: 2: must have at most 1 item'],
    [{ type: 'object', bounds: { minProperties: 1 } }, {}, 'Invalid value: 0: spec.x in body should have at least 1 properties'],
    [{ type: 'string', format: 'date-time' }, 'soon', 'Invalid value: "soon": spec.x in body must be of type date-time: "soon"'],
  ])('%j refuses %j', (x, value, message) => {
    expect(texts(spec({ x }), { spec: { x: value } })).toEqual([`spec.x: ${message}`]);
  });
  test('lengths count characters, multiples survive binary fractions', () => {
    expect(texts(spec({ x: { type: 'string', bounds: { maxLength: 2 } } }), { spec: { x: '😀😀' } })).toEqual([]);
    expect(texts(spec({ x: { type: 'number', bounds: { multipleOf: 0.1 } } }), { spec: { x: 0.3 } })).toEqual([]);
  });
  test('required members', () => {
    expect(texts(object({ spec: object({}, { required: ['a'] }) }, { required: ['spec', 'b'] }), { spec: {} })).toEqual([
      'spec.a: Required value',
      'b: Required value',
    ]);
  });
  test('a pattern that would explode elsewhere takes no time', () => {
    expect(texts(spec({ x: { type: 'string', bounds: { pattern: '^(a+)+$' } } }), { spec: { x: `${'a'.repeat(5000)}!` } })).toHaveLength(1);
  });
});

describe('alternatives', () => {
  const schema = spec({
    v: object({ a: { type: 'string' }, b: { type: 'integer' } }, { oneOf: [{ required: ['a'] }, { required: ['b'] }] }),
    n: { type: 'integer', not: { enum: [13] } },
    m: { type: 'integer', anyOf: [{ bounds: { minimum: 10 } }, { bounds: { maximum: 0 } }] },
  });
  test.each<[unknown, string[]]>([
    [
      { v: {} },
      ['<nil>: Invalid value: "": "spec.v" must validate one and only one schema (oneOf). Found none valid', 'spec.v.a: Required value'],
    ],
    [
      { v: { a: 'x', b: 1 } },
      ['<nil>: Invalid value: "": "spec.v" must validate one and only one schema (oneOf). Found 2 valid alternatives'],
    ],
    [{ v: { a: 'x' } }, []],
    [{ n: 13 }, ['<nil>: Invalid value: "": "spec.n" must not validate the schema (not)']],
    [
      { m: 5 },
      [
        '<nil>: Invalid value: "": "spec.m" must validate at least one schema (anyOf)',
        'spec.m: Invalid value: 5: spec.m in body should be greater than or equal to 10',
      ],
    ],
    [{ m: -1 }, []],
  ])('%j', (value, expected) => {
    expect(texts(schema, { spec: value })).toEqual(expected);
  });
});

test('sets and maps kept as lists have no doubles', () => {
  const schema = spec({
    s: { type: 'array', listType: 'set', items: { type: 'string' } },
    m: { type: 'array', listType: 'map', listMapKeys: ['k'], items: object({ k: { type: 'string' }, v: { type: 'integer' } }) },
  });
  expect(texts(schema, { spec: { s: ['x', 'y', 'x', 'x'] } })).toEqual(['spec.s[2]: Duplicate value: "x"']);
  expect(texts(schema, { spec: { m: [{ k: 'a', v: 1 }, { k: 'a', v: 2 }, { k: 'b' }] } })).toEqual([
    'spec.m[1]: Duplicate value: {"k":"a"}',
  ]);
});

test('formats', () => {
  const good: [string, string][] = [
    ['ipv4', '10.0.0.1'],
    ['ipv6', '::1'],
    ['cidr', '10.0.0.0/8'],
    ['uuid', '123e4567-e89b-12d3-a456-426614174000'],
    ['date', '2024-02-29'],
    ['date-time', '2024-02-29T12:00:00Z'],
    ['duration', '1h30m'],
    ['byte', 'aGk='],
    ['hostname', 'a.example.com'],
    ['mac', '01:23:45:67:89:ab'],
    ['isbn', '978-0321751041'],
    ['creditcard', '4111 1111 1111 1111'],
    ['unheard-of', 'anything'],
  ];
  const bad: [string, string][] = [
    ['ipv4', '::1'],
    ['cidr', '10.0.0.0/33'],
    ['uuid', 'x'],
    ['date', '2023-02-29'],
    ['date-time', '2024-02-29T25:00:00Z'],
    ['duration', 'soon'],
    ['byte', 'a'],
    ['hostname', '-a'],
    ['creditcard', '4111 1111 1111 1112'],
  ];
  for (const [format, text] of good) expect([format, text, matchesFormat(format, text)]).toEqual([format, text, true]);
  for (const [format, text] of bad) expect([format, text, matchesFormat(format, text)]).toEqual([format, text, false]);
});

describe('defaults', () => {
  const schema = spec({
    a: { type: 'string', default: 'hello' },
    o: object({ deep: { type: 'boolean', default: true } }, { default: {} }),
    list: { type: 'array', items: object({ v: { type: 'string', default: 'd' } }) },
    nul: { type: 'string', nullable: true, default: 'nd' },
    map: { type: 'object', additionalProperties: object({ z: { type: 'integer', default: 0 } }) },
  });
  test('fill what is missing, within defaults as well', () => {
    const value = { spec: { list: [{}, { v: 'x' }], map: { k: {} } } };
    applySchemaDefaults(schema, value);
    expect(value.spec).toEqual({ list: [{ v: 'd' }, { v: 'x' }], map: { k: { z: 0 } }, a: 'hello', o: { deep: true }, nul: 'nd' });
  });
  test('replace null only where it is not allowed; are not shared', () => {
    const one = { spec: { a: null, nul: null } as Record<string, unknown> };
    const other = { spec: {} as Record<string, unknown> };
    applySchemaDefaults(schema, one);
    applySchemaDefaults(schema, other);
    expect(one.spec).toMatchObject({ a: 'hello', nul: null });
    expect(one.spec['o']).not.toBe(other.spec['o']);
  });
  test('schemas that lead round in circles end', () => {
    const properties = new Map<string, Schema>();
    const cycle: Schema = { type: 'object', properties };
    properties.set('self', cycle);
    properties.set('x', { type: 'string', default: 'y' });
    const value = { self: { self: {} } };
    applySchemaDefaults(cycle, value);
    expect(value).toEqual({ x: 'y', self: { x: 'y', self: { x: 'y' } } });
  });
});
