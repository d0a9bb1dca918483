/**
 * Secrets of type `kubernetes.io/service-account-token` get their token, and go with their account (kubernetes
 * `pkg/controller/serviceaccount/tokens_controller.go`).
 */
import type { KubeObject } from '../../kinds/object.ts';
import { isNotFound } from '../../kinds/status.ts';
import type { Secret, ServiceAccount } from '../../kinds/types.ts';
import { keyOf, type Reconciler, splitKey } from './reconciler.ts';

const type = 'kubernetes.io/service-account-token';
const accountName = 'kubernetes.io/service-account.name';
const accountUid = 'kubernetes.io/service-account.uid';

/** Makes the token that is to lie in `secret`. */
export type TokenFor = (secret: KubeObject, serviceAccount: KubeObject) => Promise<string>;

const isTokenSecret = (secret: Secret): boolean => secret.type === type;
const namedAccount = ({ metadata }: Secret): string => metadata.annotations?.[accountName] ?? '';

export const serviceAccountTokenReconciler = (tokenFor: TokenFor, caBundle: string): Reconciler => ({
  name: 'tokens-controller',
  user: 'system:kube-controller-manager',
  watches: [
    { resource: 'secrets', keys: ({ entry }) => (isTokenSecret(entry.object as Secret) ? [keyOf(entry.object)] : []) },
    {
      resource: 'serviceaccounts',
      keys: ({ entry }, replica) =>
        replica('secrets')
          .list({ namespace: entry.namespace })
          .filter(({ object }) => isTokenSecret(object as Secret) && namedAccount(object as Secret) === entry.name)
          .map(({ object }) => keyOf(object)),
    },
  ],
  async reconcile(key, { replica, client }) {
    const { namespace, name } = splitKey(key);
    const secret = replica('secrets').get(namespace, name)?.object as Secret | undefined;
    if (!secret || !isTokenSecret(secret)) {
      // Accounts list the Secrets of old; one that is gone must not be mounted.
      await dropReferences(
        replica('serviceaccounts')
          .list({ namespace })
          .map(({ object }) => object as ServiceAccount)
          .filter(account => account.secrets?.some(reference => reference.name === name)),
      );
      return undefined;
    }
    if (secret.metadata.deletionTimestamp) return undefined;
    const account = replica('serviceaccounts').get(namespace, namedAccount(secret))?.object as ServiceAccount | undefined;
    const uid = secret.metadata.annotations?.[accountUid];
    if (!account || (uid && uid !== account.metadata.uid)) {
      // Replicas of the two may differ in age; what counts is what the store says now.
      const now = await client.get<ServiceAccount>('serviceaccounts', namespace, namedAccount(secret)).catch(ignoreMissing);
      if (now && (!uid || uid === now.metadata.uid)) return { after: 1000 };
      await client.delete('secrets', namespace, name, { preconditions: { uid: secret.metadata.uid ?? '' } }).catch(ignoreMissing);
      return undefined;
    }
    if (account.metadata.deletionTimestamp) return undefined;
    const ca = Buffer.from(caBundle).toString('base64');
    const { data = {} } = secret;
    if (data['token'] && data['namespace'] && data['ca.crt'] === ca && uid) return undefined;
    const token = data['token'] || Buffer.from(await tokenFor(secret, account)).toString('base64');
    const annotations = { ...secret.metadata.annotations, [accountName]: account.metadata.name, [accountUid]: account.metadata.uid ?? '' };
    await client.update('secrets', {
      ...secret,
      metadata: { ...secret.metadata, annotations },
      data: { ...data, token, namespace: data['namespace'] || Buffer.from(namespace).toString('base64'), 'ca.crt': ca },
    });
    return undefined;

    async function dropReferences(accounts: readonly ServiceAccount[]): Promise<void> {
      for (const account of accounts)
        await client.update('serviceaccounts', {
          ...account,
          secrets: account.secrets?.filter(reference => reference.name !== name) ?? [],
        });
    }
  },
});

const ignoreMissing = (error: unknown): undefined => {
  if (!isNotFound(error)) throw error;
  return undefined;
};
