/**
 * The public `cluster-info` carries a signature by each bootstrap token that signs, so that a new node which holds one can trust what anybody may
 * read (kubernetes `pkg/controller/bootstrap/bootstrapsigner.go`).
 */
import { createHmac } from 'node:crypto';
import type { ConfigMap, Secret } from '../../../kinds/types.ts';
import type { Reconciler } from '../reconciler.ts';
import { type BootstrapToken, bootstrapTokenOf, tokenNamespace } from './token.ts';

const namespace = 'kube-public';
const name = 'cluster-info';
const content = 'kubeconfig';
const prefix = 'jws-kubeconfig-';
const only = `${namespace}/${name}`;

export const bootstrapSigner: Reconciler = {
  name: 'bootstrap-signer',
  watches: [
    { resource: 'configmaps', keys: ({ entry }) => (entry.namespace === namespace && entry.name === name ? [only] : []) },
    {
      resource: 'secrets',
      keys: ({ entry }) => (entry.namespace === tokenNamespace && bootstrapTokenOf(entry.object as Secret) ? [only] : []),
    },
  ],
  async reconcile(_, { replica, client, clock }) {
    const map = replica('configmaps').get(namespace, name)?.object as ConfigMap | undefined;
    const text = map?.data?.[content];
    if (!map || text === undefined) return undefined;
    const now = clock.now();
    const tokens = replica('secrets')
      .list({ namespace: tokenNamespace })
      .flatMap(({ object }) => bootstrapTokenOf(object as Secret) ?? [])
      .filter(token => token.signs && token.expires > now);
    const others = Object.entries(map.data ?? {}).filter(([key]) => !key.startsWith(prefix));
    const data = Object.fromEntries([...others, ...tokens.map(token => [`${prefix}${token.id}`, signature(text, token)])]);
    const keys = Object.keys(data);
    const same = keys.length === Object.keys(map.data ?? {}).length && keys.every(key => map.data?.[key] === data[key]);
    if (!same) await client.update('configmaps', { ...map, data });
    const next = Math.min(...tokens.map(token => token.expires));
    return Number.isFinite(next) ? { after: Math.min(next - now, 3600_000) } : undefined;
  },
};

const base64url = (text: string): string => Buffer.from(text).toString('base64url');

/** A JSON Web Signature whose payload stands elsewhere. */
export const signature = (text: string, { id, secret }: Pick<BootstrapToken, 'id' | 'secret'>): string => {
  const header = base64url(JSON.stringify({ alg: 'HS256', kid: id }));
  const mac = createHmac('sha256', secret)
    .update(`${header}.${base64url(text)}`)
    .digest('base64url');
  return `${header}..${mac}`;
};
