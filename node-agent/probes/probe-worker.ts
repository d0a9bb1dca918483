import type { Clock, Random } from '../../kinds/environment.ts';
import type { Container, Probe } from '../../kinds/types.ts';
import type { ProbeOutcome } from './http.ts';
import type { RunProbe } from './prober.ts';

export type ProbeKind = 'Startup' | 'Liveness' | 'Readiness';

/**
 * Probes one running container in one way, until it is closed. Results are told when they change: thresholds count in a row, a failed
 * liveness or startup probe is final (the container is about to be replaced), a passed startup probe too.
 */
export interface ProbeWorker {
  /** Undefined until there is a verdict. */
  readonly result: boolean | undefined;
  close(): void;
}

export interface ProbeWorkerOptions {
  kind: ProbeKind;
  probe: Probe;
  container: Container;
  id: string;
  podIp: string;
  startedAt: number;
  /** The container ran before this agent did: it keeps the verdict that was reported, until a probe says otherwise. */
  initial: boolean | undefined;
  /** Whether to probe now: liveness and readiness wait for the startup probe. */
  enabled(): boolean;
  run: RunProbe;
  changed(result: boolean): void;
  event(reason: string, message: string): void;
  clock: Clock;
  random: Random;
}

/**
 * A server is rarely up in the very instant its process starts. Within its first period a readiness or startup probe over the network that fails is
 * made again soon, without counting, so that a pod is ready when it is and not a whole period later.
 */
const eager = [50, 100, 200, 400, 800, 1600, 3200];

export const startProbe = (options: ProbeWorkerOptions): ProbeWorker => {
  const { kind, probe, container, id, podIp, startedAt, run, clock } = options;
  const period = Math.max(1, probe.periodSeconds ?? 10) * 1000;
  const failureThreshold = probe.failureThreshold ?? 3;
  const successThreshold = probe.successThreshold ?? 1;
  let result = options.initial;
  let last: boolean | undefined;
  let inRow = 0;
  let closed = false;
  let hurried = 0;
  let nextRegular = 0;
  let firstPeriodEnds: number | undefined;
  let cancel: () => void = () => undefined;

  const schedule = (ms: number) => {
    cancel();
    if (!closed) {
      cancel = clock.after(ms, () => {
        probeOnce().catch((error: unknown) => options.event('Unhealthy', `${kind} probe errored: ${String(error)}`));
      });
    }
  };
  const mayHurry = () => kind !== 'Liveness' && result === undefined && !probe.exec && options.enabled();
  const later = () => {
    const delay = eager[hurried];
    if (mayHurry() && delay !== undefined && clock.now() + delay < nextRegular) {
      hurried++;
      schedule(delay);
    } else {
      hurried = eager.length;
      schedule(Math.max(0, nextRegular - clock.now()));
    }
  };

  const probeOnce = async () => {
    if (!options.enabled()) {
      schedule(Math.min(period, 100));
      return;
    }
    const regular = nextRegular === 0 || clock.now() >= nextRegular;
    if (regular) nextRegular = clock.now() + period;
    let outcome: ProbeOutcome;
    try {
      outcome = await run(probe, container, id, podIp);
    } catch (error) {
      if (!closed) {
        options.event(
          'Unhealthy',
          `${kind} probe errored and resulted in unknown state: ${error instanceof Error ? error.message : String(error)}`,
        );
        later();
      }
      return;
    }
    if (closed) return;
    if (outcome.warning) options.event('ProbeWarning', `${kind} probe warning: ${outcome.output}`);
    firstPeriodEnds ??= nextRegular;
    if (!outcome.success && mayHurry() && clock.now() < firstPeriodEnds) {
      // A server that is still starting is not unhealthy.
      later();
      return;
    }
    if (!outcome.success) options.event('Unhealthy', `${kind} probe failed: ${outcome.output}`);
    inRow = last === outcome.success ? inRow + 1 : 1;
    last = outcome.success;
    if (inRow >= (outcome.success ? successThreshold : failureThreshold)) {
      const before = result;
      result = outcome.success;
      if (before !== result) options.changed(result);
      if (kind === 'Startup' || (kind === 'Liveness' && !result)) {
        closed = true;
        return;
      }
    }
    later();
  };

  const due = startedAt + (probe.initialDelaySeconds ?? 0) * 1000 - clock.now();
  // After an agent's restart all its probes would fall into one moment.
  const passed = kind === 'Startup' && options.initial === true;
  if (!passed) schedule(due > 0 ? due : options.initial === undefined ? 0 : options.random.next() * period);

  return {
    get result() {
      return result;
    },
    close() {
      closed = true;
      cancel();
    },
  };
};
