/** Nobody grants what he does not hold. Upstream checks this in the storage of roles and bindings; here it is asked where plugins are. */
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
  aggregationRule?: unknown;
}
interface Binding extends KubeObject {
  roleRef?: { kind: string; name: string };
  subjects?: unknown;
}

export const roleEscalation = (rbac: RbacAuthorizer): AdmissionPlugin => ({
  name: 'RoleEscalation',
  async validate({ resource, operation, object, previous, user, namespace, name }) {
    if (resource.group !== group || !object || (operation !== 'CREATE' && operation !== 'UPDATE')) return;
    const write = { user, resource: resource.resource, namespace, name };
    if (roles.has(resource.resource)) {
      const role = object as Role;
      const before = previous as Role | undefined;
      if (before && sameJson(role.rules ?? [], before.rules ?? []) && sameJson(role.aggregationRule, before.aggregationRule)) return;
      await checkRoleWrite(rbac, write, role.rules ?? []);
      return;
    }
    if (!bindings.has(resource.resource)) return;
    const binding = object as Binding;
    const before = previous as Binding | undefined;
    if (before && sameJson(binding.roleRef, before.roleRef) && sameJson(binding.subjects, before.subjects)) return;
    if (binding.roleRef) await checkBindingWrite(rbac, write, binding.roleRef);
  },
});
