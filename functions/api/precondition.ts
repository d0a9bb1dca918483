/** A write that was meant for an object of another identity. Clients see upstream's own words, the place in its store included. */
import { isCustomResource, type Resource } from '../../kinds/resource.ts';
import { conflict, type StatusError } from '../../kinds/status.ts';
import { type Call, groupResource } from './context.ts';

/** Resources that upstream keeps elsewhere than under their own name. */
const places: Readonly<Record<string, string>> = {
  replicationcontrollers: 'controllers',
  endpoints: 'services/endpoints',
  nodes: 'minions',
  services: 'services/specs',
  'ingresses.networking.k8s.io': 'ingress',
};
/** Groups whose servers keep their resources below the group. */
const ownServers = new Set(['apiregistration.k8s.io', 'apiextensions.k8s.io']);

const placeOf = (resource: Resource): string => {
  const { group, name } = resource.storage;
  const known = Object.hasOwn(places, name) ? places[name] : undefined;
  return known ?? (isCustomResource(resource) || ownServers.has(group) ? `${group}/${resource.resource}` : resource.resource);
};

export const wrongIdentity = (call: Call, uid: string, stored: string, dryRun: boolean): StatusError => {
  const key = [placeOf(call.resource), ...(call.namespace ? [call.namespace] : []), call.name].join('/');
  return conflict(
    groupResource(call.resource),
    call.name,
    `StorageError: invalid object, Code: 4, Key: ${dryRun ? '' : '/registry'}/${key}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: ${uid}, UID in object meta: ${stored}`,
  );
};
