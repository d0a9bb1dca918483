import { join } from 'node:path';
import { isConflict, isNotFound } from '../../kinds/status.ts';
import type { Container, PodStatus } from '../../kinds/types.ts';
import { Aborted } from '../abortable.ts';
import { coreV1 } from '../api-client.ts';
import { tearDownVolumes } from '../volumes/index.ts';
import { type Backoff, goDuration } from './backoff.ts';
import { hostInterface } from './labels.ts';
import { type NodeContext, tell, textOf } from './node-context.ts';
import { planPod } from './plan.ts';
import { type BoundPod, describePod, isDeleted, isFinished, isHostNetwork, isSidecar, namespaceOf, rolesOf, uidOf } from './pod.ts';
import { createPodProbes } from './pod-probes.ts';
import { podStatus } from './pod-status.ts';
import { createPodVolumes } from './pod-volumes.ts';
import { createResizer } from './resize.ts';
import { StartFailure, startContainer } from './start-container.ts';
import { type SandboxStart, startSandbox } from './start-sandbox.ts';
import { type Stopping, stopContainer } from './stop-container.ts';
import { createTasks } from './tasks.ts';
import { type ContainerView, latest, podView } from './view.ts';

/**
 * Drives one pod from what is to what should be. `tick` looks at both and begins whatever is missing; nothing in it waits. All that takes
 * time is a task of its own that looks again when it ends, so a pod can be deleted at any moment of its life. The worker keeps no fact
 * that is not in the API or in Docker: another one can take over from any point.
 */
export interface PodWorker {
  readonly uid: string;
  readonly pod: BoundPod;
  /** Address of its sandbox; empty before there is one. */
  readonly ip: string;
  readonly views: ReadonlyMap<string, ContainerView>;
  update(pod: BoundPod): void;
  /** The API no longer knows the pod: all that is left of it goes. */
  gone(): void;
  /** Docker says something new of a container; undefined: it is no longer there. */
  observe(id: string, view: ContainerView | undefined): void;
  statusFlushed(): void;
  tick(): void;
  /** The agent ends; the pod runs on. */
  close(): void;
}

export interface WorkerOptions {
  context: NodeContext;
  pod: BoundPod;
  views: ContainerView[];
  crashBackoff: Backoff;
  look(id: string): Promise<ContainerView | undefined>;
  done(uid: string): void;
}

