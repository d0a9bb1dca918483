/** What extension API servers hold, for controllers: asked for with the front proxy's word for who asks. */

import { compareVersions } from '../../../kinds/custom-resources/versions.ts';
import type { ExtensionDiscovery } from '../../../kinds/discovery-merge.ts';
import type { ObjectMeta } from '../../../kinds/object.ts';
import type { ExtensionContent, ExtensionContents, ExtensionDiscovered, ExtensionResource } from '../../extension-content.ts';
import type { User } from '../types.ts';
import type { Aggregation } from './aggregation.ts';

interface Listed {
  resource: string;
  scope?: string;
  verbs?: string[];
  responseKind?: { kind?: string };
}

const needed = ['list', 'delete'];
const metadataOnly = (kind: string) => ({ accept: `application/json;as=${kind};g=meta.k8s.io;v=v1,application/json` });

const accountOf = (name: string): User => ({
  name: `system:serviceaccount:kube-system:${name}`,
  groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'],
});

const staleText = (groupVersion: string): string => `stale GroupVersion discovery: ${groupVersion}`;

/** Each resource once, from the version that stands first. */
const discovered = (all: readonly ExtensionDiscovery[]): ExtensionDiscovered => {
  const resources = new Map<string, ExtensionResource>();
  const failed: { groupVersion: string; message: string }[] = [];
  const ordered = [...all].sort((a, b) => b.versionPriority - a.versionPriority || compareVersions(a.version, b.version));
  for (const { group, version, discovery } of ordered) {
    const groupVersion = `${group}/${version}`;
    if (discovery['freshness'] !== 'Current') failed.push({ groupVersion, message: staleText(groupVersion) });
    for (const { resource, scope, verbs = [], responseKind } of (discovery['resources'] ?? []) as unknown as Listed[]) {
      if (resources.has(`${resource}.${group}`) || !needed.every(verb => verbs.includes(verb))) continue;
      resources.set(`${resource}.${group}`, {
        group,
        version,
        resource,
        kind: responseKind?.kind ?? '',
        namespaced: scope === 'Namespaced',
      });
    }
  }
  return { resources: [...resources.values()], failed };
};

export const extensionContents = (aggregation: Pick<Aggregation, 'all' | 'discovery' | 'ask'>): ExtensionContents => ({
  as: account => contentAs(aggregation, accountOf(account)),
});

const contentAs = (aggregation: Pick<Aggregation, 'all' | 'discovery' | 'ask'>, as: User): ExtensionContent => {
  const send = async (
    { group, version, resource, namespaced }: ExtensionResource,
    {
      namespace,
      name = '',
      ...question
    }: { namespace: string; name?: string; method?: string; headers?: Record<string, string>; body?: string },
  ): Promise<{ status: number; text: string }> => {
    const extension = aggregation.all().find(one => one.group === group && one.version === version);
    if (!extension) throw new Error(`nothing serves ${group}/${version}`);
    const parts = [
      '',
      'apis',
      group,
      version,
      ...(namespaced && namespace ? ['namespaces', namespace] : []),
      resource,
      ...(name ? [name] : []),
    ];
    return aggregation.ask(extension, { path: parts.map(encodeURIComponent).join('/'), as, ...question });
  };
  const refused = ({ resource, group }: ExtensionResource, verb: string, { status, text }: { status: number; text: string }): Error =>
    new Error(`${verb} of ${resource}.${group} was answered ${status}: ${text.slice(0, 300)}`);

  return {
    async discover() {
      return aggregation.all().length === 0 ? { resources: [], failed: [] } : discovered(await aggregation.discovery());
    },
    async list(resource, namespace) {
      const answer = await send(resource, { namespace, headers: metadataOnly('PartialObjectMetadataList') });
      if (answer.status !== 200) throw refused(resource, 'list', answer);
      const { items } = JSON.parse(answer.text) as { items?: { metadata: ObjectMeta }[] | null };
      return (items ?? []).map(({ metadata }) => metadata);
    },
    async get(resource, namespace, name) {
      const answer = await send(resource, { namespace, name, headers: metadataOnly('PartialObjectMetadata') });
      if (answer.status === 404) return undefined;
      if (answer.status !== 200) throw refused(resource, 'get', answer);
      return (JSON.parse(answer.text) as { metadata: ObjectMeta }).metadata;
    },
    async delete(resource, { namespace = '', name, uid }, propagationPolicy) {
      const body = JSON.stringify({
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        propagationPolicy,
        ...(uid ? { preconditions: { uid } } : {}),
      });
      const headers = { 'content-type': 'application/json' };
      const answer = await send(resource, { namespace, name, method: 'DELETE', headers, body });
      if (answer.status >= 300 && answer.status !== 404 && answer.status !== 409) throw refused(resource, 'delete', answer);
    },
    async setFinalizers(resource, { namespace = '', name, uid, resourceVersion }, finalizers) {
      const body = JSON.stringify({ metadata: { uid, resourceVersion, finalizers: finalizers.length > 0 ? finalizers : null } });
      const headers = { 'content-type': 'application/merge-patch+json' };
      const answer = await send(resource, { namespace, name, method: 'PATCH', headers, body });
      if (answer.status >= 300 && answer.status !== 404 && answer.status !== 409) throw refused(resource, 'patch', answer);
    },
  };
};
