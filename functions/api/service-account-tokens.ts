/**
 * Service account tokens: signed JWTs, bound to the account and, where asked, to a pod, secret or node; good as long as all of these are there.
 * Source: kubernetes `pkg/serviceaccount/claims.go`, `pkg/registry/core/serviceaccount/storage/token.go`.
 */
import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { exportJWK, type JWTPayload, errors as joseErrors, jwtVerify, SignJWT } from 'jose';
import { type Clock, type Random, timestamp } from '../../kinds/environment.ts';
import type { KubeObject } from '../../kinds/object.ts';
import { badRequest, conflict, type FieldError, invalid, notFound, unauthorized } from '../../kinds/status.ts';
import type { Pod } from '../../kinds/types.ts';
import type { Replicas } from '../../store/replica.ts';
import type { TokenVerifier } from './authentication/authenticate.ts';
import type { TokenService, User } from './types.ts';

export interface TokenServiceOptions {
  /** PKCS #8 PEM, P-256. */
  readonly signingKey: string;
  /** `https://kubernetes.default.svc.cluster.local`: also the API's own audience. */
  readonly issuer: string;
  readonly replicas: Replicas;
  readonly clock: Clock;
  readonly random: Random;
}

export interface ServiceAccountTokens extends TokenService, TokenVerifier {
  /** JSON Web Key Set of the public keys. */
  keys(): Promise<object>;
  /** The OIDC discovery document. */
  discovery(): object;
}

interface Reference {
  readonly name: string;
  readonly uid: string;
}
interface Claims extends JWTPayload {
  readonly 'kubernetes.io': {
    readonly namespace: string;
    readonly serviceaccount: Reference;
    readonly pod?: Reference;
    readonly secret?: Reference;
    readonly node?: Reference;
    readonly warnafter?: number;
  };
}

interface TokenRequestSpec {
  audiences?: string[] | null;
  expirationSeconds?: number | null;
  boundObjectRef?: { kind?: string; apiVersion?: string; name?: string; uid?: string } | null;
}

const minute = 60;
const defaultExpiration = 60 * minute;
/** Tokens that pods ask for live this long though the pod asks for an hour, so that old clients which never re-read them go on (warnafter tells). */
const extendedExpiration = 365 * 24 * 60 * minute;
const accountName = /^system:serviceaccount:/;

const invalidated = 'service account token has been invalidated';
/** What is being deleted still answers for its tokens that long (ms). */
const leeway = 60_000;

export function serviceAccountTokens({ signingKey, issuer, replicas, clock, random }: TokenServiceOptions): ServiceAccountTokens {
  const privateKey = createPrivateKey(signingKey);
  const publicKey = createPublicKey(privateKey);
  const keyId = createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64url');
  /** Signatures already checked, by token; what a token is bound to is looked at every time. */
  const verified = new Map<string, Claims>();

  const find = async (resource: string, namespace: string, name: string): Promise<KubeObject | undefined> => {
    const replica = await replicas.open(resource);
    await replica.sync();
    return replica.get(namespace, name)?.object;
  };

  /** Who the token stands for, if all it is bound to still exists. Throws an Error with upstream's text otherwise. */
  const standing = async (claims: Claims): Promise<User> => {
    const { namespace, serviceaccount, pod, secret, node } = claims['kubernetes.io'];
    const isGone = ({ metadata }: KubeObject): boolean =>
      metadata.deletionTimestamp !== undefined && Date.parse(metadata.deletionTimestamp) < clock.now() - leeway;
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
      if (uid !== reference.uid)
        throw new Error(`${what} UID (${uid}) does not match service account ${what} ref claim (${reference.uid})`);
      if (isGone(object)) throw new Error(invalidated);
    }
    return {
      name: `system:serviceaccount:${namespace}:${serviceaccount.name}`,
      uid: serviceaccount.uid,
      groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
      extra: {
        ...(claims.jti ? { 'authentication.kubernetes.io/credential-id': [`JTI=${claims.jti}`] } : {}),
        ...(pod ? { 'authentication.kubernetes.io/pod-name': [pod.name], 'authentication.kubernetes.io/pod-uid': [pod.uid] } : {}),
        ...(node ? { 'authentication.kubernetes.io/node-name': [node.name], 'authentication.kubernetes.io/node-uid': [node.uid] } : {}),
      },
    };
  };

  const check = async (token: string): Promise<Claims | undefined> => {
    if (!isOurs(token, issuer)) return undefined;
    const now = clock.now();
    const known = verified.get(token);
    if (known) {
      if ((known.exp ?? 0) * 1000 > now) return known;
      verified.delete(token);
    }
    try {
      const { payload } = await jwtVerify<Claims>(token, publicKey, { issuer, algorithms: ['ES256'], currentDate: new Date(now) });
      if (verified.size >= 10_000) verified.clear();
      verified.set(token, payload);
      return payload;
    } catch (error) {
      if (error instanceof joseErrors.JWTExpired) throw new Error('service account token has expired', { cause: error });
      throw new Error('invalid signature', { cause: error });
    }
  };

  return {
    async verify(token) {
      let claims: Claims | undefined;
      try {
        claims = await check(token);
        if (!claims) return undefined;
        if (!audiencesOf(claims).includes(issuer)) throw unauthorized();
        return await standing(claims);
      } catch {
        // Expired, forged or bound to something that is gone: all the same to the caller.
        throw unauthorized();
      }
    },

    async review(token, audiences) {
      let claims: Claims | undefined;
      try {
        claims = await check(token);
      } catch (error) {
        throw new Error(`[invalid bearer token, ${(error as Error).message}]`, { cause: error });
      }
      if (!claims) return undefined;
      const own = audiencesOf(claims);
      const wanted = audiences.length > 0 ? audiences : [issuer];
      const common = wanted.filter(one => own.includes(one));
      if (common.length === 0) {
        const quote = (list: readonly string[]) => `[${list.map(one => JSON.stringify(one)).join(' ')}]`;
        throw new Error(`[invalid bearer token, token audiences ${quote(own)} is invalid for the target audiences ${quote(wanted)}]`);
      }
      try {
        return { user: await standing(claims), audiences: common };
      } catch (error) {
        throw new Error(`[invalid bearer token, ${(error as Error).message}]`, { cause: error });
      }
    },

    async issue(serviceAccount, request) {
      const spec = (request['spec'] ?? {}) as TokenRequestSpec;
      const expirationSeconds = spec.expirationSeconds ?? defaultExpiration;
      requireExpiration(expirationSeconds);
      const audiences = spec.audiences?.length ? spec.audiences : [issuer];
      const { name, namespace = '', uid = '' } = serviceAccount.metadata;
      const bound = spec.boundObjectRef ? await boundTo(spec.boundObjectRef, serviceAccount, find) : {};

      const now = Math.floor(clock.now() / 1000);
      // A pod's own token for the API is extended; anything else lives as long as was asked.
      const extended = 'pod' in bound && expirationSeconds === 3607 && audiences.includes(issuer);
      const expires = now + (extended ? extendedExpiration : expirationSeconds);
      const claims = { namespace, serviceaccount: { name, uid }, ...bound, ...(extended ? { warnafter: now + expirationSeconds } : {}) };
      const token = await new SignJWT({ 'kubernetes.io': claims })
        .setProtectedHeader({ alg: 'ES256', kid: keyId })
        .setIssuer(issuer)
        .setSubject(`system:serviceaccount:${namespace}:${name}`)
        .setAudience([...audiences])
        .setIssuedAt(now)
        .setNotBefore(now)
        .setExpirationTime(expires)
        .setJti(random.uuid())
        .sign(privateKey);
      return {
        ...request,
        metadata: { name, namespace, uid, creationTimestamp: timestamp(clock.now()) },
        spec: { ...spec, audiences, expirationSeconds, boundObjectRef: spec.boundObjectRef ?? null },
        status: { token, expirationTimestamp: timestamp((now + expirationSeconds) * 1000) },
      };
    },

    async keys() {
      return { keys: [{ use: 'sig', kid: keyId, alg: 'ES256', ...(await publicJwk(publicKey)) }] };
    },

    discovery: () => ({
      issuer,
      jwks_uri: `${issuer}/openid/v1/jwks`,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['ES256'],
    }),
  };
}

