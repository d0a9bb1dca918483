import { afterEach, expect, test } from '@jest/globals';
import type { Log } from '../../store/log.ts';
import { memoryLog } from '../../store/memory.ts';
import type { Replicas } from '../../store/replica.ts';
import { createReplicas } from '../../store/replica-on-log.ts';
import type { Client } from '../client.ts';
import { type ControllerHost, type ControllerOptions, startControllers } from './host.ts';
import type { Key, Reconciler } from './reconciler.ts';
import { aConfigMap, aPod } from './testing/builders.ts';
import { fakeClients } from './testing/fake-clients.ts';
import { memoryLogger, seededRandom, virtualClock } from './testing/virtual-time.ts';

interface Fixture {
  log: Log;
  admin: Client;
  replicas: Replicas;
  logger: ReturnType<typeof memoryLogger>;
  start(reconcilers: Reconciler[], more?: Partial<ControllerOptions>): Promise<ControllerHost>;
}
const hosts: ControllerHost[] = [];
afterEach(async () => {
  for (const host of hosts.splice(0)) await host.close();
});

const fixture = (): Fixture => {
  const clock = virtualClock();
  const random = seededRandom();
  const log = memoryLog({ clock });
  const clients = fakeClients({ log, clock, random });
  const logger = memoryLogger();
  const replicas = createReplicas(log, { logger });
  return {
    log,
    logger,
    replicas,
    admin: clients.asUser('admin'),
    async start(reconcilers, more = {}) {
      const host = await startControllers({ reconcilers, replicas, clients, log, clock, random, logger, ...more });
      hosts.push(host);
      return host;
    },
  };
};

const recording = (more: Partial<Reconciler> = {}): Reconciler & { keys: Key[] } => {
  const keys: Key[] = [];
  return {
    name: 'test',
    keys,
    watches: [{ resource: 'configmaps' }],
    async reconcile(key) {
      keys.push(key);
      return undefined;
    },
    ...more,
  };
};
const quiet = async (host: ControllerHost): Promise<void> => {
  for (let i = 0; i < 3; i++) {
    await host.idle();
    await new Promise(resolve => setImmediate(resolve));
  }
};

test('at start every key is looked at, afterwards those that change', async () => {
  const { admin, start } = fixture();
  await admin.create('configmaps', aConfigMap('a'));
  await admin.create('configmaps', aConfigMap('b'));
  const reconciler = recording();
  const host = await start([reconciler]);
  await quiet(host);
  expect(reconciler.keys).toEqual(['default/a', 'default/b']);
  await admin.delete('configmaps', 'default', 'a');
  await quiet(host);
  expect(reconciler.keys).toEqual(['default/a', 'default/b', 'default/a']);
});

test('a watch may map changes to other keys, and one that fails hurts no other', async () => {
  const { admin, start, logger } = fixture();
  const broken = recording({
    name: 'broken',
    watches: [
      {
        resource: 'configmaps',
        keys: () => {
          throw new Error('oops');
        },
      },
    ],
  });
  const mapped = recording({ watches: [{ resource: 'configmaps', keys: ({ entry }) => [`x/${entry.name}`, `y/${entry.name}`] }] });
  const host = await start([broken, mapped]);
  await admin.create('configmaps', aConfigMap('a'));
  await quiet(host);
  expect(mapped.keys).toEqual(['x/a', 'y/a']);
  expect(logger.lines.map(({ level }) => level)).toContain('error');
});

test('what it writes itself comes back without a wait', async () => {
  const { admin, start } = fixture();
  const second = recording({ name: 'second', watches: [{ resource: 'pods' }] });
  const first: Reconciler = {
    name: 'first',
    watches: [{ resource: 'configmaps' }],
    async reconcile(_, { client }) {
      await client.create('pods', aPod('made').build());
      return undefined;
    },
  };
  const host = await start([first, second]);
  await admin.create('configmaps', aConfigMap('a'));
  await quiet(host);
  expect(second.keys).toEqual(['default/made']);
});

test('changes from elsewhere are taken twice, late and without a start-up sweep', async () => {
  const { admin, start, replicas } = fixture();
  await admin.create('configmaps', aConfigMap('old'));
  const reconciler = recording();
  const host = await start([reconciler], { initial: false });
  await quiet(host);
  expect(reconciler.keys).toEqual([]);
  const entry = (await replicas.open('configmaps')).get('default', 'old');
  if (!entry) throw new Error('not loaded');
  const event = { type: 'ADDED', entry } as const;
  await host.enqueue('configmaps', [event, event]);
  await host.enqueue('secrets', [event]);
  await quiet(host);
  expect(reconciler.keys).toEqual(['default/old']);
});

test('a resource that is served later is watched after a refresh', async () => {
  const { admin, start } = fixture();
  const resources = ['configmaps'];
  const reconciler = recording();
  Object.defineProperty(reconciler, 'watches', { get: () => resources.map(resource => ({ resource })) });
  const host = await start([reconciler]);
  await admin.create('widgets.example.com', { ...aConfigMap('w'), kind: 'Widget' });
  await quiet(host);
  expect(reconciler.keys).toEqual([]);
  resources.push('widgets.example.com');
  await host.refresh();
  await quiet(host);
  expect(reconciler.keys).toEqual(['default/w']);
});

test('a replica that was not named is an error, not an empty answer', async () => {
  const { admin, start } = fixture();
  let failure: unknown;
  const host = await start([
    recording({
      async reconcile(_, { replica }) {
        try {
          replica('secrets');
        } catch (error) {
          failure = error;
        }
        return undefined;
      },
    }),
  ]);
  await admin.create('configmaps', aConfigMap('a'));
  await quiet(host);
  expect(String(failure)).toContain('secrets');
});
