import { describe, expect, jest, test } from '@jest/globals';
import * as fc from 'fast-check';
import type { Logger } from '../kinds/environment.ts';
import { committed, keyOf, remove, write } from '../test/contract/log-contract.ts';
import { ManualClock } from '../test/manual-clock.ts';
import { silent } from '../test/silent.ts';
import type { Change, Log, Mutation } from './log.ts';
import { ExpiredError, StoreUnavailableError } from './log.ts';
import { memoryLog } from './memory.ts';
import type { Replica, ReplicaEvent } from './replica.ts';
import { createReplicas } from './replica-on-log.ts';

interface Body {
  readonly labels?: Record<string, string>;
  readonly owners?: readonly string[];
  readonly node?: string;
  readonly pad?: string;
}

const put = (name: string, expected: number, body: Body = {}, namespace = 'default'): Mutation => ({
  type: 'put',
  key: keyOf('pods', name, namespace),
  expected,
  value: revision =>
    Buffer.from(
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: {
          name,
          namespace,
          resourceVersion: String(revision),
          labels: body.labels,
          ownerReferences: body.owners?.map(uid => ({ uid })),
        },
        spec: { nodeName: body.node, pad: body.pad },
      }),
    ),
});

const names = (entries: readonly { readonly namespace: string; readonly name: string }[]): string[] =>
  entries.map(({ namespace, name }) => `${namespace}/${name}`);
const told = (events: readonly ReplicaEvent[]) =>
  events.map(
    ({ type, entry, previous }) => `${type} ${entry.name}@${entry.revision}${previous === undefined ? '' : ` after ${previous.revision}`}`,
  );

const aLog = () => {
  const clock = new ManualClock();
  return { log: memoryLog({ clock }), clock };
};
const aReplica = async (log: Log, logger: Logger = silent): Promise<Replica> => createReplicas(log, { logger }).open('pods');

/** A log that hands nothing over, or only says that something happened, as adapters may. */
const quiet = (log: Log, how: 'never' | 'hints'): Log => ({
  commit: (...args) => log.commit(...args),
  guard: row => log.guard(row),
  get: key => log.get(key),
  load: resource => log.load(resource),
  tail: (...args) => log.tail(...args),
  head: resource => log.head(resource),
  subscribe: (resource, listener) => (how === 'never' ? () => {} : log.subscribe(resource, () => listener([]))),
  rewrite: (...args) => log.rewrite(...args),
  resources: () => log.resources(),
  close: () => log.close(),
});

/** The next so many events of a watch. */
async function take(replica: Replica, after: number, count: number): Promise<{ events: ReplicaEvent[]; revision: number }> {
  const events: ReplicaEvent[] = [];
  let revision = after;
  for await (const batch of replica.watch(after, new AbortController().signal)) {
    events.push(...batch.events);
    revision = batch.revision;
    if (events.length >= count) break;
  }
  return { events, revision };
}

