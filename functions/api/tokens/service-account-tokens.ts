/** Issues and verifies service account tokens: signed JWTs, good as long as all they are bound to is there. Source: kubernetes `pkg/serviceaccount`. */
import { createHash, createPrivateKey, createPublicKey } from 'node:crypto';
import { exportJWK, errors as joseErrors, jwtVerify, SignJWT } from 'jose';
import { type Clock, type Random, timestamp } from '../../../kinds/environment.ts';
import { quote } from '../../../kinds/field.ts';
import type { KubeObject } from '../../../kinds/object.ts';
import type { Replicas } from '../../../store/replica.ts';
import type { TokenVerifier } from '../authentication/bearer.ts';
import type { TokenService } from '../types.ts';
import { type BoundClaims, boundUser, type Find, type LegacyClaims, legacyClaims, legacyIssuer, legacyUser } from './claims.ts';
import { boundClaims, checkAccount, checkExpiration, defaultExpiration, type TokenRequest } from './token-request.ts';

export interface TokenServiceOptions {
  /** PKCS #8 PEM, P-256. */
  readonly signingKey: string;
  /** `https://kubernetes.default.svc.cluster.local`: also the API's own audience. */
  readonly issuer: string;
  readonly replicas: Replicas;
  readonly clock: Clock;
  readonly random: Random;
  /** Hears of each Secret whose token was used. */
  readonly legacyTokenUsed?: (secret: KubeObject) => void;
}

export interface ServiceAccountTokens extends Pick<TokenService, 'issue'>, TokenVerifier {
  /** A token without end, for the Secret it is to lie in. */
  legacyToken(secret: KubeObject, serviceAccount: KubeObject): Promise<string>;
  /** JSON Web Key Set of the public keys. */
  keys(): Promise<object>;
  /** The OIDC discovery document. */
  discovery(): object;
}

/** Tokens that pods ask for live this long though the pod asks for an hour, so that old clients which never re-read them go on (warnafter tells). */
const extendedExpiration = 365 * 24 * 3600;
/** What a pod's own volume asks for: an hour, and a bit by which it is known. */
const ownExpiration = 3607;

type Claims = BoundClaims | LegacyClaims;

