import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { sleep } from '../abortable.ts';
import type { ApiClient } from '../api-client.ts';
import { createInformer, type Informer } from '../informer.ts';
import { tearDownVolumes } from '../volumes/index.ts';
import { createBackoff } from './backoff.ts';
import { hostInterface, labels } from './labels.ts';
import { type NodeContext, textOf } from './node-context.ts';
import { observe } from './observe.ts';
import { type BoundPod, isHostNetwork, uidOf } from './pod.ts';
import type { ContainerView } from './view.ts';
import { createPodWorker, type PodWorker } from './worker.ts';

/**
 * All pods of the node: brings what the API says and what Docker says to the worker of each pod, adopts what runs already, and removes
 * what belongs to no pod. Docker's event stream is followed; a slow comparison with Docker's own list finds what it may have missed.
 */
export interface PodManager {
  readonly workers: ReadonlyMap<string, PodWorker>;
  find(namespace: string, name: string): PodWorker | undefined;
  flushed(uid: string): void;
  close(): void;
}

const compareEvery = 30_000;
const watched = new Set(['die', 'destroy', 'start']);

export const startPodManager = async (
  context: NodeContext,
  client: Pick<ApiClient, 'list' | 'watch'>,
  nodeName: string,
): Promise<PodManager> => {
  const { engine, clock, random, logger, network, node } = context;
  const workers = new Map<string, PodWorker>();
  const ended = (uid: string) => {
    workers.delete(uid);
    context.portsChanged();
  };
  const abort = new AbortController();
  const mark = `${labels.node}=${node.label}`;
  const crashBackoff = createBackoff({ clock, initial: 10_000, longest: 300_000 });
  /** Containers of pods that the API does not have, while they are being removed. */
  const orphans = new Set<string>();

  const look = async (id: string): Promise<ContainerView | undefined> => {
    const info = await engine.inspect(id);
    return info && (await observe(engine, node.podsDir, info));
  };
  const launch = (what: string, task: Promise<void>) => {
    task.catch((error: unknown) => {
      if (!abort.signal.aborted) logger.error('node task failed', { task: what, error: textOf(error) });
    });
  };

  // Before the first pod: what earlier agents left.
  await mkdir(node.podsDir, { recursive: true, mode: 0o750 });
  const found = new Map<string, ContainerView[]>();
  for (const info of await engine.list(mark)) {
    const uid = info.labels[labels.uid] ?? '';
    found.set(uid, [...(found.get(uid) ?? []), await observe(engine, node.podsDir, info)]);
  }
  for (const imageId of new Set([...found.values()].flat().map(view => view.imageId))) {
    const image = await engine.image(imageId);
    if (image) context.imageRefs.set(image.id, image.digests[0] ? `docker-pullable://${image.digests[0]}` : `docker://${image.id}`);
  }

  const removeOrphan = async (uid: string, containers: { id: string; grace: number; sandbox: boolean }[]) => {
    if (orphans.has(uid)) return;
    orphans.add(uid);
    try {
      logger.info('removing what is left of a pod that is gone', { uid });
      await Promise.all(
        containers.map(async ({ id, grace, sandbox }) => {
          if (!sandbox) await engine.stop(id, grace);
          await engine.remove(id);
        }),
      );
      await network.detach(hostInterface(uid));
      await tearDownVolumes(join(node.podsDir, uid), context.exec);
    } finally {
      orphans.delete(uid);
    }
  };

  const adopt = async (worker: PodWorker, views: ContainerView[]) => {
    const sandbox = views.find(view => view.container === '' && view.state === 'running');
    if (!sandbox || isHostNetwork(worker.pod)) return;
    // Its agent may have ended between the sandbox' start and its address.
    await network.attach({ pid: sandbox.pid, ip: sandbox.ip, hostInterface: hostInterface(worker.uid) });
  };

  const add = (pod: BoundPod) => {
    const uid = uidOf(pod);
    const known = workers.get(uid);
    if (known) {
      known.update(pod);
      return;
    }
    const views = found.get(uid) ?? [];
    found.delete(uid);
    const worker = createPodWorker({ context, pod, views, crashBackoff, look, done: ended });
    workers.set(uid, worker);
    launch(
      'adopt',
      adopt(worker, views).finally(() => worker.tick()),
    );
  };

  const pods: Informer<BoundPod> = createInformer<BoundPod>({
    client,
    path: '/api/v1/pods',
    query: { fieldSelector: `spec.nodeName=${nodeName}` },
    onEvent: (type, pod) => {
      if (type === 'deleted') workers.get(uidOf(pod))?.gone();
      else add(pod);
    },
    clock,
    random,
    logger,
  });

  /** Compares with Docker's list: finds changes that no event told of, and what belongs to nobody. */
  const compare = async () => {
    const rows = await engine.states(mark);
    const seen = new Set(rows.map(({ id }) => id));
    const strays = new Map<string, { id: string; grace: number; sandbox: boolean }[]>();
    for (const { id, state, labels: own } of rows) {
      const uid = own[labels.uid] ?? '';
      const worker = workers.get(uid);
      if (worker) {
        const view = worker.views.get(id);
        if (view && view.state !== state && (state === 'running') !== (view.state === 'running')) worker.observe(id, await look(id));
      } else {
        const stray = { id, grace: Number(own[labels.grace] ?? 30), sandbox: own[labels.container] === undefined };
        strays.set(uid, [...(strays.get(uid) ?? []), stray]);
      }
    }
    for (const worker of workers.values()) for (const id of worker.views.keys()) if (!seen.has(id)) worker.observe(id, undefined);
    for (const [uid, containers] of strays) if (!workers.has(uid)) launch('remove orphan', removeOrphan(uid, containers));
    for (const uid of await readdir(node.podsDir)) {
      if (!workers.has(uid) && !orphans.has(uid) && !strays.has(uid)) await tearDownVolumes(join(node.podsDir, uid), context.exec);
    }
    await network.reconcile(
      [...workers.values()]
        .filter(worker => worker.ip !== '' && !isHostNetwork(worker.pod))
        .map(worker => ({ ip: worker.ip, hostInterface: hostInterface(worker.uid) })),
    );
  };

  const followEvents = async () => {
    let failures = 0;
    while (!abort.signal.aborted) {
      try {
        const events = await engine.events(mark, abort.signal);
        failures = 0;
        // What happened while nobody listened.
        if (pods.isSynced) await compare();
        for await (const { action, id, labels: own } of events) {
          const worker = workers.get(own[labels.uid] ?? '');
          if (!worker || !watched.has(action)) continue;
          if (action === 'destroy') worker.observe(id, undefined);
          // Its own starts and creations a worker hears of from itself.
          else if (worker.views.has(id)) worker.observe(id, await look(id));
        }
      } catch (error) {
        if (abort.signal.aborted) return;
        if (failures++ % 60 === 0) logger.warn('the events of Docker cannot be followed', { error: textOf(error) });
      }
      await sleep(clock, 1000, abort.signal);
    }
  };
  const compareForever = async () => {
    await pods.synced;
    while (!abort.signal.aborted) {
      try {
        await compare();
      } catch (error) {
        logger.warn('comparison with Docker failed', { error: textOf(error) });
      }
      await sleep(clock, compareEvery * (0.9 + random.next() / 5), abort.signal);
    }
  };
  launch('events', followEvents());
  launch('compare', compareForever());

  return {
    workers,
    find(namespace, name) {
      const pod = pods.objects.get(`${namespace}/${name}`);
      return pod && workers.get(uidOf(pod));
    },
    flushed: uid => workers.get(uid)?.statusFlushed(),
    close() {
      abort.abort();
      pods.close();
      for (const worker of workers.values()) worker.close();
    },
  };
};