describe('reading', () => {
  test('an empty resource: nothing, at its head', async () => {
    const { log } = aLog();
    const replica = await aReplica(log);
    expect(replica.revision).toBe(await log.head('pods'));
    expect(replica.list()).toEqual([]);
    expect(await replica.sync()).toBe(replica.revision);
  });

  test('what was there, and what comes, sorted by namespace and name', async () => {
    const { log } = aLog();
    await write(log, put('b', 0));
    await write(log, put('a', 0, {}, 'zoo'));
    const replica = await aReplica(log);
    await write(log, put('a', 0));
    const c = await write(log, put('c', 0, {}, ''));
    expect(await replica.sync()).toBe(c);
    expect(names(replica.list())).toEqual(['/c', 'default/a', 'default/b', 'zoo/a']);
    expect(names(replica.list({ namespace: 'default' }))).toEqual(['default/a', 'default/b']);
    expect(replica.list({ namespace: 'absent' })).toEqual([]);
    expect(replica.get('default', 'a')?.object.metadata.name).toBe('a');
    expect(replica.get('default', 'absent')).toBeUndefined();
    expect(Buffer.from(replica.get('', 'c')?.bytes ?? '').toString()).toContain(`"resourceVersion":"${c}"`);
  });

  test('a list handed out stays as it was', async () => {
    const { log } = aLog();
    const a = await write(log, put('a', 0));
    const replica = await aReplica(log);
    const all = replica.list();
    const some = replica.list({ namespace: 'default' });
    await write(log, put('b', 0));
    await write(log, remove(keyOf('pods', 'a'), a));
    expect(names(all)).toEqual(['default/a']);
    expect(names(some)).toEqual(['default/a']);
    expect(names(replica.list())).toEqual(['default/b']);
  });

  test('by label, owner and node, before and after changes', async () => {
    const { log } = aLog();
    const a = await write(log, put('a', 0, { labels: { app: 'x', tier: 'front' }, owners: ['o1', 'o2', 'o1'], node: 'n1' }));
    await write(log, put('b', 0, { labels: { app: 'x' }, owners: ['o1'] }, 'other'));
    const replica = await aReplica(log);
    expect(names(replica.list({ labels: { app: 'x' } }))).toEqual(['default/a', 'other/b']);
    expect(names(replica.list({ labels: { app: 'x', tier: 'front' } }))).toEqual(['default/a']);
    expect(names(replica.list({ labels: { app: 'x' }, namespace: 'other' }))).toEqual(['other/b']);
    expect(replica.list({ labels: { constructor: 'x' } })).toEqual([]);
    expect(names(replica.list({ ownerUid: 'o1' }))).toEqual(['default/a', 'other/b']);
    expect(names(replica.list({ nodeName: 'n1' }))).toEqual(['default/a']);
    const a2 = await write(log, put('a', a, { labels: { app: 'y' }, owners: ['o2'], node: 'n2' }));
    expect(names(replica.list({ labels: { app: 'x' } }))).toEqual(['other/b']);
    expect(names(replica.list({ labels: { app: 'y' }, ownerUid: 'o2', nodeName: 'n2', namespace: 'default' }))).toEqual(['default/a']);
    expect(replica.list({ nodeName: 'n1' })).toEqual([]);
    expect(replica.list({ labels: { tier: 'front' } })).toEqual([]);
    await write(log, remove(keyOf('pods', 'a'), a2));
    expect(replica.list({ ownerUid: 'o2' })).toEqual([]);
    expect(replica.list({ labels: { app: 'y' } })).toEqual([]);
  });

  test('more label keys than are indexed at once still answer rightly', async () => {
    const { log } = aLog();
    await write(log, put('a', 0, { labels: Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`k${i}`, 'v'])) }));
    const replica = await aReplica(log);
    for (let i = 0; i < 41; i++) expect(replica.list({ labels: { [`k${i}`]: 'v' } })).toHaveLength(i < 40 ? 1 : 0);
    expect(replica.list({ labels: { k0: 'v', k1: 'v', k39: 'w' } })).toHaveLength(0);
  });

  test('parsed objects beyond the limit are parsed again, the same', async () => {
    const { log } = aLog();
    for (let i = 0; i < 50; i++) await write(log, put(`p${i}`, 0, { pad: 'x'.repeat(100) }));
    const replica = await createReplicas(log, { logger: silent, parsedBytes: 2000 }).open('pods');
    for (let round = 0; round < 3; round++) {
      for (const entry of replica.list()) expect(entry.object.metadata.name).toBe(entry.name);
    }
    const [first] = replica.list();
    expect(first?.object).toBe(first?.object);
  });

  test('many at once share one load', async () => {
    const { log } = aLog();
    await write(log, put('a', 0));
    const load = jest.spyOn(log, 'load');
    const replicas = createReplicas(log, { logger: silent });
    expect(replicas.loaded('pods')).toBeUndefined();
    const opened = await Promise.all(Array.from({ length: 10 }, () => replicas.open('pods')));
    expect(new Set(opened).size).toBe(1);
    expect(load).toHaveBeenCalledTimes(1);
    expect(replicas.loaded('pods')).toBe(opened[0]);
    await replicas.close();
    await expect(replicas.open('pods')).rejects.toThrow('closed');
  });

  test('a load that failed is tried again by the next to ask', async () => {
    const { log } = aLog();
    await write(log, put('a', 0));
    jest.spyOn(log, 'load').mockImplementationOnce(() => {
      throw new StoreUnavailableError('not now', false);
    });
    const replicas = createReplicas(log, { logger: silent });
    await expect(replicas.open('pods')).rejects.toThrow('not now');
    expect(names((await replicas.open('pods')).list())).toEqual(['default/a']);
  });
});

