import { describe, expect, test } from '@jest/globals';
import { unauthorized } from '../../../kinds/status.ts';
import { aRequest } from '../testing.ts';
import type { Attributes, Authorizer } from '../types.ts';
import { authenticate } from './authenticate.ts';
import { bearerTokens, type TokenVerifier } from './bearer.ts';
import { impersonate, wantedUser } from './impersonation.ts';
import { staticToken } from './static-token.ts';

const asking = (headers: Record<string, string>) => wantedUser(aRequest('GET', '/', undefined, headers));
const allowing = (...allowed: string[]): Authorizer & { asked: string[] } => {
  const asked: string[] = [];
  return {
    asked,
    async authorize({ verb, resource, subresource, name }: Attributes) {
      const question = [verb, resource, subresource, name].filter(Boolean).join(' ');
      asked.push(question);
      return { allowed: allowed.includes(question), reason: '' };
    },
  };
};
const request: Attributes = {
  user: { name: 'caller', groups: [] },
  verb: 'list',
  group: '',
  version: 'v1',
  resource: 'pods',
  subresource: '',
  namespace: 'a',
  name: '',
};
const become = async (authorizer: Authorizer, headers: Record<string, string>) => {
  const wanted = asking(headers);
  if (!wanted) throw new Error('nobody is asked for');
  return impersonate(authorizer, request, wanted);
};

describe('impersonation', () => {
  test('extras have names with escapes', () => {
    const wanted = asking({ 'impersonate-user': 'a', 'impersonate-extra-acme.com%2fproject': 'x', 'impersonate-extra-b%zz': 'y' });
    expect({ ...wanted?.extra }).toEqual({ 'acme.com/project': ['x'], 'b%zz': ['y'] });
  });
  test('nobody can be asked for without a name', () => {
    expect(() => asking({ 'impersonate-group': 'b' })).toThrow(
      'requested &user.DefaultInfo{Name:"", UID:"", Groups:[]string{"b"}, Extra:map[string][]string(nil)} without impersonating a user name',
    );
    expect(asking({})).toBeUndefined();
  });
  test('outright: each part takes a permission', async () => {
    const parts = ['impersonate users bob', 'impersonate groups dev', 'impersonate uids 1', 'impersonate userextras k v'];
    const headers = { 'impersonate-user': 'bob', 'impersonate-group': 'dev', 'impersonate-uid': '1', 'impersonate-extra-k': 'v' };
    const { user, constraint } = await become(allowing(...parts), headers);
    expect(user).toMatchObject({ name: 'bob', uid: '1', groups: ['dev', 'system:authenticated'] });
    expect(constraint).toBeUndefined();
    for (const part of parts)
      await expect(become(allowing(...parts.filter(one => one !== part)), headers)).rejects.toThrow('cannot impersonate');
  });
  test('constrained: for this verb, as this kind of user', async () => {
    const both = ['impersonate-on:user-info:list pods', 'impersonate:user-info users bob'];
    expect(await become(allowing(...both), { 'impersonate-user': 'bob' })).toMatchObject({ constraint: 'impersonate:user-info' });
    await expect(become(allowing(...both.slice(1)), { 'impersonate-user': 'bob' })).rejects.toThrow('cannot impersonate-on:user-info:list');
  });
  test('nobody becomes master by a constrained way', async () => {
    const everything: Authorizer = { authorize: async ({ verb }) => ({ allowed: verb !== 'impersonate', reason: '' }) };
    await expect(become(everything, { 'impersonate-user': 'bob', 'impersonate-group': 'system:masters' })).rejects.toThrow(
      'system:masters',
    );
  });
  test('a service account has its groups, a malformed name is a plain user', async () => {
    const all: Authorizer = { authorize: async () => ({ allowed: true, reason: '' }) };
    const groupsOf = async (name: string) => (await become(all, { 'impersonate-user': name })).user.groups;
    expect(await groupsOf('system:serviceaccount:a:b')).toContain('system:serviceaccounts:a');
    expect(await groupsOf('system:serviceaccount:A:b')).toEqual(['system:authenticated']);
    expect(await groupsOf('system:anonymous')).toEqual(['system:unauthenticated']);
  });
});

describe('bearer tokens', () => {
  const api = 'https://api';
  const bad: TokenVerifier = {
    async verify(token) {
      if (token === 'bad') throw new Error('it is bad');
      return undefined;
    },
  };
  const bearer = bearerTokens([staticToken('secret', { name: 'ann', groups: [] }), bad], api);
  const by = (authorization: string, warnings: string[] = []) =>
    authenticate([bearer], aRequest('GET', '/', undefined, { authorization }), {}, text => warnings.push(text));

  test('the first verifier that knows a token decides; other schemes say nothing', async () => {
    expect(await by('Bearer secret')).toMatchObject({ name: 'ann', groups: ['system:authenticated'] });
    expect((await by('Basic eDp5')).name).toBe('system:anonymous');
    await expect(by('Bearer wrong')).rejects.toThrow('Unauthorized');
    await expect(by('Bearer bad')).rejects.toThrow('Unauthorized');
  });
  test('a space too much is told of', async () => {
    const warnings: string[] = [];
    expect((await by('Bearer  secret', warnings)).name).toBe('system:anonymous');
    expect(warnings).toHaveLength(1);
  });
  test('a review says what is wrong, and for whom a token is good', async () => {
    expect(await bearer.review('wrong', [])).toEqual({ error: 'invalid bearer token' });
    expect(await bearer.review('bad', [])).toEqual({ error: '[invalid bearer token, it is bad]' });
    expect(await bearer.review('secret', [])).toMatchObject({ audiences: [api] });
    expect(await bearer.review('secret', ['other'])).toEqual({ error: 'invalid bearer token' });
  });
  test('a refused certificate does not spoil a good token, and alone makes nobody anonymous', async () => {
    const refusing = { authenticate: async () => Promise.reject(unauthorized()) };
    const ask = (authorization: string) =>
      authenticate([refusing, bearer], aRequest('GET', '/', undefined, { authorization }), {}, () => {});
    expect((await ask('Bearer secret')).name).toBe('ann');
    await expect(ask('')).rejects.toThrow('Unauthorized');
  });
});
