/**
 * Tokens by which new nodes join: `ID.SECRET`, each a Secret in `kube-system`. Whatever is wrong with one, nobody is told which part
 * (kubernetes `plugin/pkg/auth/authenticator/token/bootstrap`).
 */
import type { Clock } from '../../../kinds/environment.ts';
import type { Secret } from '../../../kinds/types.ts';
import type { Replicas } from '../../../store/replica.ts';
import type { TokenVerifier } from './bearer.ts';
import { sameSecret } from './same-secret.ts';

const form = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const group = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;
const everybody = 'system:bootstrappers';

export const bootstrapTokens = (replicas: Replicas, clock: Clock): TokenVerifier => ({
  async verify(token) {
    const [, id = '', given = ''] = form.exec(token) ?? [];
    if (!id) return undefined;
    const secrets = replicas.loaded('secrets') ?? (await replicas.open('secrets'));
    await secrets.sync();
    const secret = secrets.get('kube-system', `bootstrap-token-${id}`)?.object as Secret | undefined;
    if (!secret || secret.metadata.deletionTimestamp || secret.type !== 'bootstrap.kubernetes.io/token') return undefined;
    const value = (key: string): string => Buffer.from(secret.data?.[key] ?? '', 'base64').toString('utf8');
    if (!sameSecret(Buffer.from(value('token-secret')), Buffer.from(given)) || value('token-id') !== id) return undefined;
    if (isExpired(value('expiration'), clock.now()) || value('usage-bootstrap-authentication') !== 'true') return undefined;
    const groups = value('auth-extra-groups').split(',').filter(Boolean);
    if (!groups.every(one => group.test(one))) return undefined;
    return { user: { name: `system:bootstrap:${id}`, groups: [...new Set([everybody, ...groups])].sort() } };
  },
});

const rfc3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;
/** A time that cannot be read has passed. */
const isExpired = (expiration: string, now: number): boolean =>
  expiration !== '' && !(rfc3339.test(expiration) && Date.parse(expiration) > now);
