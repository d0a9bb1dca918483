/** Gathers the rules of the ClusterRoles an aggregation rule selects (upstream: `pkg/controller/clusterroleaggregation`). */
import { fromLabelSelector, matchesLabels } from '../../kinds/selector/label-selector.ts';
import type { ClusterRole, PolicyRule } from '../../kinds/types.ts';
import { type Reconciler, splitKey } from './reconciler.ts';

const resource = 'clusterroles.rbac.authorization.k8s.io';

export const clusterRoleAggregationReconciler: Reconciler = {
  name: 'clusterrole-aggregation-controller',
  watches: [
    {
      resource,
      keys: (event, replica) => {
        const labels = [event.entry.object.metadata.labels, event.previous?.object.metadata.labels];
        const keys = [`/${event.entry.name}`];
        for (const { name, object } of replica(resource).list()) {
          const selectors = (object as ClusterRole).aggregationRule?.clusterRoleSelectors ?? [];
          if (selectors.some(selector => labels.some(each => matchesLabels(fromLabelSelector(selector), each)))) keys.push(`/${name}`);
        }
        return keys;
      },
    },
  ],
  async reconcile(key, context) {
    const replica = context.replica(resource);
    const role = replica.get('', splitKey(key).name)?.object as ClusterRole | undefined;
    if (!role?.aggregationRule || role.metadata.deletionTimestamp) return undefined;
    const rules: PolicyRule[] = [];
    const known = new Set<string>();
    const selectors = (role.aggregationRule.clusterRoleSelectors ?? []).map(fromLabelSelector);
    for (const { name, object } of replica.list()) {
      if (name === role.metadata.name || !selectors.some(selector => matchesLabels(selector, object.metadata.labels))) continue;
      for (const rule of (object as ClusterRole).rules ?? []) {
        const text = JSON.stringify(rule);
        if (!known.has(text)) rules.push(rule);
        known.add(text);
      }
    }
    if (JSON.stringify(rules) === JSON.stringify(role.rules ?? [])) return undefined;
    await context.client.update(resource, { ...role, rules });
    return undefined;
  },
};
