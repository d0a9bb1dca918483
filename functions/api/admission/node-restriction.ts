/**
 * What a node's agent writes: itself, its lease, and the pods that run on it, and of those only what an agent has to say
 * (kubernetes `plugin/pkg/admission/noderestriction`). The Node authorizer narrows what it reads; it cannot see what is written.
 */
import { copyJson } from '../../../kinds/copy.ts';
import { difference } from '../../../kinds/diff.ts';
import { semanticEqual } from '../../../kinds/equality.ts';
import type { KubeObject } from '../../../kinds/object.ts';
import { notFound } from '../../../kinds/status.ts';
import { requestSubject } from '../../../kinds/strategies/certificate-request.ts';
import type { Node, Pod } from '../../../kinds/types.ts';
import type { Replicas } from '../../../store/replica.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';
import type { Authorizer, User } from '../types.ts';
import { refused } from './forbidden.ts';
import { referencedResource } from './node-restriction/references.ts';

const group = 'system:nodes';
const prefix = 'system:node:';
const mirror = 'kubernetes.io/config.mirror';
const leases = 'kube-node-lease';
const nodeSigners = ['kubernetes.io/kubelet-serving', 'kubernetes.io/kube-apiserver-client-kubelet'];

/** Undefined: no node. Empty: a node, but nobody knows which. */
const nodeOf = ({ name, groups }: User): string | undefined => {
  if (!name.startsWith(prefix) || !groups.includes(group)) return undefined;
  return name.slice(prefix.length);
};

const ownLabels = new Set([
  ...['kubernetes.io/hostname', 'topology.kubernetes.io/zone', 'topology.kubernetes.io/region', 'kubernetes.io/os', 'kubernetes.io/arch'],
  ...['failure-domain.beta.kubernetes.io/zone', 'failure-domain.beta.kubernetes.io/region', 'beta.kubernetes.io/instance-type'],
  ...['node.kubernetes.io/instance-type', 'beta.kubernetes.io/os', 'beta.kubernetes.io/arch'],
]);
const isIn = (namespace: string, domain: string): boolean => namespace === domain || namespace.endsWith(`.${domain}`);
/** With any other of Kubernetes' labels a node could draw workloads to itself that are not meant for it. */
const isForbiddenLabel = (label: string): boolean => {
  const namespace = label.includes('/') ? label.slice(0, label.indexOf('/')) : '';
  if (isIn(namespace, 'node-restriction.kubernetes.io')) return true;
  if (!isIn(namespace, 'kubernetes.io') && !isIn(namespace, 'k8s.io')) return false;
  return !ownLabels.has(label) && !isIn(namespace, 'kubelet.kubernetes.io') && !isIn(namespace, 'node.kubernetes.io');
};
type Labels = Readonly<Record<string, string>> | undefined;
const forbiddenChanges = (next: Labels = {}, previous: Labels = {}): string[] =>
  [...new Set([...Object.keys(next), ...Object.keys(previous)])].filter(key => next[key] !== previous[key] && isForbiddenLabel(key)).sort();

interface Spec extends KubeObject {
  spec?: { nodeName?: string; signerName?: string; request?: string };
}
interface TokenRequest extends KubeObject {
  spec?: { audiences?: string[]; boundObjectRef?: { apiVersion?: string; kind?: string; name?: string; uid?: string } };
}

