import type { Volume } from '../../kinds/types.ts';
import { Aborted, sleep } from '../abortable.ts';
import { setUpVolumes, typeOf } from '../volumes/index.ts';
import { type NodeContext, tell, textOf } from './node-context.ts';
import type { BoundPod } from './pod.ts';

/** The volumes of one pod: made once, tried again until they are there, and kept up to date while the pod runs. */
export interface PodVolumes {
  /** Paths by name. Settles when all are there, or with `Aborted` when the pod is going away. */
  ready(): Promise<ReadonlyMap<string, string>>;
  /** When their content is to be looked at again; undefined for volumes that never change, or are being looked at. */
  dueAt(): number | undefined;
  refresh(): Promise<void>;
  /** The pod itself changed, and may show in its volumes. */
  touch(): void;
}

const refreshEvery = 20_000;
const afterChange = 1000;
const retries = [500, 1000, 2000, 4000, 8000, 16_000, 30_000];

const refreshes = (volume: Volume): boolean => {
  try {
    return typeOf(volume).refreshes;
  } catch {
    // A volume of a kind unknown here is told when it is to be made.
    return false;
  }
};

export const createPodVolumes = (options: {
  context: NodeContext;
  podDir: string;
  pod(): BoundPod;
  podIp(): string;
  signal: AbortSignal;
}): PodVolumes => {
  const { context, podDir, pod, signal } = options;
  const { clock, node, references } = context;
  let made: Promise<ReadonlyMap<string, string>> | undefined;
  let looked = clock.now();
  let looking = false;
  const all = () => pod().spec.volumes ?? [];
  const source = (sources: 'fresh' | 'recent') => ({
    pod: pod(),
    sources: references[sources],
    token: references.token,
    addresses: { hostIp: node.hostIp, podIp: options.podIp() },
    node: node.resources,
    exec: context.exec,
  });

  const make = async (): Promise<ReadonlyMap<string, string>> => {
    for (let tries = 0; ; tries++) {
      try {
        const paths = await setUpVolumes(all(), podDir, source('fresh'));
        looked = clock.now();
        return paths;
      } catch (error) {
        if (signal.aborted) throw new Aborted();
        tell(context, pod(), undefined, 'Warning', 'FailedMount', textOf(error));
        await sleep(clock, retries[Math.min(tries, retries.length - 1)] ?? 0, signal);
        if (signal.aborted) throw new Aborted();
      }
    }
  };
  const ready = (): Promise<ReadonlyMap<string, string>> => {
    made ??= make();
    // Whoever waits for it hears of its end; if nobody does, it is no crash.
    made.catch(() => undefined);
    return made;
  };

  return {
    ready,
    dueAt: () => (looking || !all().some(refreshes) ? undefined : made === undefined ? clock.now() : looked + refreshEvery),
    async refresh() {
      looking = true;
      looked = clock.now();
      try {
        await ready();
        await setUpVolumes(all(), podDir, source('recent'), type => type.refreshes);
      } catch (error) {
        // What was there stays, as it does in kubelet.
        if (!signal.aborted) tell(context, pod(), undefined, 'Warning', 'FailedMount', textOf(error));
      } finally {
        looking = false;
      }
    },
    touch() {
      looked = Math.min(looked, clock.now() - refreshEvery + afterChange);
    },
  };
};