export function serviceAccountTokens(options: TokenServiceOptions): ServiceAccountTokens {
  const { issuer, replicas, clock, random } = options;
  const privateKey = createPrivateKey(options.signingKey);
  const publicKey = createPublicKey(privateKey);
  const keyId = createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64url');
  /** Signatures already checked, by token; what a token is bound to is looked at every time. */
  const verified = new Map<string, Claims>();
  const issuers = new Set([issuer, legacyIssuer]);

  const find: Find = async (resource, namespace, name) => {
    const replica = replicas.loaded(resource) ?? (await replicas.open(resource));
    await replica.sync();
    return replica.get(namespace, name)?.object;
  };

  const checkSignature = async (token: string): Promise<Claims> => {
    const known = verified.get(token);
    if (known) return known;
    const { iss = '', kid } = headOf(token) ?? {};
    if (kid && kid !== keyId) throw new Error('invalid signature, no keys found');
    try {
      // Times are checked at each use, below.
      const { payload } = await jwtVerify<Claims>(token, publicKey, {
        issuer: iss,
        algorithms: ['ES256'],
        currentDate: new Date(0),
        clockTolerance: Number.MAX_SAFE_INTEGER,
      });
      if (verified.size >= 10_000) verified.clear();
      verified.set(token, payload);
      return payload;
    } catch (error) {
      if (error instanceof joseErrors.JOSEError) throw new Error('go-jose/go-jose: error in cryptographic primitive', { cause: error });
      throw error;
    }
  };

  const sign = (claims: object, subject: string): SignJWT =>
    new SignJWT({ ...claims }).setProtectedHeader({ alg: 'ES256', kid: keyId }).setSubject(subject);

  return {
    async verify(token, audiences, warn) {
      const head = headOf(token);
      if (!head || !issuers.has(head.iss)) return undefined;
      const claims = await checkSignature(token);
      // A token for nobody in particular is one for the API.
      const own = claims.aud === undefined ? [issuer] : [claims.aud].flat();
      const common = audiences.filter(one => own.includes(one));
      if (common.length === 0) throw new Error(`token audiences ${quoted(own)} is invalid for the target audiences ${quoted(audiences)}`);
      if (claims.iss === legacyIssuer)
        return { user: await legacyUser(token, claims, find, warn, options.legacyTokenUsed ?? (() => {})), audiences: common };
      checkTimes(claims, clock.now() / 1000);
      return { user: await boundUser(claims as BoundClaims, find, clock.now()), audiences: common };
    },

    async issue(serviceAccount, request: TokenRequest, admitted) {
      checkAccount(request, serviceAccount);
      const { spec } = request;
      const expirationSeconds = spec?.expirationSeconds ?? defaultExpiration;
      const audiences = spec?.audiences?.length ? spec.audiences : [issuer];
      checkExpiration(expirationSeconds);
      await admitted?.();
      const { name, namespace = '', uid = '' } = serviceAccount.metadata;
      const bound = spec?.boundObjectRef ? await boundClaims(spec.boundObjectRef, serviceAccount, find) : {};

      const now = Math.floor(clock.now() / 1000);
      // A pod's own token for the API is extended; anything else lives as long as was asked.
      const extended = bound.pod && expirationSeconds === ownExpiration && audiences.every(one => one === issuer);
      const claims = { namespace, serviceaccount: { name, uid }, ...bound, ...(extended ? { warnafter: now + expirationSeconds } : {}) };
      const token = await sign({ 'kubernetes.io': claims }, `system:serviceaccount:${namespace}:${name}`)
        .setIssuer(issuer)
        .setAudience([...audiences])
        .setIssuedAt(now)
        .setNotBefore(now)
        .setExpirationTime(now + (extended ? extendedExpiration : expirationSeconds))
        .setJti(random.uuid())
        .sign(privateKey);
      return {
        ...request,
        metadata: { ...request.metadata, name, namespace, uid, creationTimestamp: timestamp(clock.now()) },
        spec: { ...spec, audiences, expirationSeconds, boundObjectRef: spec?.boundObjectRef ?? null },
        status: { token, expirationTimestamp: timestamp((now + expirationSeconds) * 1000) },
      };
    },

    legacyToken(secret, account) {
      const { name, namespace = '' } = account.metadata;
      return sign(legacyClaims(secret, account), `system:serviceaccount:${namespace}:${name}`).setIssuer(legacyIssuer).sign(privateKey);
    },

    async keys() {
      return { keys: [{ use: 'sig', kid: keyId, alg: 'ES256', ...(await exportJWK(publicKey)) }] };
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

const quoted = (list: readonly string[]): string => `[${list.map(quote).join(' ')}]`;

const checkTimes = ({ exp, nbf, iat }: Claims, now: number): void => {
  const leeway = 60;
  if (nbf !== undefined && now + leeway < nbf) throw new Error('service account token is not valid yet');
  if (exp !== undefined && now - leeway > exp) throw new Error('service account token has expired');
  if (iat !== undefined && now + leeway < iat) throw new Error('service account token is issued in the future');
};

/** A look at what nobody has verified yet, only to leave other kinds of token to others and to find the key. */
const headOf = (token: string): { readonly iss: string; readonly kid?: string } | undefined => {
  const [header, payload, signature, ...more] = token.split('.');
  if (!header || !payload || signature === undefined || more.length > 0) return undefined;
  try {
    const { iss } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { iss?: unknown };
    const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { kid?: unknown };
    return typeof iss === 'string' ? { iss, ...(typeof kid === 'string' ? { kid } : {}) } : undefined;
  } catch {
    // No JSON inside: no JWT.
    return undefined;
  }
};
