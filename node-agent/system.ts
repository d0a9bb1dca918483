import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import type { Clock, Logger, Random } from '../kinds/environment.ts';
import type { Exec } from './volumes/volume.ts';

/** The real clock, randomness, log and programs, for the composition root. */
/** setTimeout takes at most 2^31 - 1 ms; a longer wait is made of several. */
const longestTimer = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, callback) {
    let timer: NodeJS.Timeout;
    const arm = (left: number) => {
      timer = setTimeout(() => (left > longestTimer ? arm(left - longestTimer) : callback()), Math.min(left, longestTimer));
    };
    arm(ms);
    return () => clearTimeout(timer);
  },
};

export const systemRandom: Random = { next: () => Math.random(), uuid: () => randomUUID() };

export const systemLogger = (level: string): Logger => {
  const wrap = (log: ReturnType<typeof pino>): Logger => ({
    debug: (message, fields = {}) => log.debug(fields, message),
    info: (message, fields = {}) => log.info(fields, message),
    warn: (message, fields = {}) => log.warn(fields, message),
    error: (message, fields = {}) => log.error(fields, message),
    child: fields => wrap(log.child(fields)),
  });
  return wrap(pino({ level, base: null }, pino.destination({ dest: 2, sync: true })));
};

export const systemExec: Exec = (command, args, input) =>
  new Promise((resolve, reject) => {
    const child = execFile(command, args, { timeout: 30_000, maxBuffer: 16 * 2 ** 20 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${command} ${args.join(' ')}: ${stderr.trim() || error.message}`));
      else resolve(stdout);
    });
    child.stdin?.on('error', () => child.kill());
    child.stdin?.end(input);
  });
