import { describe, expect, test } from '@jest/globals';
import type { Asked } from './level.ts';
import { readPolicy } from './policy.ts';

const policyOf = (rules: unknown, more: object = {}) =>
  readPolicy(JSON.stringify({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules, ...more }));

const ann = { name: 'ann', groups: ['dev', 'system:authenticated'] };
const pods = { group: '', resource: 'pods', subresource: '', namespace: 'shop', name: 'web' };
const ofPods: Asked = { user: ann, verb: 'get', path: '/api/v1/namespaces/shop/pods/web', target: pods };
const ofPath = (path: string): Asked => ({ user: ann, verb: 'get', path });

const matches = (rule: object, asked: Asked): boolean => policyOf([{ level: 'Metadata', ...rule }])(asked).level === 'Metadata';

describe('a rule', () => {
  test.each<[string, object, boolean]>([
    ['says nothing', {}, true],
    ['names the user', { users: ['bob', 'ann'] }, true],
    ['names another', { users: ['bob'] }, false],
    ['names a group', { userGroups: ['ops', 'dev'] }, true],
    ['names another group', { userGroups: ['ops'] }, false],
    ['names the verb', { verbs: ['get'] }, true],
    ['names another verb', { verbs: ['list'] }, false],
    ['names the namespace', { namespaces: ['shop'] }, true],
    ['names none as namespace', { namespaces: [''] }, false],
    ['names the group of resources', { resources: [{ group: '' }] }, true],
    ['leaves the group out, which is the core', { resources: [{ resources: ['pods'] }] }, true],
    ['names every group', { resources: [{ group: '*', resources: ['pods'] }] }, true],
    ['names another group of resources', { resources: [{ group: 'apps', resources: ['pods'] }] }, false],
    ['names every resource', { resources: [{ resources: ['*'] }] }, true],
    ['names the resource with all below', { resources: [{ resources: ['pods/*'] }] }, true],
    ['names a subresource', { resources: [{ resources: ['pods/log'] }] }, false],
    ['names the object', { resources: [{ resources: ['pods'], resourceNames: ['web'] }] }, true],
    ['names another object', { resources: [{ resources: ['pods'], resourceNames: ['db'] }] }, false],
    ['is of paths', { nonResourceURLs: ['*'] }, false],
  ])('that %s', (_, rule, expected) => {
    expect(matches(rule, ofPods)).toBe(expected);
  });

  test.each<[string, boolean]>([
    ['pods', false],
    ['pods/log', true],
    ['pods/*', true],
    ['*/log', true],
    ['*/status', false],
    ['*', true],
  ])('for %s, of the log of a pod', (resource, expected) => {
    const asked = { ...ofPods, target: { ...pods, subresource: 'log' } };
    expect(matches({ resources: [{ resources: [resource] }] }, asked)).toBe(expected);
  });

  test.each<[string, boolean]>([
    ['/healthz', true],
    ['/health*', true],
    ['/*', true],
    ['*', true],
    ['/healthz/', false],
    ['/version', false],
  ])('for the path %s', (url, expected) => {
    expect(matches({ nonResourceURLs: [url] }, ofPath('/healthz'))).toBe(expected);
  });

  test('of resources says nothing of other paths', () => {
    expect(matches({ namespaces: [''] }, ofPath('/healthz'))).toBe(false);
  });

  test('of users does not match where nobody could be made out', () => {
    const stranger = { ...ofPods, user: undefined };
    expect(matches({ users: ['ann'] }, stranger)).toBe(false);
    expect(matches({ userGroups: ['dev'] }, stranger)).toBe(false);
    expect(matches({}, stranger)).toBe(true);
  });
});

test('the first rule that matches decides', () => {
  const policy = policyOf([{ level: 'None', verbs: ['get'] }, { level: 'Request', users: ['ann'] }, { level: 'Metadata' }]);
  expect(policy(ofPods).level).toBe('None');
  expect(policy({ ...ofPods, verb: 'update' }).level).toBe('Request');
  expect(policy({ ...ofPods, verb: 'update', user: undefined }).level).toBe('Metadata');
});

test('what no rule matches is not recorded', () => {
  expect(policyOf([{ level: 'Metadata', users: ['bob'] }])(ofPods).level).toBe('None');
});

test('stages are left out as the policy and the rule say; managed fields as the rule says, or else the policy', () => {
  const policy = policyOf([{ level: 'Request', verbs: ['get'], omitStages: ['Panic'], omitManagedFields: false }, { level: 'Request' }], {
    omitStages: ['RequestReceived'],
    omitManagedFields: true,
  });
  const ofGet = policy(ofPods);
  expect([...ofGet.omitStages].sort()).toEqual(['Panic', 'RequestReceived']);
  expect(ofGet.omitManagedFields).toBe(false);
  const ofOthers = policy({ ...ofPods, verb: 'list' });
  expect([...ofOthers.omitStages]).toEqual(['RequestReceived']);
  expect(ofOthers.omitManagedFields).toBe(true);
});

test('YAML with a name and empty fields is a policy', () => {
  const policy = readPolicy(
    'apiVersion: audit.k8s.io/v1\nkind: Policy\nmetadata: {name: x}\nomitStages:\nrules:\n- level: Metadata\n  users:\n',
  );
  expect(policy(ofPods).level).toBe('Metadata');
});

test.each<[string, string]>([
  ['', 'policy: '],
  ['{apiVersion: v1, kind: Policy, rules: []}', 'a Policy of audit.k8s.io/v1 is needed, this is a Policy of v1'],
  ['{apiVersion: audit.k8s.io/v1, kind: Policy}', 'the policy has no rules'],
  ['{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{users: [a]}]}', 'rules[0].level: Required value'],
  [
    '{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: All}]}',
    'rules[0].level: Unsupported value: "All": supported values: "None", "Metadata", "Request", "RequestResponse"',
  ],
  ['{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: None, user: [a]}]}', 'rules[0]: Unrecognized key'],
  ['{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: None, verbs: get}]}', 'rules[0].verbs: '],
  [
    '{apiVersion: audit.k8s.io/v1, kind: Policy, omitStages: [No], rules: [{level: None}]}',
    'omitStages[0]: Invalid value: "No": allowed stages',
  ],
  [
    '{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: None, nonResourceURLs: [a, /b*c]}]}',
    `rules[0].nonResourceURLs[0]: Invalid value: "a": non-resource URL rules must begin with a '/' character; rules[0].nonResourceURLs[1]`,
  ],
  [
    '{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: None, nonResourceURLs: [/a], namespaces: [b]}]}',
    'rules cannot apply to both regular resources and non-resource URLs',
  ],
  [
    '{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: None, resources: [{group: a/v1}]}]}',
    'rules[0].resources.group: Invalid value: "a/v1"',
  ],
  [
    '{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: None, resources: [{resourceNames: [a]}]}]}',
    'using resourceNames requires at least one resource',
  ],
])('%s is refused', (text, why) => {
  expect(() => readPolicy(text)).toThrow(why);
});
