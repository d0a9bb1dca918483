import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { timestamp } from '../../kinds/environment.ts';
import { parseQuantity } from '../../kinds/quantity.ts';
import { notFound } from '../../kinds/status.ts';
import type { PodStatus } from '../../kinds/types.ts';
import { fakeClock } from '../testing/fake-clock.ts';
import { fakeEngine } from '../testing/fake-engine.ts';
import { aContainer, aPod } from '../testing/pods.ts';
import { silent } from '../testing/silent.ts';
import { createBackoff } from './backoff.ts';
import { createImages } from './images.ts';
import type { NodeContext } from './node-context.ts';
import { observe } from './observe.ts';
import type { BoundPod } from './pod.ts';
import { createPodWorker } from './worker.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'worker-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const limits = { memoryBytes: 2 ** 30, lowestOomScore: 0 };
const quantities = { cpu: parseQuantity('2'), memory: parseQuantity('1Gi'), 'ephemeral-storage': parseQuantity('1Gi') };
const random = { next: () => 0.5, uuid: () => '' };

/** A worker with everything around it in memory; only its files are real. */
const aWorker = (pod: BoundPod, present = ['busybox:test']) => {
  const clock = fakeClock();
  const engine = fakeEngine(clock, present);
  const events: string[] = [];
  const reports: PodStatus[] = [];
  const maps = new Set<string>();
  let done = false;
  const missing = async (_: string, name: string) => {
    if (!maps.has(name)) throw notFound({ group: '', resource: 'configmap' }, name);
    return { data: {} } as never;
  };
  const sources = { configMap: missing, secret: missing };
  const context: NodeContext = {
    engine,
    client: {
      delete: async <T>(path: string) => {
        engine.log.push(`delete ${path.split('/').at(-1)}`);
        return {} as T;
      },
    },
    images: createImages({ engine, clock, logger: silent }),
    references: { fresh: sources, recent: sources, token: async () => '', forget: () => undefined },
    network: {
      allocate: () => '10.0.0.2',
      attach: async ({ ip }) => {
        engine.log.push(`attach ${ip}`);
      },
      detach: async () => {
        engine.log.push('detach');
      },
      reconcile: async () => undefined,
    },
    recorder: { event: (_, type, reason, message) => events.push(`${type} ${reason}: ${message}`), flush: async () => undefined },
    statuses: { report: (_, status) => reports.push(status), isFlushed: () => true, forget: () => undefined },
    runHook: async hook => {
      engine.log.push('hook');
      const seconds = hook.sleep?.seconds;
      if (seconds) await new Promise<void>(resolve => clock.after(seconds * 1000, resolve));
    },
    runProbe: async () => ({ success: true, output: '' }),
    resolvConf: () => '',
    services: () => [],
    portsChanged: () => undefined,
    usedIps: () => new Set(),
    imageRefs: new Map(),
    exec: async () => '',
    clock,
    random,
    logger: silent,
    node: {
      label: 'c/n1',
      hostIp: '192.0.2.1',
      podsDir: dir,
      seccompDir: dir,
      clusterDomain: 'cluster.local',
      resources: quantities,
      limits,
      sandboxImage: 'pause',
    },
  };
  const look = async (id: string) => {
    const info = await engine.inspect(id);
    return info && (await observe(engine, dir, info));
  };
  const worker = createPodWorker({
    context,
    pod,
    views: [],
    crashBackoff: createBackoff({ clock, initial: 10_000, longest: 300_000 }),
    look,
    done: () => {
      done = true;
    },
  });
  engine.onDie(async id => worker.observe(id, await look(id)));
  /** Until `wanted` holds: what is real (files) needs turns of the event loop, what waits needs time. */
  const until = async (wanted: () => boolean, ms = 0) => {
    for (let turn = 0; turn < 2000 && !wanted(); turn++) {
      await new Promise(resolve => setImmediate(resolve));
      await clock.advance(ms);
    }
    if (!wanted()) throw new Error(`it did not come to this: ${engine.log.join(', ')}; ${events.join(', ')}`);
  };
  const phase = () => reports.at(-1)?.phase;
  const state = (name: string) =>
    [...(reports.at(-1)?.containerStatuses ?? []), ...(reports.at(-1)?.initContainerStatuses ?? [])].find(each => each.name === name);
  const runs = (name: string) =>
    [...engine.containers.values()].some(
      each => (each.labels['io.kubernetes.container.name'] ?? 'sandbox') === name && each.state === 'running',
    );
  const remove = (seconds: number) =>
    worker.update({
      ...worker.pod,
      metadata: { ...worker.pod.metadata, deletionTimestamp: timestamp(clock.now() + seconds * 1000), deletionGracePeriodSeconds: seconds },
    });
  worker.tick();
  return { worker, clock, engine, events, reports, until, phase, state, runs, remove, maps, isDone: () => done };
};
const since = (log: string[], word: string) => log.slice(log.indexOf(word));

