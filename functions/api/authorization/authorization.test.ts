import { beforeEach, describe, expect, test } from '@jest/globals';
import type { PolicyRule } from '../../../kinds/types.ts';
import { anApi, type TestApi } from '../testing.ts';
import type { Attributes } from '../types.ts';
import { checkRoleWrite } from './escalation.ts';
import { nodeAuthorizer } from './node.ts';
import type { RbacAuthorizer } from './rbac.ts';
import { missingRules } from './rules.ts';

const rule = (verbs: string[], resources: string[], more: Partial<PolicyRule> = {}): PolicyRule => ({
  apiGroups: [''],
  resources,
  verbs,
  ...more,
});

describe('rules', () => {
  test('a wildcard of subresources covers each of them, a resource none', () => {
    expect(missingRules([rule(['get'], ['*/log'])], [rule(['get'], ['pods/log'])])).toEqual([]);
    expect(missingRules([rule(['get'], ['pods'])], [rule(['get'], ['pods/log'])])).toHaveLength(1);
  });
  test('names are covered by no names, never the other way', () => {
    const named = rule(['get'], ['pods'], { resourceNames: ['a'] });
    expect(missingRules([rule(['get'], ['pods'])], [named])).toEqual([]);
    expect(missingRules([named], [rule(['get'], ['pods'])])).toHaveLength(1);
  });
});

describe('escalation', () => {
  const rbac: RbacAuthorizer = {
    authorize: async () => ({ allowed: false, reason: '' }),
    rulesFor: async () => ({ rules: [rule(['get'], ['pods'])], missing: [] }),
    roleRules: async () => undefined,
  };
  const write = { user: { name: 'ann', groups: ['dev'] }, resource: 'clusterroles', namespace: '', requested: '', name: 'r' };
  test('lists what is not held, sorted', async () => {
    await expect(checkRoleWrite(rbac, write, [rule(['list', 'get'], ['secrets', 'configmaps'])], false)).rejects.toThrow(
      'user "ann" (groups=["dev"]) is attempting to grant RBAC permissions not currently held:\n' +
        '{APIGroups:[""], Resources:["configmaps"], Verbs:["list" "get"]}\n{APIGroups:[""], Resources:["secrets"], Verbs:["list" "get"]}',
    );
  });
  test('a role that gathers others takes everything', async () => {
    await expect(checkRoleWrite(rbac, write, [], true)).rejects.toThrow('must have cluster-admin privileges to use the aggregationRule');
    await checkRoleWrite(rbac, { ...write, user: { name: 'ann', groups: ['system:masters'] } }, [], true);
  });
});

describe('the Node authorizer', () => {
  let api: TestApi;
  const ask = async (verb: string, resource: string, name: string, more: Partial<Attributes> = {}) => {
    const user = { name: 'system:node:n1', groups: ['system:nodes'] };
    const attributes = { user, verb, group: '', version: 'v1', resource, subresource: '', namespace: 'default', name, ...more };
    return nodeAuthorizer(api.replicas, () => [rule(['list'], ['services'])]).authorize(attributes);
  };
  const pod = (name: string, nodeName: string, secretName: string) =>
    api.send('POST', '/api/v1/namespaces/default/pods', {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name },
      spec: { nodeName, containers: [{ name: 'c', image: 'i' }], volumes: [{ name: 'v', secret: { secretName } }] },
    });
  beforeEach(async () => {
    api = await anApi(() => []);
    await pod('mine', 'n1', 'own');
    await pod('other', 'n2', 'foreign');
  });

  test('a node reads what its own pods refer to', async () => {
    expect(await ask('get', 'secrets', 'own')).toEqual({ allowed: true, reason: '' });
    expect((await ask('get', 'secrets', 'foreign')).reason).toBe("no relationship found between node 'n1' and this object");
    expect((await ask('list', 'secrets', '')).reason).toBe('No Object name found');
    expect((await ask('update', 'secrets', 'own')).allowed).toBe(false);
    await api.close();
  });
  test('of pods it sees its own, by name or by a selector that says so', async () => {
    expect((await ask('get', 'pods', 'mine')).allowed).toBe(true);
    expect((await ask('get', 'pods', 'other')).allowed).toBe(false);
    expect((await ask('list', 'pods', '')).reason).toBe('can only list/watch pods with spec.nodeName field selector');
    const fieldSelector = [{ field: 'spec.nodeName', operator: '=' as const, value: 'n1' }];
    expect((await ask('list', 'pods', '', { fieldSelector })).allowed).toBe(true);
    await api.close();
  });
  test('of nodes it sees itself, and the rest by rules', async () => {
    expect((await ask('get', 'nodes', 'n1', { namespace: '' })).allowed).toBe(true);
    expect((await ask('get', 'nodes', 'n2', { namespace: '' })).allowed).toBe(false);
    expect((await ask('list', 'services', '')).allowed).toBe(true);
    expect((await ask('list', 'endpoints', '')).allowed).toBe(false);
    await api.close();
  });
});
