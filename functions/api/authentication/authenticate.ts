/** Who makes a request: by client certificate, else by bearer token, else nobody in particular (anonymous). Source: apiserver `pkg/authentication/request`. */
import { unauthorized } from '../../../kinds/status.ts';
import type { ApiRequest, Authenticator, Connection, User } from '../types.ts';

export const anonymous: User = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

/** A verifier of bearer tokens: undefined when the token is not of its kind. */
export interface TokenVerifier {
  verify(token: string): Promise<User | undefined>;
}

/** Asks the authenticators in order; the first that knows the credentials decides. */
export async function authenticate(authenticators: readonly Authenticator[], request: ApiRequest, connection: Connection): Promise<User> {
  for (const authenticator of authenticators) {
    const user = await authenticator.authenticate(request, connection);
    if (user) return authenticated(user);
  }
  return anonymous;
}

/** Everybody who has proved a name is in `system:authenticated`. */
export const authenticated = (user: User): User =>
  user.groups.includes('system:authenticated') ? user : { ...user, groups: [...user.groups, 'system:authenticated'] };

/** The subject of a verified client certificate: common name and organizations. */
export function clientCertificate(): Authenticator {
  const users = new WeakMap<object, User>();
  return {
    async authenticate(_, { certificate, certificateError }) {
      if (certificateError) throw unauthorized();
      if (!certificate) return undefined;
      let user = users.get(certificate);
      if (!user) {
        user = authenticated({ name: certificate.commonName, groups: certificate.organizations });
        users.set(certificate, user);
      }
      return user;
    },
  };
}

/** `Authorization: Bearer TOKEN`. A token nobody accepts is refused; other schemes are no credentials here. */
export function bearerToken(verifiers: readonly TokenVerifier[]): Authenticator {
  return {
    async authenticate(request) {
      const header = request.headers.get('authorization');
      if (!header) return undefined;
      const [scheme, token] = header.trim().split(' ');
      if (scheme?.toLowerCase() !== 'bearer' || !token) return undefined;
      for (const verifier of verifiers) {
        const user = await verifier.verify(token);
        if (user) return user;
      }
      throw unauthorized();
    },
  };
}
