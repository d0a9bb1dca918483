import { afterEach, expect, test } from '@jest/globals';
import type { ClusterRole } from '../../kinds/types.ts';
import { clusterRoleAggregationReconciler } from './cluster-role-aggregation.ts';
import { type TestCluster, testCluster } from './testing/cluster.ts';

let cluster: TestCluster;
afterEach(() => cluster.close());

const resource = 'clusterroles.rbac.authorization.k8s.io';
const role = (name: string, labels: Record<string, string>, resources: string[]): ClusterRole => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRole',
  metadata: { name, labels },
  rules: resources.map(each => ({ apiGroups: [''], resources: [each], verbs: ['get'] })),
});

test('a role gathers the rules of those it selects, and follows them', async () => {
  cluster = await testCluster([clusterRoleAggregationReconciler]);
  await cluster.admin.create(resource, {
    ...role('sum', {}, []),
    aggregationRule: { clusterRoleSelectors: [{ matchLabels: { part: 'true' } }] },
  });
  await cluster.admin.create(resource, role('b', { part: 'true' }, ['pods', 'nodes']));
  await cluster.admin.create(resource, role('a', { part: 'true' }, ['pods']));
  await cluster.admin.create(resource, role('c', {}, ['secrets']));
  await cluster.settle();
  const resources = async () => (await cluster.admin.get<ClusterRole>(resource, '', 'sum')).rules?.flatMap(rule => rule.resources ?? []);
  expect(await resources()).toEqual(['pods', 'nodes']);
  await cluster.admin.delete(resource, '', 'b');
  await cluster.settle();
  expect(await resources()).toEqual(['pods']);
});
