import { describe, expect, test } from '@jest/globals';
import type { StrategyContext } from '../strategy.ts';
import { type CustomResourceDefinition, customResourceDefinition as strategy } from './custom-resource-definition.ts';

const context: StrategyContext = {
  clock: { now: () => 0, after: () => () => undefined },
  random: { next: () => 0, uuid: () => 'u' },
  user: { name: 'u', groups: [] },
};
const texts = (errors: { field: string; message: string }[] = []) => errors.map(e => `${e.field}: ${e.message}`);
const version = (schema: object | undefined, fields: object = {}) => ({
  name: 'v1',
  served: true,
  storage: true,
  ...(schema ? { schema: { openAPIV3Schema: schema } } : {}),
  ...fields,
});
const written = (fields: object = {}): CustomResourceDefinition => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'cows.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'cows', kind: 'Cow' },
    versions: [version({ type: 'object' })],
    ...fields,
  } as NonNullable<CustomResourceDefinition['spec']>,
});
const created = (fields: object = {}): CustomResourceDefinition => {
  const object = written(fields);
  strategy.defaults?.(object);
  strategy.prepareForCreate?.(object, context);
  return object;
};

test('names, conversion and stored versions are filled in', () => {
  const { spec, status } = created();
  expect(spec?.names).toEqual({ plural: 'cows', kind: 'Cow', singular: 'cow', listKind: 'CowList' });
  expect(spec?.conversion).toEqual({ strategy: 'None' });
  expect(status).toEqual({ acceptedNames: { kind: '', plural: '' }, conditions: null, storedVersions: ['v1'] });
});

test.each<[string, object, string[]]>([
  ['nothing wrong', {}, []],
  [
    'another name',
    { names: { plural: 'bulls', kind: 'Bull' } },
    ['metadata.name: Invalid value: "cows.example.com": must be spec.names.plural+"."+spec.group'],
  ],
  ['no schema', { versions: [version(undefined)] }, ['spec.versions[0].schema.openAPIV3Schema: Required value']],
  [
    'no type',
    { versions: [version({ type: 'object', properties: { a: {} } })] },
    ['spec.validation.openAPIV3Schema.properties[a].type: Required value: must not be empty for specified object fields'],
  ],
  [
    'not an object',
    { versions: [version({ type: 'string' })] },
    ['spec.validation.openAPIV3Schema.type: Invalid value: "string": must be object at the root'],
  ],
  [
    'both kinds of properties',
    {
      versions: [
        version({
          type: 'object',
          properties: { a: { type: 'object', properties: { x: { type: 'string' } }, additionalProperties: { type: 'string' } } },
        }),
      ],
    },
    [
      'spec.validation.openAPIV3Schema.properties[a].additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive',
    ],
  ],
  [
    'type inside anyOf',
    { versions: [version({ type: 'object', anyOf: [{ type: 'object' }] })] },
    ['spec.validation.openAPIV3Schema.anyOf[0].type: Forbidden: must be empty to be structural'],
  ],
  [
    'an integer or a string',
    {
      versions: [
        version({
          type: 'object',
          properties: { a: { 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }] } },
        }),
      ],
    },
    [],
  ],
  [
    'a list without keys',
    {
      versions: [
        version({ type: 'object', properties: { a: { type: 'array', 'x-kubernetes-list-type': 'map', items: { type: 'object' } } } }),
      ],
    },
    [
      'spec.validation.openAPIV3Schema.properties[a].x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map',
    ],
  ],
  [
    'a bad pattern',
    { versions: [version({ type: 'object', properties: { a: { type: 'string', pattern: '[a' } } })] },
    [
      'spec.validation.openAPIV3Schema.properties[a].pattern: Invalid value: "[a": must be a valid regular expression, but isn\'t: error parsing regexp: missing closing ]: `[a`',
    ],
  ],
  [
    'a column without path',
    { versions: [version({ type: 'object' }, { additionalPrinterColumns: [{ name: 'a', type: 'string' }] })] },
    ['spec.additionalPrinterColumns[0].JSONPath: Required value'],
  ],
  [
    'scale without paths',
    { versions: [version({ type: 'object' }, { subresources: { scale: { specReplicasPath: '.a', statusReplicasPath: '' } } })] },
    [
      'spec.subresources.scale.specReplicasPath: Invalid value: ".a": should be a json path under .spec',
      'spec.subresources.scale.statusReplicasPath: Required value',
    ],
  ],
  [
    'a hook without address',
    { conversion: { strategy: 'Webhook', webhook: { conversionReviewVersions: ['v1'] } } },
    ['spec.conversion.webhookClientConfig: Required value: required when strategy is set to Webhook'],
  ],
])('%s', (_, fields, expected) => {
  expect(texts(strategy.validate?.(created(fields)))).toEqual(expected);
});

describe('versions', () => {
  const two = [version({ type: 'object' }, { storage: false }), version({ type: 'object' }, { name: 'v2' })];
  test('exactly one is stored', () => {
    const none = created({ versions: [version({ type: 'object' }, { storage: false })] });
    expect(texts(strategy.validate?.(none)).some(text => text.includes('must have exactly one version marked as storage version'))).toBe(
      true,
    );
  });
  test('what was stored is remembered', () => {
    const previous = created();
    const next = written({ versions: two });
    next.status = structuredClone(previous.status ?? {}) as NonNullable<CustomResourceDefinition['status']>;
    strategy.prepareForUpdate?.(next, previous, context);
    expect(next.status?.storedVersions).toEqual(['v1', 'v2']);
    expect(previous.status?.storedVersions).toEqual(['v1']);
  });
  test('and cannot be dropped before it is migrated', () => {
    const next = written({ versions: two.slice(1) });
    next.metadata.resourceVersion = '2';
    next.status = { storedVersions: ['v1', 'v2'] };
    strategy.defaults?.(next);
    expect(texts(strategy.validate?.(next))[0]).toContain('missing from spec.versions; v1 was previously a storage version');
  });
});

test('scope and kind stay once they are served', () => {
  const previous = created();
  const next = created({ scope: 'Cluster' });
  expect(strategy.validateUpdate?.(next, previous)).toEqual([]);
  previous.status = { ...previous.status, conditions: [{ type: 'Established', status: 'True' }] } as NonNullable<
    CustomResourceDefinition['status']
  >;
  expect(texts(strategy.validateUpdate?.(next, previous))).toEqual(['spec.scope: Invalid value: "Cluster": field is immutable']);
});

test('groups of the community need an approval', () => {
  const object = created({ group: 'cows.k8s.io' });
  object.metadata.name = 'cows.cows.k8s.io';
  expect(texts(strategy.validate?.(object))[0]).toContain('protected groups must have approval annotation');
  object.metadata.annotations = { 'api-approved.kubernetes.io': 'unapproved, a test' };
  expect(strategy.validate?.(object)).toEqual([]);
});
