import { describe, expect, test } from '@jest/globals';
import { apiGroup, apiResourceList } from '../discovery.ts';
import type { KubeObject } from '../object.ts';
import { openApiV3 } from '../openapi/index.ts';
import { builtInRegistry } from '../registry.ts';
import type { Resource } from '../resource.ts';
import { conform } from '../schema/decode.ts';
import { applySchemaDefaults } from '../schema/defaults.ts';
import { StatusError } from '../status.ts';
import type { StrategyContext } from '../strategy.ts';
import { ExtendedRegistry, type StoredDefinition } from './registry.ts';

const established = [{ type: 'Established', status: 'True' }];
interface Shape {
  readonly versions?: readonly object[];
  readonly conditions?: readonly object[];
  readonly generation?: number;
  readonly revision?: number;
  readonly plural?: string;
  readonly conversion?: object;
}
const v1 = (properties: object, fields: object = {}) => ({
  name: 'v1',
  served: true,
  storage: true,
  schema: { openAPIV3Schema: { type: 'object', properties } },
  ...fields,
});
const aDefinition = ({
  versions,
  conditions = established,
  generation = 1,
  revision = 1,
  plural = 'cows',
  conversion,
}: Shape = {}): StoredDefinition => {
  const names = { plural, singular: 'cow', kind: 'Cow', listKind: 'Herd', shortNames: ['c'], categories: ['all'] };
  return {
    name: `${plural}.example.com`,
    revision,
    object: {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `${plural}.example.com`, uid: plural, generation },
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names,
        versions: versions ?? [v1({ spec: { type: 'object' } })],
        ...(conversion ? { conversion } : {}),
      },
      status: { acceptedNames: names, conditions },
    },
  };
};
const registryOf = (...definitions: StoredDefinition[]) => new ExtendedRegistry(builtInRegistry(), () => definitions);
const cows = (shape?: Shape): Resource => {
  const found = registryOf(aDefinition(shape)).find('example.com', 'v1', 'cows');
  if (!found) throw new Error('not served');
  return found;
};
const aCow = (fields: object): KubeObject => ({
  apiVersion: 'example.com/v1',
  kind: 'Cow',
  metadata: { name: 'a', namespace: 'n' },
  ...fields,
});
const texts = (errors: readonly { field: string; message: string }[] = []) => errors.map(({ field, message }) => `${field}: ${message}`);
const context: StrategyContext = {
  clock: { now: () => 0, after: () => () => undefined },
  random: { next: () => 0, uuid: () => 'u' },
  user: { name: 'u', groups: [] },
};

