import { describe, expect, test } from '@jest/globals';
import { builtInRegistry } from '../registry.ts';
import type { Resource } from '../resource.ts';
import { StatusError } from '../status.ts';
import { definitionOf } from './data.ts';
import { conform, decodeBody, decodeOperations, warningsOf } from './decode.ts';
import { emptyAsGiven } from './given.ts';
import { prune } from './prune.ts';
import type { Schema } from './schema.ts';

const resource = (group: string, version: string, name: string): Resource => {
  const found = builtInRegistry().find(group, version, name);
  if (!found) throw new Error(`no ${name}`);
  return found;
};
const deployments = resource('apps', 'v1', 'deployments');
const configMaps = resource('', 'v1', 'configmaps');
const pods = resource('', 'v1', 'pods');
const secrets = resource('', 'v1', 'secrets');
const crds = resource('apiextensions.k8s.io', 'v1', 'customresourcedefinitions');

const bytes = (body: unknown): Uint8Array => new TextEncoder().encode(typeof body === 'string' ? body : JSON.stringify(body));
const decode = (target: Resource, body: unknown, mediaType: 'json' | 'yaml' = 'json') =>
  decodeBody(target, bytes(body), mediaType, { strict: true });
const refusal = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof StatusError) return `${error.code} ${error.message}`;
    throw error;
  }
  return 'accepted';
};
const deployment = (spec: unknown) => ({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'a' }, spec });
const spec = { selector: {}, template: { spec: { containers: [{ name: 'c' }] } } };

describe('the stored form', () => {
  test('drops zero values of value fields, keeps those of pointers, fills in structs', () => {
    const { object, problems } = decode(deployments, deployment({ ...spec, paused: false, minReadySeconds: 0, replicas: 0 }));
    expect(problems).toEqual([]);
    expect(object).toEqual({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'a' },
      spec: {
        replicas: 0,
        selector: {},
        strategy: {},
        template: { metadata: {}, spec: { containers: [{ name: 'c', resources: {} }] } },
      },
      status: {},
    });
  });

  test('drops empty labels and nulls; null in a map is a zero value', () => {
    const body = { metadata: { name: 'a', labels: {}, annotations: null, finalizers: [] }, data: { a: null, b: '' }, immutable: false };
    expect(decode(configMaps, body).object).toEqual({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'a' },
      data: { a: '', b: '' },
      immutable: false,
    });
  });

  test('writes null for lists that are always written', () => {
    expect(decode(resource('rbac.authorization.k8s.io', 'v1', 'roles'), {}).object['rules']).toBeNull();
    expect(decode(resource('discovery.k8s.io', 'v1', 'endpointslices'), { endpoints: [] }).object).toMatchObject({
      endpoints: [],
      ports: null,
    });
  });

  test('canonicalises quantities, times and base64', () => {
    const limits = { cpu: 1, memory: '1024Ki', 'ephemeral-storage': ' 1000m ' };
    const { object } = decode(pods, {
      metadata: { creationTimestamp: '2024-01-02T03:04:05.9+01:00', deletionTimestamp: null },
      spec: { containers: [{ name: 'c', resources: { limits } }] },
    });
    expect(object['spec']).toEqual({
      containers: [{ name: 'c', resources: { limits: { cpu: '1', memory: '1Mi', 'ephemeral-storage': '1' } } }],
    });
    expect(object.metadata.creationTimestamp).toBe('2024-01-02T02:04:05Z');
    expect(decode(secrets, { data: { a: 'aGk=', b: 'aG\nk=' } }).object['data']).toEqual({ a: 'aGk=', b: 'aGk=' });
    expect(
      decode(resource('coordination.k8s.io', 'v1', 'leases'), { spec: { renewTime: '2024-01-02T03:04:05.123456+01:00' } }).object['spec'],
    ).toEqual({
      renewTime: '2024-01-02T02:04:05.123456Z',
    });
  });

  test('reads schemas of CustomResourceDefinitions through their unions', () => {
    const openAPIV3Schema = {
      type: 'object',
      description: '',
      properties: {
        a: { type: 'array', items: { type: 'string', nullable: false } },
        b: { additionalProperties: true, default: null },
        c: { default: { x: null }, additionalProperties: { type: 'integer', title: '' } },
      },
    };
    const { object } = decode(crds, { spec: { versions: [{ name: 'v1', schema: { openAPIV3Schema } }] } });
    const versions = (object['spec'] as { versions: { schema: { openAPIV3Schema: unknown } }[] }).versions;
    expect(versions[0]?.schema.openAPIV3Schema).toEqual({
      type: 'object',
      properties: {
        a: { type: 'array', items: { type: 'string' } },
        b: { additionalProperties: true },
        c: { default: { x: null }, additionalProperties: { type: 'integer' } },
      },
    });
  });

  test('keeps hostile names as plain members', () => {
    const { object } = decode(configMaps, '{"data":{"__proto__":"x","constructor":"y"},"__proto__":{"polluted":true}}');
    expect(Object.entries(object['data'] as object)).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
    expect((object as { polluted?: boolean }).polluted).toBeUndefined();
    expect(Object.getPrototypeOf(object)).toBe(Object.prototype);
  });
});

