/** The authorizers of a cluster put together: the Node authorizer, then RBAC, which also answers what a user may do at all. */
import type { KubeObject } from '../../../kinds/object.ts';
import { bootstrapObjects } from '../../../kinds/schema/data.ts';
import type { PolicyRule } from '../../../kinds/types.ts';
import type { Replicas } from '../../../store/replica.ts';
import { agentGroup } from '../pki.ts';
import type { Authorizer } from '../types.ts';
import { nodeAuthorizer, nodeOf } from './node.ts';
import { missingText, type RbacAuthorizer } from './rbac.ts';
import { ruleAllows } from './rules.ts';

export function clusterAuthorizer(replicas: Replicas, rbac: RbacAuthorizer): Authorizer {
  const all = anyOf([
    nodeAuthorizer(
      replicas,
      once(() => rulesOf('system:node')),
    ),
    agentProxy(agentGroup),
    rbac,
  ]);
  return {
    authorize: attributes => all.authorize(attributes),
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

const rulesOf = (name: string): readonly PolicyRule[] =>
  bootstrapObjects()
    .filter(({ kind, metadata }) => kind === 'ClusterRole' && metadata.name === name)
    .flatMap(role => (role as KubeObject & { rules?: PolicyRule[] }).rules ?? []);

/** The agents of this project are kubelet and kube-proxy in one. */
const agentProxy = (group: string): Authorizer => {
  const rules = once(() => rulesOf('system:node-proxier'));
  return {
    async authorize(attributes) {
      const isAgent = attributes.user.groups.includes(group) && nodeOf(attributes) !== undefined;
      return { allowed: isAgent && rules().some(rule => ruleAllows(rule, attributes)), reason: '' };
    },
  };
};

const once = <T>(make: () => T): (() => T) => {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
};

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
