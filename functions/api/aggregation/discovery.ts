/** What extension API servers say they serve (kube-aggregator `handler_discovery.go`): asked for with the first request that needs it. */
import { type ExtensionDiscovery, fromLegacyList, type VersionDiscovery } from '../../../kinds/discovery-merge.ts';
import type { Clock } from '../../../kinds/environment.ts';
import type { JsonObject } from '../../../kinds/object.ts';
import type { Extension } from '../../extensions.ts';
import { aggregator, askExtension, type ExtensionAnswer } from './ask-extension.ts';
import type { FrontProxyOptions } from './front-proxy.ts';
import { Remembered } from './remembered.ts';

type Versions = ReadonlyMap<string, VersionDiscovery>;

const forms = ['v2', 'v2beta1'];
const accept = forms.map(version => `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`).join(',');

interface Resource extends JsonObject {
  responseKind?: JsonObject;
  subresources?: Resource[];
}
interface Groups {
  items?: { metadata?: { name?: string }; versions?: (VersionDiscovery & { resources?: Resource[] })[] }[];
}

const noKind = { group: '', version: '', kind: '' };
/** Some clients fall over a kind that is not said. */
const withKind = (one: Resource): Resource => ({
  ...one,
  responseKind: one.responseKind ?? noKind,
  ...(one.subresources ? { subresources: one.subresources.map(withKind) } : {}),
});

const readGroups = (answer: ExtensionAnswer): Versions => {
  if (answer.status !== 200 || !/as=APIGroupDiscoveryList/i.test([answer.headers['content-type'] ?? ''].flat().join()))
    throw new Error('no aggregated discovery');
  const { items = [] } = JSON.parse(answer.text) as Groups;
  return new Map(
    items.flatMap(({ metadata, versions = [] }) =>
      versions.map(one => [
        `${metadata?.name ?? ''}/${one.version}`,
        one.resources ? { ...one, resources: one.resources.map(withKind) } : one,
      ]),
    ),
  );
};

const readList = (answer: ExtensionAnswer): VersionDiscovery['resources'] => {
  if (answer.status !== 200) throw new Error(`no discovery: ${answer.status}`);
  const { resources = [] } = JSON.parse(answer.text) as { resources?: Parameters<typeof fromLegacyList>[0] };
  return fromLegacyList(resources);
};

export const extensionDiscovery = (options: FrontProxyOptions & { readonly clock: Clock }) => {
  const groups = new Remembered<Versions>(
    options.clock,
    (extension, etag) =>
      askExtension(options, extension, { path: '/apis', as: aggregator, headers: { accept, ...(etag ? { 'if-none-match': etag } : {}) } }),
    readGroups,
  );
  const lists = new Remembered<VersionDiscovery['resources']>(
    options.clock,
    (extension, etag) => {
      const path = `/apis/${extension.group}/${extension.version}`;
      return askExtension(options, extension, { path, as: aggregator, headers: etag ? { 'if-none-match': etag } : {} });
    },
    readList,
  );

  const learn = async (extension: Extension): Promise<VersionDiscovery> => {
    const { group, version, available, service } = extension;
    const stale = { version, freshness: 'Stale' };
    // Its server was found not to answer: nobody waits for it again.
    if (!available) return stale;
    const own = await groups.learn(serviceKey(service), extension);
    if (own.value) return { ...(own.value.get(`${group}/${version}`) ?? { version }), freshness: own.current ? 'Current' : 'Stale' };
    const { value, current } = await lists.learn(extension.name, extension);
    return { version, ...(value ? { resources: value } : {}), freshness: current ? 'Current' : 'Stale' };
  };

  return async (extensions: readonly Extension[]): Promise<ExtensionDiscovery[]> => {
    groups.forgetOthers(new Set(extensions.map(({ service }) => serviceKey(service))));
    lists.forgetOthers(new Set(extensions.map(({ name }) => name)));
    return Promise.all(extensions.map(async extension => ({ ...extension, discovery: await learn(extension) })));
  };
};

export const serviceKey = ({ namespace, name, port }: Extension['service']): string => `${namespace}/${name}:${port}`;