describe('strict problems', () => {
  test('unknown fields are dropped and reported with their paths', () => {
    const containers = [{ name: 'c', imagee: 'x', ports: [{ containerPort: 1, hostport: 2 }] }];
    const { object, problems } = decode(deployments, deployment({ ...spec, template: { spec: { containers } }, replica: 3 }));
    expect(problems).toEqual([
      'unknown field "spec.template.spec.containers[0].imagee"',
      'unknown field "spec.template.spec.containers[0].ports[0].hostport"',
      'unknown field "spec.replica"',
    ]);
    expect(JSON.stringify(object)).not.toContain('imagee');
  });

  test('members that occur twice are merged and reported', () => {
    const body =
      '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"d","labels":{"a":"1","a":"2"}},"data":{"a":"1"},"data":{"b":"2"}}';
    const { object, problems } = decode(configMaps, body);
    expect(problems).toEqual(['duplicate field "metadata.labels.a"', 'duplicate field "data"']);
    expect(object).toMatchObject({ metadata: { labels: { a: '2' } }, data: { a: '1', b: '2' } });
    expect(decodeBody(configMaps, bytes(body), 'json', { strict: false }).problems).toEqual([]);
  });

  test('colons inside strings are no members', () => {
    expect(decode(configMaps, { data: { a: '{"x":1,\\"y":2}', 'b:c': ':' } }).problems).toEqual([]);
  });

  test('YAML that repeats several keys: one problem to who refuses, a warning each to who warns', () => {
    const { object, problems } = decode(configMaps, 'data:\n  a: x\n  a: z\nmetadata: {labels: {b: "1", "b": "2"}}\n', 'yaml');
    expect(object).toMatchObject({ data: { a: 'z' }, metadata: { labels: { b: '2' } } });
    expect(problems).toEqual(['yaml: unmarshal errors:\n  line 3: key "a" already set in map\n  line 4: key "b" already set in map']);
    expect(warningsOf(problems)).toEqual(['line 3: key "a" already set in map', 'line 4: key "b" already set in map']);
  });

  test('what follows the first YAML document is not read', () => {
    expect(decode(configMaps, '{"data":{"a":"x"}} }} : [', 'yaml').object['data']).toEqual({ a: 'x' });
  });

  test('half a character is read as a replacement character', () => {
    expect(decode(configMaps, '{"data":{"a":"\\ud83d\\ude00 \\ud83d \\\\ud83d"}}').object['data']).toEqual({ a: '😀 \ufffd \\ud83d' });
  });

  test('YAML that repeats a key', () => {
    const { object, problems } = decode(configMaps, 'data:\n  a: x\n  a: z\n', 'yaml');
    expect(object['data']).toEqual({ a: 'z' });
    expect(problems).toEqual(['yaml: unmarshal errors:\n  line 3: key "a" already set in map']);
  });
});