export const createPodWorker = (options: WorkerOptions): PodWorker => {
  const { context, crashBackoff } = options;
  const { clock, engine, network, random, logger, node } = context;
  let { pod } = options;
  const uid = uidOf(pod);
  const podDir = join(node.podsDir, uid);
  const log = logger.child({ pod: `${namespaceOf(pod)}/${pod.metadata.name}` });
  const views = new Map(options.views.map(view => [view.id, view]));
  const adoptedIds = new Set(views.keys());

  let reported: PodStatus = pod.status ?? {};
  let isGone = false;
  let closed = false;
  let failure: { reason: string; message: string } | undefined;
  /** The final status has been made: what is removed from now on does not change it. */
  let sealed = false;
  let ending: 'no' | 'sandbox' | 'ended' = 'no';
  let removal: 'no' | 'running' | 'done' = 'no';
  let deleting = false;
  let sandbox: SandboxStart | undefined;
  let sandboxRetryAt = 0;
  let sandboxFailures = 0;
  let wake: () => void = () => undefined;
  const abort = new AbortController();
  const busy = new Set<string>();
  const starting = new Set<string>();
  const stopping = new Map<string, Stopping>();
  const trouble = new Map<string, { reason: string; message: string }>();
  const retryAt = new Map<string, number>();

  const say = (container: Container | undefined, type: 'Normal' | 'Warning', reason: string, message: string) =>
    tell(context, pod, container, type, reason, message);
  const podIp = () => sandbox?.ip ?? podView(views.values()).sandbox?.ip ?? '';

  const probes = createPodProbes({
    run: context.runProbe,
    changed: () => tick(),
    event: (container, reason, message) => say(container, 'Warning', reason, message),
    adopted: (id, name) => {
      if (!adoptedIds.has(id)) return undefined;
      const status = [...(reported.containerStatuses ?? []), ...(reported.initContainerStatuses ?? [])].find(each => each.name === name);
      return { ready: status?.ready === true, started: status?.started === true };
    },
    clock,
    random,
  });

  /** After each the pod is looked at again. */
  const tasks = createTasks({ clock, logger: log, ended: () => tick(), wakeAt: at => wakeAt(at) });
  const { launch, mustWait } = tasks;
  const resize = createResizer(context, tasks, adoptedIds);
  const look = async (id: string): Promise<ContainerView | undefined> => {
    const view = await options.look(id);
    if (view) views.set(id, view);
    else views.delete(id);
    return view;
  };

  const volumes = createPodVolumes({ context, podDir, pod: () => pod, podIp, signal: abort.signal });

  const makeSandbox = (attempt: number) => {
    const started = startSandbox(context, pod, attempt, look);
    sandbox = started;
    launch('sandbox', async () => {
      try {
        await started.ready;
        sandboxFailures = 0;
        for (const view of [...views.values()]) {
          if (view.container === '' && view.state !== 'running') await removeContainer(view.id);
        }
      } catch (error) {
        sandboxFailures++;
        sandboxRetryAt = clock.now() + Math.min(30_000, 500 * 2 ** sandboxFailures);
        say(undefined, 'Warning', 'FailedCreatePodSandBox', `Failed to create pod sandbox: ${textOf(error)}`);
        const id = await started.id.catch(() => undefined);
        if (id) await removeContainer(id);
        if (!isHostNetwork(pod)) await network.detach(hostInterface(uid));
      } finally {
        sandbox = undefined;
      }
    });
  };
  const removeContainer = async (id: string) => {
    await engine.remove(id);
    views.delete(id);
  };

  const start = (container: Container, attempt: number) => {
    const { name } = container;
    busy.add(name);
    starting.add(name);
    const current = podView(views.values()).sandbox;
    const made = sandbox;
    const target = pod.spec.ephemeralContainers?.find(each => each.name === name)?.targetContainerName;
    launch(`start ${name}`, async () => {
      try {
        await startContainer(context, {
          pod,
          container,
          attempt,
          podIp: podIp(),
          sandboxId: made ? made.id : Promise.resolve(current?.id ?? ''),
          sandboxReady: made ? made.ready : Promise.resolve(),
          volumes: volumes.ready(),
          target: target === undefined ? undefined : latest(podView(views.values()), target)?.id,
          signal: abort.signal,
          observe: look,
        });
        trouble.delete(name);
        retryAt.delete(name);
        await prune(name, attempt);
      } catch (error) {
        if (error instanceof StartFailure) {
          trouble.set(name, { reason: error.reason, message: error.message });
          retryAt.set(name, clock.now() + error.retryAfter);
        } else if (!(error instanceof Aborted) && !abort.signal.aborted) {
          // A sandbox that could not be made says so itself.
          retryAt.set(name, clock.now() + 1000);
          const sandboxFailed = made !== undefined && (await made.ready.then(() => false).catch(() => true));
          if (!sandboxFailed) log.warn('container not started', { container: name, error: textOf(error) });
        }
      } finally {
        busy.delete(name);
        starting.delete(name);
      }
    });
  };
  /** Of a container's earlier lives one is kept, for its logs and its last state. */
  const prune = async (name: string, attempt: number) => {
    for (const view of [...views.values()]) {
      if (view.container === name && view.state !== 'running' && view.attempt < attempt - 1) await removeContainer(view.id);
    }
  };

  const stop = (view: ContainerView, container: Container, message: string, by: number) => {
    const known = stopping.get(view.id);
    if (known) {
      known.shorten(by);
      return;
    }
    const task = `stop ${view.container}`;
    if (mustWait(task)) return;
    busy.add(view.container);
    const started = stopContainer(context, { pod, container, id: view.id, podIp: podIp(), message, by });
    stopping.set(view.id, started);
    launch(task, async () => {
      try {
        await started.done;
        await look(view.id);
      } finally {
        stopping.delete(view.id);
        busy.delete(view.container);
      }
    });
  };

  /** When everything of a pod that ends must be dead. */
  const endBy = (): number => {
    const deletion = pod.metadata.deletionTimestamp;
    if (deletion !== undefined) return Date.parse(deletion);
    endsAt ??= clock.now() + (pod.spec.terminationGracePeriodSeconds ?? 30) * 1000;
    return endsAt;
  };
  let endsAt: number | undefined;

  const stopAll = (view: ReturnType<typeof podView>) => {
    const by = endBy();
    const running = rolesOf(pod).filter(({ container }) =>
      view.containers.some(each => each.container === container.name && each.state === 'running'),
    );
    const sidecars = running.filter(({ container, slot }) => slot === 'sidecar' && isSidecar(container));
    const others = running.filter(each => !sidecars.includes(each));
    // Sidecars serve the others to the end, and go in the reverse order of their start; when time is up, nobody waits for anybody.
    const last = sidecars.at(-1);
    const late = by <= clock.now();
    for (const { container } of late ? running : others.length > 0 ? others : last ? [last] : []) {
      const seen = view.containers.find(each => each.container === container.name && each.state === 'running');
      if (seen) stop(seen, container, '', by);
    }
    // What runs under a name that the spec no longer has ends with the pod.
    for (const seen of view.containers) {
      if (seen.state === 'running' && !rolesOf(pod).some(({ container }) => container.name === seen.container)) {
        stop(seen, { name: seen.container } as Container, '', by);
      }
    }
    if (running.length > 0 && !late) wakeAt(by);
  };

  const endSandbox = (view: ReturnType<typeof podView>) => {
    if (mustWait('end sandbox')) return;
    ending = 'sandbox';
    launch('end sandbox', async () => {
      try {
        if (view.sandbox?.state === 'running') {
          await engine.kill(view.sandbox.id);
          await look(view.sandbox.id);
        }
        if (!isHostNetwork(pod)) await network.detach(hostInterface(uid));
        ending = 'ended';
      } finally {
        if (ending === 'sandbox') ending = 'no';
      }
    });
  };
  const removeAll = () => {
    if (mustWait('remove')) return;
    removal = 'running';
    launch('remove', async () => {
      try {
        await Promise.all([...views.keys()].map(removeContainer));
        await tearDownVolumes(podDir, context.exec);
        removal = 'done';
      } finally {
        if (removal === 'running') removal = 'no';
      }
    });
  };
  const deleteObject = () => {
    deleting = true;
    launch('delete', async () => {
      try {
        await context.client.delete(coreV1('pods', namespaceOf(pod), pod.metadata.name), {
          apiVersion: 'v1',
          kind: 'DeleteOptions',
          gracePeriodSeconds: 0,
          preconditions: { uid },
        });
      } catch (error) {
        if (isNotFound(error) || isConflict(error)) return;
        log.warn('pod not deleted', { error: textOf(error) });
        clock.after(1000, () => {
          deleting = false;
          tick();
        });
      }
    });
  };

  const isQuiet = (view: ReturnType<typeof podView>): boolean =>
    busy.size === 0 && sandbox === undefined && !view.containers.some(each => each.state === 'running');
  /** The pod is to end, or has ended: containers first, then its sandbox, then what the API has of it. */
  const tickEnd = (view: ReturnType<typeof podView>) => {
    abort.abort();
    stopAll(view);
    if (!sealed) publish();
    if (!isQuiet(view)) return;
    if (ending === 'no') endSandbox(view);
    if (!isDeleted(pod) && !isGone) return;
    sealed = true;
    if (ending === 'ended' && removal === 'no') removeAll();
    // The object goes last, when its final status has been told and nothing of the pod is left here.
    if (removal === 'done' && !isGone && !deleting && context.statuses.isFlushed(uid)) deleteObject();
    if (isGone && removal === 'done') {
      finish();
    }
  };
  const finish = () => {
    closed = true;
    wake();
    probes.close();
    crashBackoff.forget(`${uid} `);
    context.images.forget(uid);
    context.references.forget(uid);
    context.statuses.forget(uid);
    options.done(uid);
  };

  const isOver = (): boolean =>
    isGone || isDeleted(pod) || isFinished(pod) || failure !== undefined || reported.phase === 'Succeeded' || reported.phase === 'Failed';

  const checkDeadline = () => {
    const { activeDeadlineSeconds: seconds } = pod.spec;
    const began = reported.startTime;
    if (seconds === undefined || began === undefined) return;
    const at = Date.parse(began) + seconds * 1000;
    if (clock.now() < at) {
      wakeAt(at);
      return;
    }
    failure = { reason: 'DeadlineExceeded', message: 'Pod was active on the node longer than the specified deadline' };
    say(undefined, 'Normal', failure.reason, failure.message);
  };

  const tickRun = () => {
    let view = podView(views.values());
    const plan = planPod({
      pod,
      view,
      busy,
      liveness: id => probes.result('Liveness', id),
      startup: id => probes.result('Startup', id),
    });
    if (plan.finished && busy.size === 0) {
      over = true;
      tickEnd(view);
      return;
    }
    const grace = pod.spec.terminationGracePeriodSeconds ?? 30;
    for (const { view: seen, container, message } of plan.stop) {
      const probe = message.includes('liveness')
        ? container.livenessProbe
        : message.includes('startup')
          ? container.startupProbe
          : undefined;
      stop(seen, container, message, clock.now() + (probe?.terminationGracePeriodSeconds ?? grace) * 1000);
    }
    if (plan.sandbox === 'replace') {
      for (const seen of view.containers) {
        const container = rolesOf(pod).find(role => role.container.name === seen.container)?.container;
        if (seen.state === 'running') stop(seen, container ?? ({ name: seen.container } as Container), '', clock.now() + grace * 1000);
      }
      return;
    }
    if (plan.sandbox === 'create' && sandbox === undefined) {
      if (clock.now() < sandboxRetryAt) {
        wakeAt(sandboxRetryAt);
        return;
      }
      if (view.sandbox?.state === 'exited') {
        say(undefined, 'Normal', 'SandboxChanged', 'Pod sandbox changed, it will be killed and re-created.');
      }
      makeSandbox(view.sandbox ? view.sandbox.attempt + 1 : 0);
      view = podView(views.values());
    }
    for (const container of plan.start) startIfDue(container, view);
    for (const { container } of rolesOf(pod)) {
      const seen = latest(view, container.name);
      if (seen?.state === 'running' && !busy.has(container.name)) resize(pod, container, seen);
    }
    // The volumes of an adopted pod are brought up to date in its own time.
    const due = view.containers.some(each => each.state === 'running') ? volumes.dueAt() : undefined;
    if (due !== undefined && due <= clock.now()) launch('refresh', volumes.refresh);
    else if (due !== undefined) wakeAt(due);
  };
  let over = false;

  const startIfDue = (container: Container, view: ReturnType<typeof podView>) => {
    const { name } = container;
    const waitUntil = retryAt.get(name) ?? 0;
    if (clock.now() < waitUntil) {
      wakeAt(waitUntil);
      return;
    }
    const before = latest(view, name);
    const key = `${uid} ${name}`;
    if (before?.state === 'exited') {
      const wait = crashBackoff.remaining(key, before.finishedAt);
      if (wait > 0) {
        const message = `back-off ${goDuration(crashBackoff.get(key))} restarting failed container=${name} pod=${describePod(pod)}`;
        if (trouble.get(name)?.reason !== 'CrashLoopBackOff') {
          say(container, 'Warning', 'BackOff', `Back-off restarting failed container ${name} in pod ${describePod(pod)}`);
        }
        trouble.set(name, { reason: 'CrashLoopBackOff', message });
        wakeAt(clock.now() + wait);
        return;
      }
      crashBackoff.next(key, before.finishedAt);
    }
    const status = [...(reported.containerStatuses ?? []), ...(reported.initContainerStatuses ?? [])].find(each => each.name === name);
    const lost = before === undefined && status?.containerID !== undefined ? status.restartCount + (status.state?.running ? 1 : 0) : 0;
    const attempt = before === undefined ? lost : before.state === 'created' ? before.attempt : before.attempt + 1;
    trouble.delete(name);
    start(container, attempt);
  };

  let wakeTime = Number.POSITIVE_INFINITY;
  const wakeAt = (at: number) => {
    if (at >= wakeTime || closed) return;
    wake();
    wakeTime = at;
    wake = clock.after(Math.max(0, at - clock.now()), () => {
      wakeTime = Number.POSITIVE_INFINITY;
      tick();
    });
  };

  const publish = () => {
    const view = podView(views.values());
    const ends = over || isOver();
    reported = podStatus({
      pod,
      view,
      previous: reported,
      hostIp: node.hostIp,
      podIp: podIp(),
      now: clock.now(),
      over: ends,
      settled: ends && isQuiet(view),
      failure,
      trouble,
      starting,
      startup: id => probes.result('Startup', id),
      readiness: id => probes.result('Readiness', id),
      imageRef: id => context.imageRefs.get(id),
    });
    if (!isGone) context.statuses.report(pod, reported);
  };

  let ticking = false;
  const tick = (): void => {
    if (closed || ticking) return;
    ticking = true;
    try {
      if (!isOver()) checkDeadline();
      if (over || isOver()) tickEnd(podView(views.values()));
      else tickRun();
      probes.sync(pod, podView(views.values()), podIp(), starting);
      if (!sealed && !closed) publish();
    } catch (error) {
      log.error('pod cannot be driven', { error: textOf(error) });
      wakeAt(clock.now() + 5000);
    } finally {
      ticking = false;
    }
  };

  return {
    uid,
    get pod() {
      return pod;
    },
    get ip() {
      return podIp();
    },
    views,
    update(next) {
      pod = next;
      volumes.touch();
      tick();
    },
    gone() {
      isGone = true;
      tick();
    },
    observe(id, view) {
      if (view) views.set(id, view);
      else views.delete(id);
      tick();
    },
    statusFlushed: () => tick(),
    tick,
    close() {
      closed = true;
      wake();
      probes.close();
    },
  };
};
