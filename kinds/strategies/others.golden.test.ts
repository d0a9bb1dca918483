/**
 * Replays recorded conversations with a Kubernetes API server over decoder, defaults and strategies: what is created or
 * replaced, how it is refused, how it looks in a table. Admission, allocation and patches are for the tests of the server.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { semanticEqual } from '../equality.ts';
import { validateMetadata, validateMetadataUpdate } from '../metadata.ts';
import type { KubeObject } from '../object.ts';
import { builtInRegistry } from '../registry.ts';
import type { Resource } from '../resource.ts';
import { decodeBody } from '../schema/decode.ts';
import { applySchemaDefaults } from '../schema/defaults.ts';
import { type FieldError, qualified } from '../status.ts';
import type { StrategyContext } from '../strategy.ts';
import type { Service } from '../types.ts';
import { others } from './others.ts';
import { completeService } from './service-completion.ts';
import { needsHealthCheckPort } from './service-type.ts';

const folder = new URL('../../../shared/golden/', import.meta.url);
const compiled = new URL('../../dist/kinds.json', import.meta.url);
const areas = ['validation', 'immutable', 'create', 'update', 'status', 'table', 'namespace', 'ingress-class', 'storage-class', 'csr'];

interface Step {
  readonly method: string;
  readonly path: string;
  readonly headers?: Record<string, string>;
  readonly body?: KubeObject | string;
  readonly response: { readonly status: number; readonly warnings?: string[]; readonly body?: KubeObject };
}
interface Scenario {
  readonly name: string;
  readonly steps: readonly Step[];
}

const namespace = 'ns-golden';
const scenarios = (): Scenario[] =>
  areas.flatMap(area =>
    readdirSync(new URL(`${area}/`, folder))
      .filter(file => file.endsWith('.json'))
      .map(file => {
        const text = readFileSync(new URL(`${area}/${file}`, folder), 'utf8');
        const filled = text
          .replaceAll('{{ns}}', namespace)
          .replaceAll('{{id}}', 'golden')
          .replaceAll('<uid:1>', 'uid-1')
          .replace(/<clusterIP:(\d+)>/g, '10.96.1.$1')
          .replace(/"<nodePort:(\d+)>"/g, '3000$1')
          .replace(/<nodePort:(\d+)>/g, '3000$1');
        return JSON.parse(
          filled.replace(/"\{\{(\w)\*(\d+)\}\}"/g, (_, letter, count) => `"${String(letter).repeat(Number(count))}"`),
        ) as Scenario;
      }),
  );

const context: StrategyContext = {
  clock: { now: () => 0, after: () => () => undefined },
  random: { next: () => 0, uuid: () => 'uid-1' },
  user: { name: 'admin', uid: 'admin', groups: ['system:masters', 'system:authenticated'] },
};

const pathShape =
  /^\/(?:api\/(?<core>v1)|apis\/(?<group>[^/]+)\/(?<version>[^/]+))\/(?:namespaces\/[^/]+\/)?(?<plural>[a-z]+)(?:\/(?<name>[^/?]+))?(?:\/(?<sub>\w+))?(?:\?.*)?$/;
const target = (path: string): { resource: Resource; name?: string; sub?: string } | undefined => {
  const found = pathShape.exec(path)?.groups;
  if (!found) return undefined;
  const resource = builtInRegistry().find(found['group'] ?? '', found['version'] ?? 'v1', found['plural'] ?? '');
  if (!resource || !Object.hasOwn(others, qualified(resource))) return undefined;
  return { resource, ...(found['name'] ? { name: found['name'] } : {}), ...(found['sub'] ? { sub: found['sub'] } : {}) };
};

const decode = (resource: Resource, body: unknown): KubeObject => {
  const { object } = decodeBody(resource, Buffer.from(JSON.stringify(body)), 'json', { strict: false });
  applySchemaDefaults(resource.schema, object);
  resource.strategy.defaults?.(object);
  return object;
};
const hasStatus = (resource: Resource) => resource.subresources.some(({ name }) => name === 'status');
const blankStatus = (resource: Resource) =>
  decodeBody(
    resource,
    Buffer.from(JSON.stringify({ apiVersion: `${resource.group ? `${resource.group}/` : ''}${resource.version}`, kind: resource.kind })),
    'json',
    {
      strict: false,
    },
  ).object['status'];

interface Outcome {
  readonly object: KubeObject;
  readonly errors: FieldError[];
}
/** What the API's allocator fills in before the rules are asked; errors stand alone. */
const complete = (resource: Resource, object: KubeObject, previous?: KubeObject): FieldError[] => {
  if (resource.resource !== 'services') return [];
  const { spec = {} } = object as Service;
  const errors = completeService(spec, (previous as Service | undefined)?.spec);
  if (needsHealthCheckPort(spec)) spec.healthCheckNodePort ??= 30_000;
  return errors;
};
const create = (resource: Resource, body: unknown): Outcome => {
  const object = decode(resource, body);
  delete object.metadata.resourceVersion;
  if (resource.namespaced) object.metadata.namespace = namespace;
  else delete object.metadata.namespace;
  object.metadata.uid = 'uid-1';
  if (object.metadata.generateName) object.metadata.name ||= `${object.metadata.generateName}xxxxx`;
  if (hasStatus(resource)) object['status'] = blankStatus(resource);
  if (resource.strategy.generation) object.metadata.generation = 1;
  const early = complete(resource, object);
  if (early.length > 0) return { object, errors: early };
  resource.strategy.prepareForCreate?.(object, context);
  return {
    object: resource.strategy.completeRead?.(object) ?? object,
    errors: [
      ...validateMetadata(object, resource),
      ...(resource.strategy.validate?.(object) ?? []),
      ...(resource.strategy.validateCreate?.(object) ?? []),
    ],
  };
};
const replace = (resource: Resource, body: unknown, previous: KubeObject, sub?: string): Outcome => {
  const object = decode(resource, body);
  const { strategy } = resource;
  const before = JSON.stringify(previous);
  for (const field of ['uid', 'creationTimestamp', 'namespace', 'resourceVersion', 'generation', 'deletionTimestamp'] as const)
    if (previous.metadata[field] !== undefined) Object.assign(object.metadata, { [field]: previous.metadata[field] });
  const own = sub ? strategy.subresources?.[sub] : undefined;
  const early = sub ? [] : complete(resource, object, previous);
  if (early.length > 0) return { object, errors: early };
  if (sub) own?.prepareForUpdate?.(object, previous, context);
  else {
    if (hasStatus(resource)) object['status'] = structuredClone(previous['status']);
    strategy.prepareForUpdate?.(object, previous, context);
  }
  object.metadata.resourceVersion ??= '1';
  if (strategy.generation && !sub && !semanticEqual(object['spec'], previous['spec']))
    object.metadata.generation = (previous.metadata.generation ?? 0) + 1;
  const errors = validateMetadataUpdate(object, previous, resource);
  if (sub) errors.push(...(own?.validateUpdate?.(object, previous) ?? []));
  else errors.push(...(strategy.validate?.(object, previous) ?? []), ...(strategy.validateUpdate?.(object, previous) ?? []));
  expect(JSON.stringify(previous)).toBe(before);
  return { object, errors };
};

