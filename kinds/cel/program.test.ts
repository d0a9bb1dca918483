import { describe, expect, test } from '@jest/globals';
import type { Schema } from '../schema/schema.ts';
import { CompilationError, compile } from './program.ts';
import { type Type, typeOf } from './types.ts';
import { celValue } from './values.ts';

const text: Schema = { type: 'string' };
const schema: Schema = {
  type: 'object',
  properties: new Map<string, Schema>([
    ['a', text],
    ['n', { type: 'integer' }],
    ['f', { type: 'number' }],
    ['port', { intOrString: true }],
    ['names', { type: 'array', items: text }],
    ['numbers', { type: 'array', items: { type: 'integer' } }],
    ['labels', { type: 'object', additionalProperties: text }],
    ['inner', { type: 'object', properties: new Map([['b', text]]) }],
    ['x-y.z', text],
    ['namespace', text],
    ['for', { type: 'string', format: 'duration' }],
    ['at', { type: 'string', format: 'date-time' }],
    ['none', { type: 'string', nullable: true }],
    ['free', { preserveUnknownFields: true }],
  ]),
};
const self = typeOf(schema) as Type;
const variables = new Map([['self', self]]);
const value = {
  a: 'ab',
  n: 3,
  f: 2,
  port: 80,
  names: ['x', 'y'],
  numbers: [1, 2, 3],
  labels: { 'k.io/x': 'v' },
  inner: {},
  'x-y.z': 'e',
  namespace: 'ns',
  for: '90s',
  at: '2026-01-01T00:00:00Z',
  none: null,
};
const run = (source: string): unknown => {
  const result = compile(source, variables).run({ self: celValue(schema, value) });
  return 'error' in result ? `! ${result.error}` : result.value;
};
const refusal = (source: string): string => {
  try {
    compile(source, variables);
    return 'compiles';
  } catch (error) {
    if (error instanceof CompilationError) return error.message;
    throw error;
  }
};

test.each<[string, unknown]>([
  ['self.n > 2 && self.a.size() == 2', true],
  ['self.f < 2.5', true],
  ['self.port == 80', true],
  ['has(self.inner.b)', false],
  ['has(self.inner)', true],
  ["self.labels['k.io/x'] == 'v' && 'k.io/x' in self.labels", true],
  ["self.labels.all(k, k.startsWith('k'))", true],
  ["self.names.exists_one(x, x == 'y')", true],
  ["self.names.map(x, x + '!').join(',')", 'x!,y!'],
  ['self.numbers.filter(x, x > 1).size() == 2', true],
  ['self.numbers.sum() == 6 && self.numbers.isSorted() && self.numbers.max() == 3', true],
  ['self.x__dash__y__dot__z', 'e'],
  ['self.__namespace__', 'ns'],
  ["self.__for__ == duration('1m30s')", true],
  ["self.at < timestamp('2027-01-01T00:00:00Z')", true],
  ["self.a.matches('^[a-b]+$')", true],
  ["self.a.find('b')", 'b'],
  ['self.numbers.all(i, n, n == i + 1) && self.labels.exists(k, v, v == "v")', true],
  ['self.numbers.transformList(i, n, i > 0, n * 2) == [4, 6]', true],
  ['self.labels.transformMap(k, v, size(v)) == {"k.io/x": 1}', true],
  ['self.?a.optMap(x, x + "c").orValue("") == "abc" && !self.?none.optFlatMap(x, self.?inner.b).hasValue()', true],
  ['[?self.?a, "z"] == ["ab", "z"] && {?"k": self.?inner.b} == {}', true],
  ["self.?inner.?b.orValue('none')", 'none'],
  ["self.?a.hasValue() && self.?a.value() == 'ab'", true],
  ["self.labels[?'no'].orValue('other')", 'other'],
  ['optional.none().hasValue()', false],
  ["quantity('1Gi').isGreaterThan(quantity('1G')) && quantity('1') == quantity('1000m')", true],
  ["quantity('1').add(quantity('500m')).compareTo(quantity('1500m')) == 0", true],
  ["isQuantity('x') || isQuantity('5Mi')", true],
  ["url('https://a.b:80/c?d=e').getHost() == 'a.b:80' && url('https://a.b:80/c').getEscapedPath() == '/c'", true],
  ["isURL('../a')", false],
  ["ip('10.0.0.1').family() == 4 && !ip('10.0.0.1').isLoopback()", true],
  ["cidr('10.0.0.0/8').containsIP('10.1.1.1') && !isCIDR('10.0.0.0')", true],
  ['sets.contains([1, 2, 3], [2])', true],
  ["'%s-%d'.format(['a', 1])", 'a-1'],
  ["self.n == 3 ? 'yes' : 'no'", 'yes'],
])('%s', (source, expected) => {
  expect(run(source)).toEqual(expected);
});

test.each([
  ['self.inner.b == ""', '! no such key: b'],
  ['self.numbers[9] == 1', '! index out of bounds: 9'],
  ['self.n / 0 == 1', '! division by zero'],
  ["self.port == 80 && self.port.startsWith('a')", '! no such overload'],
])('%s fails as in Go', (source, expected) => {
  expect(run(source)).toBe(expected);
});

describe('what does not compile is shown where it stands', () => {
  test.each([
    ['self.nothing > 1', "ERROR: <input>:1:5: undefined field 'nothing'\n | self.nothing > 1\n | ....^"],
    ['self.free == 1', "ERROR: <input>:1:5: undefined field 'free'\n | self.free == 1\n | ....^"],
    ['this.a', "ERROR: <input>:1:1: undeclared reference to 'this' (in container '')\n | this.a\n | ^"],
    ['foo(self.a)', "ERROR: <input>:1:4: undeclared reference to 'foo' (in container '')\n | foo(self.a)\n | ...^"],
    ['self.a == 1', "ERROR: <input>:1:8: found no matching overload for '_==_' applied to '(string, int)'\n | self.a == 1\n | .......^"],
    ['self.a.b', "ERROR: <input>:1:7: type 'string' does not support field selection\n | self.a.b\n | ......^"],
    ['self.names.all(x,\n x.y)', "ERROR: <input>:2:3: type 'string' does not support field selection\n |  x.y)\n | ..^"],
  ])('%s', (source, expected) => {
    expect(refusal(source)).toBe(expected);
  });
  test('a syntax error', () => {
    expect(refusal('self. >')).toMatch(/^ERROR: <input>:1:\d+: Syntax error: /);
  });
});

test('the type of the whole is known where it can be', () => {
  const kind = (source: string) => compile(source, variables).type.kind;
  expect(kind('self')).toBe('object');
  expect(kind('self.a')).toBe('string');
  expect(kind('self.names.all(x, x == "")')).toBe('bool');
  expect(kind('self.port')).toBe('dyn');
});

test('nesting and uses tell what an expression may cost', () => {
  const program = compile('self.names.all(x, self.names.exists(y, x == y))', variables);
  expect(program.nesting).toBe(2);
  expect(program.uses.has('self')).toBe(true);
});
