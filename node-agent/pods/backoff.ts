import type { Clock } from '../../kinds/environment.ts';

/**
 * Waits that double while something keeps failing, and are forgotten after it went well for twice the longest wait
 * (client-go `flowcontrol.Backoff`).
 */
export interface Backoff {
  /** Milliseconds still to wait when the failure was at `since`; 0 for none. */
  remaining(key: string, since: number): number;
  /** The present wait in milliseconds. */
  get(key: string): number;
  /** A try is about to be made: the next failure waits longer. */
  next(key: string, since: number): void;
  forget(prefix: string): void;
}

export const createBackoff = ({ clock, initial, longest }: { clock: Clock; initial: number; longest: number }): Backoff => {
  const entries = new Map<string, { wait: number; updated: number }>();
  const expired = (since: number, updated: number) => since - updated > 2 * longest;
  return {
    remaining(key, since) {
      const entry = entries.get(key);
      if (!entry || expired(since, entry.updated)) return 0;
      return Math.max(0, since + entry.wait - clock.now());
    },
    get: key => entries.get(key)?.wait ?? 0,
    next(key, since) {
      const entry = entries.get(key);
      const wait = !entry || expired(since, entry.updated) ? initial : Math.min(entry.wait * 2, longest);
      entries.set(key, { wait, updated: clock.now() });
    },
    forget(prefix) {
      for (const key of entries.keys()) if (key.startsWith(prefix)) entries.delete(key);
    },
  };
};

/** Go's text of a duration of whole seconds: `10s`, `1m20s`, `5m0s`. */
export const goDuration = (ms: number): string => {
  const seconds = Math.round(ms / 1000);
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const tail = `${seconds % 60}s`;
  return hours > 0 ? `${hours}h${minutes}m${tail}` : minutes > 0 ? `${minutes}m${tail}` : tail;
};
