/** Nothing is made in a namespace that is not there or is going; three namespaces never go. */
import { notFound } from '../../../kinds/status.ts';
import type { Namespace } from '../../../kinds/types.ts';
import type { Replica, Replicas } from '../../../store/replica.ts';
import type { AdmissionPlugin } from '../admission.ts';
import { refused } from './forbidden.ts';

const immortal = new Set(['default', 'kube-system', 'kube-public']);
/** Answers about a namespace would tell more than the question may. */
const reviews = new Set(['localsubjectaccessreviews']);

const lookUp = (replica: Replica, name: string): Namespace | undefined => replica.get('', name)?.object as Namespace | undefined;

export const namespaceLifecycle = (replicas: Replicas): AdmissionPlugin => ({
  name: 'NamespaceLifecycle',
  async admit(request) {
    const { operation, resource, namespace, name } = request;
    if (resource.storage.name === 'namespaces') {
      if (operation === 'DELETE' && immortal.has(name)) throw refused(request, 'this namespace may not be deleted');
      return;
    }
    if (!namespace || operation === 'DELETE' || operation === 'CONNECT' || reviews.has(resource.resource)) return;
    const replica = replicas.loaded('namespaces') ?? (await replicas.open('namespaces'));
    // Creations must see a namespace's end as soon as it was asked for; for changes it is enough that it is there.
    if (operation === 'CREATE' || !lookUp(replica, namespace)) await replica.sync();
    const found = lookUp(replica, namespace);
    if (!found) throw notFound({ group: '', resource: 'namespaces' }, namespace);
    if (operation !== 'CREATE' || found.status?.phase !== 'Terminating') return;
    const error = refused(request, `unable to create new content in namespace ${namespace} because it is being terminated`);
    const cause = { reason: 'NamespaceTerminating', message: `namespace ${namespace} is being terminated`, field: 'metadata.namespace' };
    error.status.details = { ...error.status.details, causes: [cause] };
    throw error;
  },
});
