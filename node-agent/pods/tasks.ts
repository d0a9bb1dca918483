import type { Clock, Logger } from '../../kinds/environment.ts';
import { textOf } from './node-context.ts';

/** What takes time, each by its name. One that failed is held back for a while, as when Docker is away: whoever begins tasks asks first. */
export interface Tasks {
  launch(name: string, task: () => Promise<void>): void;
  mustWait(name: string): boolean;
}

const first = 1000;
const longest = 10_000;

export const createTasks = (options: {
  clock: Clock;
  logger: Logger;
  ended: () => void;
  /** Somebody has to look again at this time. */
  wakeAt: (at: number) => void;
}): Tasks => {
  const { clock, logger, ended, wakeAt } = options;
  const failed = new Map<string, { tries: number; until: number }>();
  return {
    launch(name, task) {
      task()
        .then(
          () => failed.delete(name),
          (error: unknown) => {
            const tries = failed.get(name)?.tries ?? 0;
            failed.set(name, { tries: tries + 1, until: clock.now() + Math.min(longest, first * 2 ** tries) });
            // Told once, until it has gone well.
            logger[tries === 0 ? 'error' : 'debug']('pod task failed', { task: name, error: textOf(error) });
          },
        )
        .finally(ended);
    },
    mustWait(name) {
      const until = failed.get(name)?.until ?? 0;
      if (until <= clock.now()) return false;
      wakeAt(until);
      return true;
    },
  };
};