export const nodeRestriction = (replicas: Replicas, authorizer?: Authorizer): AdmissionPlugin => {
  const find = async (resource: string, namespace: string, name: string): Promise<KubeObject> => {
    const replica = replicas.loaded(resource) ?? (await replicas.open(resource));
    await replica.sync();
    const found = replica.get(namespace, name)?.object;
    if (!found) throw notFound({ group: '', resource }, name);
    return found;
  };

  const mirrorPod = async (pod: Pod, node: string): Promise<string | undefined> => {
    const who = `node ${JSON.stringify(node)}`;
    if (pod.metadata.annotations?.[mirror] === undefined)
      return `pod does not have ${JSON.stringify(mirror)} annotation, ${who} can only create mirror pods`;
    if (pod.spec?.nodeName !== node) return `${who} can only create pods with spec.nodeName set to itself`;
    const owners = pod.metadata.ownerReferences ?? [];
    if (owners.length > 1) return `${who} can only create pods with a single owner reference set to itself`;
    const [owner] = owners;
    if (owner?.apiVersion !== 'v1' || owner.kind !== 'Node' || owner.name !== node)
      return `${who} can only create pods with an owner reference set to itself`;
    if (!owner.controller) return `${who} can only create pods with a controller owner reference set to itself`;
    if (owner.blockOwnerDeletion) return `${who} must not set blockOwnerDeletion on an owner reference`;
    const { uid } = (await find('nodes', '', node)).metadata;
    if (owner.uid !== uid) return `node ${node} UID mismatch: expected ${owner.uid} got ${uid}`;
    const referenced = referencedResource(pod);
    return referenced && `${who} can not create pods that reference ${referenced}`;
  };

  const pod = async (request: AdmissionRequest, node: string): Promise<string | undefined> => {
    const { operation, subresource, object, previous, namespace, name } = request;
    const who = `node ${JSON.stringify(node)}`;
    switch (subresource) {
      case '':
        if (operation === 'CREATE') return mirrorPod(object as Pod, node);
        if (operation !== 'DELETE')
          return `unexpected operation ${JSON.stringify(operation)}, ${who} can only create and delete mirror pods`;
        return (previous as Spec | undefined)?.spec?.nodeName === node
          ? undefined
          : `${who} can only delete pods with spec.nodeName set to itself`;
      case 'status': {
        const [next, before] = [object as Pod, previous as Pod];
        if (operation !== 'UPDATE') return `unexpected operation ${JSON.stringify(operation)}`;
        if (before.spec?.nodeName !== node) return `${who} can only update pod status for pods with spec.nodeName set to itself`;
        if (!semanticEqual(before.metadata.labels, next.metadata.labels)) return `${who} cannot update labels through pod status`;
        if (!semanticEqual(before.status?.resourceClaimStatuses, next.status?.resourceClaimStatuses))
          return `${who} cannot update resource claim statues`;
        if (!semanticEqual(before.status?.extendedResourceClaimStatus, next.status?.extendedResourceClaimStatus))
          return `${who} cannot update extended resource claim status`;
        return undefined;
      }
      case 'eviction':
        return ((await find('pods', namespace, name)) as Spec).spec?.nodeName === node
          ? undefined
          : `node ${node} can only evict pods with spec.nodeName set to itself`;
      default:
        return `unexpected pod subresource ${JSON.stringify(subresource)}, only 'status' and 'eviction' are allowed`;
    }
  };

  const ownNode = ({ operation, object, previous, name }: AdmissionRequest, node: string): string | undefined => {
    const who = `node ${JSON.stringify(node)}`;
    if (name !== node) return `${who} is not allowed to modify node ${JSON.stringify(name)}`;
    const [next, before] = [object as Node | undefined, previous as Node | undefined];
    if (operation === 'CREATE') {
      if (next?.spec?.configSource) return `${who} is not allowed to create pods with a non-nil configSource`;
      const labels = forbiddenChanges(next?.metadata.labels);
      return labels.length > 0 ? `${who} is not allowed to set the following labels: ${labels.join(', ')}` : undefined;
    }
    if (operation !== 'UPDATE' || !next) return undefined;
    if (next.spec?.configSource && !semanticEqual(next.spec.configSource, before?.spec?.configSource))
      return `${who} is not allowed to update configSource to a new non-nil configSource`;
    if (!semanticEqual(next.spec?.taints, before?.spec?.taints)) return `${who} is not allowed to modify taints`;
    if (!semanticEqual(next.metadata.ownerReferences, before?.metadata.ownerReferences))
      return `${who} is not allowed to modify ownerReferences`;
    const labels = forbiddenChanges(next.metadata.labels, before?.metadata.labels);
    return labels.length > 0 ? `is not allowed to modify labels: ${labels.join(', ')}` : undefined;
  };

  /** Only for pods that run there, and for audiences that these ask for. */
  const token = async ({ object, namespace, name, user }: AdmissionRequest, node: string): Promise<string | undefined> => {
    const { boundObjectRef: ref, audiences = [] } = (object as TokenRequest).spec ?? {};
    if (ref?.apiVersion !== 'v1' || ref.kind !== 'Pod' || !ref.name) return 'node requested token not bound to a pod';
    if (!ref.uid) return 'node requested token with a pod binding without a uid';
    const bound = (await find('pods', namespace, ref.name)) as Pod;
    if (ref.uid !== bound.metadata.uid)
      return `the UID in the bound object reference (${ref.uid}) does not match the UID in record. The object might have been deleted and then recreated`;
    if (bound.spec?.nodeName !== node) return 'node requested token bound to a pod scheduled on a different node';
    if (audiences.length > 1) return 'node may only request 0 or 1 audiences';
    const [audience = ''] = audiences;
    for (const { projected, csi } of bound.spec.volumes ?? []) {
      if (projected?.sources?.some(source => source.serviceAccountToken && (source.serviceAccountToken.audience ?? '') === audience))
        return undefined;
      if (csi && (await driverAsks(csi.driver, audience))) return undefined;
    }
    const attributes = { user, verb: 'request-serviceaccounts-token-audience', group: '', version: 'v1', subresource: '', namespace, name };
    if (authorizer && (await authorizer.authorize({ ...attributes, resource: audience })).allowed) return undefined;
    return `audience ${JSON.stringify(audience)} not found in pod spec volume, ${user.name} is not authorized to request tokens for this audience`;
  };
  const driverAsks = async (driver: string, audience: string): Promise<boolean> => {
    const drivers = await replicas.open('csidrivers.storage.k8s.io');
    await drivers.sync();
    const spec = drivers.get('', driver)?.object['spec'] as { tokenRequests?: { audience?: string }[] } | undefined;
    return spec?.tokenRequests?.some(request => request.audience === audience) ?? false;
  };

  const claimStatus = ({ operation, subresource, object, previous }: AdmissionRequest, node: string): string | undefined => {
    if (subresource !== 'status') return 'may only update PVC status';
    if (operation !== 'UPDATE') return `unexpected operation ${JSON.stringify(operation)}`;
    const [before, next] = [previous, object].map(claim => {
      const { metadata, ...rest } = copyJson(claim ?? ({ metadata: {} } as KubeObject)) as KubeObject & {
        status?: Record<string, unknown>;
      };
      const { resourceVersion: _, managedFields: __, ...kept } = metadata;
      const { capacity, conditions, allocatedResources, allocatedResourceStatuses, ...status } = rest.status ?? {};
      return { ...rest, metadata: kept, status };
    });
    if (semanticEqual(before, next)) return undefined;
    return `node ${JSON.stringify(node)} is not allowed to update fields other than status.quantity and status.conditions: ${difference(before, next)}`;
  };

  const verdict = async (request: AdmissionRequest, node: string): Promise<string | undefined> => {
    const { resource, subresource, operation, object, previous, namespace, name } = request;
    const named = operation === 'CREATE' ? (object?.metadata.name ?? '') : name;
    switch (resource.storage.name) {
      case 'pods':
        return pod(request, node);
      case 'nodes':
        return ownNode(request, node);
      case 'persistentvolumeclaims':
        return claimStatus(request, node);
      case 'serviceaccounts':
        return operation === 'CREATE' && subresource === 'token' ? token(request, node) : undefined;
      case 'leases.coordination.k8s.io':
        if (namespace !== leases) return `can only access leases in the ${JSON.stringify(leases)} system namespace`;
        return named === node ? undefined : 'can only access node lease with the same name as the requesting node';
      case 'csinodes.storage.k8s.io':
        return named === node ? undefined : 'can only access CSINode with the same name as the requesting node';
      case 'resourceslices.resource.k8s.io': {
        if (operation === 'UPDATE') return undefined;
        const slice = (operation === 'CREATE' ? object : previous) as Spec | undefined;
        const verb = operation === 'CREATE' ? 'create' : 'delete';
        return slice?.spec?.nodeName === node ? undefined : `can only ${verb} ResourceSlice with the same NodeName as the requesting node`;
      }
      case 'certificatesigningrequests.certificates.k8s.io': {
        const { signerName = '', request: csr = '' } = (object as Spec | undefined)?.spec ?? {};
        if (operation !== 'CREATE' || !nodeSigners.includes(signerName)) return undefined;
        const expected = `${prefix}${node}`;
        return requestSubject(csr)?.commonName === expected ? undefined : `can only create a node CSR with CN=${expected}`;
      }
      default:
        return undefined;
    }
  };

  return {
    name: 'NodeRestriction',
    async admit(request) {
      const node = nodeOf(request.user);
      if (node === undefined || request.operation === 'CONNECT') return;
      if (node === '') throw refused(request, `could not determine node from user ${JSON.stringify(request.user.name)}`);
      const why = await verdict(request, node);
      if (why) throw refused(request, why);
    },
  };
};
