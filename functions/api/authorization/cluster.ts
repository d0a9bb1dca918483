/** The authorizers of a cluster put together: the Node authorizer, then RBAC, which also answers what a user may do at all. */
import type { KubeObject } from '../../../kinds/object.ts';
import { bootstrapObjects } from '../../../kinds/schema/data.ts';
import type { PolicyRule } from '../../../kinds/types.ts';
import type { Replicas } from '../../../store/replica.ts';
import type { Authorizer } from '../types.ts';
import { nodeAuthorizer, nodeOf } from './node.ts';
import { missingText, type RbacAuthorizer } from './rbac.ts';

export function clusterAuthorizer(replicas: Replicas, rbac: RbacAuthorizer): Authorizer {
  let found: readonly PolicyRule[] | undefined;
  const nodeRules = (): readonly PolicyRule[] => {
    found ??= rulesOf(bootstrapObjects());
    return found;
  };
  const both = anyOf([nodeAuthorizer(replicas, nodeRules), rbac]);
  return {
    authorize: attributes => both.authorize(attributes),
    async rules(user, namespace) {
      const { rules, missing } = await rbac.rulesFor(user, namespace);
      const isNode = nodeOf({ user }) !== undefined;
      const errors = [isNode ? 'node authorizer does not support user rule resolution' : '', missingText(missing)].filter(Boolean);
      return {
        resourceRules: rules
          .filter(rule => (rule.resources?.length ?? 0) > 0)
          .map(({ verbs, apiGroups, resources, resourceNames }) => ({
            verbs,
            ...(apiGroups ? { apiGroups } : {}),
            ...(resources ? { resources } : {}),
            ...(resourceNames?.length ? { resourceNames } : {}),
          })),
        nonResourceRules: rules
          .filter(rule => (rule.nonResourceURLs?.length ?? 0) > 0)
          .map(({ verbs, nonResourceURLs }) => ({ verbs, ...(nonResourceURLs ? { nonResourceURLs } : {}) })),
        incomplete: isNode,
        ...(errors.length > 0 ? { evaluationError: errors.length > 1 ? `[${errors.join(', ')}]` : (errors[0] ?? '') } : {}),
      };
    },
  };
}

/** The agent is kubelet and kube-proxy in one. */
const nodeRoles = ['system:node', 'system:node-proxier'];
const rulesOf = (objects: readonly KubeObject[]): readonly PolicyRule[] =>
  objects
    .filter(({ kind, metadata }) => kind === 'ClusterRole' && nodeRoles.includes(metadata.name))
    .flatMap(role => (role as KubeObject & { rules?: PolicyRule[] }).rules ?? []);

/** Asks one after the other; the first that allows decides. */
function anyOf(authorizers: readonly Authorizer[]): Authorizer {
  return {
    async authorize(attributes) {
      const reasons: string[] = [];
      for (const authorizer of authorizers) {
        const decision = await authorizer.authorize(attributes);
        if (decision.allowed) return decision;
        if (decision.reason) reasons.push(decision.reason);
      }
      return { allowed: false, reason: reasons.join('\n') };
    },
  };
}
