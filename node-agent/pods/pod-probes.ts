import type { Clock, Random } from '../../kinds/environment.ts';
import type { Container } from '../../kinds/types.ts';
import { type ProbeKind, type ProbeWorker, startProbe } from '../probes/probe-worker.ts';
import type { RunProbe } from '../probes/prober.ts';
import { type BoundPod, isDeleted, rolesOf } from './pod.ts';
import { latest, type PodView } from './view.ts';

/** The probes of one pod's running containers. */
export interface PodProbes {
  /** Starts probes of containers that run now, ends those of containers that do not. */
  sync(pod: BoundPod, view: PodView, podIp: string, starting: ReadonlySet<string>): void;
  result(kind: ProbeKind, id: string): boolean | undefined;
  close(): void;
}

export const createPodProbes = (options: {
  run: RunProbe;
  changed(): void;
  event(container: Container, reason: string, message: string): void;
  /** Containers that ran before this agent keep the verdict that the API has of them. */
  adopted(id: string, container: string): { ready: boolean; started: boolean } | undefined;
  clock: Clock;
  random: Random;
}): PodProbes => {
  const workers = new Map<string, Map<ProbeKind, ProbeWorker>>();
  const closeAll = (id: string) => {
    for (const worker of workers.get(id)?.values() ?? []) worker.close();
    workers.delete(id);
  };
  return {
    sync(pod, view, podIp, starting) {
      const running = new Set<string>();
      for (const { container, slot } of rolesOf(pod)) {
        if (slot === 'init' || slot === 'ephemeral' || starting.has(container.name)) continue;
        const seen = latest(view, container.name);
        if (seen?.state !== 'running') continue;
        running.add(seen.id);
        if (workers.has(seen.id)) continue;
        const kinds = new Map<ProbeKind, ProbeWorker>();
        workers.set(seen.id, kinds);
        const before = options.adopted(seen.id, container.name);
        const add = (kind: ProbeKind, probe: Container['livenessProbe'], initial: boolean | undefined) => {
          if (!probe) return;
          kinds.set(
            kind,
            startProbe({
              kind,
              probe,
              container,
              id: seen.id,
              podIp,
              startedAt: seen.startedAt,
              initial,
              enabled: () => kind === 'Startup' || !container.startupProbe || kinds.get('Startup')?.result === true,
              run: options.run,
              changed: options.changed,
              event: (reason, message) => options.event(container, reason, message),
              clock: options.clock,
              random: options.random,
            }),
          );
        };
        add('Startup', container.startupProbe, before?.started || undefined);
        add('Liveness', container.livenessProbe, before ? true : undefined);
        add('Readiness', container.readinessProbe, before?.ready || undefined);
      }
      for (const [id, kinds] of workers) {
        if (!running.has(id)) closeAll(id);
        else if (isDeleted(pod)) {
          // A pod that is going away is not restarted; whether it still serves is told until its end.
          kinds.get('Liveness')?.close();
          kinds.get('Startup')?.close();
        }
      }
    },
    result: (kind, id) => workers.get(id)?.get(kind)?.result,
    close() {
      for (const id of [...workers.keys()]) closeAll(id);
    },
  };
};
