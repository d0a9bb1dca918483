import { describe, expect, test } from '@jest/globals';
import { notFound } from '../kinds/status.ts';
import { createEventRecorder } from './events.ts';
import { fakeClock } from './testing/fake-clock.ts';
import { silent } from './testing/silent.ts';

const aRecorder = () => {
  const clock = fakeClock();
  const sent: [string, Record<string, unknown>][] = [];
  let lost = false;
  const recorder = createEventRecorder({
    client: {
      create: async <T>(path: string, body: unknown) => {
        sent.push([`create ${path}`, body as Record<string, unknown>]);
        return body as T;
      },
      patch: async <T>(path: string, body: unknown) => {
        sent.push([`patch ${path.split('/').slice(0, 6).join('/')}`, body as Record<string, unknown>]);
        if (lost) throw notFound({ group: '', resource: 'events' }, 'x');
        return body as T;
      },
    },
    node: 'n1',
    clock,
    random: { next: () => 0, uuid: () => '' },
    logger: silent,
  });
  const say = async (message: string, name = 'web') => {
    recorder.event({ kind: 'Pod', namespace: 'default', name, uid: 'u' }, 'Warning', 'Failed', message);
    await recorder.flush();
  };
  return {
    clock,
    sent,
    say,
    lose: () => {
      lost = true;
    },
  };
};

describe('events', () => {
  test('say who speaks of whom', async () => {
    const { sent, say } = aRecorder();
    await say('no');
    expect(sent).toEqual([
      [
        'create /api/v1/namespaces/default/events',
        expect.objectContaining({
          kind: 'Event',
          involvedObject: { apiVersion: 'v1', kind: 'Pod', namespace: 'default', name: 'web', uid: 'u' },
          reason: 'Failed',
          message: 'no',
          type: 'Warning',
          count: 1,
          source: { component: 'kubelet', host: 'n1' },
          reportingInstance: 'n1',
        }),
      ],
    ]);
  });
  test('that repeat are counted, also when the first of them is gone', async () => {
    const { sent, say, lose } = aRecorder();
    await say('no');
    await say('no');
    lose();
    await say('no');
    expect(sent.map(([what, body]) => `${what} ${body['count']}`)).toEqual([
      'create /api/v1/namespaces/default/events 1',
      'patch /api/v1/namespaces/default/events 2',
      'patch /api/v1/namespaces/default/events 3',
      'create /api/v1/namespaces/default/events 3',
    ]);
  });
  test('of one noisy object do not drown the others', async () => {
    const { sent, say, clock } = aRecorder();
    for (let round = 0; round < 40; round++) await say(`no ${round}`);
    expect(sent).toHaveLength(25);
    await say('once', 'other');
    expect(sent).toHaveLength(26);
    await clock.advance(300_000);
    await say('again');
    expect(sent).toHaveLength(27);
  });
});