/** Go shows its internal structs where ours are shown as they are on the wire; expressions are not compiled here. */
const plain = (text: string): string =>
  text
    .replace(/\n@@[\s\S]*$/, '\n<diff>')
    .replace(/Invalid value: \{.*\}(: [^}]*)$/, 'Invalid value: <object>$1')
    .replace(/Invalid value: "<object>"/, 'Invalid value: "golden-"');
const compiledElsewhere = /compilation failed|must evaluate to|error parsing regexp/;
const causes = (errors: readonly FieldError[]): string[] =>
  [...new Set(errors.map(({ field, message }) => plain(`${field}: ${message}`)))].sort();
const recorded = (step: Step): string[] => {
  const details = step.response.body?.['details'] as { causes?: { field: string; message: string }[] } | undefined;
  return [...new Set((details?.causes ?? []).map(({ field, message }) => plain(`${field}: ${message}`)))].sort();
};

/** What this server allocates or admits beside the strategy, and what recordings cannot fix. */
const volatile = /^(clusterIPs?|nodePort|healthCheckNodePort)$/;
const normalize = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(normalize);
  if (typeof value !== 'object' || value === null)
    return value === '1970-01-01T00:00:00Z' || value === '2026-01-01T00:00:00Z' ? '<time>' : value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !volatile.test(key))
      .map(([key, item]) => [key, normalize(item)]),
  );
};
const comparable = (object: KubeObject): unknown => {
  const { metadata, ...rest } = normalize(object) as KubeObject;
  const { labels, annotations, generation } = metadata;
  return { ...rest, labels, annotations, generation };
};
/** Added by admission, or by a controller that the recorded server had. */
const withoutAdmitted = (object: KubeObject): KubeObject => {
  const copy = structuredClone(object);
  const spec = copy['spec'] as { taints?: unknown[]; storageClassName?: string } | undefined;
  if (object.kind === 'Node' && spec) delete spec.taints;
  if (object.kind === 'PersistentVolumeClaim' && spec) delete spec.storageClassName;
  return copy;
};
const dated = (object: KubeObject): KubeObject =>
  JSON.parse(
    JSON.stringify(object)
      .replaceAll('<time>', '2026-01-01T00:00:00Z')
      .replaceAll('<rv:', '1<rv:')
      .replaceAll(/1<rv:(\d+)>/g, '$1'),
  ) as KubeObject;
