/** Time and chance for tests: a clock that stands until it is moved, and a seeded generator. */
import type { Clock, Logger, Random } from '../../../kinds/environment.ts';

export interface VirtualClock extends Clock {
  /** Moves time forward, firing what falls due, in order. */
  advance(ms: number): void;
  /** When the next timer fires. */
  next(): number | undefined;
}

export const virtualClock = (start = Date.parse('2030-01-01T00:00:00Z')): VirtualClock => {
  let now = start;
  let sequence = 0;
  const timers = new Map<number, { at: number; callback: () => void }>();
  const first = (): [number, { at: number; callback: () => void }] | undefined =>
    [...timers].sort(([a, x], [b, y]) => x.at - y.at || a - b)[0];
  return {
    now: () => now,
    after(ms, callback) {
      const id = sequence++;
      timers.set(id, { at: now + ms, callback });
      return () => timers.delete(id);
    },
    next: () => first()?.[1].at,
    advance(ms) {
      const end = now + ms;
      for (let due = first(); due && due[1].at <= end; due = first()) {
        timers.delete(due[0]);
        now = Math.max(now, due[1].at);
        due[1].callback();
      }
      now = end;
    },
  };
};

/** mulberry32 */
export const seededRandom = (seed = 1): Random => {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const hex = (digits: number): string => Array.from({ length: digits }, () => Math.floor(next() * 16).toString(16)).join('');
  return { next, uuid: () => `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(12)}` };
};

/** Keeps warnings and errors for a test to look at. */
export const memoryLogger = (): Logger & { readonly lines: { level: string; message: string; fields: unknown }[] } => {
  const lines: { level: string; message: string; fields: unknown }[] = [];
  const at = (level: string) => (message: string, fields?: Record<string, unknown>) => {
    lines.push({ level, message, fields });
  };
  const quiet = (): void => undefined;
  const logger = { lines, debug: quiet, info: quiet, warn: at('warn'), error: at('error'), child: () => logger };
  return logger;
};