const publicJwk = (key: KeyObject) => exportJWK(key);
const audiencesOf = (claims: Claims): string[] => (claims.aud === undefined ? [] : [claims.aud].flat());

/** A cheap look at the unverified claims, only to leave other kinds of token to others. */
function isOurs(token: string, issuer: string): boolean {
  const parts = token.split('.');
  if (parts.length !== 3 || !parts[1]) return false;
  try {
    const claims = JSON.parse(Buffer.from(parts[1], 'base64url').toString()) as JWTPayload;
    return claims.iss === issuer && accountName.test(claims.sub ?? '');
  } catch {
    // No JSON inside: no JWT.
    return false;
  }
}

function requireExpiration(seconds: number): void {
  const errors: FieldError[] = [];
  const field = 'spec.expirationSeconds';
  if (seconds < 10 * minute)
    errors.push({ type: 'Invalid', field, message: `Invalid value: ${seconds}: may not specify a duration less than 10 minutes` });
  if (seconds > 2 ** 32)
    errors.push({ type: 'Invalid', field, message: `Invalid value: ${seconds}: may not specify a duration larger than 2^32 seconds` });
  if (errors.length > 0) throw invalid({ group: 'authentication.k8s.io', kind: 'TokenRequest' }, '', errors);
}

/** The claims about the object a token is bound to. */
async function boundTo(
  reference: NonNullable<TokenRequestSpec['boundObjectRef']>,
  serviceAccount: KubeObject,
  find: (resource: string, namespace: string, name: string) => Promise<KubeObject | undefined>,
): Promise<{ pod?: Reference; secret?: Reference; node?: Reference }> {
  const { kind = '', apiVersion = '', name = '', uid } = reference;
  const resources: Record<string, string> = { Pod: 'pods', Secret: 'secrets', Node: 'nodes' };
  const resource = apiVersion === 'v1' ? resources[kind] : undefined;
  if (!resource) {
    const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
    throw badRequest(`cannot bind token to object of type ${group}/${version}, Kind=${kind}`);
  }
  const namespace = kind === 'Node' ? '' : (serviceAccount.metadata.namespace ?? '');
  const object = await find(resource, namespace, name);
  if (!object) throw notFound({ group: '', resource }, name);
  if (uid && uid !== object.metadata.uid) {
    const why = `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`;
    throw conflict({ group: '', resource: kind }, name, why);
  }
  const found: Reference = { name, uid: object.metadata.uid ?? '' };
  if (kind === 'Secret') return { secret: found };
  if (kind === 'Node') return { node: found };
  const { serviceAccountName, nodeName } = (object as unknown as Pod).spec ?? {};
  if (serviceAccountName !== serviceAccount.metadata.name) {
    throw badRequest(
      `cannot bind token for serviceaccount "${serviceAccount.metadata.name}" to pod running with different serviceaccount name.`,
    );
  }
  const node = nodeName ? await find('nodes', '', nodeName) : undefined;
  return { pod: found, ...(node ? { node: { name: node.metadata.name, uid: node.metadata.uid ?? '' } } : {}) };
}