describe('what is served', () => {
  test('nothing of a definition that is not established', () => {
    const registry = registryOf(aDefinition({ conditions: [] }));
    expect(registry.find('example.com', 'v1', 'cows')).toBeUndefined();
    expect(registry.all()).toHaveLength(builtInRegistry().all().length);
  });
  test('built-in kinds stay the same ones', () => {
    expect(registryOf(aDefinition()).find('', 'v1', 'pods')).toBe(builtInRegistry().find('', 'v1', 'pods'));
  });
  test('a change is seen once it is told, and only what changed is made anew', () => {
    let stored = [aDefinition(), aDefinition({ plural: 'bulls' })];
    const registry = new ExtendedRegistry(builtInRegistry(), () => stored);
    const before = registry.all();
    const [cow, bull] = [registry.find('example.com', 'v1', 'cows'), registry.find('example.com', 'v1', 'bulls')];
    stored = [aDefinition({ revision: 2, generation: 2 }), aDefinition({ plural: 'bulls', revision: 3 })];
    expect(registry.all()).toBe(before);
    registry.invalidate();
    expect(registry.all()).not.toBe(before);
    expect(registry.find('example.com', 'v1', 'cows')).not.toBe(cow);
    expect(registry.find('example.com', 'v1', 'bulls')).toBe(bull);
    const settled = registry.all();
    stored = stored.map(one => ({ ...one, revision: one.revision + 10 }));
    registry.invalidate();
    expect(registry.all()).toBe(settled);
    stored = [];
    registry.invalidate();
    expect(registry.find('example.com', 'v1', 'bulls')).toBeUndefined();
  });
  test('versions in the order of their stability, the first preferred', () => {
    const version = (name: string, storage = false, served = true) => v1({}, { name, storage, served });
    const versions = [version('v1beta1'), version('v1', true), version('v10'), version('v2alpha1'), version('v3', false, false)];
    const registry = registryOf(aDefinition({ versions }));
    expect(apiGroup(registry, 'example.com')).toMatchObject({
      versions: [{ version: 'v10' }, { version: 'v1' }, { version: 'v1beta1' }, { version: 'v2alpha1' }],
      preferredVersion: { version: 'v10' },
    });
  });
  test('objects of a version that is not served are found by those that delete them', () => {
    const versions = [v1({}, { name: 'v1', storage: true, served: false })];
    expect(registryOf(aDefinition({ versions })).findStored('cows.example.com')?.version).toBe('v1');
  });
  test('discovery and OpenAPI tell of it', () => {
    const registry = registryOf(aDefinition({ versions: [v1({}, { subresources: { status: {} } })] }));
    expect(apiResourceList(registry, 'example.com', 'v1')).toMatchObject({
      resources: [{ name: 'cows', kind: 'Cow', shortNames: ['c'], categories: ['all'] }, { name: 'cows/status' }],
    });
    expect(openApiV3(registry, 'apis/example.com/v1')).toMatchObject({ components: { schemas: { 'com.example.v1.Cow': {} } } });
  });
});

