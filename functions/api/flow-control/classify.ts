/**
 * Which FlowSchema a request falls under: the first, by matching precedence, with a rule that names its user and what it does (apiserver
 * `flowcontrol/rule.go`). Schemas are read once when the configuration changes; who a schema can concern at all is remembered by user, so that most
 * requests look at one or two.
 */
import type { FlowSchema } from '../../../kinds/types.ts';
import type { RequestInfo, User } from '../types.ts';

type Rule = NonNullable<NonNullable<FlowSchema['spec']>['rules']>[number];
type Subject = Rule['subjects'][number];
type Test<T> = (value: T) => boolean;

/** A schema with the parts of it that are asked for each request made ready. */
export interface Candidate<T> {
  readonly schema: T;
  readonly rules: readonly { readonly concerns: Test<User>; readonly matches: Test<RequestInfo> }[];
}

/** `*` stands for all only where it stands alone. */
const oneOf = (values: readonly string[] | undefined): Test<string> => {
  if (values?.length === 1 && values[0] === '*') return () => true;
  const set = new Set(values ?? []);
  return value => set.has(value);
};

const serviceAccounts = 'system:serviceaccount:';
const subject = ({ kind, user, group, serviceAccount }: Subject): Test<User> => {
  if (kind === 'User' && user) return user.name === '*' ? () => true : ({ name }) => name === user.name;
  if (kind === 'Group' && group) return group.name === '*' ? () => true : ({ groups }) => groups.includes(group.name);
  if (kind === 'ServiceAccount' && serviceAccount) {
    const all = `${serviceAccounts}${serviceAccount.namespace}:`;
    if (serviceAccount.name === '*') return ({ name }) => name.startsWith(all);
    const one = `${all}${serviceAccount.name}`;
    return ({ name }) => name === one;
  }
  return () => false;
};

const url = (pattern: string): Test<string> => {
  if (pattern === '*') return () => true;
  const stem = pattern.endsWith('*') ? pattern.slice(0, -1) : pattern;
  const prefix = stem.endsWith('/') ? stem : `${stem}/`;
  return path => path === pattern || path.startsWith(prefix);
};

const request = ({ resourceRules = [], nonResourceRules = [] }: Rule): Test<RequestInfo> => {
  const resources = resourceRules.map(rule => {
    const verb = oneOf(rule.verbs);
    const resource = oneOf(rule.resources);
    const group = oneOf(rule.apiGroups);
    const namespace = oneOf(rule.namespaces);
    const { clusterScope = false } = rule;
    return ({ verb: asked, target }: RequestInfo): boolean =>
      target !== undefined &&
      verb(asked) &&
      resource(target.subresource ? `${target.resource}/${target.subresource}` : target.resource) &&
      group(target.group) &&
      (target.namespace ? namespace(target.namespace) : clusterScope);
  });
  const others = nonResourceRules.map(rule => {
    const verb = oneOf(rule.verbs);
    const urls = rule.nonResourceURLs.map(url);
    return (info: RequestInfo): boolean => verb(info.verb) && urls.some(matches => matches(info.path));
  });
  return info => (info.target ? resources : others).some(matches => matches(info));
};

export const candidate = <T>(schema: T, spec: FlowSchema['spec']): Candidate<T> => ({
  schema,
  rules: (spec?.rules ?? []).map(rule => {
    const subjects = rule.subjects.map(subject);
    return { concerns: user => subjects.some(test => test(user)), matches: request(rule) };
  }),
});

interface Known<T> {
  readonly groups: readonly string[];
  readonly own: readonly { readonly schema: T; readonly matches: Test<RequestInfo> }[];
}

/** Names come from callers: bounded, so that nobody can fill the memory with users. */
const knownUsers = 2000;

/** `candidates` in the order they are asked; `otherwise` for what nothing matches. */
export const classifier = <T>(candidates: readonly Candidate<T>[], otherwise: T): ((user: User, info: RequestInfo) => T) => {
  const users = new Map<string, Known<T>>();
  const learn = (user: User): Known<T> => {
    const own = candidates.flatMap(({ schema, rules }) =>
      rules.filter(rule => rule.concerns(user)).map(({ matches }) => ({ schema, matches })),
    );
    const known = { groups: user.groups, own };
    if (users.size >= knownUsers) users.clear();
    users.set(user.name, known);
    return known;
  };
  return (user, info) => {
    const found = users.get(user.name);
    const { own } = found && sameTexts(found.groups, user.groups) ? found : learn(user);
    for (const { schema, matches } of own) if (matches(info)) return schema;
    return otherwise;
  };
};

const sameTexts = (one: readonly string[], other: readonly string[]): boolean =>
  one === other || (one.length === other.length && one.every((text, index) => text === other[index]));
