import { expect, test } from '@jest/globals';
import { deprecatedLabel, selectorWarnings } from './deprecated-labels.ts';
import { root } from './field.ts';

test('whoever selects by an old label is told the new one, and where', () => {
  expect(deprecatedLabel('kubernetes.io/os')).toBeUndefined();
  const selector = {
    matchLabels: { 'beta.kubernetes.io/os': 'linux', a: 'b' },
    matchExpressions: [{ key: 'a' }, { key: 'app.kubernetes.io/created-by' }],
  };
  expect(selectorWarnings(selector, root('nodeTopology'))).toEqual([
    'nodeTopology.matchExpressions[1].key: app.kubernetes.io/created-by is deprecated since v1.9',
    'nodeTopology.matchLabels.beta.kubernetes.io/os: deprecated since v1.14; use "kubernetes.io/os" instead',
  ]);
  expect(selectorWarnings(undefined, root('a'))).toEqual([]);
});