describe('an object', () => {
  test('is pruned and completed by its schema', () => {
    const { schema } = cows({
      versions: [
        v1({ spec: { type: 'object', properties: { a: { type: 'string', default: 'x' }, p: { 'x-kubernetes-int-or-string': true } } } }),
      ],
    });
    const { object, problems } = conform(schema, aCow({ spec: { p: 1, gone: 1 } }), { strict: true });
    applySchemaDefaults(schema, object);
    expect(object['spec']).toEqual({ a: 'x', p: 1 });
    expect(problems).toEqual(['unknown field "spec.gone"']);
  });
  test('of a terminating definition cannot be made', () => {
    const { strategy } = cows({ conditions: [...established, { type: 'Terminating', status: 'True' }] });
    expect(() => strategy.prepareForCreate?.(aCow({}), context)).toThrow(StatusError);
    const registry = registryOf(aDefinition({ conditions: [...established, { type: 'Terminating', status: 'True' }] }));
    expect(apiResourceList(registry, 'example.com', 'v1')).toMatchObject({
      resources: [{ verbs: ['delete', 'deletecollection', 'get', 'list', 'watch'] }],
    });
    expect(registry.find('example.com', 'v1', 'cows')?.verbs).toContain('update');
  });
  test('keeps its status from its own writers, and the rest from those of the status', () => {
    const { strategy } = cows({ versions: [v1({ status: { type: 'object' } }, { subresources: { status: {} } })] });
    const previous = aCow({ spec: { a: 1 }, status: { s: 1 } });
    const next = aCow({ spec: { a: 2 }, status: { s: 2 }, extra: 1 });
    strategy.subresources?.['status']?.prepareForUpdate?.(next, previous, context);
    expect(next).toEqual(aCow({ spec: { a: 1 }, status: { s: 2 } }));
  });
  test('what was wrong before may stay, but not what is made wrong', () => {
    const { strategy } = cows({
      versions: [
        v1({ spec: { type: 'object', properties: { a: { type: 'string', maxLength: 2 }, b: { type: 'string', maxLength: 2 } } } }),
      ],
    });
    const previous = aCow({ spec: { a: 'long', b: 'x' } });
    expect(strategy.validateUpdate?.(aCow({ spec: { a: 'long', b: 'y' } }), previous)).toEqual([]);
    expect(texts(strategy.validateUpdate?.(aCow({ spec: { a: 'longer', b: 'y' } }), previous))).toEqual([
      'spec.a: Too long: may not be more than 2 bytes',
    ]);
    expect(texts(strategy.validateCreate?.(previous))).toHaveLength(1);
  });
  test('an embedded one must be one', () => {
    const template = { type: 'object', 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': true };
    const { strategy } = cows({ versions: [v1({ spec: { type: 'object', properties: { template } } })] });
    expect(texts(strategy.validateCreate?.(aCow({ spec: { template: { kind: 'B_d' } } })))).toEqual([
      'spec.template.apiVersion: Required value',
      expect.stringMatching(/^spec\.template\.kind: Invalid value: "B_d": may have mixed case/),
    ]);
  });
  test('scales by the paths of its definition', () => {
    const scale = { specReplicasPath: '.spec.n', statusReplicasPath: '.status.n', labelSelectorPath: '.status.sel' };
    const { strategy } = cows({ versions: [v1({}, { subresources: { scale } })] });
    expect(strategy.scale?.selector(aCow({ status: { sel: 'a=b' } }))).toBe('a=b');
    expect(texts(strategy.validateCreate?.(aCow({ spec: { n: -1 } })))).toEqual([
      '.spec.n: Invalid value: -1: should be a non-negative integer',
    ]);
  });
  test('shows its columns and can be selected by its fields', () => {
    const { strategy, columns } = cows({
      versions: [
        v1(
          {},
          { additionalPrinterColumns: [{ name: 'A', type: 'integer', jsonPath: '.spec.a' }], selectableFields: [{ jsonPath: '.spec.c' }] },
        ),
      ],
    });
    const object = aCow({ spec: { a: 3, c: 'red' } });
    expect(columns.map(({ name }) => name)).toEqual(['Name', 'A']);
    expect(strategy.cells?.(object, 0)).toEqual(['a', 3]);
    expect(strategy.fields?.(object)).toEqual({ 'spec.c': 'red' });
  });
});

describe('stored forms', () => {
  const two = [
    v1({ spec: { type: 'object', properties: { a: { type: 'string', default: 'd' } } } }),
    v1({ spec: { type: 'object', properties: { a: { type: 'string' }, b: { type: 'string' } } } }, { name: 'v2', storage: false }),
  ];
  const second = (generation: number) => registryOf(aDefinition({ versions: two, generation })).find('example.com', 'v2', 'cows');
  test('another version is stored as the first keeps it', () => {
    const sent: KubeObject = { ...aCow({ spec: { b: 'gone' } }), apiVersion: 'example.com/v2' };
    expect(second(1)?.storage.toStored?.(sent)).toMatchObject({ apiVersion: 'example.com/v1', spec: { a: 'd' } });
    expect(sent['spec']).toEqual({ b: 'gone' });
  });
  test('and read under its own name', () => {
    expect(second(1)?.storage.fromStored?.(aCow({ spec: { a: 'x' } }))).toMatchObject({ apiVersion: 'example.com/v2', spec: { a: 'x' } });
  });
  test('what only a webhook could convert is refused, not guessed', () => {
    const conversion = { strategy: 'Webhook', webhook: { conversionReviewVersions: ['v1'] } };
    const other = registryOf(aDefinition({ versions: two, conversion })).find('example.com', 'v2', 'cows');
    expect(() => other?.storage.fromStored?.(aCow({}))).toThrow('was not converted');
    expect(cows({ versions: two, conversion }).storage.fromStored).toBeUndefined();
  });
  test('objects from before a change of the schema are completed as they are read; those that need nothing are sent as they are', () => {
    const { fromStored } = cows({ versions: two, generation: 2 }).storage;
    expect(fromStored?.(aCow({ spec: { old: 1 } }))).toMatchObject({ spec: { a: 'd' } });
    const whole = aCow({ spec: { a: 'x' } });
    expect(fromStored?.(whole)).toBe(whole);
    expect(cows({ versions: two }).storage.fromStored).toBeUndefined();
  });
  test('what was stored while another version was, is read under the name of the one that is now', () => {
    const moved = two.map(version => ({ ...version, storage: version.name === 'v2' }));
    const now = registryOf(aDefinition({ versions: moved, generation: 2 })).find('example.com', 'v2', 'cows');
    expect(now?.storage.fromStored?.(aCow({ spec: { a: 'x' } }))).toMatchObject({ apiVersion: 'example.com/v2', spec: { a: 'x' } });
  });
});

describe('rules', () => {
  test('are published', () => {
    const rule = { rule: 'self.n > 1', message: 'too small' };
    const spec = { type: 'object', properties: { n: { type: 'integer' } }, 'x-kubernetes-validations': [rule] };
    expect(openApiV3(registryOf(aDefinition({ versions: [v1({ spec })] })), 'apis/example.com/v1')).toMatchObject({
      components: { schemas: { 'com.example.v1.Cow': { properties: { spec: { 'x-kubernetes-validations': [rule] } } } } },
    });
  });
  const validated = (rules: object[], spec: object, previous?: object): string[] => {
    const properties = { n: { type: 'integer', 'x-kubernetes-validations': rules }, l: { type: 'array', items: { type: 'string' } } };
    const { strategy } = cows({ versions: [v1({ spec: { type: 'object', properties } })] });
    return texts(
      previous ? strategy.validateUpdate?.(aCow({ spec }), aCow({ spec: previous })) : strategy.validateCreate?.(aCow({ spec })),
    );
  };
  test('say what failed, in their own words where they have some', () => {
    expect(validated([{ rule: 'self > 1' }], { n: 1 })).toEqual(['spec.n: Invalid value: 1: failed rule: self > 1']);
    expect(validated([{ rule: 'self > 1', message: ' too small ' }], { n: 1 })).toEqual(['spec.n: Invalid value: 1: too small']);
    expect(validated([{ rule: 'self > 1', messageExpression: "'is ' + string(self)" }], { n: 1 })).toEqual([
      'spec.n: Invalid value: 1: is 1',
    ]);
    expect(validated([{ rule: 'self > 1', reason: 'FieldValueForbidden', message: 'no' }], { n: 1 })).toEqual(['spec.n: Forbidden: no']);
    expect(validated([{ rule: 'self > 1' }], { n: 2 })).toEqual([]);
  });
  test('of transitions hold for changes only', () => {
    const rules = [{ rule: 'self >= oldSelf', message: 'may only grow' }];
    expect(validated(rules, { n: 1 })).toEqual([]);
    expect(validated(rules, { n: 1 }, { n: 2 })).toEqual(['spec.n: Invalid value: 1: may only grow']);
    expect(validated(rules, { n: 1 }, {})).toEqual([]);
    expect(validated([{ rule: '!oldSelf.hasValue() || self == oldSelf.value()', optionalOldSelf: true }], { n: 1 }, { n: 2 })).toHaveLength(
      1,
    );
    expect(validated([{ rule: 'oldSelf.hasValue()', optionalOldSelf: true }], { n: 1 })).toHaveLength(1);
  });
  test('that were broken before are not held against what did not change', () => {
    expect(validated([{ rule: 'self > 1' }], { n: 1, l: ['x'] }, { n: 1 })).toEqual([]);
  });
  test('are left out, with a word, while the form is wrong', () => {
    expect(validated([{ rule: 'self > 1' }], { n: 1, l: 'x' })).toEqual([
      'spec.l: Invalid value: "string": spec.l in body must be of type array: "string"',
      '<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
    ]);
  });
  test('that would never end are stopped', () => {
    const rule = 'self.l.all(a, self.l.all(b, self.l.all(c, self.l.all(d, a != b || c == d || true))))';
    const spec = {
      type: 'object',
      properties: { l: { type: 'array', items: { type: 'string' } } },
      'x-kubernetes-validations': [{ rule }],
    };
    const { strategy } = cows({ versions: [v1({ spec })] });
    const l = Array.from({ length: 500 }, (_, i) => String(i));
    expect(texts(strategy.validateCreate?.(aCow({ spec: { l } })))).toEqual([
      'spec: Invalid value: "object": validation failed due to running out of cost budget, no further validation rules will be run',
    ]);
  });
});
