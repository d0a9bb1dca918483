import { expect, test } from '@jest/globals';
import { memoryLog } from '../../store/memory.ts';
import { createEventRecorder } from './events.ts';
import { aConfigMap, aPod } from './testing/builders.ts';
import { fakeClients, refused } from './testing/fake-clients.ts';
import { memoryLogger, seededRandom, virtualClock } from './testing/virtual-time.ts';

const fixture = (refuse = false) => {
  const clock = virtualClock();
  const log = memoryLog({ clock });
  const clients = fakeClients({
    log,
    clock,
    random: seededRandom(),
    ...(refuse ? { refuse: write => refused(write.resource, write.name, 'no') } : {}),
  });
  const recorder = createEventRecorder({ clock, logger: memoryLogger() });
  const event = recorder.for(clients.as('someone'), 'component');
  const pod = aPod('p').build();
  pod.metadata.uid = 'uid';
  const stored = async (): Promise<Record<string, unknown>[]> => {
    await recorder.flushed();
    const events: Record<string, unknown>[] = [];
    for await (const page of log.load('events'))
      for (const { value } of page.objects) events.push(JSON.parse(Buffer.from(value).toString()));
    return events;
  };
  return { clock, clients, recorder, event, pod, stored };
};

test('an event tells who, what, about whom and when', async () => {
  const { event, pod, stored } = fixture();
  event(pod, 'Warning', 'Reason', 'message');
  expect(await stored()).toMatchObject([
    {
      kind: 'Event',
      metadata: { name: expect.stringMatching(/^p\.[0-9a-f]+$/), namespace: 'default' },
      involvedObject: { apiVersion: 'v1', kind: 'Pod', name: 'p', namespace: 'default', uid: 'uid' },
      type: 'Warning',
      reason: 'Reason',
      message: 'message',
      source: { component: 'component' },
      reportingComponent: 'component',
      count: 1,
      firstTimestamp: '2030-01-01T00:00:00Z',
    },
  ]);
});

test('repeated, it is counted', async () => {
  const { event, pod, stored, clock } = fixture();
  for (let i = 0; i < 3; i++) {
    event(pod, 'Normal', 'Again', 'same');
    clock.advance(1000);
  }
  expect(await stored()).toMatchObject([{ count: 3, firstTimestamp: '2030-01-01T00:00:00Z', lastTimestamp: '2030-01-01T00:00:02Z' }]);
});

test('many alike become one that says so', async () => {
  const { event, pod, stored } = fixture();
  for (let i = 0; i < 20; i++) event(pod, 'Normal', 'Similar', `number ${i}`);
  const events = await stored();
  expect(events).toHaveLength(11);
  expect(events.find(({ message }) => String(message).startsWith('(combined from similar events): '))).toMatchObject({ count: 10 });
});

test('a flood about one object is cut; others are heard', async () => {
  const { event, pod, stored, clock } = fixture();
  for (let i = 0; i < 100; i++) event(pod, 'Normal', `Reason${i}`, 'text');
  event(aConfigMap('other'), 'Normal', 'Reason', 'text');
  expect(await stored()).toHaveLength(26);
  clock.advance(300_000);
  event(pod, 'Normal', 'Later', 'text');
  event(pod, 'Normal', 'TooMuch', 'text');
  expect(await stored()).toHaveLength(27);
});

test('what cannot be written is lost and hurts nobody', async () => {
  const { event, pod, recorder } = fixture(true);
  expect(() => event(pod, 'Normal', 'Reason', 'text')).not.toThrow();
  await expect(recorder.flushed()).resolves.toBeUndefined();
});

test('after closing nothing is written', async () => {
  const { event, pod, recorder, stored } = fixture();
  await recorder.close();
  event(pod, 'Normal', 'Late', 'text');
  expect(await stored()).toEqual([]);
});
