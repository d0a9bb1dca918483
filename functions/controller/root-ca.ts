/** Every namespace has the cluster's CA, so that pods can trust the API (upstream: `pkg/controller/certificates/rootcacertpublisher`). */
import { isAlreadyExists } from '../../kinds/status.ts';
import type { ConfigMap } from '../../kinds/types.ts';
import { namespaceIsGoing } from './errors.ts';
import { type Reconciler, splitKey } from './reconciler.ts';

const name = 'kube-root-ca.crt';
const annotation = 'kubernetes.io/description';
const description =
  'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or ' +
  'kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.';

export const rootCaReconciler = (bundle: string): Reconciler => ({
  name: 'root-ca-cert-publisher',
  watches: [
    { resource: 'namespaces' },
    { resource: 'configmaps', keys: ({ entry }) => (entry.name === name ? [`/${entry.namespace}`] : []) },
  ],
  async reconcile(key, context) {
    const namespace = splitKey(key).name;
    const found = context.replica('namespaces').get('', namespace)?.object;
    if (!found || found.metadata.deletionTimestamp) return undefined;
    const current = context.replica('configmaps').get(namespace, name)?.object as ConfigMap | undefined;
    const data = { 'ca.crt': bundle };
    const annotations = { ...current?.metadata.annotations, [annotation]: description };
    try {
      if (!current) {
        const map: ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace, annotations }, data };
        await context.client.create('configmaps', map);
      } else if (
        Object.keys(current.data ?? {}).join() !== 'ca.crt' ||
        current.data?.['ca.crt'] !== bundle ||
        current.metadata.annotations?.[annotation] !== description
      ) {
        await context.client.update('configmaps', { ...current, metadata: { ...current.metadata, annotations }, data });
      }
    } catch (error) {
      if (!isAlreadyExists(error) && !namespaceIsGoing(error)) throw error;
    }
    return undefined;
  },
});
