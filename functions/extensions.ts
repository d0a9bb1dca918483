/**
 * The group versions that extension API servers serve behind this one, as the stored APIServices name them. Each process derives them for
 * itself from the replica, and as long as there are none, asking costs nothing.
 */
import type { Clock } from '../kinds/environment.ts';
import type { ApiService } from '../kinds/types.ts';
import type { Replicas } from '../store/replica.ts';

export const apiServices = 'apiservices.apiregistration.k8s.io';

export interface Extension {
  /** Of the APIService: `v1alpha1.wardle.example.com`. */
  readonly name: string;
  readonly group: string;
  readonly version: string;
  readonly groupPriority: number;
  readonly versionPriority: number;
  readonly service: { readonly namespace: string; readonly name: string; readonly port: number };
  /** PEM. */
  readonly ca?: string;
  readonly insecure: boolean;
  readonly available: boolean;
  /** When this process saw it change: what was learned from its server before may be wrong. */
  readonly since: number;
}

/** How groups and versions stand in discovery: the higher first. */
export interface Priority {
  readonly group: number;
  readonly version: number;
}

export interface Extensions {
  all(): readonly Extension[];
  find(group: string, version: string): Extension | undefined;
  /** Of a group version that this server itself serves, as its local APIService says. */
  priority(group: string, version: string): Priority;
}

/** What custom resources have, and what has no APIService yet. */
const usual: Priority = { group: 1000, version: 100 };

export const isAvailable = ({ status }: ApiService): boolean =>
  status?.conditions?.some(({ type, status: state }) => type === 'Available' && state === 'True') ?? false;

export const extensionOf = (object: ApiService, since: number): Extension | undefined => {
  const { spec } = object;
  const { group = '', version = '', service, caBundle, insecureSkipTLSVerify = false } = spec ?? {};
  if (!spec || !service) return undefined;
  return {
    name: object.metadata.name,
    group,
    version,
    groupPriority: spec.groupPriorityMinimum,
    versionPriority: spec.versionPriority,
    service: { namespace: service.namespace ?? '', name: service.name ?? '', port: service.port ?? 443 },
    ...(caBundle ? { ca: Buffer.from(caBundle, 'base64').toString('utf8') } : {}),
    insecure: insecureSkipTLSVerify,
    available: isAvailable(object),
    since,
  };
};

export const extensionsFrom = async (replicas: Replicas, clock: Clock): Promise<Extensions> => {
  const replica = await replicas.open(apiServices);
  const known = new Map<string, { readonly revision: number; readonly extension: Extension | undefined }>();
  let current: readonly Extension[] | undefined;
  let byPlace = new Map<string, Extension>();
  replica.subscribe(() => {
    current = undefined;
  });
  const all = (): readonly Extension[] => {
    if (current) return current;
    const gone = new Set(known.keys());
    const found: Extension[] = [];
    for (const { name, revision, object } of replica.list()) {
      gone.delete(name);
      let seen = known.get(name);
      if (seen?.revision !== revision) {
        seen = { revision, extension: extensionOf(object as ApiService, clock.now()) };
        known.set(name, seen);
      }
      if (seen.extension) found.push(seen.extension);
    }
    for (const name of gone) known.delete(name);
    byPlace = new Map(found.map(one => [`${one.group}/${one.version}`, one]));
    current = found;
    return found;
  };
  return {
    all,
    find: (group, version) => (all().length === 0 ? undefined : byPlace.get(`${group}/${version}`)),
    priority(group, version) {
      const { spec } = (replica.get('', `${version}.${group}`)?.object as ApiService | undefined) ?? {};
      return spec && !spec.service ? { group: spec.groupPriorityMinimum, version: spec.versionPriority } : usual;
    },
  };
};
