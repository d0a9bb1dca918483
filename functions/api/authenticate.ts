/** Who is asking, and as whom they act. */
import type { AuditRecord } from './audit/record.ts';
import { authenticate as identify } from './authentication/authenticate.ts';
import { impersonate, wantedUser } from './authentication/impersonation.ts';
import { attributesOf } from './authorize.ts';
import type { ApiRequest, Authenticator, Authorizer, Connection, RequestInfo, User } from './types.ts';

export interface Identity {
  /** As whom the request is done. */
  readonly user: User;
  /** Who sent it, where that is somebody else. */
  readonly caller?: User;
  /** The constrained permission that let one act as the other. */
  readonly constraint?: string;
}

export const authenticate = async (
  authenticators: readonly Authenticator[],
  authorizer: Authorizer,
  request: ApiRequest,
  connection: Connection,
  info: RequestInfo,
  warnings: string[],
  audit?: AuditRecord,
): Promise<Identity> => {
  const caller = await identify(authenticators, request, connection, text => warnings.push(text));
  audit?.identified(caller);
  const wanted = wantedUser(request);
  if (!wanted) return { user: caller };
  const acting = await impersonate(authorizer, attributesOf(caller, info), wanted);
  audit?.impersonated(acting.user, acting.constraint);
  return { ...acting, caller };
};
