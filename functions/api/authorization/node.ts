/**
 * The Node authorizer: what a node's agent may do, narrowed to itself and to what the pods on that node refer to. A stolen node identity reads the
 * secrets of its own pods and no others. What is not narrowed here is the role `system:node` as it was at the beginning; what is, is decided here
 * and nowhere else. Source: kubernetes `plugin/pkg/auth/authorizer/node/node_authorizer.go`.
 */
import { quote } from '../../../kinds/field.ts';
import type { PersistentVolume, PolicyRule } from '../../../kinds/types.ts';
import type { Replica, Replicas } from '../../../store/replica.ts';
import type { Attributes, Authorizer } from '../types.ts';
import { type References, referencesOf, secretsOfPersistentVolume } from './node-references.ts';
import { ruleAllows } from './rules.ts';

const prefix = 'system:node:';
const leases = 'kube-node-lease';

/** Undefined: no node. Empty: a node, but nobody knows which. */
export const nodeOf = ({ user }: Pick<Attributes, 'user'>): string | undefined =>
  user.groups.includes('system:nodes') && user.name.startsWith(prefix) ? user.name.slice(prefix.length) : undefined;

/** Why not; empty where there is nothing to say. */
type Verdict = true | string;
type Rule = (attributes: Attributes, node: string, graph: Graph) => Verdict | Promise<Verdict>;

/** Whether an object leads to a node. */
interface Graph {
  leads(resource: string, namespace: string, name: string, node: string): Promise<boolean>;
}

const related = async ({ resource, namespace, name }: Attributes, node: string, graph: Graph): Promise<Verdict> => {
  if (!name) return 'No Object name found';
  return (await graph.leads(resource, namespace, name, node)) || `no relationship found between node '${node}' and this object`;
};

const readNamespaced: Rule = (attributes, node, graph) => {
  const { verb, subresource, namespace } = attributes;
  if (!['get', 'list', 'watch'].includes(verb)) return 'can only read resources of this type';
  if (subresource) return 'cannot read subresource';
  return namespace ? related(attributes, node, graph) : 'can only read namespaced object of this type';
};
const getOnly: Rule = (attributes, node, graph) => {
  if (attributes.verb !== 'get') return 'can only get individual resources of this type';
  return attributes.subresource ? 'cannot get subresource' : related(attributes, node, graph);
};
const selects = ({ fieldSelector }: Attributes, field: string, node: string): boolean =>
  fieldSelector?.some(one => one.field === field && one.operator === '=' && one.value === node) ?? false;
const objectVerbs = new Set(['get', 'create', 'update', 'patch', 'delete']);

/** By resource and group. */
const rules: Readonly<Record<string, Rule>> = {
  'secrets.': readNamespaced,
  'configmaps.': readNamespaced,
  'persistentvolumeclaims.': (attributes, node, graph) => {
    if (attributes.subresource !== 'status') return getOnly(attributes, node, graph);
    return ['update', 'patch'].includes(attributes.verb) ? related(attributes, node, graph) : 'can only get/update/patch this type';
  },
  'persistentvolumes.': getOnly,
  'resourceclaims.resource.k8s.io': getOnly,
  'volumeattachments.storage.k8s.io': getOnly,
  'serviceaccounts.': (attributes, node, graph) => {
    const { verb, subresource, name } = attributes;
    if (verb === 'get' && !subresource) return readNamespaced(attributes, node, graph);
    if (verb !== 'create' || !name) return 'can only create tokens for individual service accounts';
    return subresource === 'token' ? related(attributes, node, graph) : 'can only create token subresource of serviceaccount';
  },
  'leases.coordination.k8s.io': ({ verb, namespace, name }, node) => {
    if (!objectVerbs.has(verb)) return 'can only get, create, update, patch, or delete a node lease';
    if (namespace !== leases) return `can only access leases in the ${quote(leases)} system namespace`;
    // The name of what is created stands in its body, which admission sees.
    return verb === 'create' || name === node || 'can only access node lease with the same name as the requesting node';
  },
  'csinodes.storage.k8s.io': ({ verb, subresource, name }, node) => {
    if (!objectVerbs.has(verb)) return 'can only get, create, update, patch, or delete a CSINode';
    if (subresource) return 'cannot authorize CSINode subresources';
    return verb === 'create' || name === node || 'can only access CSINode with the same name as the requesting node';
  },
  'resourceslices.resource.k8s.io': (attributes, node, graph) => {
    const { verb, subresource } = attributes;
    if (subresource) return 'cannot authorize ResourceSlice subresources';
    if (verb === 'create') return true;
    if (objectVerbs.has(verb)) return related(attributes, node, graph);
    if (!['watch', 'list', 'deletecollection'].includes(verb))
      return 'only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, patch, delete, deletecollection';
    return selects(attributes, 'spec.nodeName', node) || 'can only list/watch/deletecollection resourceslices with nodeName field selector';
  },
  // Off unless a feature gate is on.
  'podcertificaterequests.certificates.k8s.io': () => '',
  'nodes.': ({ verb, subresource, name }, node) => {
    if (subresource === 'status') return ['update', 'patch'].includes(verb) || '';
    if (subresource) return '';
    if (['create', 'update', 'patch'].includes(verb)) return true;
    if (!['get', 'list', 'watch'].includes(verb)) return '';
    if (!name) return `node '${node}' cannot read all nodes, only its own Node object`;
    return name === node || `node '${node}' cannot read '${name}', only its own Node object`;
  },
  'pods.': (attributes, node, graph) => {
    const { verb, subresource, name } = attributes;
    if (subresource === 'status') return ['update', 'patch'].includes(verb) || '';
    if (subresource === 'eviction') return verb === 'create' || '';
    if (subresource) return '';
    if (verb === 'get') return getOnly(attributes, node, graph);
    if (verb === 'create' || verb === 'delete') return true;
    if (verb !== 'list' && verb !== 'watch') return '';
    if (selects(attributes, 'spec.nodeName', node)) return true;
    return name ? related(attributes, node, graph) : 'can only list/watch pods with spec.nodeName field selector';
  },
};

