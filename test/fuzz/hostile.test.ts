/** Bodies and paths that were made to hurt: each is answered by a clear `Status`, in bounded time and memory, and the API goes on answering. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { admissionPlugins } from '../../functions/api/admission/index.ts';
import { anApi, type TestApi } from '../../functions/api/testing.ts';

let api: TestApi;
const maps = '/api/v1/namespaces/default/configmaps';
const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

beforeAll(async () => {
  api = await anApi(parts => admissionPlugins(parts));
  await api.send('POST', maps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'there' }, data: { a: 'b' } });
});
afterAll(async () => {
  expect(api.logged).toEqual([]);
  expect((await api.send('GET', `${maps}/there`)).body.data).toEqual({ a: 'b' });
  expect(Object.keys(Object.prototype)).toEqual([]);
  await api.close();
});

const head = '"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"h"';
const many = (count: number, member: (i: number) => string): string => Array.from({ length: count }, (_, i) => member(i)).join(',');
const laughs = ((): string => {
  const lines = ['apiVersion: v1', 'kind: ConfigMap', 'metadata: {name: h}', 'a: &a [x, x, x, x, x, x, x, x, x]'];
  let last = 'a';
  for (const next of 'bcdefghijkl') {
    lines.push(`${next}: &${next} [${many(9, () => `*${last}`)}]`);
    last = next;
  }
  return lines.join('\n');
})();
/** Takes exponential time in an engine that goes back. */
const evil = '^(([a-z])+.)+[A-Z]([a-z])+$';
const definition = (pattern: string, extra: object = {}) => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'things.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'things', singular: 'thing', kind: 'Thing', listKind: 'ThingList' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: { a: { type: 'string', pattern, ...extra } },
          },
        },
      },
    ],
  },
});

const json = 'application/json';
const yaml = 'application/yaml';
const merge = 'application/merge-patch+json';
const strategic = 'application/strategic-merge-patch+json';
const operations = 'application/json-patch+json';
const apply = 'application/apply-patch+yaml';

const deep = (depth: number): string => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;

test.each<[what: string, method: string, url: string, body: string | undefined, type: string, code: number, message: RegExp]>([
  ['a body beyond the limit', 'POST', maps, `{${head}},"data":{"a":"${'x'.repeat(4 << 20)}"}}`, json, 413, /limit is 3145728/],
  ['an object beyond its own limit', 'POST', maps, `{${head}},"data":{"a":"${'x'.repeat(2 << 20)}"}}`, json, 422, /Too long/],
  ['objects in objects', 'POST', maps, '{"a":'.repeat(100_000), json, 400, /exceeded max depth/],
  ['lists in lists', 'POST', maps, `{${head}},"data":${'['.repeat(50_000)}`, json, 400, /exceeded max depth/],
  ['lists in lists as YAML', 'POST', maps, '['.repeat(20_000), yaml, 400, /[mM]ax ?[dD]epth/],
  ['aliases that multiply', 'POST', maps, laughs, yaml, 400, /excessive aliasing/],
  ['aliases that multiply, applied', 'PATCH', `${maps}/h?fieldManager=a`, laughs, apply, 400, /excessive aliasing/],
  ['a merge patch without an end', 'PATCH', `${maps}/there`, deep(20_000), merge, 400, /max depth/],
  ['a strategic patch without an end', 'PATCH', `${maps}/there`, deep(20_000), strategic, 400, /max depth/],
  ['an apply without an end', 'PATCH', `${maps}/there?fieldManager=a`, deep(20_000), apply, 400, /max ?depth/i],
  [
    '20,000 operations',
    'PATCH',
    `${maps}/there`,
    `[${many(20_000, () => '{"op":"test","path":"/data/a","value":"b"}')}]`,
    operations,
    413,
    /10000/,
  ],
  [
    'a copy that doubles',
    'PATCH',
    `${maps}/there`,
    `[${many(64, i => `{"op":"copy","from":"/data","path":"/data/b${i}"}`)}]`,
    operations,
    422,
    /./,
  ],
  ['operations on the prototype', 'PATCH', `${maps}/there`, '[{"op":"add","path":"/__proto__/x","value":1}]', operations, 422, /./],
  ['a number beyond all numbers', 'POST', maps, `{${head},"generation":1e400}}`, json, 400, /cannot unmarshal number 1e400/],
  ['60,000 bad labels', 'POST', maps, `{${head},"labels":{${many(60_000, i => `"-l${i}":"v"`)}}}}`, json, 422, /metadata.labels/],
  ['a continue token of 5,000 letters', 'GET', `${maps}?continue=${'x'.repeat(5000)}`, undefined, json, 400, /continue/],
  ['a limit beyond 64 bits', 'GET', `${maps}?limit=99999999999999999999`, undefined, json, 400, /value out of range/],
  ['a broken escape in a path', 'GET', `${maps}/%zz`, undefined, json, 400, /invalid URL escape/],
  ['no kind at all', 'POST', maps, '[]', json, 400, /cannot unmarshal array/],
  ['a pattern that is none', 'POST', definitions, JSON.stringify(definition('(')), json, 422, /pattern/],
])('%s', async (_what, method, url, body, type, code, message) => {
  const answer = await api.send(method, url, body, { 'content-type': type });
  expect([answer.status, answer.body.kind]).toEqual([code, 'Status']);
  expect(answer.body.message).toMatch(message);
});

test('answers about many errors stay short', async () => {
  const body = `{${head},"labels":{${many(60_000, i => `"-l${i}":"v"`)}}}}`;
  const answer = await api.send('POST', maps, body);
  expect(answer.body.details.causes).toHaveLength(1000);
});

test('names of the prototype are names like any other', async () => {
  const body = `{"__proto__":{"polluted":1},${head.replace('"h"', '"proto"')},"annotations":{"__proto__":"x","constructor":"y"}},"data":{"__proto__":"z"}}`;
  const answer = await api.send('POST', maps, body);
  expect(answer.status).toBe(422);
  expect(answer.body.message).toContain('"__proto__"');
  const custom = await api.send(
    'POST',
    maps,
    body.replace('"annotations":{"__proto__":"x","constructor":"y"}', '"labels":{"constructor":"y"}'),
  );
  expect([custom.status, JSON.stringify(custom.body.data)]).toEqual([201, '{"__proto__":"z"}']);
});

test('bytes that are no UTF-8 are replaced', async () => {
  const parts = [Buffer.from(`{${head.replace('"h"', '"utf"')}},"data":{"a":"`), Buffer.from([0xff, 0xc0]), Buffer.from('"}}')];
  const request = new Request(`https://localhost${maps}`, {
    method: 'POST',
    headers: { 'content-type': json },
    body: Buffer.concat(parts),
  });
  const answer = await api.api.handle({ ...requestOf(request), url: maps }, {});
  expect(answer.status).toBe(201);
  expect((await api.send('GET', `${maps}/utf`)).body.data).toEqual({ a: '��' });
});

const requestOf = (request: Request) => ({
  method: request.method,
  headers: request.headers,
  signal: request.signal,
  body: null,
  arrayBuffer: () => request.arrayBuffer(),
});

test('a default is matched against a pattern in linear time', async () => {
  const answer = await api.send('POST', definitions, definition(evil, { default: `${'a'.repeat(60)}!` }));
  expect(answer.status).toBe(422);
  expect(answer.body.message).toMatch(/default/);
});
