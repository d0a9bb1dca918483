/**
 * The ConfigMap from which extension API servers learn whom to believe: the authority of client certificates, and the front proxy with the
 * headers it names users in (kubernetes `pkg/controlplane/controller/clusterauthenticationtrust`).
 */
import { isAlreadyExists, isConflict, isNotFound } from '../../kinds/status.ts';
import type { ConfigMap } from '../../kinds/types.ts';
import type { Reconciler } from './reconciler.ts';

export interface ExtensionAuthentication {
  /** PEM of the authority that signs client certificates. */
  readonly clientCa: string;
  readonly frontProxy: { readonly ca: string; readonly allowedNames: readonly string[] };
}

const namespace = 'kube-system';
const name = 'extension-apiserver-authentication';
const key = `${namespace}/${name}`;
const options = { fieldManager: 'kube-apiserver' };

export const extensionAuthentication = ({ clientCa, frontProxy }: ExtensionAuthentication): Reconciler => {
  const authorities: Readonly<Record<string, string>> = { 'client-ca-file': clientCa, 'requestheader-client-ca-file': frontProxy.ca };
  const lists: Readonly<Record<string, readonly string[]>> = {
    'requestheader-allowed-names': frontProxy.allowedNames,
    'requestheader-extra-headers-prefix': ['X-Remote-Extra-'],
    'requestheader-group-headers': ['X-Remote-Group'],
    'requestheader-uid-headers': ['X-Remote-Uid'],
    'requestheader-username-headers': ['X-Remote-User'],
  };
  /** What stands there already may be of another copy, with other keys: it stays believed. */
  const combined = (before: Readonly<Record<string, string>>): Record<string, string> => {
    const data = { ...before };
    for (const [field, pem] of Object.entries(authorities)) data[field] = withAuthority(before[field] ?? '', pem);
    for (const [field, values] of Object.entries(lists))
      data[field] = JSON.stringify([...new Set([...readList(before[field]), ...values])]);
    return data;
  };
  return {
    name: 'extension-authentication',
    user: 'system:apiserver',
    watches: [
      { resource: 'namespaces', keys: ({ entry }) => (entry.name === namespace ? [key] : []) },
      { resource: 'configmaps', keys: ({ entry }) => (entry.namespace === namespace && entry.name === name ? [key] : []) },
    ],
    async reconcile(_, { replica, client }) {
      const found = replica('configmaps').get(namespace, name)?.object as ConfigMap | undefined;
      const before = found?.data ?? {};
      const data = combined(before);
      try {
        if (!found)
          await client.create('configmaps', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name }, data }, options);
        else if (Object.keys(data).some(field => data[field] !== before[field]))
          await client.update('configmaps', { ...found, data }, options);
      } catch (error) {
        // Another copy wrote it: its event brings it here again.
        if (!isAlreadyExists(error) && !isConflict(error) && !isNotFound(error)) throw error;
      }
      return undefined;
    },
  };
};

const certificates = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
const withAuthority = (before: string, pem: string): string => {
  const all = [...new Set([...(before.match(certificates) ?? []), ...(pem.match(certificates) ?? [])])];
  return all.map(one => `${one}\n`).join('');
};

const readList = (text = '[]'): string[] => {
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) ? list.filter(one => typeof one === 'string') : [];
  } catch (error) {
    if (error instanceof SyntaxError) return [];
    throw error;
  }
};
