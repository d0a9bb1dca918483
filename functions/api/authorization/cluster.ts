/** The authorizers of a cluster put together: the Node authorizer, then RBAC, which also answers what a user may do at all. */
import type { Replicas } from '../../../store/replica.ts';
import type { Authorizer } from '../types.ts';
import { anyOf, nodeAuthorizer } from './node.ts';
import type { RbacAuthorizer } from './rbac.ts';

export function clusterAuthorizer(replicas: Replicas, rbac: RbacAuthorizer): Authorizer {
  const both = anyOf([nodeAuthorizer(replicas, rbac), rbac]);
  return {
    authorize: attributes => both.authorize(attributes),
    async rules(user, namespace) {
      const rules = await rbac.rulesFor(user, namespace);
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
        incomplete: false,
      };
    },
  };
}