describe('refusals', () => {
  const wrong = (given: unknown) => refusal(() => decode(deployments, deployment(given)));
  test.each([
    [{ replicas: 'x' }, 'json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32'],
    [{ replicas: 1.5 }, 'json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32'],
    [{ replicas: 3000000000 }, 'json: cannot unmarshal number 3000000000 into Go struct field DeploymentSpec.spec.replicas of type int32'],
    [{ selector: [] }, 'json: cannot unmarshal array into Go struct field DeploymentSpec.spec.selector of type v1.LabelSelector'],
    [{ paused: 1 }, 'json: cannot unmarshal number into Go struct field DeploymentSpec.spec.paused of type bool'],
    [
      { template: { spec: { containers: [{ ports: [{ containerPort: '80' }] }] } } },
      'json: cannot unmarshal string into Go struct field ContainerPort.spec.template.spec.containers.ports.containerPort of type int32',
    ],
    [
      { template: { spec: { volumes: [{ emptyDir: 'x' }] } } },
      'json: cannot unmarshal string into Go struct field Volume.spec.template.spec.volumes.VolumeSource.emptyDir of type v1.EmptyDirVolumeSource',
    ],
    [
      { paused: 1, strategy: { rollingUpdate: { maxSurge: true } } },
      'json: cannot unmarshal bool into Go struct field RollingUpdateDeployment.spec.strategy.rollingUpdate.maxSurge of type int32',
    ],
  ])('%j', (given, text) => {
    expect(wrong(given)).toBe(`400 Deployment in version "v1" cannot be handled as a Deployment: ${text}`);
  });

  test('a number spelled as a float is no integer', () => {
    const body = JSON.stringify(deployment({ replicas: 7 })).replace('7', '7.0');
    expect(refusal(() => decode(deployments, body))).toContain(
      'cannot unmarshal number 7.0 into Go struct field DeploymentSpec.spec.replicas',
    );
  });

  test('maps, times, quantities, base64', () => {
    const text = (target: Resource, body: unknown) => refusal(() => decode(target, body)).replace(/^.*cannot be handled as a \w+: /, '');
    expect(text(configMaps, { data: { a: 1 } })).toBe('json: cannot unmarshal number into Go struct field ConfigMap.data of type string');
    expect(text(configMaps, { data: 'x' })).toBe(
      'json: cannot unmarshal string into Go struct field ConfigMap.data of type map[string]string',
    );
    expect(text(configMaps, { binaryData: { a: 'abc' } })).toBe('illegal base64 data at input byte 0');
    expect(text(secrets, { data: { a: 'ab!d' } })).toBe('illegal base64 data at input byte 2');
    expect(text(pods, { spec: { containers: [{ resources: { limits: { cpu: 'x' } } }] } })).toBe(
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    );
    expect(text(pods, { metadata: { creationTimestamp: 'soon' } })).toBe(
      'parsing time "soon" as "2006-01-02T15:04:05Z07:00": cannot parse "soon" as "2006"',
    );
    expect(text(pods, { metadata: { creationTimestamp: '2024-02-30T00:00:00Z' } })).toBe(
      'parsing time "2024-02-30T00:00:00Z": day out of range',
    );
    expect(text(resource('', 'v1', 'serviceaccounts'), { secrets: 'x' })).toBe(
      'json: cannot unmarshal string into Go struct field ServiceAccount.secrets of type []v1.ObjectReference',
    );
  });

  test('bodies of another kind', () => {
    const as = (apiVersion: string, kind: string) => refusal(() => decode(deployments, { apiVersion, kind }));
    expect(as('v1', 'Deployment')).toBe(
      '400 Deployment in version "v1" cannot be handled as a Deployment: no kind "Deployment" is registered for version "v1" in scheme "pkg/runtime/scheme.go:111"',
    );
    expect(as('apps/v1', 'ReplicaSet')).toBe(
      '400 ReplicaSet in version "v1" cannot be handled as a Deployment: converting (v1.ReplicaSet) to (apps.Deployment): unknown conversion',
    );
    expect(as('extensions/v1beta1', 'Deployment')).toBe(
      '400 the API version in the data (extensions/v1beta1) does not match the expected API version (apps/v1)',
    );
    expect(as('a/b/c', 'Deployment')).toBe(
      '400 the object provided is unrecognized (must be of type Deployment): unexpected GroupVersion string: a/b/c ({"apiVersion":"a/b/c","kind":" ...)',
    );
  });

  test('bodies that are nothing', () => {
    expect(refusal(() => decode(secrets, ''))).toBe(
      "400 the object provided is unrecognized (must be of type Secret): couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)",
    );
    expect(refusal(() => decode(secrets, 'garbage'))).toContain(
      "json parse error: invalid character 'g' looking for beginning of value (67617262616765)",
    );
    expect(refusal(() => decode(secrets, 'a: [1,\n b: {', 'yaml'))).toBe(
      '400 the object provided is unrecognized (must be of type Secret): yaml: line 2: did not find expected node content (613a205b312c0a20623a207b)',
    );
    expect(refusal(() => decode(secrets, '- just\n- a list\n', 'yaml'))).toBe(
      '400 the object provided is unrecognized (must be of type Secret): couldn\'t get version/kind; json parse error: json: cannot unmarshal array into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" } (2d206a7573740a2d2061206c6973740a)',
    );
    expect(decode(secrets, '', 'yaml').object).toMatchObject({ kind: 'Secret', metadata: {} });
  });

  test('nesting and aliases without end', () => {
    const deep = `{"data":${'['.repeat(200_000)}`;
    expect(refusal(() => decode(resource('apps', 'v1', 'controllerrevisions'), deep))).toContain('exceeded max depth');
    const closed = `{"data":${'['.repeat(5000)}${']'.repeat(5000)}}`;
    expect(refusal(() => decode(resource('apps', 'v1', 'controllerrevisions'), closed))).toContain('exceeded max depth');
    const bomb = ['a: &a [x, x, x, x, x, x, x, x, x]'];
    for (let i = 0; i < 9; i++) bomb.push(`${'bcdefghij'[i]}: &${'bcdefghij'[i]} [${Array(9).fill(`*${'abcdefghi'[i]}`).join(', ')}]`);
    expect(refusal(() => decode(configMaps, bomb.join('\n'), 'yaml'))).toContain('excessive aliasing');
  });
});

