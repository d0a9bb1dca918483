import { describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../kinds/object.ts';
import { StatusError } from '../kinds/status.ts';
import type { WatchEvent } from './api-client.ts';
import { createInformer } from './informer.ts';
import { fakeClock } from './testing/fake-clock.ts';
import { silent } from './testing/silent.ts';

const object = (name: string, resourceVersion: string, uid = `uid-${name}`): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Thing',
  metadata: { name, namespace: 'x', uid, resourceVersion },
});

/** A server that answers lists and watches from a script, and notes what it was asked. */
const aServer = (steps: ({ list: KubeObject[]; at: string } | { watch: WatchEvent<KubeObject>[] } | { fail: Error })[]) => {
  const asked: string[] = [];
  const next = (want: 'list' | 'watch') => {
    const step = steps.shift();
    if (step && 'fail' in step) throw step.fail;
    if (step && !(want in step)) throw new Error(`the script has ${JSON.stringify(step)}, asked for ${want}`);
    return step;
  };
  return {
    asked,
    list: async () => {
      asked.push('list');
      const step = next('list');
      if (!step || !('list' in step)) throw new Error('end');
      return { metadata: { resourceVersion: step.at }, items: step.list };
    },
    watch: async function* (_: string, query: Record<string, unknown>, signal: AbortSignal) {
      asked.push(`watch ${query['resourceVersion']}`);
      const step = next('watch');
      if (step && 'watch' in step) yield* step.watch;
      else await new Promise(resolve => signal.addEventListener('abort', resolve));
    },
  };
};

const follow = (server: ReturnType<typeof aServer>) => {
  const clock = fakeClock();
  const events: string[] = [];
  const informer = createInformer<KubeObject>({
    client: server as never,
    path: '/things',
    onEvent: (type, next) => events.push(`${type} ${next.metadata.name}@${next.metadata.resourceVersion}`),
    clock,
    random: { next: () => 0, uuid: () => '' },
    logger: silent,
  });
  return { clock, events, informer };
};

describe('an informer', () => {
  test('lists, follows, and resumes from the last bookmark', async () => {
    const server = aServer([
      { list: [object('a', '1')], at: '5' },
      {
        watch: [
          { type: 'ADDED', object: object('b', '6') },
          { type: 'MODIFIED', object: object('a', '7') },
          { type: 'DELETED', object: object('b', '8') },
          { type: 'BOOKMARK', object: object('', '20') },
        ],
      },
    ]);
    const { clock, events, informer } = follow(server);
    await clock.advance(1000);
    expect(events).toEqual(['added a@1', 'added b@6', 'modified a@7', 'deleted b@8']);
    expect(server.asked).toEqual(['list', 'watch 5', 'watch 20']);
    expect([...informer.objects.keys()]).toEqual(['x/a']);
    expect(informer.isSynced).toBe(true);
    informer.close();
  });
  test('lists anew when its revision has expired, and reports the difference only', async () => {
    const gone = { kind: 'Status', code: 410, reason: 'Expired' } as never;
    const server = aServer([
      { list: [object('a', '1'), object('b', '2')], at: '5' },
      { watch: [{ type: 'ERROR', object: gone }] },
      { list: [object('b', '2'), object('c', '9', 'other')], at: '9' },
    ]);
    const { clock, events, informer } = follow(server);
    await clock.advance(2000);
    expect(events).toEqual(['added a@1', 'added b@2', 'deleted a@1', 'added c@9']);
    expect(server.asked.slice(0, 4)).toEqual(['list', 'watch 5', 'list', 'watch 9']);
    informer.close();
  });
  test('an object that was replaced under its name is first deleted', async () => {
    const server = aServer([{ list: [object('a', '1')], at: '5' }, { watch: [{ type: 'ADDED', object: object('a', '6', 'new') }] }]);
    const { clock, events, informer } = follow(server);
    await clock.advance(100);
    expect(events).toEqual(['added a@1', 'deleted a@1', 'added a@6']);
    informer.close();
  });
  test('waits longer and longer for a server that fails, and resumes where it was', async () => {
    const down = { fail: new Error('ECONNREFUSED') };
    const server = aServer([{ list: [], at: '5' }, down, down, down]);
    const { clock, informer } = follow(server);
    await clock.advance(10_000);
    expect(server.asked).toEqual(['list', 'watch 5', 'watch 5', 'watch 5', 'watch 5']);
    informer.close();
  });
  test('a handler that throws harms nobody', async () => {
    const server = aServer([{ list: [object('a', '1'), object('b', '2')], at: '5' }]);
    const clock = fakeClock();
    const errors: string[] = [];
    const informer = createInformer<KubeObject>({
      client: server as never,
      path: '/things',
      onEvent: () => {
        throw new StatusError(500, '', 'oops');
      },
      clock,
      random: { next: () => 0, uuid: () => '' },
      logger: { ...silent, error: message => errors.push(message) },
    });
    await clock.advance(10);
    expect(informer.objects.size).toBe(2);
    expect(errors).toEqual(['informer handler failed', 'informer handler failed']);
    informer.close();
  });
});
