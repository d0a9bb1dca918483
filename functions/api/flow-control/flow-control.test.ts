import { afterEach, describe, expect, test } from '@jest/globals';
import { builtInRegistry } from '../../../kinds/registry.ts';
import { bootstrapObjects } from '../../../kinds/schema/data.ts';
import { memoryLog } from '../../../store/memory.ts';
import { createReplicas } from '../../../store/replica-on-log.ts';
import { createApi } from '../api.ts';
import { bootstrap } from '../bootstrap.ts';
import { answerText, aRequest, ManualClock, seededRandom } from '../testing.ts';
import type { ApiResponse, User } from '../types.ts';
import { dumpFlowControl } from './dump.ts';
import { flowControl } from './flow-control.ts';
import { extentIn } from './seats.ts';

const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, child: () => quiet };
const addresses = { serviceCidr: '10.96.0.0/16', apiServiceIp: '10.96.0.1', advertise: { host: '192.0.2.1', port: 6443 } };
const users: Record<string, User> = {
  admin: { name: 'admin', groups: ['system:masters', 'system:authenticated'] },
  noisy: { name: 'noisy', groups: ['system:authenticated'] },
  quiet: { name: 'quiet', groups: ['system:authenticated'] },
};
const group = '/apis/flowcontrol.apiserver.k8s.io/v1';

/** A cluster as it begins, with a page `/work` that is being answered until the test says so. */
const aCluster = async (seats: number) => {
  const clock = new ManualClock();
  const random = seededRandom();
  const log = memoryLog({ clock });
  const replicas = createReplicas(log, { logger: quiet });
  const registry = builtInRegistry();
  await bootstrap({ log, registry, facts: bootstrapObjects(), addresses, clock, random });
  const fair = await flowControl({
    replicas,
    seats,
    bootstrap: bootstrapObjects(),
    extent: extentIn(registry, replicas),
    clock,
    logger: quiet,
  });
  const working: { readonly who: string; finish(): void }[] = [];
  const api = createApi({
    log,
    replicas,
    registry,
    authenticators: [{ authenticate: async request => users[request.headers.get('x-user') ?? 'admin'] }],
    authorizer: { authorize: async ({ path }) => ({ allowed: path !== '/secret', reason: '' }) },
    nonResource: async (_, __, user) => {
      await new Promise<void>(resolve => working.push({ who: user.name, finish: resolve }));
      return { status: 200, headers: {}, body: 'done' };
    },
    admission: [],
    allocators: [],
    flowControl: fair,
    clock,
    random,
    logger: quiet,
  });
  const send = (who: string, method: string, url: string, body?: unknown, signal?: AbortSignal): Promise<ApiResponse> =>
    api.handle(aRequest(method, url, body, { 'x-user': who }, signal), {});
  const level = (name: string) => fair.levels().find(({ spec }) => spec.name === name)?.requests;
  return { clock, replicas, log, fair, send, working, level };
};

/** Sends what the noisy one asks to a level of its own with one seat. */
const noise = {
  apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
  kind: 'FlowSchema',
  metadata: { name: 'noise' },
  spec: {
    matchingPrecedence: 50,
    priorityLevelConfiguration: { name: 'tiny' },
    rules: [
      {
        subjects: [{ kind: 'User', user: { name: 'noisy' } }],
        nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['/work'] }],
      },
    ],
  },
};
const tiny = (limitResponse: object) => ({
  apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
  kind: 'PriorityLevelConfiguration',
  metadata: { name: 'tiny' },
  spec: { type: 'Limited', limited: { nominalConcurrencyShares: 1, limitResponse, borrowingLimitPercent: 0 } },
});

let open: Awaited<ReturnType<typeof aCluster>> | undefined;
const start = async (seats: number) => {
  open = await aCluster(seats);
  return open;
};
afterEach(async () => {
  for (let i = 0; i < 3; i++) {
    for (const { finish } of open?.working.splice(0) ?? []) finish();
    await open?.clock.settle();
  }
  await open?.replicas.close();
  await open?.log.close();
});