describe('YAML', () => {
  test('scalars are those of YAML 1.1', () => {
    const { object } = decode(
      deployments,
      'metadata: {name: "1.0"}\nspec:\n  replicas: 0x2\n  selector: &s {matchLabels: &l {app: yam}}\n  paused: on\n  template: {metadata: {labels: *l}, spec: {containers: []}}\n',
      'yaml',
    );
    expect(object['spec']).toMatchObject({
      replicas: 2,
      paused: true,
      template: { metadata: { labels: { app: 'yam' } }, spec: { containers: [] } },
    });
    expect(refusal(() => decode(configMaps, 'metadata:\n  name: y\n', 'yaml'))).toBe(
      '400 ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal bool into Go struct field ObjectMeta.metadata.name of type string',
    );
    expect(decode(configMaps, 'metadata: {labels: {b: ~}}\ndata: {d: 2001-01-01, "on": "x"}', 'yaml').object).toMatchObject({
      metadata: { labels: { b: '' } },
      data: { d: '2001-01-01', on: 'x' },
    });
  });
});

describe('custom resources', () => {
  const string: Schema = { type: 'string' };
  const schema: Schema = {
    type: 'object',
    properties: new Map<string, Schema>([
      [
        'spec',
        {
          type: 'object',
          properties: new Map<string, Schema>([
            ['a', string],
            ['n', { type: 'string', nullable: true }],
            ['any', { type: 'object', preserveUnknownFields: true }],
            ['tpl', { type: 'object', embeddedResource: true, properties: new Map() }],
          ]),
        },
      ],
    ]),
  };
  const widgets = { group: 'example.com', version: 'v1', kind: 'Widget', schema };
  const decodeWidget = (body: unknown) => decodeBody(widgets, bytes(body), 'json', { strict: true });

  test('are pruned, not checked', () => {
    const { object, problems } = decodeWidget({
      apiVersion: 'example.com/v1',
      kind: 'Widget',
      metadata: { name: 'w', labels: {}, junk: 1 },
      extra: 1,
      spec: {
        a: null,
        n: null,
        b: { c: 1 },
        any: { x: [null] },
        tpl: { apiVersion: 'v1', kind: 'X', metadata: { name: 'n', more: 2 }, y: 1 },
      },
    });
    expect(problems).toEqual([
      'unknown field "metadata.junk"',
      'unknown field "extra"',
      'unknown field "spec.b"',
      'unknown field "spec.tpl.y"',
      'unknown field "spec.tpl.metadata.more"',
    ]);
    expect(object).toEqual({
      apiVersion: 'example.com/v1',
      kind: 'Widget',
      metadata: { name: 'w' },
      spec: { n: null, any: { x: [null] }, tpl: { apiVersion: 'v1', kind: 'X', metadata: { name: 'n' } } },
    });
  });

  test.each([
    [{ apiVersion: 1 }, 'spec.tpl.apiVersion: Invalid value: 1: must be a string'],
    [
      { metadata: { name: 'n', labels: 1 } },
      'spec.tpl.metadata: Invalid value: {"labels":1,"name":"n"}: json: cannot unmarshal number into Go struct field ObjectMeta.labels of type map[string]string',
    ],
  ])('hold objects that can be read: %j', (tpl, why) => {
    expect(refusal(() => decodeWidget({ apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'w' }, spec: { tpl } }))).toBe(
      `400 Widget in version "v1" cannot be handled as a Widget: ${why}`,
    );
  });

  test('that are stored lose what cannot be read in the objects they hold', () => {
    const object = { metadata: { name: 'w' }, spec: { tpl: { apiVersion: 1, kind: 'X', metadata: { name: 'n', labels: 1 } } } };
    expect(prune(schema, object)).toEqual([]);
    expect(object.spec).toEqual({ tpl: { kind: 'X', metadata: { name: 'n' } } });
  });

  test('must say what they are', () => {
    expect(refusal(() => decodeWidget({ metadata: {} }))).toBe(
      '400 the object provided is unrecognized (must be of type Widget): Object \'Kind\' is missing in \'{"metadata":{}}\' ({"metadata":{}})',
    );
  });
});

