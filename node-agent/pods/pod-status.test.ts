import { describe, expect, test } from '@jest/globals';
import { aContainer, aPod, aPodView, aView, exited } from '../testing/pods.ts';
import { podStatus, type StatusInput } from './pod-status.ts';
import { statusPatch } from './status-patch.ts';

const now = Date.parse('2026-01-01T00:00:10Z');
const status = (more: Partial<StatusInput>) =>
  podStatus({
    pod: aPod(),
    view: aPodView([]),
    previous: {},
    hostIp: '192.0.2.1',
    podIp: '10.0.0.2',
    now,
    over: false,
    settled: false,
    trouble: new Map(),
    starting: new Set(),
    startup: () => undefined,
    readiness: () => undefined,
    imageRef: () => undefined,
    ...more,
  });
const verdicts = ({ conditions = [] }: ReturnType<typeof status>) => Object.fromEntries(conditions.map(each => [each.type, each.status]));

describe('what a pod shows', () => {
  test('while its first container is being made', () => {
    const result = status({ view: { sandbox: undefined, containers: [] } });
    expect(result).toMatchObject({
      phase: 'Pending',
      startTime: '2026-01-01T00:00:10Z',
      qosClass: 'BestEffort',
      podIP: '10.0.0.2',
      observedGeneration: 1,
    });
    expect(result.containerStatuses?.[0]).toMatchObject({
      state: { waiting: { reason: 'ContainerCreating' } },
      ready: false,
      started: false,
    });
    expect(verdicts(result)).toEqual({
      PodReadyToStartContainers: 'False',
      Initialized: 'True',
      Ready: 'False',
      ContainersReady: 'False',
      PodScheduled: 'True',
    });
    expect(result.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({
      reason: 'ContainersNotReady',
      message: 'containers with unready status: [main]',
    });
  });
  test('when it runs and is ready', () => {
    const result = status({ view: aPodView([aView('main')]) });
    expect(result.phase).toBe('Running');
    expect(verdicts(result)).toMatchObject({ Ready: 'True', ContainersReady: 'True', PodReadyToStartContainers: 'True' });
    expect(result.containerStatuses?.[0]).toMatchObject({ ready: true, started: true, containerID: 'docker://main-0' });
  });
  test('while its readiness probe has not passed', () => {
    const pod = aPod({ containers: [aContainer('main', { readinessProbe: { tcpSocket: { port: 1 } } })] });
    expect(verdicts(status({ pod, view: aPodView([aView('main')]) })).Ready).toBe('False');
    expect(verdicts(status({ pod, view: aPodView([aView('main')]), readiness: () => true })).Ready).toBe('True');
  });
  test('before its startup probe has passed it is neither started nor ready', () => {
    const pod = aPod({ containers: [aContainer('main', { startupProbe: { tcpSocket: { port: 1 } } })] });
    expect(status({ pod, view: aPodView([aView('main')]) }).containerStatuses?.[0]).toMatchObject({ ready: false, started: false });
  });
  test('while a crashed container waits', () => {
    const trouble = new Map([['main', { reason: 'CrashLoopBackOff', message: 'back-off' }]]);
    const result = status({ view: aPodView([exited('main', 1, { attempt: 2 }), exited('main', 3, { attempt: 1 })]), trouble });
    expect(result.phase).toBe('Running');
    expect(result.containerStatuses?.[0]).toMatchObject({
      restartCount: 2,
      state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off' } },
      lastState: { terminated: { exitCode: 1 } },
    });
  });
  test('while an image cannot be had', () => {
    const trouble = new Map([['main', { reason: 'ErrImagePull', message: 'no such host' }]]);
    expect(status({ trouble }).containerStatuses?.[0]?.state).toEqual({ waiting: { reason: 'ErrImagePull', message: 'no such host' } });
  });
  test.each([
    ['Never', 0, 'Succeeded', 'PodCompleted'],
    ['Never', 1, 'Failed', 'PodFailed'],
    ['OnFailure', 0, 'Succeeded', 'PodCompleted'],
  ])('when it ended: %s, exit code %i', (restartPolicy, code, phase, reason) => {
    const result = status({ pod: aPod({ restartPolicy }), view: aPodView([exited('main', code)]) });
    expect(result.phase).toBe(phase);
    expect(result.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({ status: 'False', reason });
  });
  test('a failed init container ends a pod that never restarts', () => {
    const pod = aPod({ restartPolicy: 'Never', initContainers: [aContainer('init')] });
    const result = status({ pod, view: aPodView([exited('init', 1)]) });
    expect(result.phase).toBe('Failed');
    expect(result.containerStatuses?.[0]?.state?.waiting?.reason).toBe('PodInitializing');
  });
  test('a container that vanished is not one that never ran', () => {
    const previous = status({ view: aPodView([aView('main')]) });
    const lost = status({ previous, view: { sandbox: undefined, containers: [] } });
    expect(lost.containerStatuses?.[0]).toMatchObject({
      restartCount: 1,
      lastState: { terminated: { exitCode: 137, reason: 'ContainerStatusUnknown' } },
    });
    expect(lost.phase).toBe('Running');
    expect(status({ pod: aPod({ restartPolicy: 'Never' }), previous, view: { sandbox: undefined, containers: [] } }).phase).toBe('Failed');
  });
  test('a pod that ended before its container began does not look as if it were still to begin', () => {
    const ended = { over: true, settled: true, view: { sandbox: undefined, containers: [] } };
    const result = status({ ...ended, failure: { reason: 'DeadlineExceeded', message: 'late' } });
    expect(result).toMatchObject({ phase: 'Failed', reason: 'DeadlineExceeded' });
    expect(result.containerStatuses?.[0]?.state?.terminated).toMatchObject({ exitCode: 137, reason: 'ContainerStatusUnknown' });
    const deleted = status({ ...ended, pod: aPod({ initContainers: [aContainer('one'), aContainer('two')] }) });
    expect(deleted.phase).toBe('Failed');
    expect(
      [...(deleted.initContainerStatuses ?? []), ...(deleted.containerStatuses ?? [])].map(({ state }) => Object.keys(state ?? {})),
    ).toEqual([['terminated'], ['waiting'], ['waiting']]);
  });
  test('a final phase stays', () => {
    const pod = { ...aPod(), status: { phase: 'Failed', reason: 'Evicted', message: 'why' } };
    expect(status({ pod, previous: pod.status, view: aPodView([aView('main')]) })).toMatchObject({
      phase: 'Failed',
      reason: 'Evicted',
      message: 'why',
    });
  });
  test("a readiness gate is somebody else's to open", () => {
    const pod = { ...aPod({ readinessGates: [{ conditionType: 'lb' }] }), status: { conditions: [{ type: 'lb', status: 'False' }] } };
    const result = status({ pod, view: aPodView([aView('main')]) });
    expect(result.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({ status: 'False', reason: 'ReadinessGatesNotReady' });
    expect(result.conditions?.some(({ type }) => type === 'lb')).toBe(true);
  });
  test('a condition keeps its time while it stays', () => {
    const first = status({ view: aPodView([aView('main')]) });
    const later = status({ view: aPodView([aView('main')]), previous: first, now: now + 60_000 });
    expect(later).toEqual(first);
    expect(statusPatch(first, later)).toBeUndefined();
  });
});

describe('the patch from one status to the next', () => {
  test('says only what changed, and takes away what is gone', () => {
    const before = status({ view: aPodView([]) });
    const after = status({ view: aPodView([aView('main')]), previous: before });
    const patch = statusPatch(before, after) ?? {};
    expect(Object.keys(patch).sort()).toEqual(['conditions', 'containerStatuses', 'phase']);
    expect(patch['conditions']).toEqual([
      expect.objectContaining({ type: 'Ready', status: 'True', reason: null, message: null }),
      expect.objectContaining({ type: 'ContainersReady', status: 'True', reason: null, message: null }),
    ]);
  });
  test("replaces an address, and leaves others' conditions alone", () => {
    const before = { podIP: '10.0.0.2', podIPs: [{ ip: '10.0.0.2' }], conditions: [{ type: 'lb', status: 'True' }] };
    expect(statusPatch(before, { podIP: '10.0.0.3', podIPs: [{ ip: '10.0.0.3' }], conditions: [] })).toEqual({
      podIP: '10.0.0.3',
      podIPs: [{ ip: '10.0.0.3' }, { $patch: 'replace' }],
    });
  });
});
