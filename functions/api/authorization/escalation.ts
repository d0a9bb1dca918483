/** Nobody gives away more than he holds: writing a role or a binding needs every permission in it, or the verb `escalate` or `bind`. */
import { forbidden, notFound, type StatusError } from '../../../kinds/status.ts';
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
  readonly name: string;
}

/** Writing `rules` into a role. Source: kubernetes `pkg/registry/rbac/role/policybased`. */
export async function checkRoleWrite(rbac: RbacAuthorizer, write: RoleWrite, rules: readonly PolicyRule[]): Promise<void> {
  if (await may(rbac, write, 'escalate', write.resource, write.name)) return;
  const missing = uncovered(await rbac.rulesFor(write.user, write.namespace), rules);
  if (missing.length > 0) throw escalates(write, missing);
}

/** Writing a binding to `roleRef`. */
export async function checkBindingWrite(rbac: RbacAuthorizer, write: RoleWrite, roleRef: { kind: string; name: string }): Promise<void> {
  const roles = roleRef.kind === 'ClusterRole' ? 'clusterroles' : 'roles';
  if (await may(rbac, write, 'bind', roles, roleRef.name)) return;
  const rules = await rbac.roleRules(roleRef, write.namespace);
  if (!rules) throw notFound({ group, resource: roles }, roleRef.name);
  const missing = uncovered(await rbac.rulesFor(write.user, write.namespace), rules);
  if (missing.length > 0) throw escalates(write, missing);
}

async function may(rbac: RbacAuthorizer, write: RoleWrite, verb: string, resource: string, name: string): Promise<boolean> {
  const attributes: Attributes = {
    user: write.user,
    verb,
    group,
    version: '*',
    resource,
    subresource: '',
    namespace: write.namespace,
    name,
  };
  return (await rbac.authorize(attributes)).allowed;
}

function escalates({ user, resource, name }: RoleWrite, missing: readonly PolicyRule[]): StatusError {
  const groups = user.groups.map(one => JSON.stringify(one)).join(' ');
  const what = `user "${user.name}" (groups=[${groups}]) is attempting to grant RBAC permissions not currently held:\n${missing.map(describeRule).join('\n')}`;
  return forbidden({ group, resource }, name, what);
}