test('an empty map that was given is left out, and known to have been given', () => {
  const deployment = definitionOf('apps/v1', 'Deployment') ?? {};
  const template = { metadata: { labels: {}, annotations: { a: 'b' } } };
  const { object } = conform(deployment, { spec: { template } }, { strict: false });
  const { metadata } = (object['spec'] as { template: { metadata: object } }).template;
  expect(metadata).toEqual({ annotations: { a: 'b' } });
  expect(emptyAsGiven(metadata, 'labels')).toEqual({});
  expect(emptyAsGiven(metadata, 'finalizers')).toBeUndefined();
  expect(emptyAsGiven(undefined, 'labels')).toBeUndefined();
});

describe('conform', () => {
  test.each([
    [{ spec: { template: { spec: { containers: 'x' } } } }, 'cannot restore slice from string'],
    [{ spec: { template: [] } }, 'cannot restore struct from: slice'],
    [{ spec: { selector: { matchLabels: 1 } } }, 'cannot restore map from int64'],
    [{ spec: { replicas: 'x' } }, 'unrecognized type: int32'],
    [{ spec: { replicas: 1.5 } }, 'cannot convert float64 to int32'],
    [{ spec: { paused: 1 } }, 'unrecognized type: bool'],
    [{ spec: { strategy: { type: 1 } } }, 'cannot convert int64 to v1.DeploymentStrategyType'],
  ])('%j, made in memory, is refused as Go values are', (value, expected) => {
    const deployment = definitionOf('apps/v1', 'Deployment') ?? {};
    expect(refusal(() => conform(deployment, value, { strict: false, restore: true }))).toMatch(new RegExp(`: ${expected}$`));
  });

  test('is what decoding does, without touching its input', () => {
    const schema = definitionOf('apps/v1', 'Deployment') as Schema;
    const live = Object.freeze(deployment(Object.freeze({ ...spec, replicas: 1, foo: null, bar: 1 })));
    const { object, problems } = conform(schema, live, { strict: true });
    expect(problems).toEqual(['unknown field "spec.foo"', 'unknown field "spec.bar"']);
    expect(object['spec']).toMatchObject({ replicas: 1, strategy: {} });
    expect(conform(schema, object, { strict: true })).toEqual({ object, problems: [] });
  });

  test('refuses as a patch is refused', () => {
    const schema = definitionOf('v1', 'ConfigMap') as Schema;
    expect(refusal(() => conform(schema, { data: { a: 1 } }, { strict: true }))).toBe(
      '422  "" is invalid: patch: Invalid value: "{\\"data\\":{\\"a\\":1}}": json: cannot unmarshal number into Go struct field ConfigMap.data of type string',
    );
  });
});

