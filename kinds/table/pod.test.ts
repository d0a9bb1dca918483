import { describe, expect, test } from '@jest/globals';
import type { Pod, PodStatus } from '../types.ts';
import { podCells } from './pod.ts';

const now = Date.parse('2026-01-01T01:00:00Z');
type Statuses = NonNullable<PodStatus['containerStatuses']>;
type ContainerStatus = Statuses[number];
const status = (fields: Partial<ContainerStatus>): ContainerStatus => ({
  name: 'main',
  image: 'x',
  imageID: '',
  ready: false,
  restartCount: 0,
  ...fields,
});
const ended = (exitCode: number, reason: string, at = '2026-01-01T00:55:00Z') => ({ exitCode, reason, finishedAt: at });
const aPod = (fields: PodStatus, extra: Partial<Pod['metadata']> = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'a', creationTimestamp: '2026-01-01T00:00:00Z', ...extra },
  spec: { containers: [{ name: 'main' }], initContainers: [{ name: 'side', restartPolicy: 'Always' }, { name: 'setup' }] },
  status: fields,
});
const shown = (pod: Pod) => podCells(pod, now).slice(1, 4);

describe('the status of a pod in one word', () => {
  test('restarts carry the time of the last one, sidecars counted', () => {
    const pod = aPod({
      phase: 'Running',
      initContainerStatuses: [
        status({
          name: 'side',
          ready: true,
          started: true,
          restartCount: 2,
          lastState: { terminated: ended(1, 'Error', '2026-01-01T00:50:00Z') },
        }),
        status({ name: 'setup', state: { terminated: ended(0, 'Completed') }, restartCount: 5 }),
      ],
      containerStatuses: [status({ ready: true, restartCount: 1, state: { running: {} }, lastState: { terminated: ended(1, 'Error') } })],
    });
    expect(shown(pod)).toEqual(['2/2', 'Running', '3 (5m ago)']);
  });
  test('a container that waits says why', () => {
    const pod = aPod({ phase: 'Running', containerStatuses: [status({ state: { waiting: { reason: 'CrashLoopBackOff' } } })] });
    expect(shown(pod)).toEqual(['0/2', 'CrashLoopBackOff', '0']);
  });
  test('an init container that failed', () => {
    const pod = aPod({
      phase: 'Pending',
      initContainerStatuses: [status({ name: 'side', started: true }), status({ name: 'setup', state: { terminated: { exitCode: 3 } } })],
    });
    expect(shown(pod)[1]).toBe('Init:ExitCode:3');
  });
  test('ended by a signal', () => {
    const pod = aPod({ phase: 'Failed', containerStatuses: [status({ state: { terminated: { exitCode: 137, signal: 9 } } })] });
    expect(shown(pod)[1]).toBe('Signal:9');
  });
  test('one container completed, the other still runs', () => {
    const running = status({ name: 'other', ready: true, state: { running: {} } });
    const done = status({ state: { terminated: ended(0, 'Completed') } });
    expect(shown(aPod({ phase: 'Running', containerStatuses: [done, running] }))[1]).toBe('NotReady');
    const conditions = [{ type: 'Ready', status: 'True' }];
    expect(shown(aPod({ phase: 'Running', containerStatuses: [done, running], conditions }))[1]).toBe('Running');
  });
  test('being deleted', () => {
    const deleted = { deletionTimestamp: '2026-01-01T00:59:00Z' };
    expect(shown(aPod({ phase: 'Running' }, deleted))[1]).toBe('Terminating');
    expect(shown(aPod({ phase: 'Succeeded' }, deleted))[1]).toBe('Succeeded');
    expect(shown(aPod({ phase: 'Running', reason: 'NodeLost' }, deleted))[1]).toBe('Unknown');
  });
  test('gated, evicted', () => {
    const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }];
    expect(shown(aPod({ phase: 'Pending', conditions }))[1]).toBe('SchedulingGated');
    expect(shown(aPod({ phase: 'Failed', reason: 'Evicted' }))[1]).toBe('Evicted');
  });
  test('readiness gates', () => {
    const pod = aPod({ phase: 'Running', conditions: [{ type: 'lb', status: 'True' }] });
    pod.spec = { containers: [], readinessGates: [{ conditionType: 'lb' }, { conditionType: 'other' }] };
    expect(podCells(pod, now)[8]).toBe('1/2');
  });
});
