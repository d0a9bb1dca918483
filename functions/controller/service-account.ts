/** Every namespace has its `default` ServiceAccount (upstream: `pkg/controller/serviceaccount`). */
import { isAlreadyExists } from '../../kinds/status.ts';
import type { ServiceAccount } from '../../kinds/types.ts';
import { namespaceIsGoing } from './errors.ts';
import { type Reconciler, splitKey } from './reconciler.ts';

const name = 'default';

export const serviceAccountReconciler: Reconciler = {
  name: 'service-account-controller',
  watches: [
    { resource: 'namespaces' },
    {
      resource: 'serviceaccounts',
      keys: ({ type, entry }) => (type === 'DELETED' && entry.name === name ? [`/${entry.namespace}`] : []),
    },
  ],
  async reconcile(key, context) {
    const namespace = splitKey(key).name;
    const found = context.replica('namespaces').get('', namespace)?.object;
    if (!found || found.metadata.deletionTimestamp || context.replica('serviceaccounts').get(namespace, name)) return undefined;
    const account: ServiceAccount = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } };
    try {
      await context.client.create('serviceaccounts', account);
    } catch (error) {
      if (!isAlreadyExists(error) && !namespaceIsGoing(error)) throw error;
    }
    return undefined;
  },
};
