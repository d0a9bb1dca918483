/** Nobody gives away more than he holds: writing a role or a binding needs every permission in it, or the verb `escalate` or `bind`. */
import { quote } from '../../../kinds/field.ts';
import { forbidden, notFound, qualified, StatusError } from '../../../kinds/status.ts';
import type { PolicyRule } from '../../../kinds/types.ts';
import type { Attributes, User } from '../types.ts';
import type { RbacAuthorizer } from './rbac.ts';
import { describeRule, uncovered } from './rules.ts';

const group = 'rbac.authorization.k8s.io';

export interface RoleWrite {
  readonly user: User;
  /** `roles`, `clusterroles`, `rolebindings` or `clusterrolebindings`. */
  readonly resource: string;
  readonly namespace: string;
  /** In the path of the request: empty for creations. */
  readonly requested: string;
  readonly name: string;
}

const everything: readonly PolicyRule[] = [
  { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
  { nonResourceURLs: ['*'], verbs: ['*'] },
];

/** Writing `rules` into a role; one that gathers others' rules (`aggregates`) can come to hold anything. Source: kubernetes `pkg/registry/rbac/clusterrole/policybased`. */
export async function checkRoleWrite(
  rbac: RbacAuthorizer,
  write: RoleWrite,
  rules: readonly PolicyRule[],
  aggregates: boolean,
): Promise<void> {
  if (isMaster(write.user) || (await may(rbac, write, 'escalate', write.resource, write.requested))) return;
  const missing = await escalation(rbac, write, rules);
  if (missing) throw missing;
  if (aggregates && (await escalation(rbac, write, everything)))
    throw forbidden({ group, resource: write.resource }, write.name, 'must have cluster-admin privileges to use the aggregationRule');
}

/** Writing a binding to `roleRef`. */
export async function checkBindingWrite(rbac: RbacAuthorizer, write: RoleWrite, roleRef: { kind: string; name: string }): Promise<void> {
  if (isMaster(write.user)) return;
  const roles = { ClusterRole: 'clusterroles', Role: 'roles' }[roleRef.kind];
  if (!roles) throw new StatusError(500, '', `unsupported role reference kind: ${quote(roleRef.kind)}`);
  if (await may(rbac, write, 'bind', roles, roleRef.name)) return;
  const rules = await rbac.roleRules(roleRef, write.namespace);
  // Upstream looks for the role in the name of the request, and says so.
  if (!rules) throw notFound({ group, resource: write.resource }, roleRef.name);
  const missing = await escalation(rbac, write, rules);
  if (missing) throw missing;
}

const isMaster = (user: User): boolean => user.groups.includes('system:masters');

async function may(rbac: RbacAuthorizer, write: RoleWrite, verb: string, resource: string, name: string): Promise<boolean> {
  const { user, namespace } = write;
  const attributes: Attributes = { user, verb, group, version: '*', resource, subresource: '', namespace, name };
  return (await rbac.authorize(attributes)).allowed;
}

async function escalation(rbac: RbacAuthorizer, write: RoleWrite, rules: readonly PolicyRule[]): Promise<StatusError | undefined> {
  const { user, resource, namespace, name } = write;
  const held = await rbac.rulesFor(user, namespace);
  const missing = uncovered(held.rules, rules);
  if (missing.length === 0) return undefined;
  const groups = user.groups.map(quote).join(' ');
  const lines = [...new Set(missing.map(describeRule))].sort().join('\n');
  const lost = [...new Set(held.missing.map(role => `${qualified({ group, resource })} ${quote(role.name)} not found`))];
  const unresolved = lost.length > 0 ? `; resolution errors: [${lost.length === 1 ? lost[0] : `[${lost.join(', ')}]`}]` : '';
  return forbidden(
    { group, resource },
    name,
    `user ${quote(user.name)} (groups=[${groups}]) is attempting to grant RBAC permissions not currently held:\n${lines}${unresolved}`,
  );
}
