import { expect, test } from '@jest/globals';
import { jsonPath } from './json-path.ts';

const value = {
  metadata: { annotations: { 'a.b/c': 'x' } },
  spec: {
    n: 3,
    l: ['a', 'b', 'c'],
    ports: [
      { name: 'web', port: 80 },
      { name: 'dns', port: 53 },
    ],
  },
  status: {
    conditions: [
      { type: 'Ready', status: 'True' },
      { type: 'Other', status: 'False' },
    ],
  },
};

test.each<[string, unknown[]]>([
  ['.spec.n', [3]],
  ['.spec.none.deeper', []],
  ['.spec.l[1]', ['b']],
  ['.spec.l[-1]', ['c']],
  ['.spec.l[0:2]', ['a', 'b']],
  ['.spec.l[*]', ['a', 'b', 'c']],
  ['.spec.l[7]', []],
  ['.spec.ports[*].port', [80, 53]],
  ['.status.conditions[?(@.type=="Ready")].status', ['True']],
  [".status.conditions[?(@.type=='Ready')].status", ['True']],
  ['.spec.ports[?(@.port>60)].name', ['web']],
  ['.spec.ports[?(@.none)].name', []],
  ['.metadata.annotations.a\\.b/c', ['x']],
  [".metadata.annotations['a.b/c']", ['x']],
  ['..port', [80, 53]],
  ['.spec.l[', []],
  ['.spec.l[x]', []],
  ['.__proto__.constructor', []],
])('%s', (path, expected) => {
  expect(jsonPath(path)(value)).toEqual(expected);
});