describe('answers', () => {
  test('say by uid under which schema and level they fell, refusals and misses too', async () => {
    const { send } = await start(200);
    const schema = JSON.parse(answerText(await send('admin', 'GET', `${group}/flowschemas/global-default`)));
    const level = JSON.parse(answerText(await send('admin', 'GET', `${group}/prioritylevelconfigurations/global-default`)));
    const expected = {
      'x-kubernetes-pf-flowschema-uid': schema.metadata.uid,
      'x-kubernetes-pf-prioritylevel-uid': level.metadata.uid,
    };
    for (const [url, status] of [
      ['/api/v1/namespaces/default', 200],
      ['/api/v1/namespaces/missing', 404],
      ['/secret', 403],
    ] as const) {
      const { status: given, headers } = await send('quiet', 'GET', url);
      expect(given).toBe(status);
      expect(headers).toMatchObject(expected);
    }
  });

  test('requests that last are in no level', async () => {
    const { send } = await start(200);
    const { headers } = await send('quiet', 'GET', '/api/v1/namespaces/default/pods/missing/log');
    expect(headers).not.toHaveProperty('x-kubernetes-pf-flowschema-uid');
  });
});

describe('a noisy client', () => {
  test('fills its own queues and is refused; another is served before what the first has waiting, administrators at once', async () => {
    const { send, working, clock, level } = await start(40);
    const noisy = Array.from({ length: 400 }, () => send('noisy', 'GET', '/work'));
    await clock.settle();
    const seats = working.length;
    expect(seats).toBeLessThan(40);
    expect(seats).toBeGreaterThan(0);
    const other = send('quiet', 'GET', '/work');
    const admin = send('admin', 'GET', '/work');
    await clock.settle();
    // No seat is free for the other one, the administrator needs none.
    expect(working.map(({ who }) => who).slice(seats)).toEqual(['admin']);
    const before = working.length;
    for (const { finish } of working.splice(0, 2)) finish();
    await clock.settle();
    // Two seats, one for each: hundreds of the noisy one have been waiting longer.
    expect(
      working
        .slice(before - 2)
        .map(({ who }) => who)
        .sort(),
    ).toEqual(['noisy', 'quiet']);
    // Six queues of a hand, fifty in each, and those that began.
    const refused = 400 - seats - 300;
    expect(level('global-default')?.counts.rejected).toBe(refused);
    for (;;) {
      const batch = working.splice(0);
      if (batch.length === 0) break;
      for (const { finish } of batch) finish();
      await clock.settle();
    }
    const answers = await Promise.all([...noisy, other, admin]);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(400 - refused + 2);
    const [rejected] = answers.filter(({ status }) => status === 429);
    expect(rejected).toMatchObject({
      headers: { 'retry-after': expect.any(String), 'content-type': 'text/plain; charset=utf-8' },
      body: 'Too many requests, please try again later.\n',
    });
    expect(level('global-default')).toMatchObject({ idle: true, seatsInUse: 0 });
  });

  test('who waits too long is refused, who goes away waits no more, and neither begins', async () => {
    const { send, working, clock, level } = await start(100);
    await send('admin', 'POST', `${group}/flowschemas`, noise);
    const queue = { type: 'Queue', queuing: { queues: 1, handSize: 1, queueLengthLimit: 10 } };
    await send('admin', 'POST', `${group}/prioritylevelconfigurations`, tiny(queue));
    const gone = new AbortController();
    const answers = [undefined, gone.signal, undefined].map(signal => send('noisy', 'GET', '/work', undefined, signal));
    await clock.settle();
    expect(level('tiny')).toMatchObject({ waiting: 2, working: 1 });
    gone.abort();
    clock.advance(15_000);
    await clock.settle();
    expect(working).toHaveLength(1);
    expect(level('tiny')).toMatchObject({ waiting: 0, counts: { timedOut: 1, cancelled: 1 } });
    working.splice(0)[0]?.finish();
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 429, 429]);
  });

  test('borrows within ten seconds what other levels lend', async () => {
    const { send, working, clock } = await start(100);
    for (let i = 0; i < 200; i++) void send('noisy', 'GET', '/work');
    await clock.settle();
    const before = working.length;
    clock.advance(10_000);
    await clock.settle();
    expect(working.length).toBeGreaterThan(2 * before);
    // What workload-high and the other levels do not lend stays theirs.
    expect(working.length).toBeLessThan(80);
  });
});

