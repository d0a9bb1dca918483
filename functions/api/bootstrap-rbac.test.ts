import { describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../../kinds/object.ts';
import { reconciled } from './bootstrap-rbac.ts';

const role = (rules: unknown, more: Record<string, unknown> = {}, annotations: Record<string, string> = {}): KubeObject =>
  ({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: 'r', annotations },
    rules,
    ...more,
  }) as unknown as KubeObject;
const binding = (subjects: unknown, name = 'r'): KubeObject =>
  ({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'b' },
    roleRef: { kind: 'ClusterRole', name },
    subjects,
  }) as unknown as KubeObject;
const pods = { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] };
const group = (name: string) => ({ kind: 'Group', name, apiGroup: 'rbac.authorization.k8s.io' });
const rules = (outcome: ReturnType<typeof reconciled>) => (outcome.type === 'changed' ? outcome.object['rules'] : undefined);

describe('a default role', () => {
  test('that grants enough stays, whatever else it grants', () => {
    expect(reconciled(role([{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }]), role([pods])).type).toBe('same');
  });
  test('gets back what it has lost and keeps what was added', () => {
    const own = { apiGroups: [''], resources: ['secrets'], verbs: ['get'] };
    const kept = { ...pods, verbs: ['get'] };
    expect(rules(reconciled(role([own, kept]), role([pods])))).toEqual([own, kept, { ...pods, verbs: ['list'] }]);
  });
  test('is left alone where its owner says so', () => {
    expect(reconciled(role([], {}, { 'rbac.authorization.kubernetes.io/autoupdate': 'false' }), role([pods])).type).toBe('same');
  });
  test('gets its marks back', () => {
    const mark = { 'rbac.authorization.kubernetes.io/autoupdate': 'true' };
    const outcome = reconciled(role([pods], {}, { own: 'x' }), role([pods], {}, mark));
    expect(outcome.type === 'changed' && outcome.object.metadata.annotations).toEqual({ ...mark, own: 'x' });
  });
  test('gathers by the selectors it should and by those that were added', () => {
    const gathering = (...names: string[]) => ({
      aggregationRule: { clusterRoleSelectors: names.map(name => ({ matchLabels: { [name]: 'true' } })) },
    });
    const outcome = reconciled(role([pods], gathering('own')), role(null, gathering('a')));
    expect(outcome.type === 'changed' && outcome.object['aggregationRule']).toEqual(gathering('own', 'a').aggregationRule);
    expect(reconciled(role([pods], gathering('a')), role(null, gathering('a'))).type).toBe('same');
  });
});

describe('a default binding', () => {
  test('gets back the subjects it has lost', () => {
    const outcome = reconciled(binding([group('own')]), binding([group('a')]));
    expect(outcome.type === 'changed' && outcome.object['subjects']).toEqual([group('own'), group('a')]);
    expect(reconciled(binding([group('a'), group('own')]), binding([group('a')])).type).toBe('same');
  });
  test('that refers to another role is made anew', () => {
    expect(reconciled(binding([group('a')], 'other'), binding([group('a')])).type).toBe('replaced');
  });
});

test('objects of other kinds are as they should be', () => {
  const priority = { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name: 'p' } };
  expect(reconciled({ ...priority, value: 1 } as KubeObject, { ...priority, value: 2 } as KubeObject).type).toBe('same');
});
