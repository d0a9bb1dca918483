/** Processes that go on after the command has ended: started detached, found again by a pid file, told from a recycled pid by their start time. */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

export interface BackgroundProcess {
  /** Names the pid file. */
  readonly name: string;
  readonly runDir: string;
  readonly logFile: string;
}

interface PidRecord {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: when it started, in clock ticks since boot. */
  readonly started: string;
}

const pidFile = (of: Pick<BackgroundProcess, 'name' | 'runDir'>): string => join(of.runDir, `${of.name}.pid`);

/**
 * What glibc's malloc would otherwise keep once it was used: pools for each thread, and every block freed below one that is not. Blocks of
 * 64 KiB and more come from the system and go back to it. Other C libraries look at none of these.
 */
const frugal = { MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '65536', MALLOC_TRIM_THRESHOLD_: '1048576' };

/** Starts it and returns at once. What it prints goes to the end of its log. */
export function start(of: BackgroundProcess, command: string, args: readonly string[]): number {
  mkdirSync(of.runDir, { recursive: true, mode: 0o700 });
  mkdirSync(dirname(of.logFile), { recursive: true, mode: 0o700 });
  const log = openSync(of.logFile, 'a', 0o600);
  const child = spawn(command, args, { detached: true, stdio: ['ignore', log, log], cwd: '/', env: { ...frugal, ...process.env } });
  closeSync(log);
  child.unref();
  // An executable that cannot be started is seen as a process that is not running.
  child.on('error', () => undefined);
  const pid = child.pid ?? 0;
  writeFileSync(pidFile(of), JSON.stringify({ pid, started: startTime(pid) ?? '' } satisfies PidRecord), { mode: 0o600 });
  return pid;
}

/** Its pid while it runs. */
export function running(of: Pick<BackgroundProcess, 'name' | 'runDir'>): number | undefined {
  let record: PidRecord;
  try {
    record = JSON.parse(readFileSync(pidFile(of), 'utf8')) as PidRecord;
  } catch {
    // No pid file, or one cut short by a crash: nothing of ours runs under it.
    return undefined;
  }
  return record.pid > 0 && startTime(record.pid) === record.started ? record.pid : undefined;
}

/** Asks it to end, and after `patience` ms makes it. Returns whether it ran. */
export async function stop(of: Pick<BackgroundProcess, 'name' | 'runDir'>, patience = 10_000): Promise<boolean> {
  const pid = running(of);
  if (pid !== undefined) {
    process.kill(pid, 'SIGTERM');
    const deadline = Date.now() + patience;
    while (running(of) !== undefined && Date.now() < deadline) await pause(20);
    if (running(of) !== undefined) process.kill(pid, 'SIGKILL');
    while (running(of) !== undefined) await pause(20);
  }
  await rm(pidFile(of), { force: true });
  return pid !== undefined;
}

/** Where its log ends now, to read later only what comes after. */
export function logEnd(of: Pick<BackgroundProcess, 'logFile'>): number {
  return statSync(of.logFile, { throwIfNoEntry: false })?.size ?? 0;
}

export async function logSince(of: Pick<BackgroundProcess, 'logFile'>, offset: number): Promise<string> {
  return (await readFile(of.logFile)).subarray(offset).toString('utf8');
}

function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold spaces; the state is the first field behind it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    // The process is gone.
    return undefined;
  }
}
