/**
 * Role-based access control over replicas of the four kinds. What a user holds is put together once and kept until a role or binding changes, so a
 * decision is a walk over the rules of that user alone. Source: kubernetes `plugin/pkg/auth/authorizer/rbac`.
 */
import type { Clock } from '../../../kinds/environment.ts';
import { quote } from '../../../kinds/field.ts';
import type { KubeObject } from '../../../kinds/object.ts';
import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding } from '../../../kinds/types.ts';
import type { Replica, Replicas } from '../../../store/replica.ts';
import type { Authorizer, User } from '../types.ts';
import { ruleAllows } from './rules.ts';

/** Rules that came by one subject of one binding. */
interface Grant {
  readonly rules: readonly PolicyRule[];
  readonly reason: string;
  /** The role that a binding names is not there; said to those who are refused. */
  readonly missing?: RoleName;
}

interface RoleName {
  readonly kind: string;
  readonly name: string;
}

export interface Held {
  readonly rules: readonly PolicyRule[];
  /** Roles that bindings of the user name and nobody has. */
  readonly missing: readonly RoleName[];
}

interface Holdings {
  readonly cluster: readonly Grant[];
  readonly byNamespace: ReadonlyMap<string, readonly Grant[]>;
}

export interface RbacAuthorizer extends Authorizer {
  /** Everything a user may do in a namespace (with what it holds cluster-wide); `''`: cluster-wide only. */
  rulesFor(user: User, namespace: string): Promise<Held>;
  /** The rules a role reference names; undefined when the role does not exist. */
  roleRules(roleRef: RoleName, namespace: string): Promise<readonly PolicyRule[] | undefined>;
}

/** How stale the roles may be where no subscription keeps the replicas current (ms). */
const staleness = 1000;
const group = 'rbac.authorization.k8s.io';

export async function rbacAuthorizer(replicas: Replicas, clock: Clock): Promise<RbacAuthorizer> {
  const open = (resource: string) => replicas.open(`${resource}.${group}`);
  const [roles, bindings, clusterRoles, clusterBindings] = await Promise.all([
    open('roles'),
    open('rolebindings'),
    open('clusterroles'),
    open('clusterrolebindings'),
  ]);
  const all: readonly Replica[] = [roles, bindings, clusterRoles, clusterBindings];
  let held = new Map<string, Holdings>();
  for (const replica of all) {
    replica.subscribe(() => {
      if (held.size > 0) held = new Map();
    });
  }
  let synced = clock.now();
  const refresh = async (): Promise<void> => {
    if (clock.now() - synced < staleness) return;
    synced = clock.now();
    await Promise.all(all.map(replica => replica.sync()));
  };

  const rulesOf = (roleRef: RoleName, namespace: string): readonly PolicyRule[] | undefined => {
    const entry = roleRef.kind === 'ClusterRole' ? clusterRoles.get('', roleRef.name) : roles.get(namespace, roleRef.name);
    return entry && ((entry.object as unknown as Role | ClusterRole).rules ?? []);
  };

  const holdings = (user: User): Holdings => {
    const key = JSON.stringify([user.name, user.groups]);
    let found = held.get(key);
    if (!found) {
      found = collect(user);
      // Names come from callers: bounded, so that nobody can fill the memory with users.
      if (held.size >= 2000) held.clear();
      held.set(key, found);
    }
    return found;
  };

  const collect = (user: User): Holdings => {
    const cluster: Grant[] = [];
    for (const { object } of clusterBindings.list()) {
      const grant = grantOf(object, user, '', rulesOf);
      if (grant) cluster.push(grant);
    }
    const byNamespace = new Map<string, Grant[]>();
    for (const { object, namespace } of bindings.list()) {
      const grant = grantOf(object, user, namespace, rulesOf);
      if (!grant) continue;
      const list = byNamespace.get(namespace);
      if (list) list.push(grant);
      else byNamespace.set(namespace, [grant]);
    }
    return { cluster, byNamespace };
  };

  return {
    async authorize(attributes) {
      if (attributes.user.groups.includes('system:masters')) return { allowed: true, reason: '' };
      await refresh();
      const { cluster, byNamespace } = holdings(attributes.user);
      const local = attributes.namespace ? byNamespace.get(attributes.namespace) : undefined;
      for (const grants of local ? [cluster, local] : [cluster]) {
        for (const grant of grants) {
          if (grant.rules.some(rule => ruleAllows(rule, attributes))) return { allowed: true, reason: grant.reason };
        }
      }
      const missing = missingText(missingOf([...cluster, ...(local ?? [])]));
      return { allowed: false, reason: missing ? `RBAC: ${missing}` : '' };
    },

    async rulesFor(user, namespace) {
      await refresh();
      const { cluster, byNamespace } = holdings(user);
      const grants = [...cluster, ...(byNamespace.get(namespace) ?? [])];
      return { rules: grants.flatMap(grant => grant.rules), missing: missingOf(grants) };
    },

    async roleRules(roleRef, namespace) {
      await refresh();
      return rulesOf(roleRef, namespace);
    },
  };
}

const missingOf = (grants: readonly Grant[]): RoleName[] => grants.flatMap(grant => grant.missing ?? []);

/** As Go prints several errors: each text once. */
export function missingText(missing: readonly RoleName[]): string {
  const texts = [...new Set(missing.map(({ kind, name }) => `${kind.toLowerCase()}.${group} ${quote(name)} not found`))];
  return texts.length > 1 ? `[${texts.join(', ')}]` : (texts[0] ?? '');
}

function grantOf(
  object: KubeObject,
  user: User,
  namespace: string,
  rulesOf: (roleRef: { kind: string; name: string }, namespace: string) => readonly PolicyRule[] | undefined,
): Grant | undefined {
  const binding = object as unknown as RoleBinding | ClusterRoleBinding;
  const subject = binding.subjects?.find(one => isSubject(one, user, namespace));
  if (!subject) return undefined;
  const rules = rulesOf(binding.roleRef, namespace);
  if (!rules) {
    return { rules: [], reason: '', missing: binding.roleRef };
  }
  const who = subject.kind === 'ServiceAccount' ? `${subject.name}/${subject.namespace ?? namespace}` : subject.name;
  const name = namespace ? `${binding.metadata.name}/${namespace}` : binding.metadata.name;
  const kind = namespace ? 'RoleBinding' : 'ClusterRoleBinding';
  return {
    rules,
    reason: `RBAC: allowed by ${kind} "${name}" of ${binding.roleRef.kind} "${binding.roleRef.name}" to ${subject.kind} "${who}"`,
  };
}

function isSubject(subject: { kind: string; name: string; namespace?: string }, user: User, namespace: string): boolean {
  if (subject.kind === 'User') return subject.name === user.name;
  if (subject.kind === 'Group') return user.groups.includes(subject.name);
  return subject.kind === 'ServiceAccount' && user.name === `system:serviceaccount:${subject.namespace || namespace}:${subject.name}`;
}
