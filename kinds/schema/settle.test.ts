import { expect, test } from '@jest/globals';
import { settle } from './settle.ts';

test('an empty list that is always written becomes null, wherever it stands', () => {
  const node = { spec: { drivers: [] }, metadata: { labels: {} } };
  settle('io.k8s.api.storage.v1.CSINode', node);
  expect(node).toEqual({ spec: { drivers: null }, metadata: { labels: {} } });
  const policy = { spec: { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] } } } } };
  settle('io.k8s.api.core.v1.Pod', policy);
  expect(policy.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution).toEqual({ nodeSelectorTerms: null });
});

test('what is left out when empty, what holds something and what is no built-in kind stays', () => {
  const role = { rules: [{ verbs: ['get'], resources: [] }] };
  settle('io.k8s.api.rbac.v1.Role', role);
  expect(role).toEqual({ rules: [{ verbs: ['get'], resources: [] }] });
  const custom = { rules: [] };
  settle(undefined, custom);
  expect(custom).toEqual({ rules: [] });
});
