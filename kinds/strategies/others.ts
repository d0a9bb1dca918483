/** The strategies of everything that is neither a pod nor a workload, by plural and group. */
import type { Strategy } from '../strategy.ts';
import { configMap } from './config-map.ts';
import { endpointSlice } from './endpoint-slice.ts';
import { endpoints } from './endpoints.ts';
import { event, eventsEvent } from './event.ts';
import { lease } from './lease.ts';
import { namespace } from './namespace.ts';
import { node } from './node.ts';
import { priorityClass } from './priority-class.ts';
import { clusterRole, role } from './role.ts';
import { clusterRoleBinding, roleBinding } from './role-binding.ts';
import { secret } from './secret.ts';
import { service } from './service.ts';
import { serviceAccount } from './service-account.ts';

// A strategy of one kind stands here as one of any: the registry hands it only objects of its own kind.
const any = (strategy: object): Strategy => strategy as Strategy;

export const others: Readonly<Record<string, Strategy>> = {
  configmaps: any(configMap),
  endpoints: any(endpoints),
  events: any(event),
  namespaces: any(namespace),
  nodes: any(node),
  secrets: any(secret),
  serviceaccounts: any(serviceAccount),
  services: any(service),
  'leases.coordination.k8s.io': any(lease),
  'endpointslices.discovery.k8s.io': any(endpointSlice),
  'events.events.k8s.io': any(eventsEvent),
  'clusterrolebindings.rbac.authorization.k8s.io': any(clusterRoleBinding),
  'clusterroles.rbac.authorization.k8s.io': any(clusterRole),
  'rolebindings.rbac.authorization.k8s.io': any(roleBinding),
  'roles.rbac.authorization.k8s.io': any(role),
  'priorityclasses.scheduling.k8s.io': any(priorityClass),
};
