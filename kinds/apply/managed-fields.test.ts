import { describe, expect, test } from '@jest/globals';
import type { KubeObject, ManagedFieldsEntry } from '../object.ts';
import { trackUpdate, type Update, withoutTimeChanges } from './managed-fields.ts';
import { schema } from './test-schema.ts';

const early = '2026-01-01T00:00:00Z';
const late = '2026-01-02T00:00:00Z';
const thing = (fields: Record<string, unknown> = {}, metadata: Record<string, unknown> = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Thing',
  metadata: { name: 'a', ...metadata },
  ...fields,
});
const track = (update: Partial<Update> & { next: KubeObject }): ManagedFieldsEntry[] =>
  trackUpdate({ schema, apiVersion: 'v1', manager: 'm', time: early, previous: undefined, ...update });
const stored = (object: KubeObject, managedFields: ManagedFieldsEntry[]): KubeObject => ({
  ...object,
  metadata: { ...object.metadata, uid: 'u', managedFields },
});
const summary = (entries: ManagedFieldsEntry[]): unknown[] => entries.map(({ manager, time, fieldsV1 }) => [manager, time, fieldsV1]);

const created = stored(
  thing({ spec: { replicas: 1 } }, { labels: { x: '1' } }),
  track({ manager: 'creator', next: thing({ spec: { replicas: 1 } }, { labels: { x: '1' } }) }),
);

describe('a creation', () => {
  test('owns all it names but what nobody owns', () => {
    const next = thing(
      {
        spec: {
          selector: { a: '1' },
          args: ['x'],
          containers: [{ name: 'c', ports: [{ port: 443 }, { port: 80, protocol: 'UDP' }], env: [] }],
          size: '10%',
          free: { any: { thing: 1 }, list: [1] },
        },
        status: { phase: 'x' },
      },
      { namespace: 'n', uid: 'u', finalizers: ['b', 'a'] },
    );
    const [entry] = track({ next });
    expect(entry).toEqual({
      manager: 'm',
      operation: 'Update',
      apiVersion: 'v1',
      time: early,
      fieldsType: 'FieldsV1',
      fieldsV1: {
        'f:metadata': { 'f:finalizers': { '.': {}, 'v:"a"': {}, 'v:"b"': {} } },
        'f:spec': {
          '.': {},
          'f:args': {},
          'f:containers': {
            '.': {},
            'k:{"name":"c"}': {
              '.': {},
              'f:env': {},
              'f:name': {},
              'f:ports': {
                '.': {},
                'k:{"port":80,"protocol":"UDP"}': { '.': {}, 'f:port': {}, 'f:protocol': {} },
                'k:{"port":443,"protocol":"TCP"}': { '.': {}, 'f:port': {} },
              },
            },
          },
          'f:free': { '.': {}, 'f:any': { '.': {}, 'f:thing': {} }, 'f:list': {} },
          'f:selector': {},
          'f:size': {},
        },
      },
    });
    expect(Object.keys(entry?.fieldsV1?.['f:spec'] ?? {})).toEqual(['.', 'f:args', 'f:containers', 'f:free', 'f:selector', 'f:size']);
  });
  test('of an unnamed manager', () => {
    expect(track({ manager: '', next: thing({ spec: { replicas: 1 } }) })[0]?.manager).toBe('unknown');
  });
  test('that the schema cannot describe goes without', () => {
    expect(track({ next: thing({ spec: { containers: [{}] } }) })).toEqual([]);
  });
});

describe('a change', () => {
  test('takes what it gives another value, and only that', () => {
    const next = thing({ spec: { replicas: 2 } }, { labels: { x: '1', y: '2' } });
    expect(summary(track({ manager: 'other', time: late, previous: created, next }))).toEqual([
      ['creator', early, { 'f:metadata': { 'f:labels': { '.': {}, 'f:x': {} } }, 'f:spec': {} }],
      ['other', late, { 'f:metadata': { 'f:labels': { 'f:y': {} } }, 'f:spec': { 'f:replicas': {} } }],
    ]);
  });
  test('takes away what it removes', () => {
    expect(summary(track({ manager: 'other', time: late, previous: created, next: thing({ spec: { replicas: 1 } }) }))).toEqual([
      ['creator', early, { 'f:spec': { '.': {}, 'f:replicas': {} } }],
    ]);
  });
  test('that changes nothing leaves entries and times as they are', () => {
    const entries = track({ manager: 'other', time: late, previous: created, next: { ...created } });
    expect(entries).toEqual(created.metadata.managedFields);
    expect(entries[0]).toBe(created.metadata.managedFields?.[0]);
  });
  test('by the same manager joins what it has', () => {
    const next = thing({ spec: { replicas: 1, paused: true } }, { labels: { x: '1' } });
    expect(summary(track({ manager: 'creator', time: late, previous: created, next }))).toEqual([
      ['creator', late, { 'f:metadata': { 'f:labels': { '.': {}, 'f:x': {} } }, 'f:spec': { '.': {}, 'f:paused': {}, 'f:replicas': {} } }],
    ]);
  });
  test('of status owns status alone, and one of the main resource does not', () => {
    const next = { ...created, spec: { replicas: 9 }, status: { phase: 'Ready' } };
    const [, status] = track({ manager: 'kubelet', subresource: 'status', time: late, previous: created, next });
    expect(status).toMatchObject({ manager: 'kubelet', subresource: 'status', fieldsV1: { 'f:status': { '.': {}, 'f:phase': {} } } });
    const [, main] = track({ manager: 'kubelet', time: late, previous: created, next });
    expect(main?.fieldsV1).toEqual({ 'f:spec': { 'f:replicas': {} } });
  });
  test('of a repeated item of a set owns it once', () => {
    const previous = stored(thing({}, { finalizers: ['a'] }), track({ next: thing({}, { finalizers: ['a'] }) }));
    const entries = track({ manager: 'other', time: late, previous, next: thing({}, { finalizers: ['a', 'a'] }) });
    expect(entries.map(({ fieldsV1 }) => fieldsV1)).toEqual([
      { 'f:metadata': { 'f:finalizers': {} } },
      { 'f:metadata': { 'f:finalizers': { 'v:"a"': {} } } },
    ]);
  });
});

