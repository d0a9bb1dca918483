import { afterEach, describe, expect, test } from '@jest/globals';
import { admissionPlugins } from './admission/index.ts';
import { type AnswerBody, anApi, answerText, aRequest, type TestApi } from './testing.ts';

const configMap = (name: string, extra: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...extra },
  data: { one: '1' },
});
const template = (app: string) => ({
  metadata: { labels: { app } },
  spec: { containers: [{ name: 'main', image: 'registry.example/app:1' }] },
});
const deployment = (name: string) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: { selector: { matchLabels: { app: 'demo' } }, template: template('demo') },
});
const pod = (name: string, spec: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: { containers: [{ name: 'main', image: 'registry.example/app:1' }], ...spec },
});
const maps = '/api/v1/namespaces/default/configmaps';
const pods = '/api/v1/namespaces/default/pods';
const deployments = '/apis/apps/v1/namespaces/default/deployments';
const merge = { 'content-type': 'application/merge-patch+json' };

let api: TestApi;
const start = async (): Promise<TestApi> => {
  api = await anApi(parts => admissionPlugins(parts));
  return api;
};
afterEach(() => api?.close());

describe('create and get', () => {
  test('fills in system metadata and answers with what was stored', async () => {
    const { send } = await start();
    const created = await send('POST', maps, configMap('a'));
    expect(created.status).toBe(201);
    expect(created.body.metadata).toMatchObject({ name: 'a', namespace: 'default', creationTimestamp: '2030-01-01T00:00:00Z' });
    expect(created.body.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    const read = await send('GET', `${maps}/a`);
    expect(read.status).toBe(200);
    expect(read.body).toEqual(created.body);
  });

  test('refuses a second object of the name, another namespace and an unknown one', async () => {
    const { send } = await start();
    await send('POST', maps, configMap('a'));
    expect((await send('POST', maps, configMap('a'))).body).toMatchObject({ reason: 'AlreadyExists', code: 409 });
    expect((await send('POST', maps, configMap('b', { namespace: 'other' }))).body.message).toBe(
      'the namespace of the provided object does not match the namespace sent on the request',
    );
    expect((await send('POST', '/api/v1/namespaces/nope/configmaps', configMap('a'))).body).toMatchObject({
      code: 404,
      message: 'namespaces "nope" not found',
    });
  });

  test('generates names, defaults and field owners', async () => {
    const { send } = await start();
    const { body } = await send('POST', deployments, { ...deployment(''), metadata: { generateName: 'web-' } });
    expect(body.metadata.name).toMatch(/^web-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
    expect(body.metadata.generation).toBe(1);
    expect(body.spec.strategy.type).toBe('RollingUpdate');
    expect(body.metadata.managedFields[0]).toMatchObject({ manager: 'test', operation: 'Update', apiVersion: 'apps/v1' });
  });

  test('warns of unknown fields, refuses them when strict, and stays silent when told to', async () => {
    const { send } = await start();
    const odd = { ...configMap('a'), extra: 1 };
    const warned = await send('POST', maps, odd);
    expect(warned.headers['warning']).toEqual(['299 - "unknown field \\"extra\\""']);
    expect((await send('POST', `${maps}?fieldValidation=Strict`, odd)).body.message).toContain(
      'strict decoding error: unknown field "extra"',
    );
    expect((await send('POST', `${maps}?fieldValidation=Ignore`, { ...odd, metadata: { name: 'b' } })).headers['warning']).toBeUndefined();
  });

  test('dry run stores nothing', async () => {
    const { send } = await start();
    expect((await send('POST', `${maps}?dryRun=All`, configMap('a'))).status).toBe(201);
    expect((await send('GET', `${maps}/a`)).status).toBe(404);
  });

  test('pods get their service account, priority and tolerations', async () => {
    const { send } = await start();
    const { body } = await send('POST', pods, pod('a'));
    expect(body.spec).toMatchObject({ serviceAccountName: 'default', priority: 0, preemptionPolicy: 'PreemptLowerPriority' });
    expect(body.spec.volumes[0]?.name).toMatch(/^kube-api-access-/);
    expect(body.spec.tolerations).toHaveLength(2);
    expect(body.status).toMatchObject({ phase: 'Pending', qosClass: 'BestEffort' });
  });

  test('an object too large for the store is refused, and so is a body too large to read', async () => {
    const { send } = await start();
    const large = { ...configMap('a'), data: { x: 'y'.repeat(1_000_000), z: 'y'.repeat(600_000) } };
    expect(
      (await send('POST', '/api/v1/namespaces/default/secrets', { ...large, kind: 'Secret', data: {}, stringData: large.data })).status,
    ).toBe(422);
    expect((await send('POST', maps, { ...large, data: { x: 'y'.repeat(3_200_000) } })).status).toBe(413);
  });
});

describe('update and patch', () => {
  test('a write that changes nothing keeps its revision', async () => {
    const { send } = await start();
    const { body } = await send('POST', maps, configMap('a'));
    const same = await send('PUT', `${maps}/a`, configMap('a'));
    expect(same.body.metadata.resourceVersion).toBe(body.metadata.resourceVersion);
    const patched = await send('PATCH', `${maps}/a`, {}, merge);
    expect(patched.body.metadata.resourceVersion).toBe(body.metadata.resourceVersion);
  });

  test('a stale resourceVersion is a conflict', async () => {
    const { send } = await start();
    const { body } = await send('POST', maps, configMap('a'));
    await send('PATCH', `${maps}/a`, { data: { two: '2' } }, merge);
    const stale = await send('PUT', `${maps}/a`, {
      ...configMap('a'),
      metadata: { name: 'a', resourceVersion: body.metadata.resourceVersion },
    });
    expect(stale.body).toMatchObject({ code: 409, reason: 'Conflict' });
  });

  test('patches that race are all applied', async () => {
    const { send } = await start();
    await send('POST', maps, configMap('a'));
    const keys = Array.from({ length: 10 }, (_, i) => `k${i}`);
    const answers = await Promise.all(keys.map(key => send('PATCH', `${maps}/a`, { data: { [key]: 'x' } }, merge)));
    expect(answers.map(answer => answer.status)).toEqual(keys.map(() => 200));
    expect(Object.keys((await send('GET', `${maps}/a`)).body.data).sort()).toEqual([...keys, 'one'].sort());
  });

  test('json, strategic and apply patches', async () => {
    const { send } = await start();
    await send('POST', deployments, deployment('a'));
    const json = await send('PATCH', `${deployments}/a`, [{ op: 'replace', path: '/spec/replicas', value: 3 }], {
      'content-type': 'application/json-patch+json',
    });
    expect(json.body.spec.replicas).toBe(3);
    const strategic = await send(
      'PATCH',
      `${deployments}/a`,
      { spec: { template: { spec: { containers: [{ name: 'main', image: 'registry.example/app:2' }] } } } },
      { 'content-type': 'application/strategic-merge-patch+json' },
    );
    expect(strategic.body.spec.template.spec.containers).toMatchObject([{ name: 'main', image: 'registry.example/app:2' }]);
    expect(strategic.body.metadata.generation).toBe(3);
    const apply = { 'content-type': 'application/apply-patch+yaml' };
    const made = await send(
      'PATCH',
      `${maps}/applied?fieldManager=me`,
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: applied}\ndata: {a: b}\n',
      apply,
    );
    expect(made.status).toBe(201);
    const other = await send('PATCH', `${maps}/applied?fieldManager=you`, { ...configMap('applied'), data: { a: 'c' } }, apply);
    expect(other.body).toMatchObject({ code: 409, message: expect.stringContaining('conflict with "me"') });
    expect((await send('PATCH', `${maps}/applied`, configMap('applied'), apply)).body.message).toContain('fieldManager: Required value');
  });

  test('status is written through its own door only', async () => {
    const { send } = await start();
    await send('POST', deployments, { ...deployment('a'), status: { replicas: 9 } });
    expect((await send('GET', `${deployments}/a`)).body.status).toEqual({});
    const written = await send('PATCH', `${deployments}/a/status`, { spec: { replicas: 7 }, status: { replicas: 2 } }, merge);
    expect(written.body).toMatchObject({ spec: { replicas: 1 }, status: { replicas: 2 }, metadata: { generation: 1 } });
    expect((await send('PUT', `${deployments}/a`, deployment('a'))).body.status).toEqual({ replicas: 2 });
  });

  test('scale changes the replicas and nothing else', async () => {
    const { send } = await start();
    await send('POST', deployments, deployment('a'));
    expect((await send('GET', `${deployments}/a/scale`)).body).toMatchObject({
      kind: 'Scale',
      spec: { replicas: 1 },
      status: { selector: 'app=demo' },
    });
    expect((await send('PATCH', `${deployments}/a/scale`, { spec: { replicas: 5 } }, merge)).body.spec).toEqual({ replicas: 5 });
    expect((await send('GET', `${deployments}/a`)).body.spec.replicas).toBe(5);
    expect((await send('PATCH', `${deployments}/a/scale`, { spec: { replicas: -1 } }, merge)).status).toBe(422);
  });

  test('hostile keys are data, not prototypes', async () => {
    const { send } = await start();
    const text = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"__proto__":"x","constructor":"y"}}';
    await send('POST', maps, text);
    await send('PATCH', `${maps}/a`, '{"data":{"__proto__":"z"}}', merge);
    expect(answerText((await send('GET', `${maps}/a`)).raw)).toContain('"__proto__":"z"');
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });
});

