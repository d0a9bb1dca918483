/**
 * The Node authorizer: what a node's agent may do is the role `system:node` (and `system:node-proxier`), narrowed to what the pods on that node refer to. A stolen node identity
 * reads the secrets of its own pods and no others. Source: kubernetes `plugin/pkg/auth/authorizer/node/node_authorizer.go`.
 */
import type { KubeObject } from '../../../kinds/object.ts';
import type { Pod } from '../../../kinds/types.ts';
import type { Replicas } from '../../../store/replica.ts';
import type { Attributes, Authorizer } from '../types.ts';
import type { RbacAuthorizer } from './rbac.ts';
import { ruleAllows } from './rules.ts';

/** The agent is kubelet and kube-proxy in one. */
const roles = ['system:node', 'system:node-proxier'].map(name => ({ kind: 'ClusterRole', name }));
const prefix = 'system:node:';
const readVerbs = new Set(['get', 'list', 'watch']);

/** Names a pod refers to, by resource. */
interface References {
  readonly secrets: ReadonlySet<string>;
  readonly configmaps: ReadonlySet<string>;
  readonly persistentvolumeclaims: ReadonlySet<string>;
  readonly serviceAccount: string;
}
const isReferable = (resource: string): resource is 'secrets' | 'configmaps' | 'persistentvolumeclaims' =>
  resource === 'secrets' || resource === 'configmaps' || resource === 'persistentvolumeclaims';

export function nodeAuthorizer(replicas: Replicas, rbac: RbacAuthorizer): Authorizer {
  const known = new WeakMap<KubeObject, References>();
  const refersTo = async (namespace: string, nodeName: string, test: (references: References) => boolean): Promise<boolean> => {
    const pods = await replicas.open('pods');
    await pods.sync();
    return pods.list({ namespace, nodeName }).some(({ object }) => {
      let references = known.get(object);
      if (!references) {
        references = referencesOf(object as unknown as Pod);
        known.set(object, references);
      }
      return test(references);
    });
  };

  return {
    async authorize(attributes) {
      const nodeName = nodeOf(attributes);
      if (nodeName === undefined) return { allowed: false, reason: '' };
      const rules = (await Promise.all(roles.map(role => rbac.roleRules(role, '')))).flatMap(found => found ?? []);
      if (!rules.some(rule => ruleAllows(rule, attributes))) return { allowed: false, reason: '' };
      const { resource, subresource, namespace, name, verb } = attributes;
      const notRelated = { allowed: false, reason: `no relationship found between node '${nodeName}' and this object` };

      if (attributes.group === '' && isReferable(resource) && readVerbs.has(verb)) {
        if (name === '') return { allowed: false, reason: `can only read resources of this type by name` };
        return (await refersTo(namespace, nodeName, references => references[resource].has(name)))
          ? { allowed: true, reason: '' }
          : notRelated;
      }
      if (attributes.group === '' && resource === 'serviceaccounts' && subresource === 'token') {
        return (await refersTo(namespace, nodeName, references => references.serviceAccount === name))
          ? { allowed: true, reason: '' }
          : notRelated;
      }
      if (attributes.group === 'coordination.k8s.io' && resource === 'leases') {
        const own = namespace === 'kube-node-lease' && (name === nodeName || (verb === 'create' && name === ''));
        return own
          ? { allowed: true, reason: '' }
          : { allowed: false, reason: 'can only access node lease with the same name as the requesting node' };
      }
      return { allowed: true, reason: '' };
    },
  };
}

function nodeOf({ user }: Attributes): string | undefined {
  return user.groups.includes('system:nodes') && user.name.startsWith(prefix) ? user.name.slice(prefix.length) : undefined;
}

/** Asks one after the other; the first that allows decides. */
export function anyOf(authorizers: readonly Authorizer[]): Authorizer {
  return {
    async authorize(attributes) {
      let reason = '';
      for (const authorizer of authorizers) {
        const decision = await authorizer.authorize(attributes);
        if (decision.allowed) return decision;
        reason ||= decision.reason;
      }
      return { allowed: false, reason };
    },
  };
}

function referencesOf(pod: Pod): References {
  const secrets = new Set<string>();
  const configmaps = new Set<string>();
  const persistentvolumeclaims = new Set<string>();
  const add = (set: Set<string>, name: string | undefined) => {
    if (name) set.add(name);
  };
  const spec = pod.spec;
  for (const one of spec?.imagePullSecrets ?? []) add(secrets, one.name);
  for (const volume of spec?.volumes ?? []) {
    add(secrets, volume.secret?.secretName);
    add(configmaps, volume.configMap?.name);
    add(persistentvolumeclaims, volume.persistentVolumeClaim?.claimName);
    add(secrets, volume.csi?.nodePublishSecretRef?.name);
    for (const source of volume.projected?.sources ?? []) {
      add(secrets, source.secret?.name);
      add(configmaps, source.configMap?.name);
    }
  }
  for (const container of [...(spec?.initContainers ?? []), ...(spec?.containers ?? []), ...(spec?.ephemeralContainers ?? [])]) {
    for (const variable of container.env ?? []) {
      add(secrets, variable.valueFrom?.secretKeyRef?.name);
      add(configmaps, variable.valueFrom?.configMapKeyRef?.name);
    }
    for (const source of container.envFrom ?? []) {
      add(secrets, source.secretRef?.name);
      add(configmaps, source.configMapRef?.name);
    }
  }
  return { secrets, configmaps, persistentvolumeclaims, serviceAccount: spec?.serviceAccountName ?? 'default' };
}
