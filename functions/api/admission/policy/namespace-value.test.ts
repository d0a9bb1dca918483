import { expect, test } from '@jest/globals';
import { compile } from '../../../../kinds/cel/program.ts';
import { dyn } from '../../../../kinds/cel/types.ts';
import { namespaceValue } from './namespace-value.ts';

const namespace = {
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: 'a', uid: 'u', labels: { of: 'x' }, creationTimestamp: '2020-01-02T00:00:00Z' },
  status: { phase: 'Active' },
};

test.each([
  ["n.metadata.creationTimestamp > timestamp('2020-01-01T00:00:00Z')", true],
  ["n.metadata.labels['of'] == 'x' && n.status.phase == 'Active'", true],
  ['has(n.metadata.uid)', false],
  ['has(n.metadata.deletionTimestamp)', false],
])('%s: %s', (source, value) => {
  expect(compile(source, new Map([['n', dyn]])).run({ n: namespaceValue(namespace as never) })).toEqual({ value });
});
