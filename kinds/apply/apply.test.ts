import { describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../object.ts';
import { StatusError } from '../status.ts';
import { type Apply, serverSideApply } from './apply.ts';
import { trackUpdate } from './managed-fields.ts';
import { schema } from './test-schema.ts';

const early = '2026-01-01T00:00:00Z';
const late = '2026-01-02T00:00:00Z';
const config = (spec?: Record<string, unknown>, metadata: Record<string, unknown> = {}): Record<string, unknown> => ({
  apiVersion: 'v1',
  kind: 'Thing',
  metadata: { name: 'a', ...metadata },
  ...(spec ? { spec } : {}),
});
const apply = (manager: string, live: KubeObject | undefined, applied: Record<string, unknown>, more: Partial<Apply> = {}): KubeObject => {
  const before = JSON.stringify([live, applied]);
  const result = serverSideApply({ schema, live, applied, manager, force: false, apiVersion: 'v1', kind: 'Thing', time: early, ...more });
  expect(JSON.stringify([live, applied])).toBe(before);
  return { ...result, metadata: { ...result.metadata, uid: 'u' } };
};
const refusal = (run: () => unknown): StatusError => {
  try {
    run();
  } catch (error) {
    if (error instanceof StatusError) return error;
    throw error;
  }
  throw new Error('was accepted');
};
const owners = (object: KubeObject): Record<string, unknown> =>
  Object.fromEntries((object.metadata.managedFields ?? []).map(({ manager, fieldsV1 }) => [manager, fieldsV1]));

describe('the first apply', () => {
  test('creates, and owns what it names', () => {
    const object = apply('one', undefined, config({ replicas: 1, selector: { a: '1' } }, { labels: { x: '1' } }));
    expect(object).toMatchObject({ apiVersion: 'v1', kind: 'Thing', spec: { replicas: 1, selector: { a: '1' } } });
    expect(object.metadata.managedFields).toEqual([
      {
        manager: 'one',
        operation: 'Apply',
        apiVersion: 'v1',
        time: early,
        fieldsType: 'FieldsV1',
        fieldsV1: { 'f:metadata': { 'f:labels': { 'f:x': {} } }, 'f:spec': { 'f:replicas': {}, 'f:selector': {} } },
      },
    ]);
  });
  test('names who wrote before anything was tracked', () => {
    const live = { ...config({ replicas: 1 }), metadata: { name: 'a', uid: 'u' } } as unknown as KubeObject;
    const error = refusal(() => apply('one', live, config({ replicas: 2 })));
    expect(error.message).toBe('Apply failed with 1 conflict: conflict with "before-first-apply" using v1: .spec.replicas');
    expect(Object.keys(owners(apply('one', live, config({ paused: true }))))).toEqual(['one', 'before-first-apply']);
  });
});

describe('conflicts', () => {
  const live = apply('one', undefined, config({ replicas: 1, containers: [{ name: 'main', image: 'i:1' }] }));
  test('are refused with a cause each', () => {
    const error = refusal(() => apply('two', live, config({ replicas: 2, containers: [{ name: 'main', image: 'i:2' }] })));
    expect(error.status).toMatchObject({
      code: 409,
      reason: 'Conflict',
      message: 'Apply failed with 2 conflicts: conflicts with "one":\n- .spec.replicas\n- .spec.containers[name="main"].image',
      details: {
        causes: [
          { reason: 'FieldManagerConflict', message: 'conflict with "one"', field: '.spec.replicas' },
          { reason: 'FieldManagerConflict', message: 'conflict with "one"', field: '.spec.containers[name="main"].image' },
        ],
      },
    });
  });
  test('name updaters with their version and subresource', () => {
    const next = { ...live, spec: { ...(live['spec'] as object), replicas: 7 } };
    const managedFields = trackUpdate({
      schema,
      apiVersion: 'v1',
      manager: 'hpa',
      subresource: 'scale',
      time: early,
      previous: live,
      next,
    });
    const scaled = { ...next, metadata: { ...live.metadata, managedFields } };
    expect(refusal(() => apply('one', scaled, config({ replicas: 1 }))).message).toBe(
      'Apply failed with 1 conflict: conflict with "hpa" with subresource "scale" using v1: .spec.replicas',
    );
  });
  test('force takes over', () => {
    const forced = apply('two', live, config({ replicas: 2 }), { force: true });
    expect(forced['spec']).toMatchObject({ replicas: 2 });
    expect(owners(forced)).toEqual({
      one: { 'f:spec': { 'f:containers': { 'k:{"name":"main"}': { '.': {}, 'f:image': {}, 'f:name': {} } } } },
      two: { 'f:spec': { 'f:replicas': {} } },
    });
  });
  test('the same value is shared', () => {
    const shared = apply('two', live, config({ replicas: 1 }), { time: late });
    expect(owners(shared)['two']).toEqual({ 'f:spec': { 'f:replicas': {} } });
    expect(shared.metadata.managedFields?.find(({ manager }) => manager === 'two')).not.toHaveProperty('time');
    expect(apply('one', shared, config({ containers: [{ name: 'main', image: 'i:1' }] }))['spec']).toMatchObject({ replicas: 1 });
  });
});

describe('what is no longer named', () => {
  test('goes where nobody else owns it', () => {
    const live = apply('one', undefined, config({ replicas: 1, paused: true }, { labels: { a: '1', b: '2' } }));
    const next = apply('one', live, config({ replicas: 1 }, { labels: { b: '2' } }), { time: late });
    expect(next['spec']).toEqual({ replicas: 1 });
    expect(next.metadata.labels).toEqual({ b: '2' });
    expect(next.metadata.managedFields?.[0]?.time).toBe(late);
  });
  test('takes the metadata it stood in along, but never the object’s own', () => {
    const live = apply('one', undefined, config(undefined, { labels: { a: '1' } }));
    const next = apply('one', live, config());
    expect(next.metadata).toEqual({ name: 'a', uid: 'u' });
  });
  test('takes items of keyed lists and sets away', () => {
    const both = config({ containers: [{ name: 'a' }, { name: 'b' }] }, { finalizers: ['x', 'y'] });
    const live = apply('one', undefined, both);
    const next = apply('one', live, config({ containers: [{ name: 'b' }] }, { finalizers: ['y'] }));
    expect(next['spec']).toEqual({ containers: [{ name: 'b' }] });
    expect(next.metadata.finalizers).toEqual(['y']);
  });
  test('stays where a fellow owner names it', () => {
    const one = apply('one', undefined, config({ containers: [{ name: 'a', image: 'i' }] }));
    const two = apply('two', one, config({ containers: [{ name: 'a', env: [{ name: 'X', value: '1' }] }] }));
    const gone = apply('one', two, config());
    expect(gone['spec']).toEqual({ containers: [{ name: 'a', env: [{ name: 'X', value: '1' }] }] });
    expect(Object.keys(owners(gone))).toEqual(['two']);
  });
});

describe('lists', () => {
  test('keep the applied order, with others where they stood', () => {
    const named = (...names: string[]): Record<string, unknown> => config({ containers: names.map(name => ({ name })) });
    const live = apply('two', apply('one', undefined, named('a', 'b')), named('x', 'b', 'y'));
    const order = (object: KubeObject): string[] =>
      (object['spec'] as { containers: { name: string }[] }).containers.map(({ name }) => name);
    expect(order(live)).toEqual(['a', 'x', 'b', 'y']);
    expect(order(apply('one', live, named('b', 'a')))).toEqual(['x', 'b', 'y', 'a']);
  });
  test('take a key’s default into account', () => {
    const live = apply('one', undefined, config({ containers: [{ name: 'a', ports: [{ port: 80 }] }] }));
    const next = apply('two', live, config({ containers: [{ name: 'a', ports: [{ port: 80, protocol: 'TCP', name: 'web' }] }] }));
    expect(next['spec']).toEqual({ containers: [{ name: 'a', ports: [{ port: 80, protocol: 'TCP', name: 'web' }] }] });
  });
});

test('an apply that changes nothing leaves the times', () => {
  const live = apply('one', undefined, config({ replicas: 1 }));
  expect(apply('one', live, config({ replicas: 1 }), { time: late })).toEqual(live);
});

test('status is not applied through the main resource', () => {
  const applied = { ...config({ replicas: 1 }), status: { phase: 'x' } };
  expect(owners(apply('one', undefined, applied))['one']).toEqual({ 'f:spec': { 'f:replicas': {} } });
  expect(owners(apply('one', undefined, applied, { subresource: 'status' }))['one']).toEqual({ 'f:status': { 'f:phase': {} } });
});

describe('a configuration that is refused', () => {
  const prefix = 'failed to create typed patch object (/a; /v1, Kind=Thing): ';
  test.each([
    ['an unknown field', config({ colour: 'x' }), '.spec.colour: field not declared in schema'],
    [
      'a wrong scalar',
      config(undefined, { labels: { a: 1 } }),
      '.metadata.labels.a: expected string, got &value.valueUnstructured{Value:1}',
    ],
    ['a text for a number', config({ replicas: 'x' }), '.spec.replicas: expected numeric (int or float), got string'],
    ['a scalar for a list', config({ args: 'x' }), '.spec.args: expected list, got &{x}'],
    ['a list for a map', config({ selector: ['x'] }), '.spec.selector: expected map, got &{[x]}'],
    ['a repeated key', config({ containers: [{ name: 'a' }, { name: 'a' }] }), '.spec.containers: duplicate entries for key [name="a"]'],
    [
      'a missing key',
      config({ containers: [{ image: 'x' }] }),
      '.spec.containers: element 0: associative list with keys has an element that omits all key fields ["name"] (and doesn\'t have default values for any key fields)',
    ],
    [
      'several at once',
      config({ replicas: 'x', paused: 1 }),
      'errors:\n  .spec.replicas: expected numeric (int or float), got string\n  .spec.paused: expected boolean, got &{1}',
    ],
  ])('%s', (_, applied, problem) => {
    const error = refusal(() => apply('one', undefined, applied));
    expect(error.status).toMatchObject({ code: 500, message: prefix + problem });
    expect(error.status).not.toHaveProperty('reason');
  });
  test('another kind or version', () => {
    expect(refusal(() => apply('one', undefined, { ...config(), apiVersion: 'apps/v1' })).message).toBe(
      'invalid object type: apps/v1, Kind=Thing',
    );
    expect(refusal(() => apply('one', undefined, { metadata: {} })).message).toBe('invalid object type: /, Kind=');
  });
  test('with managed fields', () => {
    const error = refusal(() => apply('one', undefined, config(undefined, { managedFields: [] })));
    expect([error.code, error.message]).toEqual([400, 'metadata.managedFields must be nil']);
  });
  test('nested without end', () => {
    let deep: unknown = {};
    for (let i = 0; i < 5000; i++) deep = { deep };
    const applied = config({ free: deep });
    const request = { schema, live: undefined, applied, manager: 'one', force: false, apiVersion: 'v1', time: early };
    expect(refusal(() => serverSideApply(request)).code).toBe(400);
  });
});

describe('kubectl after client-side apply', () => {
  const annotation = 'kubectl.kubernetes.io/last-applied-configuration';
  const last = config({ replicas: 1 });
  const next = {
    ...config({ replicas: 1 }),
    metadata: { name: 'a', annotations: { [annotation]: JSON.stringify(last) } },
  } as unknown as KubeObject;
  const managedFields = trackUpdate({
    schema,
    apiVersion: 'v1',
    manager: 'kubectl-client-side-apply',
    time: early,
    previous: undefined,
    next,
  });
  const live: KubeObject = { ...next, metadata: { ...next.metadata, uid: 'u', managedFields } };

  test('takes what the annotation shows to be its own, and keeps it true', () => {
    const object = apply('kubectl', live, config({ replicas: 2 }));
    expect(object['spec']).toEqual({ replicas: 2 });
    expect(object.metadata.annotations?.[annotation]).toBe(
      '{"apiVersion":"v1","kind":"Thing","metadata":{"name":"a"},"spec":{"replicas":2}}\n',
    );
  });
  test('nobody else does', () => {
    expect(refusal(() => apply('one', live, config({ replicas: 2 }))).code).toBe(409);
  });
  test('what another changed since still conflicts', () => {
    const changed = { ...live, spec: { replicas: 5 } };
    const entries = trackUpdate({ schema, apiVersion: 'v1', manager: 'hand', time: early, previous: live, next: changed });
    const scaled = { ...changed, metadata: { ...live.metadata, managedFields: entries } };
    expect(refusal(() => apply('kubectl', scaled, config({ replicas: 2 }))).message).toContain(
      'conflict with "hand" using v1: .spec.replicas',
    );
  });
});