const withoutAge = (cell: unknown) =>
  typeof cell === 'string' ? cell.replace(/^(\d+[smhdy])+$|^<unknown>$|^<invalid>$/, '<age>').replace(/^2026-.*Z$/, '<time>') : cell;

/** Recordings that show another part of that server: its field managers, its flow-control controller. */
const ofOtherParts = ['role-self-managed-fields', 'flow-schema-table'];

/** Steps that this harness cannot judge: answered before the strategy, or by another part. */
const beyond = (step: Step): boolean =>
  typeof step.body !== 'object' ||
  ![200, 201, 422].includes(step.response.status) ||
  /fieldManager|dryRun|fieldValidation/.test(step.path) ||
  recorded(step).some(
    text => compiledElsewhere.test(text) || /already allocated|valid range|cannot be handled as|managedFields|resourceVersion/.test(text),
  );

const run = existsSync(folder) && existsSync(compiled) ? describe : describe.skip;
run('recorded conversations', () => {
  for (const { name, steps } of existsSync(folder) ? scenarios() : []) {
    const relevant = steps.filter(step => target(step.path));
    if (relevant.length === 0 || ofOtherParts.some(part => name.endsWith(part))) continue;
    test(name, () => {
      const stored = new Map<string, KubeObject>();
      for (const step of relevant) {
        const found = target(step.path);
        if (!found) continue;
        const { resource, sub } = found;
        const answer = step.response.body;
        const previous = stored.get(`${qualified(resource)}/${found.name ?? ''}`);
        if (answer?.kind === 'Table') {
          for (const row of answer['rows'] as { cells: unknown[]; object?: KubeObject }[]) {
            const object = stored.get(`${qualified(resource)}/${row.object?.metadata?.name ?? ''}`);
            if (object)
              expect(resource.strategy.cells?.(object, Date.parse('2026-01-02T00:00:00Z')).map(withoutAge)).toEqual(
                row.cells.map(withoutAge),
              );
          }
        }
        if (!beyond(step)) {
          const outcome =
            step.method === 'POST' && !found.name
              ? create(resource, step.body)
              : step.method === 'PUT' && previous
                ? replace(resource, step.body, previous, sub)
                : undefined;
          if (outcome && answer?.kind !== 'Table') {
            expect(causes(outcome.errors)).toEqual(recorded(step));
            if (step.response.status < 300 && answer) {
              const made = comparable(withoutAdmitted(outcome.object));
              const expected = comparable(withoutAdmitted(answer));
              if (!semanticEqual(made, expected)) expect(made).toEqual(expected);
            }
          }
        }
        if (step.response.status < 300 && answer?.metadata?.name && answer.kind === resource.kind)
          stored.set(`${qualified(resource)}/${answer.metadata.name}`, dated(answer));
      }
    });
  }
});
