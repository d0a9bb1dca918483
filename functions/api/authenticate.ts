/** Who is asking, and as whom they act. */
import { authenticate as identify } from './authentication/authenticate.ts';
import { impersonate } from './authentication/impersonation.ts';
import type { ApiRequest, Authenticator, Authorizer, Connection, User } from './types.ts';

const impersonationHeaders = ['impersonate-user', 'impersonate-group', 'impersonate-uid'];

export const authenticate = async (
  authenticators: readonly Authenticator[],
  authorizer: Authorizer,
  request: ApiRequest,
  connection: Connection,
): Promise<User> => {
  const user = await identify(authenticators, request, connection);
  const { headers } = request;
  if (!impersonationHeaders.some(name => headers.get(name) !== null)) return user;
  const names = 'keys' in headers && typeof headers.keys === 'function' ? [...(headers.keys() as Iterable<string>)] : [];
  return impersonate(request, user, authorizer, names);
};
