import { describe, expect, test } from '@jest/globals';
import type { Probe } from '../../kinds/types.ts';
import { fakeClock } from '../testing/fake-clock.ts';
import { aContainer } from '../testing/pods.ts';
import { type ProbeKind, type ProbeWorkerOptions, startProbe } from './probe-worker.ts';

const aProbe = (kind: ProbeKind, probe: Probe, answers: (seconds: number) => boolean, more: Partial<ProbeWorkerOptions> = {}) => {
  const clock = fakeClock(0);
  const tries: number[] = [];
  const changes: [number, boolean][] = [];
  const events: string[] = [];
  const worker = startProbe({
    kind,
    probe,
    container: aContainer('main'),
    id: 'c',
    podIp: '10.0.0.2',
    startedAt: 0,
    initial: undefined,
    enabled: () => true,
    run: async () => {
      tries.push(clock.now());
      return { success: answers(clock.now() / 1000), output: 'down' };
    },
    changed: result => changes.push([clock.now(), result]),
    event: (reason, message) => events.push(`${reason}: ${message}`),
    clock,
    random: { next: () => 0.5, uuid: () => '' },
    ...more,
  });
  return { clock, tries, changes, events, worker };
};
const exec = { exec: { command: ['true'] } };
const tcp = { tcpSocket: { port: 80 } };

describe('a probe', () => {
  test('waits first, then goes on at its pace', async () => {
    const { clock, tries, changes } = aProbe('Liveness', { ...exec, initialDelaySeconds: 5, periodSeconds: 10 }, () => true);
    await clock.advance(30_000);
    expect(tries).toEqual([5000, 15_000, 25_000]);
    expect(changes).toEqual([[5000, true]]);
  });
  test('changes its mind only after so many in a row', async () => {
    const answers = (seconds: number) => ![1, 3, 4, 5].includes(seconds);
    const { clock, changes, events } = aProbe(
      'Readiness',
      { ...exec, periodSeconds: 1, failureThreshold: 3, successThreshold: 2 },
      answers,
    );
    await clock.advance(10_000);
    // Success, failure, success: not two in a row until much later; three failures from 3 s.
    expect(changes).toEqual([
      [5000, false],
      [7000, true],
    ]);
    expect(events).toHaveLength(4);
    expect(events[0]).toBe('Unhealthy: Readiness probe failed: down');
  });
  test('of liveness ends with its failure: the container is about to go', async () => {
    const { clock, tries, changes } = aProbe('Liveness', { ...exec, periodSeconds: 1, failureThreshold: 2 }, () => false);
    await clock.advance(10_000);
    expect(tries).toEqual([0, 1000]);
    expect(changes).toEqual([[1000, false]]);
  });
  test('of startup ends with its success', async () => {
    const { clock, tries, worker } = aProbe('Startup', { ...exec, periodSeconds: 1, failureThreshold: 30 }, seconds => seconds >= 2);
    await clock.advance(10_000);
    expect(tries).toEqual([0, 1000, 2000]);
    expect(worker.result).toBe(true);
  });
  test('of readiness over the network hurries while a server starts, and blames nobody for it', async () => {
    const { clock, changes, events } = aProbe('Readiness', { ...tcp, periodSeconds: 10 }, seconds => seconds >= 0.3);
    await clock.advance(20_000);
    expect(changes).toEqual([[350, true]]);
    expect(events).toEqual([]);
  });
  test('that hurries in vain counts from its next period', async () => {
    const { clock, changes, events } = aProbe('Readiness', { ...tcp, periodSeconds: 10, failureThreshold: 2 }, () => false);
    await clock.advance(20_000);
    expect(changes).toEqual([[20_000, false]]);
    expect(events).toHaveLength(2);
  });
  test('waits for the one it depends on', async () => {
    let started = false;
    const { clock, tries } = aProbe('Readiness', { ...exec, periodSeconds: 1 }, () => true, { enabled: () => started });
    await clock.advance(5000);
    expect(tries).toEqual([]);
    started = true;
    await clock.advance(100);
    expect(tries).toHaveLength(1);
  });
  test('keeps the verdict of a container that ran before the agent', async () => {
    const { clock, worker, changes } = aProbe('Readiness', { ...exec, periodSeconds: 10 }, () => true, { initial: true });
    expect(worker.result).toBe(true);
    await clock.advance(20_000);
    expect(changes).toEqual([]);
  });
  test('that cannot be made says so and counts for nothing', async () => {
    const { clock, events, changes } = aProbe('Liveness', { ...exec, periodSeconds: 1, failureThreshold: 1 }, () => {
      throw new Error('no such container');
    });
    await clock.advance(1500);
    expect(changes).toEqual([]);
    expect(events[0]).toBe('Unhealthy: Liveness probe errored and resulted in unknown state: no such container');
  });
  test('that is closed is silent', async () => {
    const { clock, tries, worker } = aProbe('Liveness', { ...exec, periodSeconds: 1 }, () => true);
    await clock.advance(500);
    worker.close();
    await clock.advance(5000);
    expect(tries).toHaveLength(1);
  });
});
