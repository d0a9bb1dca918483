/** Who makes a request: by client certificate, by bearer token, or nobody in particular (anonymous). Source: apiserver `pkg/authentication/request`. */
import { StatusError, unauthorized } from '../../../kinds/status.ts';
import type { ApiRequest, Authenticator, Connection, User } from '../types.ts';

export const anonymous: User = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

/**
 * Asks the authenticators in order; the first that knows the credentials decides. Credentials that one of them refused make nobody anonymous:
 * they count for nothing only where others of the same request are good.
 */
export async function authenticate(
  authenticators: readonly Authenticator[],
  request: ApiRequest,
  connection: Connection,
  warn: (text: string) => void,
): Promise<User> {
  let refused: StatusError | undefined;
  for (const authenticator of authenticators) {
    try {
      const user = await authenticator.authenticate(request, connection, warn);
      if (user) return authenticated(user);
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      refused ??= error;
    }
  }
  if (refused) throw refused;
  return anonymous;
}

/** Everybody who has proved a name is in `system:authenticated`. */
export const authenticated = (user: User): User =>
  user.groups.includes('system:authenticated') || user.name === anonymous.name
    ? user
    : { ...user, groups: [...user.groups, 'system:authenticated'] };

export const credentialId = 'authentication.kubernetes.io/credential-id';

/** The subject of a verified client certificate: common name and organizations. One that names nobody is no credential. */
export function clientCertificate(): Authenticator {
  const users = new WeakMap<object, User>();
  return {
    async authenticate(_, { certificate, certificateError }) {
      if (certificateError) throw unauthorized();
      if (!certificate?.commonName) return undefined;
      let user = users.get(certificate);
      if (!user) {
        const { commonName, organizations, uid, sha256 } = certificate;
        user = authenticated({
          name: commonName,
          groups: organizations,
          ...(uid ? { uid } : {}),
          ...(sha256 ? { extra: { [credentialId]: [`X509SHA256=${sha256}`] } } : {}),
        });
        users.set(certificate, user);
      }
      return user;
    },
  };
}