describe('delete', () => {
  test('answers with a Status, and the name is free again', async () => {
    const { send } = await start();
    await send('POST', maps, configMap('a'));
    expect((await send('DELETE', `${maps}/a`)).body).toMatchObject({
      kind: 'Status',
      status: 'Success',
      details: { name: 'a', kind: 'configmaps' },
    });
    expect((await send('DELETE', `${maps}/a`)).status).toBe(404);
    expect((await send('POST', maps, configMap('a'))).status).toBe(201);
  });

  test('finalizers keep an object until the last is taken away', async () => {
    const { send } = await start();
    await send('POST', maps, configMap('a', { finalizers: ['example.com/f'] }));
    const marked = await send('DELETE', `${maps}/a`);
    expect(marked.body.metadata).toMatchObject({ deletionTimestamp: '2030-01-01T00:00:00Z', deletionGracePeriodSeconds: 0 });
    expect((await send('GET', `${maps}/a`)).status).toBe(200);
    expect((await send('PATCH', `${maps}/a`, { metadata: { finalizers: null } }, merge)).status).toBe(200);
    expect((await send('GET', `${maps}/a`)).status).toBe(404);
  });

  test('a pod on a node has its grace period, which can only be shortened', async () => {
    const { send } = await start();
    await send('POST', pods, pod('a', { nodeName: 'n1' }));
    expect((await send('DELETE', `${pods}/a`)).body.metadata.deletionGracePeriodSeconds).toBe(30);
    expect((await send('DELETE', `${pods}/a?gracePeriodSeconds=60`)).body.metadata.deletionGracePeriodSeconds).toBe(30);
    expect((await send('DELETE', `${pods}/a?gracePeriodSeconds=0`)).body.metadata.deletionGracePeriodSeconds).toBe(0);
    expect((await send('GET', `${pods}/a`)).status).toBe(404);
  });

  test('preconditions and propagation', async () => {
    const { send } = await start();
    const { body } = await send('POST', deployments, deployment('a'));
    const wrong = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid: '00000000-0000-0000-0000-000000000000' } };
    expect((await send('DELETE', `${deployments}/a`, wrong)).body.code).toBe(409);
    const right = { ...wrong, preconditions: { uid: body.metadata.uid }, propagationPolicy: 'Foreground' };
    expect((await send('DELETE', `${deployments}/a`, right)).body.metadata.finalizers).toEqual(['foregroundDeletion']);
  });

  test('a collection by label, leaving the rest', async () => {
    const { send } = await start();
    for (const [name, set] of [
      ['a', 'x'],
      ['b', 'y'],
      ['c', 'x'],
    ] as const)
      await send('POST', maps, configMap(name, { labels: { set } }));
    const { body } = await send('DELETE', `${maps}?labelSelector=set%3Dx`);
    expect(body.items.map(item => item.metadata.name)).toEqual(['a', 'c']);
    expect((await send('GET', maps)).body.items).toHaveLength(1);
  });

  test('a namespace waits for its finalizers and takes nothing new meanwhile', async () => {
    const { send } = await start();
    await send('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'n' } });
    expect((await send('DELETE', '/api/v1/namespaces/n')).body.status.phase).toBe('Terminating');
    const refused = await send('POST', '/api/v1/namespaces/n/configmaps', configMap('a'));
    expect(refused.body.message).toContain('because it is being terminated');
    const finalized = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'n' }, spec: { finalizers: [] } };
    expect((await send('PUT', '/api/v1/namespaces/n/finalize', finalized)).status).toBe(200);
    expect((await send('GET', '/api/v1/namespaces/n')).status).toBe(404);
  });
});

