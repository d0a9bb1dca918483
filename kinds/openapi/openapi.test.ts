import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import type { JsonObject } from '../object.ts';
import { builtInRegistry, ResourceTable } from '../registry.ts';
import type { Resource } from '../resource.ts';
import type { Schema } from '../schema/schema.ts';
import { encodeOpenApiV2, openApiV2, openApiV3, openApiV3Index } from './index.ts';

const registry = builtInRegistry();
const at = (value: unknown, ...path: string[]): unknown => path.reduce<unknown>((of, key) => (of as JsonObject | undefined)?.[key], value);
const pods = registry.find('', 'v1', 'pods') as Resource;

const widgetSchema: Schema = {
  type: 'object',
  description: 'A widget.',
  properties: new Map<string, Schema>([
    [
      'spec',
      {
        type: 'object',
        properties: new Map<string, Schema>([
          ['size', { type: 'integer', description: 'How big.', nullable: true, bounds: { minimum: 1 } }],
        ]),
      },
    ],
  ]),
};
const widgets: Resource = {
  ...pods,
  group: 'stable.example.com',
  kind: 'Widget',
  resource: 'widgets',
  schema: widgetSchema,
  subresources: [],
  strategy: {},
};
const withWidgets = new ResourceTable([pods, widgets]);

/** Every reference of a document leads somewhere. */
const dangling = (document: unknown): string[] => {
  const missing: string[] = [];
  for (const [, reference = ''] of JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g))
    if (at(document, ...reference.split('/').map(part => part.replaceAll('~1', '/'))) === undefined) missing.push(reference);
  return missing;
};

describe('version 3', () => {
  const apps = openApiV3(registry, 'apis/apps/v1');
  const schema = (name: string) => at(apps, 'components', 'schemas', name);

  test('has one document a group version, complete in itself', () => {
    const index = openApiV3Index(registry)['paths'] as Record<string, { serverRelativeURL: string }>;
    expect(index['apis/apps/v1']?.serverRelativeURL).toMatch(/^\/openapi\/v3\/apis\/apps\/v1\?hash=[0-9A-F]{128}$/);
    for (const path of Object.keys(index)) expect([path, dangling(openApiV3(registry, path))]).toEqual([path, []]);
    for (const path of ['api', 'apis', 'apis/apps']) expect([path, dangling(openApiV3(registry, path))]).toEqual([path, []]);
    for (const path of ['apis/none/v1', 'apis/none', 'apis/', 'other']) expect(openApiV3(registry, path)).toBeUndefined();
  });

  test('writes fields as upstream does', () => {
    expect(schema('io.k8s.api.apps.v1.DeploymentSpec')).toMatchObject({ type: 'object', required: ['selector', 'template'] });
    expect(at(schema('io.k8s.api.apps.v1.DeploymentSpec'), 'properties', 'strategy')).toEqual({
      allOf: [{ $ref: '#/components/schemas/io.k8s.api.apps.v1.DeploymentStrategy' }],
      default: {},
      description: 'The deployment strategy to use to replace existing pods with new ones.',
      'x-kubernetes-patch-strategy': 'retainKeys',
    });
    expect(at(schema('io.k8s.api.core.v1.Container'), 'properties', 'ports')).toMatchObject({
      type: 'array',
      items: { allOf: [{ $ref: '#/components/schemas/io.k8s.api.core.v1.ContainerPort' }], default: {} },
      'x-kubernetes-list-map-keys': ['containerPort', 'protocol'],
      'x-kubernetes-patch-merge-key': 'containerPort',
    });
    expect(at(schema('io.k8s.api.core.v1.PodSpec'), 'properties', 'nodeSelector', 'additionalProperties')).toEqual({
      default: '',
      type: 'string',
    });
    expect(schema('io.k8s.apimachinery.pkg.util.intstr.IntOrString')).toMatchObject({
      format: 'int-or-string',
      oneOf: [{ type: 'integer' }, { type: 'string' }],
    });
  });

  test('tells kubectl that patches take fieldValidation, and of which kind they are', () => {
    const patch = at(apps, 'paths', '/apis/apps/v1/namespaces/{namespace}/deployments/{name}', 'patch') as {
      parameters: { name: string }[];
    };
    expect(patch.parameters.map(({ name }) => name)).toEqual(['dryRun', 'fieldManager', 'fieldValidation', 'force']);
    expect(patch).toMatchObject({
      operationId: 'patchAppsV1NamespacedDeployment',
      'x-kubernetes-group-version-kind': { group: 'apps', version: 'v1', kind: 'Deployment' },
    });
    expect(
      at(apps, 'paths', '/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale', 'put', 'x-kubernetes-group-version-kind'),
    ).toEqual({
      group: 'autoscaling',
      version: 'v1',
      kind: 'Scale',
    });
  });

  test('publishes custom kinds', () => {
    const document = openApiV3(withWidgets, 'apis/stable.example.com/v1');
    expect(dangling(document)).toEqual([]);
    const widget = at(document, 'components', 'schemas', 'com.example.stable.v1.Widget');
    expect(widget).toMatchObject({
      description: 'A widget.',
      'x-kubernetes-group-version-kind': [{ group: 'stable.example.com', version: 'v1', kind: 'Widget' }],
      properties: { spec: { properties: { size: { type: 'integer', description: 'How big.', nullable: true, minimum: 1 } } } },
    });
    expect(at(widget, 'properties', 'metadata')).toEqual({
      allOf: [{ $ref: '#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta' }],
      description: expect.stringContaining("Standard object's metadata."),
    });
    expect(at(document, 'components', 'schemas', 'com.example.stable.v1.WidgetList', 'properties', 'items')).toMatchObject({
      description: expect.stringContaining('List of widgets.'),
    });
    expect(at(document, 'components', 'schemas', 'com.example.stable.v1.WidgetList', 'required')).toEqual(['items']);
  });

  test('the hash of a group version follows its schemas', () => {
    const address = (resources: Resource[]) =>
      at(openApiV3Index(new ResourceTable(resources)), 'paths', 'apis/stable.example.com/v1', 'serverRelativeURL');
    expect(address([pods, widgets])).toBe(address([widgets]));
    expect(address([widgets])).not.toBe(address([{ ...widgets, schema: { ...widgetSchema, description: 'Another.' } }]));
  });
});

