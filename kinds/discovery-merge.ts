/**
 * Discovery of this server and of extension API servers as one (kube-aggregator `handler_apis.go`, apiserver
 * `pkg/endpoints/discovery/aggregated`): groups by the highest priority of their versions, versions by theirs.
 */
import { compareVersions } from './custom-resources/versions.ts';
import type { JsonObject } from './object.ts';

/** A served group version and its place; the higher number comes first. */
export interface PlacedVersion {
  readonly group: string;
  readonly version: string;
  readonly groupPriority: number;
  readonly versionPriority: number;
}

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const byVersion = (a: PlacedVersion, b: PlacedVersion): number =>
  b.versionPriority - a.versionPriority || compareVersions(a.version, b.version);

const fields = (versions: readonly PlacedVersion[]): JsonObject | undefined => {
  const named = versions.map(({ group, version }) => ({ groupVersion: `${group}/${version}`, version }));
  const [first] = versions;
  const [preferredVersion] = named;
  return first && preferredVersion ? { name: first.group, versions: named, preferredVersion } : undefined;
};

/** `GET /apis/{group}` of a group with these versions. */
export const placedGroup = (versions: readonly PlacedVersion[]): JsonObject | undefined => {
  const found = fields([...versions].sort(byVersion));
  return found && { kind: 'APIGroup', apiVersion: 'v1', ...found };
};

/** `GET /apis`. Groups of one priority stand by the names of their APIServices, which begin with the version. */
export const placedGroupList = (versions: readonly PlacedVersion[]): JsonObject => {
  const named = versions.map(one => ({ ...one, name: `${one.version}.${one.group}` }));
  const groups = new Map<string, PlacedVersion[]>();
  for (const one of named.sort((a, b) => b.groupPriority - a.groupPriority || byText(a.name, b.name)))
    groups.set(one.group, [...(groups.get(one.group) ?? []), one]);
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: [...groups.values()].map(list => fields(list.sort(byVersion)) ?? {}) };
};

/** A version as the aggregated form lists it. */
export interface VersionDiscovery extends JsonObject {
  version: string;
}
export interface ExtensionDiscovery extends PlacedVersion {
  readonly discovery: VersionDiscovery;
}
interface Group {
  readonly metadata: JsonObject;
  readonly versions: readonly VersionDiscovery[];
}

/** The items of an APIGroupDiscoveryList with those of extensions among them; an extension's version stands in for one of the same name. */
export const mergeDiscovery = (
  items: readonly JsonObject[],
  extensions: readonly ExtensionDiscovery[],
  priority: (group: string, version: string) => { readonly group: number; readonly version: number },
): JsonObject[] => {
  const groups = new Map<string, Map<string, ExtensionDiscovery>>();
  const add = (one: ExtensionDiscovery): void => {
    const versions = groups.get(one.group) ?? new Map<string, ExtensionDiscovery>();
    groups.set(one.group, versions.set(one.version, one));
  };
  for (const { metadata, versions } of items as unknown as readonly Group[]) {
    const group = String(metadata['name'] ?? '');
    for (const discovery of versions) {
      const place = priority(group, discovery.version);
      add({ group, version: discovery.version, groupPriority: place.group, versionPriority: place.version, discovery });
    }
  }
  for (const extension of extensions) add(extension);
  return [...groups]
    .map(([name, versions]) => ({ name, versions: [...versions.values()].sort(byVersion) }))
    .map(group => ({ ...group, highest: Math.max(...group.versions.map(({ groupPriority }) => groupPriority)) }))
    .sort((a, b) => b.highest - a.highest || byText(a.name, b.name))
    .map(({ name, versions }) => ({ metadata: { name }, versions: versions.map(({ discovery }) => discovery) }));
};

interface LegacyResource {
  name: string;
  singularName?: string;
  namespaced?: boolean;
  group?: string;
  version?: string;
  kind?: string;
  verbs?: string[];
  shortNames?: string[];
  categories?: string[];
}

const kindOf = ({ group = '', version = '', kind = '' }: LegacyResource): JsonObject => ({ group, version, kind });

/** The resources of an APIResourceList in the aggregated form (apiserver `ConvertGroupVersionIntoToDiscovery`). */
export const fromLegacyList = (resources: readonly LegacyResource[]): JsonObject[] => {
  const found = new Map<string, JsonObject>();
  const scopeOf = ({ namespaced }: LegacyResource): string => (namespaced ? 'Namespaced' : 'Cluster');
  for (const one of resources) {
    if (one.name.includes('/')) continue;
    found.set(one.name, {
      resource: one.name,
      responseKind: kindOf(one),
      scope: scopeOf(one),
      singularResource: one.singularName ?? '',
      verbs: one.verbs ?? [],
      ...(one.shortNames?.length ? { shortNames: one.shortNames } : {}),
      ...(one.categories?.length ? { categories: one.categories } : {}),
    });
  }
  for (const one of resources) {
    const slash = one.name.indexOf('/');
    if (slash < 0) continue;
    const parent = one.name.slice(0, slash);
    const resource = found.get(parent) ?? {
      resource: parent,
      responseKind: kindOf({ name: parent }),
      scope: scopeOf(one),
      singularResource: '',
      verbs: [],
    };
    const subresource = {
      subresource: one.name.slice(slash + 1),
      responseKind: kindOf(one.kind ? one : { name: '' }),
      verbs: one.verbs ?? [],
    };
    found.set(parent, { ...resource, subresources: [...((resource['subresources'] as JsonObject[] | undefined) ?? []), subresource] });
  }
  return [...found.values()];
};
