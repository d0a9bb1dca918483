/**
 * A keyed work queue. A key is queued at most once and never runs twice at once; one that is added while it runs runs again
 * afterwards. A key that fails waits on its own and holds up nobody else.
 */
import type { Clock, Logger, Random } from '../../kinds/environment.ts';
import { isConflict, isNotFound } from '../../kinds/status.ts';
import type { Key, Result } from './reconciler.ts';

export interface Queue {
  add(key: Key): void;
  /** Nothing queued and nothing running; keys that wait for a time do not count. */
  readonly idle: boolean;
  /** Stops taking keys; resolves when those that run have ended. */
  close(): Promise<void>;
}

export interface QueueOptions {
  readonly name: string;
  readonly concurrency: number;
  run(key: Key): Promise<Result>;
  /** Called between a lost race and its retry, so that the retry sees what won. */
  catchUp(): Promise<void>;
  /** Called whenever the queue has become idle. */
  onIdle?(): void;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** 5 ms doubling up to 1000 s, the rate limiter of client-go (`workqueue.DefaultTypedControllerRateLimiter`), plus jitter of a half. */
export const backoff = (failures: number, random: Random): number =>
  Math.min(5 * 2 ** Math.min(failures, 30), 1_000_000) * (0.5 + random.next() / 2);

/** A race lost more often than this in a row is treated as any other failure. */
const immediateRetries = 8;

export const createQueue = (options: QueueOptions): Queue => {
  const { clock, random, logger, concurrency } = options;
  const pending = new Set<Key>();
  const running = new Set<Key>();
  const dirty = new Set<Key>();
  const failures = new Map<Key, number>();
  const timers = new Map<Key, () => void>();
  let closed = false;
  let scheduled = false;
  let ended: (() => void) | undefined;

  const cancelTimer = (key: Key): void => {
    timers.get(key)?.();
    timers.delete(key);
  };

  const add = (key: Key): void => {
    if (closed) return;
    if (running.has(key)) {
      dirty.add(key);
      return;
    }
    pending.add(key);
    wake();
  };

  const addAfter = (key: Key, ms: number): void => {
    if (closed) return;
    cancelTimer(key);
    timers.set(
      key,
      clock.after(ms, () => {
        timers.delete(key);
        add(key);
      }),
    );
  };

  /** Never runs a key inside the call that adds it: that call is often the replica applying a batch. */
  const wake = (): void => {
    if (scheduled) return;
    scheduled = true;
    queueMicrotask(pump);
  };

  const pump = (): void => {
    scheduled = false;
    for (const key of pending) {
      if (running.size >= concurrency) return;
      pending.delete(key);
      running.add(key);
      void work(key);
    }
  };

  const work = async (key: Key): Promise<void> => {
    cancelTimer(key);
    try {
      const result = await options.run(key);
      failures.delete(key);
      if (result) addAfter(key, result.after);
    } catch (error) {
      await failed(key, error);
    }
    running.delete(key);
    if (dirty.delete(key)) pending.add(key);
    if (closed) {
      if (running.size === 0) ended?.();
      return;
    }
    if (pending.size > 0) wake();
    else if (running.size === 0) options.onIdle?.();
  };

  const failed = async (key: Key, error: unknown): Promise<void> => {
    const count = failures.get(key) ?? 0;
    failures.set(key, count + 1);
    // Not found is a race like any other: what the key was about went meanwhile.
    if ((isConflict(error) || isNotFound(error)) && count < immediateRetries) {
      logger.debug('lost a race, trying again', { reconciler: options.name, key, error: error.message });
      try {
        await options.catchUp();
        dirty.add(key);
        return;
      } catch (cause) {
        logger.warn('could not catch up after a lost race', { reconciler: options.name, key, error: String(cause) });
      }
    }
    const delay = backoff(count, random);
    logger.warn('reconciling failed, will try again', {
      reconciler: options.name,
      key,
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      failures: count + 1,
      delay: Math.round(delay),
    });
    addAfter(key, delay);
  };

  return {
    add,
    get idle() {
      return pending.size === 0 && running.size === 0;
    },
    close() {
      closed = true;
      pending.clear();
      dirty.clear();
      for (const cancel of timers.values()) cancel();
      timers.clear();
      if (running.size === 0) return Promise.resolve();
      return new Promise(resolve => {
        ended = resolve;
      });
    },
  };
};
