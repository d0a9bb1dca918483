import { describe, expect, test } from '@jest/globals';
import { bootstrapObjects } from '../../../kinds/schema/data.ts';
import type { FlowSchema } from '../../../kinds/types.ts';
import { parseRequest } from '../request-info.ts';
import type { User } from '../types.ts';
import { candidate, classifier } from './classify.ts';

const authenticated = 'system:authenticated';
const aUser = (name: string, ...groups: string[]): User => ({ name, groups: [...groups, authenticated] });
const account = (namespace: string, name: string): User =>
  aUser(`system:serviceaccount:${namespace}:${name}`, 'system:serviceaccounts', `system:serviceaccounts:${namespace}`);

const delivered = bootstrapObjects().filter(({ kind }) => kind === 'FlowSchema') as FlowSchema[];
const classify = (schemas: readonly FlowSchema[]) => {
  const sorted = [...schemas].sort((one, other) => (one.spec?.matchingPrecedence ?? 0) - (other.spec?.matchingPrecedence ?? 0));
  const find = classifier(
    sorted.map(schema => candidate(schema.metadata.name, schema.spec)),
    'otherwise',
  );
  return (user: User, method: string, url: string) => find(user, parseRequest(method, url));
};

describe('the schemas of a fresh cluster', () => {
  const find = classify(delivered);
  const pods = '/api/v1/namespaces/default/pods';
  const lease = '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/one';
  test.each([
    ['an administrator', aUser('admin', 'system:masters'), 'DELETE', pods, 'exempt'],
    ['a probe of nobody', { name: 'system:anonymous', groups: ['system:unauthenticated'] }, 'GET', '/readyz', 'probes'],
    ['a part of a probe', { name: 'system:anonymous', groups: ['system:unauthenticated'] }, 'GET', '/readyz/etcd', 'probes'],
    ['what only begins like one', { name: 'system:anonymous', groups: ['system:unauthenticated'] }, 'GET', '/readyzzz', 'global-default'],
    ['a person', aUser('jane'), 'GET', pods, 'global-default'],
    ['a node about itself', aUser('system:node:a', 'system:nodes'), 'PATCH', '/api/v1/nodes/a/status', 'system-node-high'],
    ['a node about pods', aUser('system:node:a', 'system:nodes'), 'GET', pods, 'system-nodes'],
    ['a leader', account('kube-system', 'any'), 'PUT', lease, 'system-leader-election'],
    ['who only watches leaders', account('kube-system', 'any'), 'GET', `${lease}?watch=1`, 'system-leader-election'],
    ['who deletes leases', account('kube-system', 'any'), 'DELETE', lease, 'kube-system-service-accounts'],
    ['the scheduler', aUser('system:kube-scheduler'), 'POST', `${pods}/a/binding`, 'kube-scheduler'],
    ['an account of a user', account('default', 'any'), 'GET', pods, 'service-accounts'],
    ['an account of a namespace that begins alike', account('kube-system-2', 'any'), 'GET', pods, 'service-accounts'],
    ['somebody in no group', { name: 'x', groups: [] }, 'GET', pods, 'otherwise'],
  ])('%s', (_, user, method, url, schema) => {
    expect(find(user as User, method, url)).toBe(schema);
    // Remembered, it is the same.
    expect(find(user as User, method, url)).toBe(schema);
  });

  test('who comes with other groups than before is asked anew', () => {
    const again = classify(delivered);
    expect(again(aUser('jane'), 'GET', pods)).toBe('global-default');
    expect(again(aUser('jane', 'system:masters'), 'GET', pods)).toBe('exempt');
    expect(again(aUser('jane'), 'GET', pods)).toBe('global-default');
  });
});

test('resource rules: verbs, groups, resources with their subresources, namespaces and what is in none', () => {
  const rule = { verbs: ['get', 'list'], apiGroups: ['apps'], resources: ['deployments', 'deployments/scale'], namespaces: ['a', 'b'] };
  const subjects = [{ kind: 'User', user: { name: '*' } }];
  const schema = (name: string, precedence: number, clusterScope: boolean, resourceRule: object): FlowSchema =>
    ({
      apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
      kind: 'FlowSchema',
      metadata: { name },
      spec: { matchingPrecedence: precedence, rules: [{ subjects, resourceRules: [{ ...resourceRule, clusterScope }] }] },
    }) as unknown as FlowSchema;
  const find = classify([schema('narrow', 1, false, rule), schema('wide', 2, true, { ...rule, namespaces: ['*'] })]);
  const base = '/apis/apps/v1';
  const jane = aUser('jane');
  expect(find(jane, 'GET', `${base}/namespaces/a/deployments`)).toBe('narrow');
  expect(find(jane, 'GET', `${base}/namespaces/b/deployments/x/scale`)).toBe('narrow');
  expect(find(jane, 'GET', `${base}/namespaces/c/deployments/x`)).toBe('wide');
  expect(find(jane, 'GET', `${base}/deployments`)).toBe('wide');
  expect(find(jane, 'GET', `${base}/namespaces/a/deployments/x/status`)).toBe('otherwise');
  expect(find(jane, 'PUT', `${base}/namespaces/a/deployments/x`)).toBe('otherwise');
  expect(find(jane, 'GET', '/apis/batch/v1/namespaces/a/deployments')).toBe('otherwise');
  expect(find(jane, 'GET', '/healthz')).toBe('otherwise');
});
