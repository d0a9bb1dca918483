import type { Container } from '../../kinds/types.ts';
import { type NodeContext, tell, textOf } from './node-context.ts';
import type { BoundPod } from './pod.ts';

/** Even a container without grace gets this long (kubelet `minimumGracePeriodInSeconds`). */
const least = 2;

/** A stop that is under way: its end may be brought forward, never put off. */
export interface Stopping {
  done: Promise<void>;
  by: number;
  shorten(by: number): void;
}

/** preStop hook, stop signal, and SIGKILL at the time `by` (milliseconds since the epoch). */
export const stopContainer = (
  context: NodeContext,
  request: { pod: BoundPod; container: Container; id: string; podIp: string; message: string; by: number },
): Stopping => {
  const { engine, clock, logger } = context;
  const { pod, container, id, podIp, message } = request;
  const hook = new AbortController();
  let by = request.by;
  let signalled = false;
  const left = () => Math.max(least, Math.ceil((by - clock.now()) / 1000));
  tell(context, pod, container, 'Normal', 'Killing', message || `Stopping container ${container.name}`);

  const run = async () => {
    const preStop = container.lifecycle?.preStop;
    const time = by - clock.now();
    if (preStop && time > 0) {
      const late = clock.after(time, () => hook.abort());
      try {
        await context.runHook(preStop, container, id, podIp, hook.signal);
      } catch (error) {
        if (!hook.signal.aborted) {
          logger.debug('preStop hook failed', { pod: pod.metadata.name, container: container.name, error: textOf(error) });
          tell(context, pod, container, 'Warning', 'FailedPreStopHook', 'PreStopHook failed');
        }
      } finally {
        late();
      }
    }
    signalled = true;
    await engine.stop(id, left());
  };
  return {
    done: run(),
    get by() {
      return by;
    },
    shorten(sooner) {
      if (sooner >= by) return;
      by = sooner;
      hook.abort();
      // Docker serves both requests; the one with less time ends them both.
      if (signalled) engine.stop(id, left()).catch((error: unknown) => logger.warn('stop failed', { id, error: textOf(error) }));
    },
  };
};
