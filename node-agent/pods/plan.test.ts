import { describe, expect, test } from '@jest/globals';
import { aContainer, aPod, aPodView, aView, exited } from '../testing/pods.ts';
import { containerHash } from './labels.ts';
import { type PlanInput, planPod } from './plan.ts';
import type { BoundPod } from './pod.ts';
import type { PodView } from './view.ts';

const plan = (pod: BoundPod, view: PodView, more: Partial<PlanInput> = {}) => {
  const { sandbox, start, stop, finished } = planPod({
    pod,
    view,
    busy: new Set(),
    liveness: () => undefined,
    startup: () => undefined,
    ...more,
  });
  return { sandbox, start: start.map(({ name }) => name), stop: stop.map(({ message }) => message), finished };
};
const idle = { sandbox: 'keep', start: [], stop: [], finished: false };
const noSandbox: PodView = { sandbox: undefined, containers: [] };
const running = (name: string) => aView(name, { hash: containerHash(aContainer(name)) });

describe('a pod of plain containers', () => {
  const pod = aPod({ containers: [aContainer('a'), aContainer('b')] });
  test('begins with a sandbox and all its containers', () => {
    expect(plan(pod, noSandbox)).toEqual({ ...idle, sandbox: 'create', start: ['a', 'b'] });
  });
  test('leaves alone what runs, and what something is being done with', () => {
    expect(plan(pod, aPodView([running('a')]), { busy: new Set(['b']) })).toEqual(idle);
  });
  test('starts again what ended', () => {
    expect(plan(pod, aPodView([running('a'), exited('b', 0)]))).toEqual({ ...idle, start: ['b'] });
  });
  test('stops what fails its liveness probe, and what is to be of another image', () => {
    const changed = aPod({ containers: [aContainer('a', { image: 'busybox:2' }), aContainer('b')] });
    expect(plan(changed, aPodView([running('a'), running('b')]), { liveness: id => (id === 'b-0' ? false : undefined) }).stop).toEqual([
      'Container a definition changed, will be restarted',
      'Container b failed liveness probe, will be restarted',
    ]);
  });
  test('replaces a dead sandbox only when nothing of it runs any more', () => {
    const dead = aView('', { state: 'exited' });
    expect(plan(pod, aPodView([running('a'), exited('b', 0)], dead)).sandbox).toBe('replace');
    expect(plan(pod, aPodView([exited('a', 137), exited('b', 0)], dead))).toEqual({ ...idle, sandbox: 'create', start: ['a', 'b'] });
  });
});

describe('restart policies', () => {
  test.each([
    ['Always', 0, true],
    ['Always', 1, true],
    ['OnFailure', 0, false],
    ['OnFailure', 1, true],
    ['Never', 0, false],
    ['Never', 1, false],
  ])('%s after exit code %i', (restartPolicy, code, again) => {
    const result = plan(aPod({ restartPolicy }), aPodView([exited('main', code)]));
    expect(result).toEqual({ ...idle, start: again ? ['main'] : [], finished: !again });
  });
  test('a pod that never restarts is not given a second sandbox', () => {
    const view = aPodView([exited('main', 137)], aView('', { state: 'exited' }));
    expect(plan(aPod({ restartPolicy: 'Never' }), view)).toEqual({ ...idle, finished: true });
  });
  test("a container's own rules come before the pod's policy", () => {
    const container = aContainer('main', {
      restartPolicy: 'Never',
      restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }],
    });
    const pod = aPod({ restartPolicy: 'Never', containers: [container] });
    expect(plan(pod, aPodView([exited('main', 42)])).start).toEqual(['main']);
    expect(plan(pod, aPodView([exited('main', 1)])).finished).toBe(true);
  });
});

describe('init containers and sidecars', () => {
  const pod = aPod({
    initContainers: [
      aContainer('one'),
      aContainer('side', { restartPolicy: 'Always', startupProbe: { tcpSocket: { port: 1 } } }),
      aContainer('two'),
    ],
  });
  test('one after the other', () => {
    expect(plan(pod, noSandbox).start).toEqual(['one']);
    expect(plan(pod, aPodView([running('one')]))).toEqual(idle);
    expect(plan(pod, aPodView([exited('one', 0)])).start).toEqual(['side']);
    expect(plan(pod, aPodView([exited('one', 0), running('side')]))).toEqual(idle);
    expect(plan(pod, aPodView([exited('one', 0), running('side')]), { startup: () => true }).start).toEqual(['two']);
    expect(plan(pod, aPodView([exited('one', 0), running('side'), exited('two', 0)]), { startup: () => true }).start).toEqual(['main']);
  });
  test('a failed one is tried again, or ends the pod', () => {
    expect(plan(pod, aPodView([exited('one', 1)])).start).toEqual(['one']);
    expect(plan({ ...pod, spec: { ...pod.spec, restartPolicy: 'Never' } }, aPodView([exited('one', 1)])).finished).toBe(true);
  });
  test('a sidecar that ends later is started beside the others, which go on', () => {
    const view = aPodView([exited('one', 0), exited('side', 1), exited('two', 0), running('main')]);
    expect(plan(pod, view)).toEqual({ ...idle, start: ['side'] });
  });
  test('a new sandbox begins from the start', () => {
    const old = { sandboxId: 'an-older-one' };
    const view = aPodView([exited('one', 0, old), exited('side', 0, old), exited('two', 0, old), exited('main', 0, old)]);
    expect(plan(pod, view).start).toEqual(['one']);
  });
  test('the pod is finished although a sidecar still runs', () => {
    const view = aPodView([exited('one', 0), running('side'), exited('two', 0), exited('main', 0)]);
    expect(plan({ ...pod, spec: { ...pod.spec, restartPolicy: 'OnFailure' } }, view, { startup: () => true }).finished).toBe(true);
  });
});