/** `nodeRules`: what every node may do alike. */
export function nodeAuthorizer(replicas: Replicas, nodeRules: () => readonly PolicyRule[]): Authorizer {
  const graph = graphOver(replicas);
  return {
    async authorize(attributes) {
      const node = nodeOf(attributes);
      if (node === undefined) return { allowed: false, reason: '' };
      if (node === '') return { allowed: false, reason: `unknown node for user ${quote(attributes.user.name)}` };
      const rule = attributes.path === undefined ? rules[`${attributes.resource}.${attributes.group}`] : undefined;
      const verdict = rule ? await rule(attributes, node, graph) : nodeRules().some(one => ruleAllows(one, attributes)) || '';
      return verdict === true ? { allowed: true, reason: '' } : { allowed: false, reason: verdict };
    },
  };
}

const storedAs: Readonly<Record<string, string>> = {
  volumeattachments: 'volumeattachments.storage.k8s.io',
  resourceslices: 'resourceslices.resource.k8s.io',
};
const referable = new Set<string>(['secrets', 'configmaps', 'persistentvolumeclaims', 'resourceclaims', 'serviceaccounts']);
const isReferable = (resource: string): resource is keyof References => referable.has(resource);

/** Looked up anew for each question: pods are indexed by their node, and what a pod refers to is kept with it. */
function graphOver(replicas: Replicas): Graph {
  const synced = async (resource: string): Promise<Replica> => {
    const replica = replicas.loaded(resource) ?? (await replicas.open(resource));
    await replica.sync();
    return replica;
  };
  const podsOn = async (node: string, namespace?: string) =>
    (await synced('pods')).list({ nodeName: node, ...(namespace ? { namespace } : {}) });
  const podsReferTo = async (resource: keyof References, namespace: string, name: string, node: string): Promise<boolean> =>
    (await podsOn(node, namespace)).some(({ object }) => referencesOf(object)[resource].has(name));

  /** The volumes bound to claims of pods on the node. */
  const volumesOf = async (node: string): Promise<PersistentVolume[]> => {
    const claims = new Set<string>();
    for (const { namespace, object } of await podsOn(node))
      for (const claim of referencesOf(object).persistentvolumeclaims) claims.add(`${namespace}/${claim}`);
    if (claims.size === 0) return [];
    return (await synced('persistentvolumes'))
      .list()
      .map(({ object }) => object as unknown as PersistentVolume)
      .filter(({ spec }) => spec?.claimRef && claims.has(`${spec.claimRef.namespace ?? ''}/${spec.claimRef.name ?? ''}`));
  };

  return {
    async leads(resource, namespace, name, node) {
      if (resource === 'persistentvolumes') return (await volumesOf(node)).some(volume => volume.metadata.name === name);
      if (isReferable(resource) && (await podsReferTo(resource, namespace, name, node))) return true;
      if (resource === 'secrets')
        return (await volumesOf(node)).some(volume =>
          secretsOfPersistentVolume(volume).some(secret => secret.name === name && secret.namespace === namespace),
        );
      if (isReferable(resource)) return false;
      const spec = (await synced(storedAs[resource] ?? resource)).get(namespace, name)?.object['spec'] as { nodeName?: string } | undefined;
      return spec?.nodeName === node;
    },
  };
}