describe('following', () => {
  test.each(['never', 'hints'] as const)('a log that hands nothing over (%s) is read to its head by sync', async how => {
    const { log } = aLog();
    const replica = await aReplica(quiet(log, how));
    const seen: string[] = [];
    replica.subscribe(events => seen.push(...told(events)));
    const a = await write(log, put('a', 0));
    const a2 = await write(log, put('a', a));
    await Promise.all([replica.sync(), replica.sync()]);
    expect(replica.get('default', 'a')?.revision).toBe(a2);
    expect(seen).toEqual([`ADDED a@${a}`, `MODIFIED a@${a2} after ${a}`]);
  });

  test('up to date, sync asks for the head and nothing else', async () => {
    const { log } = aLog();
    await write(log, put('a', 0));
    const replica = await aReplica(log);
    await write(log, put('b', 0));
    const tail = jest.spyOn(log, 'tail');
    const head = jest.spyOn(log, 'head');
    await replica.sync();
    expect(head).toHaveBeenCalledTimes(1);
    expect(tail).not.toHaveBeenCalled();
  });

  test('changes handed over while it loads or catches up leave no gap', async () => {
    const { log } = aLog();
    await write(log, put('p0', 0));
    const tail = log.tail.bind(log);
    let listener: (changes: readonly Change[]) => void = () => {};
    const replica = await aReplica({
      ...quiet(log, 'never'),
      subscribe: (_, own) => {
        listener = own;
        return () => {};
      },
    });
    // The replica reads the tail up to p1; p2 is handed over before that read has ended, p3 right after.
    const one = await write(log, put('p1', 0));
    let release = (): void => {};
    const held = new Promise<void>(resolve => {
      release = resolve;
    });
    const reading = new Promise<void>(resolve => {
      jest.spyOn(log, 'tail').mockImplementationOnce(async (...args) => {
        const changes = await tail(...args);
        resolve();
        await held;
        return changes;
      });
    });
    const syncing = replica.sync();
    await reading;
    await write(log, put('p2', 0));
    listener(await tail('pods', one));
    release();
    await syncing;
    const three = await write(log, put('p3', 0));
    listener(await tail('pods', three - 1));
    for (let i = 0; i < 100 && replica.revision < three; i++) await Promise.resolve();
    expect(names(replica.list())).toEqual(['default/p0', 'default/p1', 'default/p2', 'default/p3']);
  });

  test('a change handed over right after those missed during the load does not hide them', async () => {
    const { log } = aLog();
    const start = await write(log, put('p0', 0));
    let listener: (changes: readonly Change[]) => void = () => {};
    const tail = log.tail.bind(log);
    const steps = quiet(log, 'never');
    let heads = 0;
    const replica = await aReplica({
      ...steps,
      async *load(resource) {
        yield* steps.load(resource);
        const one = await write(log, put('p1', 0));
        listener(await tail(resource, start));
        expect(one).toBeGreaterThan(start);
      },
      async head(resource) {
        heads += 1;
        // The second is asked for when the load has ended.
        if (heads === 2) {
          const two = await write(log, put('p2', 0));
          listener(await tail(resource, two - 1));
        }
        return log.head(resource);
      },
      subscribe: (_, own) => {
        listener = own;
        return () => {};
      },
    });
    expect(names(replica.list())).toEqual(['default/p0', 'default/p1', 'default/p2']);
  });

  test('a change handed over just when catching up ends is not forgotten', async () => {
    const { log } = aLog();
    let listener: (changes: readonly Change[]) => void = () => {};
    let until = 0;
    const replica = await aReplica({
      ...quiet(log, 'never'),
      head: async resource => (until > 0 ? until : log.head(resource)),
      tail: async (resource, after) => (await log.tail(resource, after)).filter(({ revision }) => until === 0 || revision <= until),
      subscribe: (_, own) => {
        listener = own;
        return () => {};
      },
    });
    until = await write(log, put('p1', 0));
    const two = await write(log, put('p2', 0));
    const changes = await log.tail('pods', two - 1);
    const unsubscribe = replica.subscribe(() => {
      unsubscribe();
      // After the replica has seen that it is where it wanted to be, before it knows that it has ended.
      queueMicrotask(() => {
        until = 0;
        listener(changes);
      });
    });
    await replica.sync();
    for (let i = 0; i < 50; i++) await Promise.resolve();
    expect(names(replica.list())).toEqual(['default/p1', 'default/p2']);
  });

  test('one subscriber that throws does not keep the others from hearing', async () => {
    const { log } = aLog();
    const errors: string[] = [];
    const logger: Logger = { ...silent, error: message => errors.push(message), child: () => logger };
    const replica = await aReplica(log, logger);
    const seen: string[] = [];
    replica.subscribe(() => {
      throw new Error('bad');
    });
    const unsubscribe = replica.subscribe(events => seen.push(...told(events)));
    const a = await write(log, put('a', 0));
    unsubscribe();
    await write(log, put('b', 0));
    expect(seen).toEqual([`ADDED a@${a}`]);
    expect(errors).toHaveLength(2);
  });

  test('fallen behind history it loads again and tells how things differ', async () => {
    const { log, clock } = aLog();
    const same = await write(log, put('same', 0));
    const changed = await write(log, put('changed', 0));
    const gone = await write(log, put('gone', 0));
    const replica = await aReplica(quiet(log, 'never'));
    const seen: string[] = [];
    replica.subscribe(events => seen.push(...told(events)));
    const changed2 = await write(log, put('changed', changed));
    await write(log, remove(keyOf('pods', 'gone'), gone));
    const fresh = await write(log, put('fresh', 0));
    clock.advance(3 * 3_600_000);
    const head = await write(log, put('last', 0));
    expect(await replica.sync()).toBe(head);
    expect(seen.sort()).toEqual(
      [
        `DELETED gone@${head} after ${gone}`,
        `MODIFIED changed@${changed2} after ${changed}`,
        `ADDED fresh@${fresh}`,
        `ADDED last@${head}`,
      ].sort(),
    );
    expect(replica.get('default', 'same')?.revision).toBe(same);
    await expect(take(replica, same, 1)).rejects.toThrow(ExpiredError);
  });
});

