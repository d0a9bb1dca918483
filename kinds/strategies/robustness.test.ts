/**
 * Whatever a client can send that fits the schema must be judged, not crash the server: random objects of every kind, through
 * every hook of its strategy. And what was read is shared by all readers, so no hook may change the previous object.
 */
import { describe, expect, test } from '@jest/globals';
import type { Json, KubeObject } from '../object.ts';
import { builtInRegistry } from '../registry.ts';
import type { Resource } from '../resource.ts';
import { decodeBody } from '../schema/decode.ts';
import { applySchemaDefaults } from '../schema/defaults.ts';
import { type Shape, shapeOfDefinition } from '../schema/shape.ts';
import type { StrategyContext, SubresourceStrategy } from '../strategy.ts';

/** A generator of numbers below one, the same on every run. */
const numbers = (seed: number) => () => {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) | 0;
  return (seed >>> 8) / 2 ** 24;
};
const words = [
  ...['', 'a', 'A', 'None', 'x'.repeat(70), 'example.com/name', '10.96.0.1', '::1', '10.0.0.0/8', '*', '/', '__proto__', 'constructor'],
  ...['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName', 'Opaque', 'In', 'Exists', 'Always', 'Webhook', 'Local', 'Service', 'v1'],
  ...[
    'cpu',
    'memory',
    'storage',
    'pods',
    'requests.cpu',
    'Resource',
    'Pods',
    'Container',
    'Approved',
    'True',
    '.spec.a',
    'object',
    '\u0000',
    'é',
  ],
];
const quantities = ['0', '1', '-1', '100m', '1Gi', '5k', '1e3'];

const generator = (random: () => number) => {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const value = (shape: Shape, depth: number): Json => {
    switch (shape.kind) {
      case 'struct':
        return struct(shape, depth);
      case 'list':
        return Array.from({ length: Math.floor(random() * 3) }, () => value(shape.item as Shape, depth + 1));
      case 'map':
        return Object.fromEntries(
          Array.from({ length: Math.floor(random() * 3) }, () => [
            pick([...words, ...words, 'app']),
            value(shape.item as Shape, depth + 1),
          ]),
        );
      case 'boolean':
        return random() < 0.5;
      case 'integer':
        return Math.min(Math.max(pick([0, 1, -1, 80, 443, 65_536, 2 ** 31 - 1]), shape.lowest ?? 0), shape.highest ?? 0);
      case 'float':
        return pick([0, 0.5, -1, 1e300]);
      case 'bytes':
        return pick(['', 'YQ==', 'e30=', 'LS0tLS0=']);
      case 'quantity':
        return pick(quantities);
      case 'time':
        return '2026-01-01T00:00:00Z';
      case 'micro-time':
        return '2026-01-01T00:00:00.000000Z';
      case 'int-or-string':
        return pick<Json>([0, 80, -1, 'http', '50%', '']);
      case 'raw':
        return pick<Json>([{}, { kind: 'A', apiVersion: 'v1' }, 'x', [1]].slice(0, shape.go === 'interface {}' ? 2 : 1));
      case 'schema-or-bool':
      case 'schema-or-list':
        return { type: 'string' };
      case 'schema-or-strings':
        return ['a'];
      default:
        return pick(words);
    }
  };
  const struct = (shape: Shape, depth: number): Record<string, Json> => {
    const result: Record<string, Json> = {};
    for (const field of shape.struct?.fields.values() ?? []) {
      if (depth > 9 || random() > (depth < 3 ? 0.85 : 0.5)) continue;
      result[field.name] = random() < 0.05 ? null : value(field.shape, depth + 1);
    }
    return result;
  };
  return (shape: Shape): Record<string, Json> => struct(shape, 0);
};

const context: StrategyContext = {
  clock: { now: () => 0, after: () => () => undefined },
  random: { next: () => 0, uuid: () => 'u' },
  user: { name: 'u', groups: ['g'] },
};
const now = Date.parse('2026-01-02T00:00:00Z');

/** An object as the decoder hands it over, or undefined if it refuses what was generated. */
const decoded = (resource: Resource, body: Record<string, Json>): KubeObject | undefined => {
  const apiVersion = resource.group ? `${resource.group}/${resource.version}` : resource.version;
  const metadata = { name: 'a', labels: { a: 'b' }, creationTimestamp: '2026-01-01T00:00:00Z', annotations: {} };
  const text = JSON.stringify({ ...body, apiVersion, kind: resource.kind, metadata });
  try {
    const { object } = decodeBody(resource, Buffer.from(text), 'json', { strict: false });
    applySchemaDefaults(resource.schema, object);
    return object;
  } catch {
    return undefined;
  }
};

const through = (resource: Resource, make: () => KubeObject | undefined): boolean => {
  const { strategy } = resource;
  const [object, next, part] = [make(), make(), make()];
  if (!object || !next || !part) return false;
  for (const one of [object, next, part]) strategy.defaults?.(one);
  strategy.prepareForCreate?.(object, context);
  strategy.validate?.(object);
  strategy.warnings?.(object, undefined);
  strategy.fields?.(object);
  const cells = strategy.cells?.(object, now);
  // Kubernetes gives the rows of IPAddresses an age that has no column.
  if (cells) expect(cells).toHaveLength(resource.columns.length + (resource.kind === 'IPAddress' ? 1 : 0));
  object.metadata.resourceVersion = '1';
  const before = JSON.stringify(object);
  next.metadata.resourceVersion = '1';
  strategy.prepareForUpdate?.(next, object, context);
  strategy.prepareForUpdate?.(next, object, context);
  strategy.validate?.(next);
  strategy.validateUpdate?.(next, object);
  strategy.warnings?.(next, object);
  for (const subresource of Object.values<SubresourceStrategy>(strategy.subresources ?? {})) {
    const copy = structuredClone(part);
    copy.metadata.resourceVersion = '1';
    subresource.prepareForUpdate?.(copy, object, context);
    subresource.validateUpdate?.(copy, object);
  }
  expect(JSON.stringify(object)).toBe(before);
  return true;
};

const rounds = 25;
describe('every strategy judges whatever fits its schema', () => {
  for (const resource of builtInRegistry().all()) {
    const shape = shapeOfDefinition(resource.schema.definition);
    if (!shape || Object.keys(resource.strategy).length === 0) continue;
    const title = `${resource.resource}.${resource.version}.${resource.group}`;
    test(title, () => {
      expect(through(resource, () => decoded(resource, {}))).toBe(true);
      const random = numbers([...title].reduce((sum, char) => sum * 31 + char.charCodeAt(0), 7));
      const generate = generator(random);
      let judged = 0;
      for (let i = 0; i < rounds; i++) if (through(resource, () => decoded(resource, generate(shape)))) judged++;
      expect(judged).toBeGreaterThan(rounds / 2);
    });
  }
});