describe('the life of a pod', () => {
  test('sandbox and containers are made together, and started in their order', async () => {
    const node = aWorker(aPod({ containers: [aContainer('a'), aContainer('b')] }));
    await node.until(() => node.phase() === 'Running');
    const { log } = node.engine;
    expect(log.indexOf('attach 10.0.0.2')).toBeLessThan(log.indexOf('start a'));
    expect(log.indexOf('start sandbox')).toBeLessThan(log.indexOf('attach 10.0.0.2'));
    expect([...log].sort()).toEqual(['attach 10.0.0.2', 'create a', 'create b', 'create sandbox', 'start a', 'start b', 'start sandbox']);
    expect(node.reports[0]).toMatchObject({ phase: 'Pending', podIP: '10.0.0.2' });
  });

  test('its end: hooks, then signals, then the sandbox, then the object, last', async () => {
    const pod = aPod({ containers: [aContainer('main', { lifecycle: { preStop: { exec: { command: ['bye'] } } } })] });
    const node = aWorker(pod);
    await node.until(() => node.phase() === 'Running');
    node.remove(30);
    await node.until(() => node.engine.log.includes('delete web'));
    expect(since(node.engine.log, 'hook')).toEqual([
      'hook',
      'stop main 30',
      'kill sandbox',
      'detach',
      'remove sandbox',
      'remove main',
      'delete web',
    ]);
    expect(node.state('main')?.state?.terminated?.exitCode).toBe(0);
    expect(node.isDone()).toBe(false);
    node.worker.gone();
    await node.until(node.isDone);
    expect(existsSync(join(dir, 'u1'))).toBe(false);
  });

  test('new limits reach a container that runs, once', async () => {
    const limited = (cpu: string) => aPod({ containers: [aContainer('main', { resources: { limits: { cpu } } })] });
    const node = aWorker(limited('100m'));
    await node.until(() => node.phase() === 'Running');
    const changed = { ...node.worker.pod, spec: limited('200m').spec };
    node.worker.update(changed);
    node.worker.update(changed);
    await node.until(() => node.engine.log.some(line => line.startsWith('update')));
    expect(node.engine.log.filter(line => line.startsWith('update'))).toEqual([
      'update main {"CpuShares":204,"CpuPeriod":100000,"CpuQuota":20000}',
    ]);
    expect(node.state('main')?.restartCount).toBe(0);
  });

  test('while Docker is away its end is tried again now and then, not all the time', async () => {
    const node = aWorker(aPod());
    await node.until(() => node.phase() === 'Running');
    const { stop } = node.engine;
    let tries = 0;
    node.engine.stop = async () => {
      tries++;
      throw new Error('connect ENOENT /var/run/docker.sock');
    };
    const began = node.clock.now();
    node.remove(30);
    await node.until(() => node.clock.now() - began >= 60_000, 100);
    expect(tries).toBeGreaterThan(4);
    expect(tries).toBeLessThan(12);
    node.engine.stop = stop;
    await node.until(() => node.engine.log.includes('delete web'), 1000);
  });

  test('a hook takes of the time that there is, and a shorter time cuts it off', async () => {
    const pod = aPod({ containers: [aContainer('main', { lifecycle: { preStop: { sleep: { seconds: 20 } } } })] });
    const node = aWorker(pod);
    node.engine.listens = () => false;
    await node.until(() => node.phase() === 'Running');
    node.remove(30);
    await node.until(() => node.engine.log.includes('stop main 10'), 1000);
    node.remove(3);
    expect(node.engine.log.at(-1)).toBe('stop main 3');
    await node.until(() => node.engine.log.includes('delete web'), 1000);
    expect(node.state('main')?.state?.terminated?.exitCode).toBe(137);
  });

  test('sidecars serve the others to the end, and end in the reverse order of their start', async () => {
    const side = (name: string) => aContainer(name, { restartPolicy: 'Always' });
    const node = aWorker(aPod({ initContainers: [side('s1'), side('s2')] }));
    await node.until(() => node.phase() === 'Running');
    expect(node.engine.log.filter(each => each.startsWith('start'))).toEqual(['start sandbox', 'start s1', 'start s2', 'start main']);
    node.remove(30);
    await node.until(() => node.engine.log.includes('delete web'));
    expect(node.engine.log.filter(each => each.startsWith('stop'))).toEqual(['stop main 30', 'stop s2 30', 'stop s1 30']);
  });

  test('a container that fails is started at once, then after 10 s, 20 s, and so on', async () => {
    const node = aWorker(aPod());
    await node.until(() => node.runs('main'));
    await node.engine.end('main', 1);
    await node.until(() => node.runs('main'));
    const waits: string[] = [];
    for (let life = 0; life < 3; life++) {
      await node.engine.end('main', 1);
      await node.until(() => node.state('main')?.state?.waiting?.reason === 'CrashLoopBackOff');
      waits.push(node.state('main')?.state?.waiting?.message ?? '');
      const began = node.clock.now();
      await node.until(() => node.engine.log.filter(each => each === 'create main').length === life + 3, 1000);
      expect(node.clock.now() - began).toBeGreaterThanOrEqual(10_000 * 2 ** life);
      await node.until(() => node.runs('main'));
    }
    expect(waits.map(message => message.split(' ')[1])).toEqual(['10s', '20s', '40s']);
    expect(node.state('main')?.restartCount).toBe(4);
    // Of the dead lives one is kept.
    expect([...node.engine.containers.values()].filter(each => each.name.startsWith('k8s_main'))).toHaveLength(2);
  });

  test('a pod that is deleted while its image is pulled does not wait for it', async () => {
    const node = aWorker(aPod({ containers: [aContainer('main', { image: 'big:1' })] }));
    node.engine.pulling = new Promise(() => undefined);
    await node.until(() => node.engine.log.includes('pull big:1'));
    node.remove(30);
    await node.until(() => node.engine.log.includes('delete web'));
    expect(node.engine.log).not.toContain('create main');
    expect(node.engine.containers.size).toBe(0);
  });

  test('a missing volume is told, and the pod starts when it is there', async () => {
    const node = aWorker(aPod({ volumes: [{ name: 'v', configMap: { name: 'm' } }] }));
    await node.until(() => node.events.some(each => each.includes('FailedMount')));
    expect(node.events).toContain('Warning FailedMount: MountVolume.SetUp failed for volume "v" : configmap "m" not found');
    expect(node.runs('main')).toBe(false);
    node.maps.add('m');
    await node.until(() => node.runs('main'), 500);
  });

  test('a dead sandbox takes its containers with it, and both come back', async () => {
    const node = aWorker(aPod());
    await node.until(() => node.phase() === 'Running');
    await node.engine.end('sandbox', 137);
    await node.until(() => node.engine.log.filter(each => each === 'start main').length === 2, 1000);
    expect(node.events).toContain('Normal SandboxChanged: Pod sandbox changed, it will be killed and re-created.');
    expect(node.state('main')?.restartCount).toBe(1);
  });

  test('a pod whose work is done gives its address back, and keeps its logs', async () => {
    const node = aWorker(aPod({ restartPolicy: 'Never' }));
    await node.until(() => node.runs('main'));
    await node.engine.end('main', 0);
    await node.until(() => node.engine.log.includes('detach'));
    expect(node.phase()).toBe('Succeeded');
    expect([...node.engine.containers.values()].map(each => each.state)).toEqual(['exited', 'exited']);
  });

  test('a pod past its deadline fails, although it runs well', async () => {
    const node = aWorker(aPod({ activeDeadlineSeconds: 60 }));
    await node.until(() => node.phase() === 'Running');
    await node.until(() => node.phase() === 'Failed', 5000);
    expect(node.reports.at(-1)).toMatchObject({ reason: 'DeadlineExceeded' });
    await node.until(() => node.engine.log.includes('detach'));
  });

  test('a worker that is closed leaves everything as it is', async () => {
    const node = aWorker(aPod());
    await node.until(() => node.phase() === 'Running');
    const before = [...node.engine.log];
    node.worker.close();
    await node.engine.end('main', 1);
    await node.clock.advance(60_000);
    expect(node.engine.log).toEqual(before);
  });
});
