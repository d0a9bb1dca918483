/** The real clock, real randomness and real logs, for the processes that are started here. */
import { randomInt, randomUUID } from 'node:crypto';
import { pino } from 'pino';
import type { Clock, Logger, Random } from '../kinds/environment.ts';

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, callback) {
    // Longer than a timer can hold: nobody waits 24 days for something that matters.
    const timer = setTimeout(callback, Math.min(ms, 2 ** 31 - 1));
    return () => clearTimeout(timer);
  },
};

export const systemRandom: Random = {
  next: () => randomInt(2 ** 47) / 2 ** 47,
  uuid: () => randomUUID(),
};

/** One JSON line a call, on standard output. `WINDVANE_LOG_LEVEL` sets the level (default: info). */
export function standardLogger(process_: string): Logger {
  const level = process.env['WINDVANE_LOG_LEVEL'] ?? 'info';
  return wrap(
    pino({ level, base: { process: process_ }, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ fd: 1, sync: false })),
  );
}

type Pino = ReturnType<typeof pino>;
const wrap = (inner: Pino): Logger => ({
  debug: (message, fields) => inner.debug(fields ?? {}, message),
  info: (message, fields) => inner.info(fields ?? {}, message),
  warn: (message, fields) => inner.warn(fields ?? {}, message),
  error: (message, fields) => inner.error(fields ?? {}, message),
  child: fields => wrap(inner.child(fields)),
});