test('without a target a body is taken as it is', () => {
  const { object } = decodeBody(undefined, bytes('spec: {a: ~, b: []}\nkind: X'), 'yaml', { strict: true });
  expect(object).toEqual({ kind: 'X', spec: { a: null, b: [] } });
  expect(decodeBody(undefined, bytes('{"a":{"b":1,"b":2}}'), 'json', { strict: true })).toMatchObject({
    object: { a: { b: 2 } },
    problems: ['duplicate field "a.b"'],
  });
});

describe('operations of a JSON patch', () => {
  test('members that occur twice or mean nothing are reported by the place of the operation', () => {
    const { value, problems } = decodeOperations(bytes('[{"op":"add","path":"/a","value":1,"value":2,"foo":3}]'), { strict: true });
    expect(value).toEqual([{ op: 'add', path: '/a', value: 2, foo: 3 }]);
    expect(problems).toEqual(['duplicate field "[0].value"', 'unknown field "[0].foo"']);
  });

  test('what is no JSON is refused in Go words', () => {
    expect(refusal(() => decodeOperations(bytes('[] x'), { strict: false }))).toBe("400 invalid character 'x' after top-level value");
  });
});

test('a value that upstream holds unstructured is refused in other words', () => {
  const schema = deployments.schema;
  const made = (given: unknown) => refusal(() => conform(schema, deployment(given), { strict: false, restore: true }));
  expect(made({ paused: 'x' })).toContain('unrecognized type: bool');
  expect(made({ replicas: 1.5 })).toContain('cannot convert float64 to int32');
  expect(made({ template: { spec: { containers: 'x' } } })).toContain('cannot restore slice from string');
  expect(made({ selector: 5 })).toContain('cannot restore struct from: int64');
});

test('the last 64-bit integers, which no double is, become the largest that is one', () => {
  const read = (seconds: string) =>
    decode(resource('', 'v1', 'pods'), `{"spec":{"containers":[],"tolerations":[{"tolerationSeconds":${seconds}}]}}`).object['spec'];
  expect(read('9223372036854775807')).toMatchObject({ tolerations: [{ tolerationSeconds: 2 ** 63 - 1024 }] });
  expect(() => read('9223372036854775808')).toThrow('cannot unmarshal number 9223372036854775808');
});