describe('managed fields that a client sends', () => {
  test('may be cleared, and then nothing is tracked', () => {
    for (const cleared of [[], [{}]]) {
      const next = { ...created, metadata: { ...created.metadata, managedFields: cleared } };
      expect(track({ previous: created, next })).toEqual([]);
    }
    const untracked = stored(thing({}), []);
    expect(track({ previous: untracked, next: thing({ spec: { replicas: 1 } }) })).toEqual([]);
  });
  test('may be rewritten, in canonical form', () => {
    const hand: ManagedFieldsEntry = {
      manager: 'hand',
      operation: 'Apply',
      apiVersion: 'v1',
      fieldsType: 'FieldsV1',
      fieldsV1: { 'f:spec': { 'x:future': {}, 'f:replicas': { '.': {} }, 'f:args': {} } },
    };
    const next = { ...created, metadata: { ...created.metadata, managedFields: [hand] } };
    expect(track({ previous: created, next })).toEqual([{ ...hand, fieldsV1: { 'f:spec': { 'f:args': {}, 'f:replicas': {} } } }]);
  });
  test.each([
    ['no operation', { operation: undefined }],
    ['no version', { apiVersion: '' }],
    ['another type', { fieldsType: 'FieldsV2' }],
    ['a malformed element', { fieldsV1: { spec: {} } }],
    ['a malformed key', { fieldsV1: { 'k:{': {} } }],
    ['a prototype', { fieldsV1: JSON.parse('{"__proto__":{}}') }],
  ])('with %s are ignored', (_, broken) => {
    const entry = { manager: 'x', operation: 'Update', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1: {}, ...broken };
    const next = { ...created, metadata: { ...created.metadata, managedFields: [entry as ManagedFieldsEntry] } };
    expect(track({ previous: created, next })).toEqual(created.metadata.managedFields);
  });
  test('are ignored through a subresource', () => {
    const next = { ...created, metadata: { ...created.metadata, managedFields: [] } };
    expect(track({ subresource: 'status', previous: created, next })).toEqual(created.metadata.managedFields);
  });
});

test('the oldest of more than ten updaters become one', () => {
  let object = thing({}, { labels: { l0: '0' } });
  object = stored(object, track({ manager: 'm0', next: object }));
  for (let i = 1; i <= 12; i++) {
    const next = thing({}, { labels: { ...object.metadata.labels, [`l${i}`]: String(i) } });
    const time = `2026-01-01T00:00:${String(i).padStart(2, '0')}Z`;
    object = stored(next, track({ manager: `m${i}`, time, previous: object, next }));
  }
  const entries = object.metadata.managedFields ?? [];
  expect(entries).toHaveLength(10);
  expect(entries[0]).toMatchObject({
    manager: 'ancient-changes',
    time: '2026-01-01T00:00:03Z',
    fieldsV1: { 'f:metadata': { 'f:labels': { '.': {}, 'f:l0': {}, 'f:l1': {}, 'f:l2': {}, 'f:l3': {} } } },
  });
  expect(entries.map(({ manager }) => manager).slice(1)).toEqual(['m4', 'm5', 'm6', 'm7', 'm8', 'm9', 'm10', 'm11', 'm12']);
});

test('owners by another version see the change in theirs, or lose all when it is gone', () => {
  const entry = (apiVersion: string, field: string): ManagedFieldsEntry => ({
    manager: apiVersion,
    operation: 'Update',
    apiVersion,
    fieldsType: 'FieldsV1',
    fieldsV1: { 'f:spec': { [field]: {}, 'f:paused': {} } },
  });
  const previous = stored(thing({ spec: { replicas: 1, paused: true } }), [entry('v0', 'f:size'), entry('gone', 'f:size')]);
  const entries = track({
    previous,
    next: thing({ spec: { replicas: 2, paused: true } }),
    toVersion: (object, apiVersion) => {
      const spec = object['spec'] as Record<string, unknown>;
      return apiVersion === 'v0' ? { schema, object: { ...object, spec: { size: spec['replicas'], paused: spec['paused'] } } } : undefined;
    },
  });
  expect(entries.map(({ manager, fieldsV1 }) => [manager, fieldsV1])).toEqual([
    ['v0', { 'f:spec': { 'f:paused': {} } }],
    ['m', { 'f:spec': { 'f:replicas': {} } }],
  ]);
});

test('a write that changed nothing but times keeps the times', () => {
  const previous = created.metadata.managedFields ?? [];
  const next = previous.map(entry => ({ ...entry, time: late }));
  expect(withoutTimeChanges(next, previous, () => true)).toBe(previous);
  expect(withoutTimeChanges(next, previous, () => false)).toBe(next);
  const other = previous.map(entry => ({ ...entry, manager: 'x' }));
  expect(withoutTimeChanges(other, previous, () => true)).toBe(other);
});
