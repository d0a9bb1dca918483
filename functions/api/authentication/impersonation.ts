/**
 * `Impersonate-...` headers: acting as somebody else, where the caller may. Either the caller may do it outright (the verb `impersonate`), or in
 * one of the constrained ways: for requests of this verb only (`impersonate-on:WAY:VERB`) and only as a user of that kind (`impersonate:WAY`).
 * The first way that leads there is taken. Source: apiserver `pkg/endpoints/filters/impersonation`.
 */
import { invalid, type Path, quote, root } from '../../../kinds/field.ts';
import { isDns1123Label, isDns1123Subdomain } from '../../../kinds/names.ts';
import { badRequest, type FieldError, forbidden, StatusError } from '../../../kinds/status.ts';
import { denied } from '../authorization/denied.ts';
import type { ApiRequest, Attributes, Authorizer, User } from '../types.ts';
import { anonymous } from './authenticate.ts';

interface Wanted {
  readonly name: string;
  readonly uid: string;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

export interface Impersonated {
  readonly user: User;
  /** The permission that allowed it, where it was a constrained one: `impersonate:user-info`. */
  readonly constraint?: string;
}

const prefix = 'impersonate-';
const extraPrefix = 'impersonate-extra-';

/** Undefined: the caller acts as himself. Throws where groups and so on are asked for without a user. */
export const wantedUser = ({ headers }: ApiRequest): Wanted | undefined => {
  if (headers.anyWith?.(prefix) === false) return undefined;
  let name = '';
  let uid = '';
  let hasExtra = false;
  const groups: string[] = [];
  const extra: Record<string, string[]> = Object.create(null);
  for (const [header, bytes] of headers.entries()) {
    if (!header.startsWith(prefix)) continue;
    // Headers are bytes, handed over as Latin-1; names are UTF-8.
    const value = Buffer.from(bytes, 'latin1').toString('utf8');
    if (header === 'impersonate-user') name ||= value;
    else if (header === 'impersonate-uid') uid ||= value;
    else if (header === 'impersonate-group') groups.push(value);
    else if (header.startsWith(extraPrefix)) {
      hasExtra = true;
      const key = unescaped(header.slice(extraPrefix.length));
      extra[key] = [...(extra[key] ?? []), value];
    }
  }
  if (name) return { name, uid, groups, extra };
  if (!uid && groups.length === 0 && !hasExtra) return undefined;
  const asked = `&user.DefaultInfo{Name:"", UID:${quote(uid)}, Groups:${goStrings(groups)}, Extra:${goStringsByName(extra)}}`;
  throw badRequest(`requested ${asked} without impersonating a user name`);
};

/** As Go prints slices and maps. */
const goStrings = (values: readonly string[]): string => `[]string${values.length > 0 ? `{${values.map(quote).join(', ')}}` : '(nil)'}`;
const goStringsByName = (map: Wanted['extra']): string => {
  const entries = Object.keys(map).sort();
  if (entries.length === 0) return 'map[string][]string(nil)';
  return `map[string][]string{${entries.map(key => `${quote(key)}:${goStrings(map[key] ?? [])}`).join(', ')}}`;
};

/** What is no valid escape stands for itself. */
const unescaped = (key: string): string => {
  try {
    return decodeURIComponent(key);
  } catch (error) {
    if (error instanceof URIError) return key;
    throw error;
  }
};

const valid = (problems: readonly string[]): boolean => problems.length === 0;
const accountOf = (name: string): { namespace: string; name: string } | undefined => {
  const [system, kind, namespace, account, ...more] = name.split(':');
  if (system !== 'system' || kind !== 'serviceaccount' || namespace === undefined || account === undefined || more.length > 0)
    return undefined;
  return valid(isDns1123Label(namespace)) && valid(isDns1123Subdomain(account)) ? { namespace, name: account } : undefined;
};
const nodePrefix = 'system:node:';
const nodeOf = (name: string): string | undefined => {
  const node = name.startsWith(nodePrefix) ? name.slice(nodePrefix.length) : '';
  return node && valid(isDns1123Subdomain(node)) ? node : undefined;
};
const isBare = ({ uid, groups, extra }: Wanted): boolean => !uid && groups.length === 0 && Object.keys(extra).length === 0;

interface Way {
  /** Empty: outright. */
  readonly name: string;
  applies(wanted: Wanted, caller: User): boolean;
}
const nodeName = 'authentication.kubernetes.io/node-name';
const ways: readonly Way[] = [
  {
    name: 'associated-node',
    applies(wanted, caller) {
      const [own, ...more] = caller.extra?.[nodeName] ?? [];
      return (
        isBare(wanted) && own !== undefined && more.length === 0 && nodeOf(wanted.name) === own && accountOf(caller.name) !== undefined
      );
    },
  },
  { name: 'arbitrary-node', applies: wanted => isBare(wanted) && nodeOf(wanted.name) !== undefined },
  { name: 'serviceaccount', applies: wanted => isBare(wanted) && accountOf(wanted.name) !== undefined },
  { name: 'user-info', applies: ({ name }) => nodeOf(name) === undefined && accountOf(name) === undefined },
  { name: '', applies: () => true },
];

/** `request`: what is to be done as the other user. Throws what the first way refused, if none leads there. */
export async function impersonate(authorizer: Authorizer, request: Attributes, wanted: Wanted): Promise<Impersonated> {
  const caller = request.user;
  let refusal: StatusError | undefined;
  for (const way of ways) {
    if (!way.applies(wanted, caller)) continue;
    try {
      const user = associated(caller, way);
      if (way.name) await check(authorizer, { ...request, user, verb: `impersonate-on:${way.name}:${request.verb}` });
      return await become(authorizer, user, wanted, way.name);
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      refusal ??= error;
    }
  }
  throw refusal ?? forbidden({ group: '', resource: 'users' }, wanted.name, 'all impersonation modes failed');
}

/** Of a service account that stands for the node it runs on, the decision may not rest on which node that is. */
const associated = (caller: User, way: Way): User =>
  way.name === 'associated-node'
    ? { ...caller, extra: { 'authentication.kubernetes.io/associated-node-keys': Object.keys(caller.extra ?? {}).sort() } }
    : caller;

async function become(authorizer: Authorizer, user: User, wanted: Wanted, way: string): Promise<Impersonated> {
  const verb = way ? `impersonate:${way}` : 'impersonate';
  const about = { user, verb, group: 'authentication.k8s.io', version: 'v1', subresource: '', namespace: '' };
  /** Users and groups were in the core group before there were constraints. */
  const identity = way ? about : { ...about, group: '' };
  const account = accountOf(wanted.name);
  const node = way ? nodeOf(wanted.name) : undefined;
  if (account) await check(authorizer, { ...identity, resource: 'serviceaccounts', ...account });
  else if (node) await check(authorizer, { ...identity, resource: 'nodes', name: way === 'associated-node' ? '*' : node });
  else await check(authorizer, { ...identity, resource: 'users', name: wanted.name });
  if (wanted.uid) await check(authorizer, { ...about, resource: 'uids', name: wanted.uid });
  await checkGroups(authorizer, { ...identity, resource: 'groups', name: '' }, wanted.groups, way !== '');
  await checkExtra(authorizer, { ...about, resource: 'userextras', name: '' }, wanted.extra, way !== '');

  const fixed = account ? ['system:serviceaccounts', `system:serviceaccounts:${account.namespace}`] : node ? ['system:nodes'] : [];
  const groups = wanted.groups.length > 0 ? wanted.groups : fixed;
  return {
    user: {
      name: wanted.name,
      groups: withStanding(wanted.name, groups),
      ...(wanted.uid ? { uid: wanted.uid } : {}),
      ...(Object.keys(wanted.extra).length > 0 ? { extra: wanted.extra } : {}),
    },
    ...(way ? { constraint: verb } : {}),
  };
}

function withStanding(name: string, groups: readonly string[]): readonly string[] {
  const add = (group: string): readonly string[] => (groups.includes(group) ? groups : [...groups, group]);
  if (name === anonymous.name) return add('system:unauthenticated');
  return groups.includes('system:unauthenticated') ? groups : add('system:authenticated');
}

/** From so many values on, a caller who may ask for any is not asked about each. */
const many = 4;

async function checkGroups(authorizer: Authorizer, attributes: Attributes, groups: readonly string[], constrained: boolean): Promise<void> {
  if (constrained && groups.includes('')) throw denied(attributes, 'impersonating the empty string group is not allowed');
  if (constrained && groups.includes('system:masters'))
    throw denied({ ...attributes, name: 'system:masters' }, 'impersonating the system:masters group is not allowed');
  if (constrained && groups.length >= many && (await authorizer.authorize({ ...attributes, name: '*' })).allowed) return;
  for (const group of groups) await check(authorizer, { ...attributes, name: group });
}

async function checkExtra(authorizer: Authorizer, attributes: Attributes, extra: Wanted['extra'], constrained: boolean): Promise<void> {
  const entries = Object.entries(extra);
  const values = entries.flatMap(([, list]) => list);
  if (constrained) {
    const problem = entries.map(([key, list]) => extraProblem(key, list)).find(text => text !== undefined);
    if (problem) throw denied(attributes, problem);
    if (values.length >= many && (await authorizer.authorize({ ...attributes, subresource: '*', name: '*' })).allowed) return;
  }
  for (const [key, list] of entries) {
    for (const value of list) await check(authorizer, { ...attributes, subresource: key, name: value });
  }
}

const pathText = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";
const path = new RegExp(`^${pathText}$`);
const keyProblems = (key: string, field: Path): FieldError[] => {
  const slash = key.indexOf('/');
  const [domain, rest] = [key.slice(0, Math.max(slash, 0)), key.slice(slash + 1)];
  if (slash < 0 || !domain || !rest) return [invalid(field, key, 'must be a domain-prefixed path (such as "acme.io/foo")')];
  const problems = isDns1123Subdomain(domain).map(problem => invalid(field, domain, problem));
  if (!path.test(rest)) problems.push(invalid(field, rest, `Invalid path (regex used for validation is '${pathText}')`));
  return problems;
};

const extraProblem = (key: string, values: readonly string[]): string | undefined => {
  if (key === '') return 'impersonating the empty string key in extra is not allowed';
  const wrong = keyProblems(key, root('extra', 'key')).map(({ field, message }) => `${field}: ${message}`);
  if (wrong.length > 0)
    return `impersonating an invalid key in extra is not allowed: ${wrong.length > 1 ? `[${wrong.join(', ')}]` : wrong[0]}`;
  if (key !== key.toLowerCase()) return `impersonating a non-lowercase key in extra is not allowed: ${quote(key)}`;
  return values.includes('') ? 'impersonating the empty string value in extra is not allowed' : undefined;
};

async function check(authorizer: Authorizer, attributes: Attributes): Promise<void> {
  const { allowed, reason } = await authorizer.authorize(attributes);
  if (!allowed) throw denied(attributes, reason);
}