describe('list', () => {
  const names = (body: AnswerBody) => body.items.map(item => item.metadata.name);

  test('items are stored bytes without kind and version; selectors narrow', async () => {
    const { send } = await start();
    await send('POST', maps, configMap('b', { labels: { tier: 'web' } }));
    await send('POST', maps, configMap('a'));
    const { body } = await send('GET', maps);
    expect(body).toMatchObject({ kind: 'ConfigMapList', apiVersion: 'v1' });
    expect(names(body)).toEqual(['a', 'b']);
    expect(body.items[0]?.kind).toBeUndefined();
    expect(body.items[0]?.data).toEqual({ one: '1' });
    expect(names((await send('GET', `${maps}?labelSelector=tier`)).body)).toEqual(['b']);
    expect(names((await send('GET', `${maps}?labelSelector=tier%21%3Dweb`)).body)).toEqual(['a']);
    expect(names((await send('GET', `${maps}?fieldSelector=metadata.name%3Da`)).body)).toEqual(['a']);
    expect((await send('GET', `${maps}?fieldSelector=data%3Da`)).status).toBe(400);
  });

  test('chunks continue the snapshot they began', async () => {
    const { send } = await start();
    for (const name of ['a', 'b', 'c', 'd']) await send('POST', maps, configMap(name));
    const first = await send('GET', `${maps}?limit=2`);
    expect(names(first.body)).toEqual(['a', 'b']);
    expect(first.body.metadata.remainingItemCount).toBe(2);
    await send('DELETE', `${maps}/c`);
    await send('POST', maps, configMap('bb'));
    await send('PATCH', `${maps}/d`, { data: { one: '9' } }, merge);
    const rest = await send('GET', `${maps}?limit=2&continue=${first.body.metadata.continue}`);
    expect(names(rest.body)).toEqual(['c', 'd']);
    expect(rest.body.items[1]?.data.one).toBe('1');
    expect(rest.body.metadata.resourceVersion).toBe(first.body.metadata.resourceVersion);
    expect(rest.body.metadata.continue).toBeUndefined();
  });

  test('an exact revision shows what was there then', async () => {
    const { send } = await start();
    const { body } = await send('POST', maps, configMap('a'));
    await send('DELETE', `${maps}/a`);
    const then = await send('GET', `${maps}?resourceVersionMatch=Exact&resourceVersion=${body.metadata.resourceVersion}`);
    expect(names(then.body)).toEqual(['a']);
    expect((await send('GET', `${maps}?resourceVersion=999999`)).body.details.causes[0]?.reason).toBe('ResourceVersionTooLarge');
  });

  test('tables and metadata alone', async () => {
    const { send } = await start();
    await send('POST', maps, configMap('a'));
    const table = await send('GET', maps, undefined, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' });
    expect(table.body).toMatchObject({ kind: 'Table', rows: [{ cells: ['a', 1, '0s'], object: { kind: 'PartialObjectMetadata' } }] });
    const partial = await send('GET', maps, undefined, { accept: 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io' });
    expect(partial.body.items[0]).toMatchObject({ kind: 'PartialObjectMetadata', metadata: { name: 'a' } });
    expect(partial.body.items[0]?.data).toBeUndefined();
    const yaml = await send('GET', `${maps}/a`, undefined, { accept: 'application/yaml' });
    expect(answerText(yaml.raw)).toContain('kind: ConfigMap\n');
  });

  test('a scale has columns of its own; a completed pod is told as such', async () => {
    const { send } = await start();
    const asTable = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' };
    const containers = [{ name: 'c', image: 'i' }];
    const template = { metadata: { labels: { a: 'b' } }, spec: { containers } };
    const spec = { replicas: 2, selector: { matchLabels: { a: 'b' } }, template };
    const sets = '/apis/apps/v1/namespaces/default/replicasets';
    await send('POST', sets, { apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: { name: 'a' }, spec });
    const scale = await send('GET', `${sets}/a/scale`, undefined, asTable);
    const columnDefinitions = ['Name', 'Desired', 'Available', 'Age'].map(name => ({ name }));
    expect(scale.body).toMatchObject({ columnDefinitions, rows: [{ cells: ['a', 2, 0, '0s'] }] });
    const pods = '/api/v1/namespaces/default/pods';
    await send('POST', pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { containers } });
    expect((await send('GET', `${pods}/p`, undefined, asTable)).body).not.toMatchObject({ rows: [{ conditions: expect.anything() }] });
    await send('PATCH', `${pods}/p/status`, { status: { phase: 'Failed' } }, merge);
    const completed = { type: 'Completed', status: 'True', reason: 'Failed', message: 'The pod failed.' };
    expect((await send('GET', `${pods}/p`, undefined, asTable)).body).toMatchObject({ rows: [{ conditions: [completed] }] });
  });

  test('a write through an older version leaves alone what that version cannot say', async () => {
    const { send } = await start();
    const path = (version: string) => `/apis/autoscaling/${version}/namespaces/default/horizontalpodautoscalers`;
    const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' };
    const behavior = { scaleUp: { policies: [{ type: 'Pods', value: 2, periodSeconds: 30 }] } };
    const spec = { maxReplicas: 3, scaleTargetRef, behavior };
    const made = await send('POST', path('v2'), {
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name: 'a' },
      spec,
    });
    const conditions = [{ type: 'AbleToScale', status: 'True', lastTransitionTime: '2020-01-01T00:00:00Z' }];
    await send('PATCH', `${path('v2')}/a/status`, { status: { conditions } }, merge);
    const behaviorText = made.body['spec'];
    // Neither annotation that stands for them is sent, nor may the status be changed through this door.
    await send('PATCH', `${path('v1')}/a`, { metadata: { annotations: null }, spec: { maxReplicas: 4 } }, merge);
    const after = await send('GET', `${path('v2')}/a`);
    expect(after.body['status']).toMatchObject({ conditions });
    expect(after.body['spec']).toMatchObject({ maxReplicas: 4 });
    expect(behaviorText).toMatchObject({ behavior: { scaleDown: { selectPolicy: 'Max' } } });
    // Through the status, the spec stays.
    const own = (await send('GET', `${path('v2')}/a`)).body['spec'];
    await send('PATCH', `${path('v1')}/a/status`, { metadata: { annotations: null }, status: { currentReplicas: 2 } }, merge);
    expect((await send('GET', `${path('v2')}/a`)).body['spec']).toEqual(own);
  });

  test('an annotation that stands for a field is not shown with metadata alone', async () => {
    const { send } = await start();
    const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
    const spec = { selector: { matchLabels: { a: 'b' } }, template };
    const sets = '/apis/apps/v1/namespaces/default/daemonsets';
    const { body } = await send('POST', sets, { apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: { name: 'a' }, spec });
    expect(body.metadata.annotations).toEqual({ 'deprecated.daemonset.template.generation': '1' });
    const alone = await send('GET', `${sets}/a`, undefined, { accept: 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io' });
    expect(alone.body.metadata).toMatchObject({ name: 'a', generation: 1 });
    expect(alone.body.metadata.annotations).toBeUndefined();
  });
});

describe('watch', () => {
  test('shows what is there, then what happens, and objects that leave the selection as deleted', async () => {
    const { api: served, send } = await start();
    await send('POST', maps, configMap('a', { labels: { on: 'yes' } }));
    const gone = new AbortController();
    const response = await served.handle(aRequest('GET', `${maps}?watch=1&labelSelector=on%3Dyes`, undefined, {}, gone.signal), {});
    const events = readEvents(response.body as AsyncIterable<Uint8Array>);
    expect(await events.next()).toMatchObject({ type: 'ADDED', object: { metadata: { name: 'a' } } });
    await send('POST', maps, configMap('b', { labels: { on: 'no' } }));
    await send('PATCH', `${maps}/b`, { metadata: { labels: { on: 'yes' } } }, merge);
    expect(await events.next()).toMatchObject({ type: 'ADDED', object: { metadata: { name: 'b' } } });
    const left = await send('PATCH', `${maps}/a`, { metadata: { labels: { on: 'no' } } }, merge);
    expect(await events.next()).toMatchObject({
      type: 'DELETED',
      object: { metadata: { name: 'a', labels: { on: 'yes' }, resourceVersion: left.body.metadata.resourceVersion } },
    });
    gone.abort();
    expect(await events.next()).toBeUndefined();
  });

  test('from a revision, with bookmarks, until its time is up', async () => {
    const { api: served, send, clock } = await start();
    const { body } = await send('POST', maps, configMap('a'));
    const path = `${maps}?watch=1&resourceVersion=${body.metadata.resourceVersion}&allowWatchBookmarks=true&timeoutSeconds=90`;
    const response = await served.handle(aRequest('GET', path), {});
    const events = readEvents(response.body as AsyncIterable<Uint8Array>);
    const first = events.next();
    await send('POST', maps, configMap('b'));
    expect(await first).toMatchObject({ type: 'ADDED', object: { metadata: { name: 'b' } } });
    const bookmark = events.next();
    await clock.settle();
    clock.advance(60_000);
    expect(await bookmark).toMatchObject({ type: 'BOOKMARK', object: { kind: 'ConfigMap' } });
    const end = events.next();
    await clock.settle();
    clock.advance(30_000);
    expect(await end).toBeUndefined();
  });

  test('the initial list ends with its bookmark', async () => {
    const { api: served, send } = await start();
    await send('POST', maps, configMap('a'));
    const path = `${maps}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`;
    const response = await served.handle(aRequest('GET', path), {});
    const events = readEvents(response.body as AsyncIterable<Uint8Array>);
    expect(await events.next()).toMatchObject({ type: 'ADDED' });
    expect(await events.next()).toMatchObject({
      type: 'BOOKMARK',
      object: { metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } } },
    });
    await events.close();
  });
});

describe('doors', () => {
  test('what is not there and what cannot be done', async () => {
    const { send } = await start();
    expect((await send('GET', '/api/v1/widgets')).status).toBe(404);
    expect((await send('PATCH', maps, {}, merge)).status).toBe(405);
    expect((await send('POST', maps, 'x', { 'content-type': 'text/plain' })).status).toBe(415);
    expect((await send('PATCH', `${maps}/a`, {}, { 'content-type': 'application/json' })).status).toBe(415);
    expect((await send('GET', maps, undefined, { accept: 'application/xml' })).status).toBe(406);
    expect((await send('GET', maps, undefined, { accept: 'application/cbor,application/json' })).status).toBe(200);
  });

  test('an unexpected failure reveals nothing and is logged with its cause', async () => {
    api = await anApi(
      () => [
        {
          name: 'Broken',
          admit: async () => {
            throw new Error('secret detail');
          },
        },
      ],
      false,
    );
    const { body } = await api.send('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'x' } });
    expect(body.code).toBe(500);
    expect(JSON.stringify(body)).not.toContain('secret detail');
    expect(api.logged.some(line => line.includes('secret detail'))).toBe(true);
  });

  test('in-process clients go the same way', async () => {
    const { api: served, send } = await start();
    const client = served.clients.as('test-controller');
    const made = await client.create('configmaps', { ...configMap('a'), metadata: { name: 'a', namespace: 'default' } });
    expect(made.metadata).toMatchObject({ name: 'a', managedFields: [{ manager: 'test-controller' }] });
    await client.patch('configmaps', 'default', 'a', 'merge', { data: { two: '2' } });
    expect((await send('GET', `${maps}/a`)).body.data).toEqual({ one: '1', two: '2' });
    await send('POST', pods, pod('p'));
    const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'p' }, target: { kind: 'Node', name: 'n1' } };
    await client.createSubresource('pods', 'default', 'p', 'binding', binding, { guards: [{ row: 'nodes/n1', seen: 0 }] });
    expect((await send('GET', `${pods}/p`)).body.spec.nodeName).toBe('n1');
    await send('POST', pods, pod('q'));
    await expect(
      client.createSubresource(
        'pods',
        'default',
        'q',
        'binding',
        { ...binding, metadata: { name: 'q' } },
        { guards: [{ row: 'nodes/n1', seen: 0 }] },
      ),
    ).rejects.toMatchObject({ reason: 'Conflict' });
    await client.delete('configmaps', 'default', 'a');
    await expect(client.get('configmaps', 'default', 'a')).rejects.toMatchObject({ reason: 'NotFound' });
  });

  test('what readers see though it is not stored is stored by the next write, which is a change', async () => {
    api = await anApi(parts => admissionPlugins(parts));
    const claims = '/api/v1/namespaces/default/persistentvolumeclaims';
    const claim = {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'c' },
      spec: { accessModes: ['ReadWriteOnce'], storageClassName: 's', resources: { requests: { storage: '1Gi' } } },
    };
    const made = (await api.send('POST', claims, claim)).body;
    expect(made['status']).toEqual({ phase: 'Pending' });
    const listed = (await api.send('GET', claims)).body as unknown as { items: { status: unknown }[] };
    expect(listed.items[0]?.status).toEqual({ phase: 'Pending' });
    const touch = async () =>
      (await api.send('PATCH', `${claims}/c`, {}, { 'content-type': 'application/merge-patch+json' })).body.metadata.resourceVersion;
    const first = await touch();
    expect(first).not.toBe(made.metadata.resourceVersion);
    expect(await touch()).toBe(first);
  });

  test('claims of an allocator are made in the commit of the object, again when one is lost', async () => {
    let attempts = 0;
    api = await anApi(
      parts => admissionPlugins(parts),
      true,
      () => [
        {
          resource: 'configmaps',
          async complete(next, _previous, { attempt }) {
            attempts = attempt + 1;
            next['data'] = { row: attempt === 0 ? 'taken' : 'free' };
          },
          async claim(next) {
            if (!next) return { mutations: [] };
            const { row } = next['data'] as { row: string };
            const key = { resource: 'rows', namespace: '', name: row };
            return { mutations: [{ type: 'put', key, expected: 0, value: () => Buffer.from('{"metadata":{}}') }] };
          },
        },
      ],
    );
    await api.log.commit([
      { type: 'put', key: { resource: 'rows', namespace: '', name: 'taken' }, expected: 0, value: () => Buffer.from('{"metadata":{}}') },
    ]);
    const { body } = await api.send('POST', maps, configMap('a'));
    expect(body.data).toEqual({ row: 'free' });
    expect(attempts).toBe(2);
  });
});

const readEvents = (body: AsyncIterable<Uint8Array>) => {
  const chunks = body[Symbol.asyncIterator]();
  let text = '';
  return {
    async next(): Promise<{ type: string; object: Record<string, unknown> } | undefined> {
      while (!text.includes('\n')) {
        const { value, done } = await chunks.next();
        if (done) return undefined;
        text += Buffer.from(value).toString('utf8');
      }
      const line = text.slice(0, text.indexOf('\n'));
      text = text.slice(line.length + 1);
      return JSON.parse(line);
    },
    close: () => chunks.return?.(),
  };
};