describe('watches and lists', () => {
  test('a watch holds its seats until it has begun', async () => {
    const { send, level, clock } = await start(200);
    const ending = new AbortController();
    const { body } = await send('quiet', 'GET', '/api/v1/namespaces?watch=1', undefined, ending.signal);
    expect(level('global-default')?.seatsInUse).toBe(1);
    const events = (body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
    await events.next();
    const more = events.next();
    await clock.settle();
    expect(level('global-default')?.seatsInUse).toBe(0);
    ending.abort();
    expect((await more).done).toBe(true);
  });

  test('one whose client is gone before it was read gives them back', async () => {
    const { send, level } = await start(200);
    const ending = new AbortController();
    await send('quiet', 'GET', '/api/v1/namespaces?watch=1', undefined, ending.signal);
    ending.abort();
    expect(level('global-default')?.seatsInUse).toBe(0);
  });

  test('a long list is wider than a short one, up to what its level allows', async () => {
    const { send, fair, replicas } = await start(2000);
    const data = { text: 'x'.repeat(50_000) };
    for (let i = 0; i < 30; i++)
      await send('admin', 'POST', '/api/v1/namespaces/default/configmaps', {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: `m${i}` },
        data,
      });
    await replicas.open('configmaps');
    const maps = '/api/v1/namespaces/default/configmaps';
    const widest: number[] = [];
    const level = fair.levels().find(({ spec }) => spec.name === 'global-default');
    const begin = level?.requests.start.bind(level.requests);
    if (!level || !begin) throw new Error('no level');
    level.requests.start = (flow, seats, about) => {
      widest.push(seats);
      return begin(flow, seats, about);
    };
    for (const url of [
      maps,
      `${maps}?limit=4`,
      `${maps}/m1`,
      `${maps}?fieldSelector=metadata.name%3Dm1`,
      '/api/v1/namespaces/kube-system/configmaps',
    ])
      await send('quiet', 'GET', url);
    expect(widest).toEqual([10, 3, 1, 1, 1]);
  });
});

describe('configuration', () => {
  test('a new schema and level hold from the next request on; without its level a schema does not count', async () => {
    const { send, level, working, clock } = await start(100);
    expect((await send('admin', 'POST', `${group}/flowschemas`, noise)).status).toBe(201);
    void send('noisy', 'GET', '/work');
    await clock.settle();
    expect(level('global-default')?.working).toBe(1);
    expect((await send('admin', 'POST', `${group}/prioritylevelconfigurations`, tiny({ type: 'Reject' }))).status).toBe(201);
    const first = send('noisy', 'GET', '/work');
    await clock.settle();
    expect(working).toHaveLength(2);
    expect((await send('noisy', 'GET', '/work')).status).toBe(429);
    // Gone while it works: what is in it ends in it, what comes goes elsewhere.
    await send('admin', 'DELETE', `${group}/prioritylevelconfigurations/tiny`);
    void send('noisy', 'GET', '/work');
    await clock.settle();
    expect(level('global-default')?.working).toBe(2);
    for (const { finish } of working.splice(0)) finish();
    expect((await first).status).toBe(200);
  });

  test('the mandatory ones are in force even where they were deleted', async () => {
    const { send, working, clock } = await start(1);
    for (const name of ['exempt', 'catch-all']) {
      await send('admin', 'DELETE', `${group}/flowschemas/${name}`);
      await send('admin', 'DELETE', `${group}/prioritylevelconfigurations/${name}`);
    }
    for (let i = 0; i < 20; i++) void send('admin', 'GET', '/work');
    await clock.settle();
    expect(working).toHaveLength(20);
  });
});

test('the debugging pages', async () => {
  const { send, fair, clock } = await start(10);
  for (let i = 0; i < 5; i++) void send('noisy', 'GET', '/work');
  await clock.settle();
  const levels = dumpFlowControl(fair, 'dump_priority_levels', false)?.split('\n') ?? [];
  expect(levels[0]?.startsWith('PriorityLevelName, ActiveQueues, IsIdle, ')).toBe(true);
  expect(levels.find(line => line.startsWith('global-default'))).toMatch(/^global-default, {4}\d, {12}false, {2}false, {7}\d, /);
  const requests = dumpFlowControl(fair, 'dump_requests', true)?.split('\n') ?? [];
  expect(requests.filter(line => line.includes('/work'))).toHaveLength(5);
  expect(dumpFlowControl(fair, 'dump_queues', false)?.split('\n').length).toBe(2 + 128 * 3 + 64 * 2 + 16);
  expect(dumpFlowControl(fair, 'constructor', false)).toBeUndefined();
});