describe('watching', () => {
  test('from the past on into the present, every change once', async () => {
    const { log } = aLog();
    const a = await write(log, put('a', 0));
    const a2 = await write(log, put('a', a));
    const replica = await aReplica(log);
    const watching = take(replica, a, 3);
    const b = await write(log, put('b', 0));
    const a3 = await write(log, remove(keyOf('pods', 'a'), a2));
    const { events, revision } = await watching;
    expect(told(events)).toEqual([`MODIFIED a@${a2} after ${a}`, `ADDED b@${b}`, `DELETED a@${a3} after ${a2}`]);
    expect(revision).toBe(a3);
  });

  test('a hundred watchers see the same event objects', async () => {
    const { log } = aLog();
    const replica = await aReplica(log);
    const watchers = Array.from({ length: 100 }, () => take(replica, replica.revision, 1));
    await write(log, put('a', 0));
    const seen = await Promise.all(watchers);
    expect(new Set(seen.map(({ events }) => events[0])).size).toBe(1);
  });

  test('a slow watcher misses nothing, and costs no memory meanwhile', async () => {
    const { log } = aLog();
    const replica = await aReplica(log);
    const iterator = replica.watch(replica.revision, new AbortController().signal)[Symbol.asyncIterator]();
    const next = iterator.next();
    let revision = await write(log, put('a', 0));
    const revisions = [revision];
    const seen = (await next).value?.events.map(({ entry }: ReplicaEvent) => entry.revision) ?? [];
    // Far more than the replica keeps for all watchers together.
    for (let i = 0; i < 3000; i++) {
      revision = await write(log, put('a', revision, { pad: 'x'.repeat(1000) }));
      revisions.push(revision);
    }
    while (seen.length < revisions.length) {
      const batch = await iterator.next();
      if (batch.done) break;
      expect(batch.value.revision).toBe(batch.value.events.at(-1)?.entry.revision);
      seen.push(...batch.value.events.map(({ entry }: ReplicaEvent) => entry.revision));
    }
    expect(seen).toEqual(revisions);
    await iterator.return?.();
  });

  test('a watcher whose place in history is gone is told so', async () => {
    const { log, clock } = aLog();
    const replica = await aReplica(log);
    let revision = await write(log, put('a', 0));
    const start = revision;
    for (let i = 0; i < 1100; i++) revision = await write(log, put('a', revision));
    clock.advance(3 * 3_600_000);
    await write(log, put('b', 0));
    await expect(take(replica, start, 1)).rejects.toThrow(ExpiredError);
    expect((await take(replica, revision, 1)).events.map(({ entry }) => entry.name)).toEqual(['b']);
  });

  test('ends when its signal aborts, waiting or not, and when the replicas close', async () => {
    const { log } = aLog();
    const replicas = createReplicas(log, { logger: silent });
    const replica = await replicas.open('pods');
    const ended = async (signal: AbortSignal): Promise<number> => {
      let batches = 0;
      for await (const _ of replica.watch(replica.revision, signal)) batches += 1;
      return batches;
    };
    expect(await ended(AbortSignal.abort())).toBe(0);
    const controller = new AbortController();
    const waiting = ended(controller.signal);
    await Promise.resolve();
    controller.abort();
    expect(await waiting).toBe(0);
    const open = ended(new AbortController().signal);
    await Promise.resolve();
    await replicas.close();
    expect(await open).toBe(0);
  });
});

