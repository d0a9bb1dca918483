/**
 * The discovery documents of a registry: the legacy lists (`/api`, `/apis`, one list a group version) and the aggregated
 * form (KEP-3352). Plain objects; whoever serves them keeps the bytes.
 */
import { createHash } from 'node:crypto';
import type { JsonObject } from './object.ts';
import type { Registry, Resource, Subresource } from './resource.ts';
import { apiVersionOf } from './resource.ts';
import { compiledDefinition } from './schema/data.ts';

/** `GET /api`. `serverAddress` is host and port as clients outside reach it. */
export const apiVersions = (serverAddress = ''): JsonObject => ({
  kind: 'APIVersions',
  versions: ['v1'],
  serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }],
});

/** Groups in discovery order, each with its versions, the preferred one as such. */
const groupsOf = (registry: Registry): Map<string, { versions: string[]; preferred: string }> => {
  const groups = new Map<string, { versions: string[]; preferred: string }>();
  for (const { group, version, preferred } of registry.all()) {
    if (!group) continue;
    const known = groups.get(group) ?? { versions: [], preferred: '' };
    if (!known.versions.includes(version)) known.versions.push(version);
    if (preferred) known.preferred = version;
    groups.set(group, known);
  }
  return groups;
};

const groupFields = (name: string, { versions, preferred }: { versions: string[]; preferred: string }): JsonObject => {
  const named = (version: string) => ({ groupVersion: `${name}/${version}`, version });
  return { name, versions: versions.map(named), preferredVersion: named(preferred || (versions[0] ?? '')) };
};

/** `GET /apis`. */
export const apiGroupList = (registry: Registry): JsonObject => ({
  kind: 'APIGroupList',
  apiVersion: 'v1',
  groups: [...groupsOf(registry)].map(([name, versions]) => groupFields(name, versions)),
});

/** `GET /apis/{group}`; undefined for a group that is not served. */
export const apiGroup = (registry: Registry, group: string): JsonObject | undefined => {
  const versions = groupsOf(registry).get(group);
  return versions ? { kind: 'APIGroup', apiVersion: 'v1', ...groupFields(group, versions) } : undefined;
};

/** Upstream 1.36 still stores these as v1beta1; the hash is published as upstream has it, so that clients see no difference. */
const hashedAsBeta: ReadonlySet<string> = new Set(['MutatingAdmissionPolicy', 'MutatingAdmissionPolicyBinding']);

/** Tells clients that a stored form is still the same: the first 8 bytes of a hash over its group, version and kind. */
const storageVersionHash = ({ storage: { group, version, kind } }: Resource): string => {
  const hashed = group === 'admissionregistration.k8s.io' && hashedAsBeta.has(kind) ? 'v1beta1' : version;
  return createHash('sha256').update(`${group}/${hashed}/${kind}`).digest().subarray(0, 8).toString('base64');
};

const legacySubresource = (resource: Resource, { name, kind, group, version, verbs }: Subresource): JsonObject => ({
  name: `${resource.resource}/${name}`,
  singularName: '',
  namespaced: resource.namespaced,
  ...(version ? { group: group ?? '', version } : {}),
  kind,
  verbs: [...verbs],
});

const legacyResource = (resource: Resource): JsonObject => ({
  name: resource.resource,
  singularName: resource.singular,
  namespaced: resource.namespaced,
  kind: resource.kind,
  verbs: [...(resource.publishedVerbs ?? resource.verbs)],
  ...(resource.shortNames.length > 0 ? { shortNames: [...resource.shortNames] } : {}),
  ...(resource.categories.length > 0 ? { categories: [...resource.categories] } : {}),
  // What cannot be watched is not stored either.
  ...(resource.verbs.includes('watch') ? { storageVersionHash: storageVersionHash(resource) } : {}),
});

/** `GET /api/v1`, `GET /apis/{group}/{version}`; undefined for what is not served. */
export const apiResourceList = (registry: Registry, group: string, version: string): JsonObject | undefined => {
  const resources = registry.all().filter(resource => resource.group === group && resource.version === version);
  if (resources.length === 0) return undefined;
  return {
    kind: 'APIResourceList',
    ...(group ? { apiVersion: 'v1' } : {}),
    groupVersion: apiVersionOf({ group, version }),
    resources: resources.flatMap(resource => [
      legacyResource(resource),
      ...resource.subresources.map(subresource => legacySubresource(resource, subresource)),
    ]),
  };
};

/** Built-in kinds leave group and version to the place they are listed in; custom ones state them. */
const responseKind = (resource: Resource, kind: string, subresource?: Subresource): JsonObject => {
  if (subresource?.version) return { group: subresource.group ?? '', version: subresource.version, kind };
  const builtIn = resource.schema.definition !== undefined && compiledDefinition(resource.schema.definition) !== undefined;
  return builtIn ? { group: '', version: '', kind } : { group: resource.group, version: resource.version, kind };
};

const aggregatedResource = (resource: Resource): JsonObject => ({
  resource: resource.resource,
  responseKind: responseKind(resource, resource.kind),
  scope: resource.namespaced ? 'Namespaced' : 'Cluster',
  singularResource: resource.singular,
  verbs: [...(resource.publishedVerbs ?? resource.verbs)],
  ...(resource.shortNames.length > 0 ? { shortNames: [...resource.shortNames] } : {}),
  ...(resource.categories.length > 0 ? { categories: [...resource.categories] } : {}),
  ...(resource.subresources.length > 0
    ? {
        subresources: resource.subresources.map(subresource => ({
          subresource: subresource.name,
          responseKind: responseKind(resource, subresource.kind, subresource),
          verbs: [...subresource.verbs],
        })),
      }
    : {}),
});

/** `GET /api` or `GET /apis` as an APIGroupDiscoveryList, which the client asks for by `Accept`. */
export const aggregatedDiscovery = (registry: Registry, root: 'api' | 'apis', version: 'v2' | 'v2beta1' = 'v2'): JsonObject => {
  const groups = new Map<string, Map<string, Resource[]>>();
  for (const resource of registry.all()) {
    if ((root === 'api') !== (resource.group === '')) continue;
    const versions = groups.get(resource.group) ?? new Map<string, Resource[]>();
    groups.set(resource.group, versions);
    versions.set(resource.version, [...(versions.get(resource.version) ?? []), resource]);
  }
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: [...groups].map(([name, versions]) => ({
      metadata: name ? { name } : {},
      versions: [...versions].map(([of, resources]) => ({
        version: of,
        resources: resources.map(aggregatedResource),
        freshness: 'Current',
      })),
    })),
  };
};