describe('version 2', () => {
  const document = openApiV2(withWidgets);
  test('is one document, without defaults, enums and null', () => {
    expect(dangling(document)).toEqual([]);
    expect(document['swagger']).toBe('2.0');
    expect(at(document, 'definitions', 'io.k8s.api.core.v1.ContainerPort', 'properties', 'protocol', 'default')).toBeUndefined();
    expect(at(document, 'definitions', 'com.example.stable.v1.Widget', 'properties', 'spec', 'properties', 'size')).toEqual({
      description: 'How big.',
      minimum: 1,
    });
    expect(at(document, 'definitions', 'io.k8s.apimachinery.pkg.util.intstr.IntOrString')).toMatchObject({
      type: 'string',
      format: 'int-or-string',
    });
  });
});

describe('version 2 as protobuf', () => {
  /** Length-delimited fields of one message by number; others are stepped over. */
  const fieldsOf = (bytes: Buffer): Map<number, Buffer[]> => {
    const fields = new Map<number, Buffer[]>();
    let at = 0;
    const varint = (): number => {
      let value = 0;
      for (let shift = 0; ; shift += 7) {
        const byte = bytes[at++] ?? 0;
        value += (byte & 0x7f) * 2 ** shift;
        if (byte < 0x80) return value;
      }
    };
    while (at < bytes.length) {
      const tag = varint();
      if (tag % 8 === 0) varint();
      else if (tag % 8 === 1) at += 8;
      else {
        const length = varint();
        fields.set(tag >> 3, [...(fields.get(tag >> 3) ?? []), bytes.subarray(at, at + length)]);
        at += length;
      }
    }
    expect(at).toBe(bytes.length);
    return fields;
  };
  const inner = (bytes: Buffer | undefined, field: number): Buffer[] => fieldsOf(bytes ?? Buffer.alloc(0)).get(field) ?? [];
  const named = (all: Buffer[], name: string): Buffer | undefined =>
    inner(
      all.find(one => inner(one, 1)[0]?.toString() === name),
      2,
    )[0];
  const encoded = Buffer.from(encodeOpenApiV2(openApiV2(withWidgets)));

  test('has the definitions with their extensions', () => {
    expect(inner(encoded, 1)[0]?.toString()).toBe('2.0');
    const definitions = inner(inner(encoded, 9)[0], 1);
    const pod = named(definitions, 'io.k8s.api.core.v1.Pod');
    const kinds = named(inner(pod, 31), 'x-kubernetes-group-version-kind');
    expect(inner(kinds, 2)[0]?.toString()).toBe('[{"group":"","version":"v1","kind":"Pod"}]');
    const properties = inner(inner(pod, 25)[0], 1);
    expect(inner(named(properties, 'spec'), 1)[0]?.toString()).toBe('#/definitions/io.k8s.api.core.v1.PodSpec');
    expect(inner(inner(named(properties, 'kind'), 22)[0], 1)[0]?.toString()).toBe('string');
  });

  test('has the operations, with parameters by reference', () => {
    const path = named(inner(inner(encoded, 8)[0], 2), '/api/v1/namespaces/{namespace}/pods/{name}');
    const patch = inner(path, 8)[0];
    expect(inner(patch, 5)[0]?.toString()).toBe('patchCoreV1NamespacedPod');
    const references = inner(patch, 8).map(item => inner(inner(item, 2)[0], 1)[0]?.toString());
    expect(references).toContain('#/parameters/fieldValidation-PatchOptions');
    const body = inner(inner(inner(inner(patch, 8)[0], 1)[0], 1)[0], 5)[0];
    expect(inner(body, 1)[0]?.toString()).toBe('#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.Patch');
    expect(named(inner(inner(encoded, 10)[0], 1), 'fieldValidation-PatchOptions')).toBeDefined();
  });
});

// Recorded conversations with kube-apiserver, where they are at hand.
const golden = new URL('../../../shared/golden/openapi/', import.meta.url);
interface Step {
  path: string;
  pick?: string[][];
  response: { status: number; body: unknown[] };
}
const recorded = existsSync(golden)
  ? readdirSync(golden).flatMap(file => (JSON.parse(readFileSync(new URL(file, golden), 'utf8')) as { steps: Step[] }).steps)
  : [];
(recorded.length > 0 ? describe : describe.skip)('as recorded', () => {
  test.each(recorded.map(step => [step.path, step] as const))('%s', (path, { pick, response }) => {
    const document = path === '/openapi/v2' ? openApiV2(registry) : openApiV3(registry, path.replace('/openapi/v3/', ''));
    expect(document === undefined).toBe(response.status === 404);
    if (pick) expect(pick.map(steps => at(document, ...steps) ?? null)).toEqual(response.body);
  });
});
