/** `Impersonate-...` headers: acting as somebody else, where the caller may. Source: apiserver `pkg/endpoints/filters/impersonation`. */
import { internalError } from '../../../kinds/status.ts';
import { denied } from '../authorization/denied.ts';
import type { ApiRequest, Attributes, Authorizer, User } from '../types.ts';
import { anonymous } from './authenticate.ts';

const serviceAccount = /^system:serviceaccount:([^:]+):([^:]+)$/;

/**
 * The user to go on as. Header values that repeat arrive joined by commas, as HTTP allows. `extraHeaders` lists the names of all headers, for the
 * extras are known by their prefix; without it no extra can be asked for.
 */
export async function impersonate(
  request: ApiRequest,
  user: User,
  authorizer: Authorizer,
  extraHeaders: readonly string[] = [],
): Promise<User> {
  const name = request.headers.get('impersonate-user');
  const groups = list(request.headers.get('impersonate-group'));
  const uid = request.headers.get('impersonate-uid');
  const extra: Record<string, string[]> = {};
  for (const header of extraHeaders) {
    const key = /^impersonate-extra-(.+)$/i.exec(header)?.[1];
    if (key) extra[decodeURIComponent(key.toLowerCase())] = list(request.headers.get(header));
  }
  if (!name) {
    if (groups.length > 0 || uid || Object.keys(extra).length > 0)
      throw internalError('requested impersonation without a user to impersonate');
    return user;
  }

  const account = serviceAccount.exec(name);
  await check(
    authorizer,
    user,
    account ? { resource: 'serviceaccounts', namespace: account[1] ?? '', name: account[2] ?? '' } : { resource: 'users', name },
  );
  for (const group of groups) await check(authorizer, user, { resource: 'groups', name: group });
  if (uid) await check(authorizer, user, { group: 'authentication.k8s.io', resource: 'uids', name: uid });
  for (const [key, values] of Object.entries(extra)) {
    for (const value of values)
      await check(authorizer, user, { group: 'authentication.k8s.io', resource: 'userextras', subresource: key, name: value });
  }

  const known = account && groups.length === 0 ? ['system:serviceaccounts', `system:serviceaccounts:${account[1]}`] : groups;
  const standing = name === anonymous.name ? 'system:unauthenticated' : 'system:authenticated';
  return {
    name,
    groups: known.includes('system:authenticated') || known.includes('system:unauthenticated') ? known : [...known, standing],
    ...(uid ? { uid } : {}),
    ...(Object.keys(extra).length > 0 ? { extra } : {}),
  };
}

const list = (value: string | null): string[] =>
  value
    ? value
        .split(',')
        .map(part => part.trim())
        .filter(part => part !== '')
    : [];

async function check(authorizer: Authorizer, user: User, what: Partial<Attributes> & { resource: string; name: string }): Promise<void> {
  const attributes: Attributes = { user, verb: 'impersonate', group: '', version: '', subresource: '', namespace: '', ...what };
  const { allowed, reason } = await authorizer.authorize(attributes);
  if (!allowed) throw denied(attributes, reason);
}
