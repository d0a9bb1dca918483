/** What a service account token says, and what must be there for it to be true. Source: kubernetes `pkg/serviceaccount/claims.go` and `legacy.go`. */
import type { JWTPayload } from 'jose';
import type { KubeObject } from '../../../kinds/object.ts';
import type { Secret, ServiceAccount } from '../../../kinds/types.ts';
import { credentialId } from '../authentication/authenticate.ts';
import { sameSecret } from '../authentication/same-secret.ts';
import type { User } from '../types.ts';

export interface Reference {
  readonly name: string;
  readonly uid: string;
}

/** Of tokens that were asked for: bound to the account and perhaps one more object. */
export interface BoundClaims extends JWTPayload {
  readonly 'kubernetes.io': {
    readonly namespace: string;
    readonly serviceaccount: Reference;
    readonly pod?: Reference;
    readonly secret?: Reference;
    readonly node?: Reference;
    readonly warnafter?: number;
  };
}

/** Of tokens that lie in Secrets and never expire. */
export interface LegacyClaims extends JWTPayload {
  readonly 'kubernetes.io/serviceaccount/namespace'?: string;
  readonly 'kubernetes.io/serviceaccount/secret.name'?: string;
  readonly 'kubernetes.io/serviceaccount/service-account.name'?: string;
  readonly 'kubernetes.io/serviceaccount/service-account.uid'?: string;
}
export const legacyIssuer = 'kubernetes/serviceaccount';

export type Find = (resource: string, namespace: string, name: string) => Promise<KubeObject | undefined>;

const invalidated = 'service account token has been invalidated';
/** What is being deleted still answers for its tokens that long (ms). */
const leeway = 60_000;

const userOf = (namespace: string, account: Reference, extra: Record<string, string[]>): User => ({
  name: `system:serviceaccount:${namespace}:${account.name}`,
  uid: account.uid,
  groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
  ...(Object.keys(extra).length > 0 ? { extra } : {}),
});

/** Who the token stands for, if all it is bound to still exists. Throws an Error with upstream's text otherwise. */
export const boundUser = async (claims: BoundClaims, find: Find, now: number): Promise<User> => {
  const { namespace, serviceaccount, pod, secret, node } = claims['kubernetes.io'];
  const isGone = ({ metadata }: KubeObject): boolean =>
    metadata.deletionTimestamp !== undefined && Date.parse(metadata.deletionTimestamp) < now - leeway;
  const account = await find('serviceaccounts', namespace, serviceaccount.name);
  if (!account) throw new Error(`serviceaccounts "${serviceaccount.name}" not found`);
  if (account.metadata.uid !== serviceaccount.uid)
    throw new Error(`service account UID (${account.metadata.uid}) does not match claim (${serviceaccount.uid})`);
  if (isGone(account)) throw new Error(`service account ${namespace}/${serviceaccount.name} has been deleted`);
  const bound: readonly (readonly [resource: string, what: string, namespace: string, reference: Reference | undefined])[] = [
    ['secrets', 'secret', namespace, secret],
    ['pods', 'pod', namespace, pod],
    // Of a pod's token the node is only where it ran.
    ['nodes', 'node', '', pod ? undefined : node],
  ];
  for (const [resource, what, where, reference] of bound) {
    if (!reference) continue;
    const object = await find(resource, where, reference.name);
    if (!object) throw new Error(invalidated);
    const { uid } = object.metadata;
    if (uid !== reference.uid) throw new Error(`${what} UID (${uid}) does not match service account ${what} ref claim (${reference.uid})`);
    if (isGone(object)) throw new Error(invalidated);
  }
  return userOf(namespace, serviceaccount, {
    ...(claims.jti ? { [credentialId]: [`JTI=${claims.jti}`] } : {}),
    ...extraOf('pod', pod),
    ...extraOf('node', node),
  });
};

const extraOf = (what: string, reference: Reference | undefined): Record<string, string[]> => ({
  ...(reference ? { [`authentication.kubernetes.io/${what}-name`]: [reference.name] } : {}),
  ...(reference?.uid ? { [`authentication.kubernetes.io/${what}-uid`]: [reference.uid] } : {}),
});

const invalidSince = 'kubernetes.io/legacy-token-invalid-since';
const advice = 'Use tokens from the TokenRequest API or manually created secret-based tokens';

/** As `boundUser`, of a token in a Secret, which must still hold it. `used` hears of the Secret, whatever comes of it. */
export const legacyUser = async (
  token: string,
  claims: LegacyClaims,
  find: Find,
  warn: (text: string) => void,
  used: (secret: KubeObject) => void,
): Promise<User> => {
  const {
    sub = '',
    'kubernetes.io/serviceaccount/namespace': namespace = '',
    'kubernetes.io/serviceaccount/secret.name': secretName = '',
    'kubernetes.io/serviceaccount/service-account.name': name = '',
    'kubernetes.io/serviceaccount/service-account.uid': uid = '',
  } = claims;
  const needed = { sub, namespace, secretName, serviceAccountName: name, serviceAccountUID: uid };
  for (const [claim, value] of Object.entries(needed)) if (!value) throw new Error(`${claim} claim is missing`);
  if (sub !== `system:serviceaccount:${namespace}:${name}`) throw new Error('sub claim is invalid');
  const secret = (await find('secrets', namespace, secretName)) as Secret | undefined;
  if (!secret || secret.metadata.deletionTimestamp) throw new Error('Token has been invalidated');
  if (!sameSecret(Buffer.from(secret.data?.['token'] ?? '', 'base64'), Buffer.from(token)))
    throw new Error("Token does not match server's copy");
  const account = (await find('serviceaccounts', namespace, name)) as ServiceAccount | undefined;
  if (!account) throw new Error(`serviceaccounts "${name}" not found`);
  if (account.metadata.deletionTimestamp) throw new Error(`ServiceAccount ${namespace}/${name} has been deleted`);
  if (account.metadata.uid !== uid) throw new Error(`ServiceAccount UID (${account.metadata.uid}) does not match claim (${uid})`);
  used(secret);
  if (secret.metadata.labels?.[invalidSince])
    throw new Error(
      `the token in secret ${namespace}/${secretName} for service account ${namespace}/${name} has been marked invalid. ${advice}, or remove the '${invalidSince}' label from the secret to temporarily allow use of this token`,
    );
  if (account.secrets?.some(reference => reference.name === secretName)) warn(`${advice} instead of auto-generated secret-based tokens.`);
  return userOf(namespace, { name, uid }, {});
};

export const legacyClaims = (secret: KubeObject, account: KubeObject): LegacyClaims => ({
  'kubernetes.io/serviceaccount/namespace': account.metadata.namespace ?? '',
  'kubernetes.io/serviceaccount/secret.name': secret.metadata.name,
  'kubernetes.io/serviceaccount/service-account.name': account.metadata.name,
  'kubernetes.io/serviceaccount/service-account.uid': account.metadata.uid ?? '',
});
