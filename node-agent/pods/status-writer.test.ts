import { describe, expect, test } from '@jest/globals';
import { notFound } from '../../kinds/status.ts';
import { fakeClock } from '../testing/fake-clock.ts';
import { aPod } from '../testing/pods.ts';
import { silent } from '../testing/silent.ts';
import { createStatusWriter } from './status-writer.ts';

const aWriter = () => {
  const clock = fakeClock();
  const sent: unknown[] = [];
  const flushed: string[] = [];
  let answer: () => Promise<unknown> = async () => ({});
  const writer = createStatusWriter({
    client: {
      patch: async <T>(path: string, body: unknown) => {
        sent.push([path, (body as { status: unknown }).status]);
        return (await answer()) as T;
      },
    },
    clock,
    logger: silent,
    flushed: uid => flushed.push(uid),
  });
  return {
    writer,
    clock,
    sent,
    flushed,
    answers: (next: () => Promise<unknown>) => {
      answer = next;
    },
  };
};
const path = '/api/v1/namespaces/default/pods/web/status';

describe('reports of a pod', () => {
  test('go at once; while one is under way only the newest waits', async () => {
    const { writer, sent, clock, answers, flushed } = aWriter();
    let release: (value: unknown) => void = () => undefined;
    answers(() => new Promise(resolve => (release = resolve)));
    writer.report(aPod(), { phase: 'Pending' });
    writer.report(aPod(), { phase: 'Pending', message: 'a' });
    writer.report(aPod(), { phase: 'Running' });
    expect(sent).toEqual([[path, { phase: 'Pending' }]]);
    expect(writer.isFlushed('u1')).toBe(false);
    answers(async () => ({}));
    release({});
    await clock.advance(0);
    expect(sent.slice(1)).toEqual([[path, { phase: 'Running' }]]);
    expect(writer.isFlushed('u1')).toBe(true);
    expect(flushed).toEqual(['u1']);
  });
  test('that say nothing new are not sent', async () => {
    const { writer, sent, clock } = aWriter();
    writer.report({ ...aPod(), status: { phase: 'Running' } }, { phase: 'Running' });
    await clock.advance(0);
    expect(sent).toEqual([]);
    expect(writer.isFlushed('u1')).toBe(true);
  });
  test('are tried again while the API does not answer', async () => {
    const { writer, sent, clock, answers } = aWriter();
    answers(async () => {
      throw new Error('ECONNREFUSED');
    });
    writer.report(aPod(), { phase: 'Running' });
    await clock.advance(1000);
    expect(sent.length).toBeGreaterThan(2);
    expect(writer.isFlushed('u1')).toBe(false);
    answers(async () => ({}));
    await clock.advance(5000);
    expect(writer.isFlushed('u1')).toBe(true);
  });
  test('of a pod that is no longer there are done', async () => {
    const { writer, clock, answers, flushed } = aWriter();
    answers(async () => {
      throw notFound({ group: '', resource: 'pods' }, 'web');
    });
    writer.report(aPod(), { phase: 'Running' });
    await clock.advance(0);
    expect(writer.isFlushed('u1')).toBe(true);
    expect(flushed).toEqual(['u1']);
  });
});