test('any history: replica, indexes and watch agree with the log, however it hands over', async () => {
  const step = fc.record({
    name: fc.constantFrom('a', 'b', 'c', 'd'),
    namespace: fc.constantFrom('x', 'y'),
    type: fc.constantFrom('put' as const, 'put' as const, 'delete' as const),
    app: fc.constantFrom('1', '2', undefined),
    node: fc.constantFrom('n1', 'n2', undefined),
    sync: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.constantFrom('never', 'hints', 'changes'), async (steps, how) => {
      const { log } = aLog();
      const replica = await aReplica(how === 'never' || how === 'hints' ? quiet(log, how) : log);
      const start = replica.revision;
      const state = new Map<string, { revision: number; app: string | undefined; node: string | undefined }>();
      const live: string[] = [];
      replica.subscribe(events => live.push(...told(events)));
      replica.list({ labels: { app: '1' }, nodeName: 'n1' });
      for (const { name, namespace, type, app, node, sync } of steps) {
        const id = `${namespace}/${name}`;
        const expected = state.get(id)?.revision ?? 0;
        if (type === 'delete' && expected === 0) continue;
        if (type === 'delete') {
          await write(log, { ...put(name, expected, {}, namespace), type });
          state.delete(id);
        } else {
          const body = { ...(app && { labels: { app } }), ...(node && { node }) };
          state.set(id, { revision: await write(log, put(name, expected, body, namespace)), app, node });
        }
        if (sync) await replica.sync();
      }
      await replica.sync();
      const ids = [...state.keys()].sort();
      expect(names(replica.list())).toEqual(ids);
      for (const app of ['1', '2']) {
        expect(names(replica.list({ labels: { app } }))).toEqual(ids.filter(id => state.get(id)?.app === app));
        expect(names(replica.list({ labels: { app }, namespace: 'x', nodeName: 'n1' }))).toEqual(
          ids.filter(id => id.startsWith('x/') && state.get(id)?.app === app && state.get(id)?.node === 'n1'),
        );
      }
      const count = (await log.tail('pods', start)).length;
      if (count > 0) expect(told((await take(replica, start, count)).events)).toEqual(live);
      expect(live).toHaveLength(count);
      expect(await committed(log.commit([]))).toEqual([]);
    }),
    { numRuns: 100 },
  );
});
