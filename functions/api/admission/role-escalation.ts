/**
 * Nobody grants what he does not hold. Upstream checks this in the storage of roles and bindings, when all that changes objects has had its say
 * and before they are validated; here that is the end of the mutating half.
 */
import type { KubeObject } from '../../../kinds/object.ts';
import type { PolicyRule } from '../../../kinds/types.ts';
import type { AdmissionPlugin } from '../admission.ts';
import { checkBindingWrite, checkRoleWrite } from '../authorization/escalation.ts';
import type { RbacAuthorizer } from '../authorization/rbac.ts';
import { sameJson } from '../wire.ts';

const group = 'rbac.authorization.k8s.io';
const roles = new Set(['roles', 'clusterroles']);
const bindings = new Set(['rolebindings', 'clusterrolebindings']);

interface Role extends KubeObject {
  rules?: PolicyRule[] | null;
  aggregationRule?: { clusterRoleSelectors?: unknown[] };
}
interface Binding extends KubeObject {
  roleRef?: { kind: string; name: string };
}

/** What garbage collection writes takes nothing but the right to update. */
const changesOnlyOwnership = (next: KubeObject, previous: KubeObject | undefined): boolean => {
  if (!previous) return false;
  const { ownerReferences: _, finalizers: __, managedFields: ___, ...metadata } = next.metadata;
  const { ownerReferences: ____, finalizers: _____, managedFields: ______, ...before } = previous.metadata;
  return sameJson({ ...next, metadata }, { ...previous, metadata: before });
};
const aggregates = (role: Role | undefined): boolean => (role?.aggregationRule?.clusterRoleSelectors?.length ?? 0) > 0;

export const roleEscalation = (rbac: RbacAuthorizer): AdmissionPlugin => ({
  name: 'RoleEscalation',
  async admit({ resource, operation, object, previous, user, namespace, name }) {
    if (resource.group !== group || !object || (operation !== 'CREATE' && operation !== 'UPDATE')) return;
    if (changesOnlyOwnership(object, previous)) return;
    const requested = operation === 'CREATE' ? '' : name;
    const write = { user, resource: resource.resource, namespace, requested, name: object.metadata.name ?? '' };
    if (roles.has(resource.resource)) {
      const role = object as Role;
      await checkRoleWrite(rbac, write, role.rules ?? [], aggregates(role) || aggregates(previous as Role | undefined));
    } else if (bindings.has(resource.resource)) {
      await checkBindingWrite(rbac, write, (object as Binding).roleRef ?? { kind: '', name: '' });
    }
  },
});
