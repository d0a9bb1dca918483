import { afterEach, describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../../kinds/object.ts';
import { decodeProtobuf, encodeObject, watchFrame } from '../../kinds/protobuf/index.ts';
import { definitionOf } from '../../kinds/schema/data.ts';
import type { Decoded, Target } from '../../kinds/schema/decode.ts';
import { anApi, aRequest, type TestApi } from './testing.ts';
import type { ApiRequest, ApiResponse } from './types.ts';

const protobuf = 'application/vnd.kubernetes.protobuf';
const maps = '/api/v1/namespaces/default/configmaps';
const deployments = '/apis/apps/v1/namespaces/default/deployments';
const configMap = (name: string): KubeObject => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { one: '1' } });
const deployment: KubeObject = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'a' },
  spec: {
    selector: { matchLabels: { app: 'a' } },
    template: { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
  },
};

let api: TestApi;
const start = async (): Promise<void> => {
  api = await anApi(() => []);
};
afterEach(() => api?.close());

const request = (method: string, url: string, object?: KubeObject, accept = protobuf, signal?: AbortSignal): ApiRequest => {
  const plain = aRequest(method, url, undefined, { accept, 'content-type': protobuf }, signal);
  const body = object ? encodeObject(object) : new Uint8Array();
  if (!body) throw new Error(`${object?.kind} has no message`);
  return { ...plain, arrayBuffer: async () => body };
};
const send = (method: string, url: string, object?: KubeObject, accept?: string): Promise<ApiResponse> =>
  api.api.handle(request(method, url, object, accept), {});

const read = ({ body, headers }: ApiResponse, apiVersion: string, kind: string): Decoded['object'] & { [field: string]: unknown } => {
  expect(headers['content-type']).toBe(protobuf);
  const schema = definitionOf(apiVersion, kind);
  if (!schema || !(body instanceof Uint8Array)) throw new Error('no answer in protobuf');
  const [version = '', group = ''] = apiVersion.split('/').reverse();
  const target: Target = { group, version, kind, schema };
  return decodeProtobuf(target, body).object;
};

describe('requests and answers in protobuf', () => {
  test('what is created is the same to those who read JSON', async () => {
    await start();
    const created = await send('POST', deployments, deployment);
    expect(created.status).toBe(201);
    const { body } = await api.send('GET', `${deployments}/a`);
    expect(read(created, 'apps/v1', 'Deployment')).toEqual(body);
    expect(body.spec.strategy.type).toBe('RollingUpdate');
    expect(read(await send('GET', `${deployments}/a/scale`), 'autoscaling/v1', 'Scale')['spec']).toEqual({ replicas: 1 });
  });

  test('lists', async () => {
    await start();
    await send('POST', maps, configMap('a'));
    await send('POST', maps, configMap('b'));
    const { body } = await api.send('GET', maps);
    expect(read(await send('GET', maps), 'v1', 'ConfigMapList')).toEqual(body);
  });

  test('refusals, and deletions with options of the own group', async () => {
    await start();
    const missing = await send('GET', `${maps}/nobody`);
    expect(missing.status).toBe(404);
    expect(read(missing, 'v1', 'Status')['message']).toBe('configmaps "nobody" not found');
    await send('POST', deployments, deployment);
    const options = { apiVersion: 'apps/v1', kind: 'DeleteOptions', metadata: { name: '' }, propagationPolicy: 'Background' };
    const gone = await send('DELETE', `${deployments}/a`, options);
    expect([gone.status, read(gone, 'v1', 'Status')['status']]).toEqual([200, 'Success']);
  });

  test('a body of another kind, and one that is none', async () => {
    await start();
    expect((await send('POST', maps, deployment)).status).toBe(400);
    const answer = await api.send('POST', maps, 'no protobuf', { 'content-type': protobuf });
    expect([answer.status, answer.body.message]).toEqual([
      400,
      'the object provided is unrecognized (must be of type ConfigMap): provided data does not appear to be a protobuf message, expected prefix [107 56 115 0] (6e6f2070726f746f627566)',
    ]);
  });

  test('events of a watch are framed, those that were there first', async () => {
    await start();
    await send('POST', maps, configMap('a'));
    const ending = new AbortController();
    const watch = await api.api.handle(request('GET', `${maps}?watch=1`, undefined, protobuf, ending.signal), {});
    expect(watch.headers['content-type']).toBe(`${protobuf};stream=watch`);
    const { body } = await api.send('GET', `${maps}/a`);
    const object = encodeObject(body as unknown as KubeObject);
    if (!object || watch.body === null || typeof watch.body !== 'object' || !(Symbol.asyncIterator in watch.body))
      throw new Error('no stream');
    for await (const chunk of watch.body) {
      expect(Buffer.from(chunk as Uint8Array)).toEqual(Buffer.from(watchFrame('ADDED', object)));
      ending.abort();
    }
  });
});
