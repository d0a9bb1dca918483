/** A few kinds, for reconcilers that go over all of them. */
import { apiVersionOf, type Registry, type Resource } from '../../../kinds/resource.ts';

const kinds: [group: string, version: string, resource: string, kind: string, namespaced: boolean][] = [
  ['', 'v1', 'namespaces', 'Namespace', false],
  ['', 'v1', 'nodes', 'Node', false],
  ['', 'v1', 'pods', 'Pod', true],
  ['', 'v1', 'services', 'Service', true],
  ['', 'v1', 'configmaps', 'ConfigMap', true],
  ['', 'v1', 'serviceaccounts', 'ServiceAccount', true],
  ['', 'v1', 'events', 'Event', true],
  ['apps', 'v1', 'deployments', 'Deployment', true],
  ['apps', 'v1', 'replicasets', 'ReplicaSet', true],
];

export const testRegistry = (): Registry => {
  const all = kinds.map(
    ([group, version, resource, kind, namespaced]): Resource => ({
      group,
      version,
      resource,
      kind,
      singular: kind.toLowerCase(),
      namespaced,
      preferred: true,
      verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
      shortNames: [],
      categories: [],
      subresources: [],
      schema: {} as Resource['schema'],
      strategy: {},
      columns: [],
      storage: { name: group ? `${resource}.${group}` : resource, group, version, kind },
    }),
  );
  return {
    all: () => all,
    find: (group, version, resource) => all.find(each => each.group === group && each.version === version && each.resource === resource),
    findKind: (apiVersion, kind) => all.find(each => apiVersionOf(each) === apiVersion && each.kind === kind),
    findStored: name => all.find(each => each.storage.name === name),
  };
};
