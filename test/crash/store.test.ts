/** What was acknowledged is there after `kill -9`, in order and whole; proved with a real process that is really killed. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openLmdbLog } from '../../store/lmdb.ts';
import type { Change, Log } from '../../store/log.ts';
import { loaded, text, wholeTail } from '../contract/log-contract.ts';
import { ManualClock } from '../manual-clock.ts';
import { silent } from '../silent.ts';
import { bundled } from './bundled.ts';

interface Acknowledged {
  readonly writer: string;
  readonly n: number;
  readonly counter: number;
  readonly mark: number;
}
interface Said extends Partial<Acknowledged> {
  readonly unavailable?: string;
  readonly unknown?: boolean;
}

let folder = '';
let program = '';

beforeAll(() => {
  ({ folder, program } = bundled('writer'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const acknowledged = (said: Said): said is Acknowledged => said.writer !== undefined;

/** Everything the process said; it is killed when it has said so many lines. */
async function run(child: ChildProcess, lines: number): Promise<Said[]> {
  if (child.stdout === null) throw new Error('no standard output');
  const said: Said[] = [];
  const exited = once(child, 'exit');
  // What it wrote before it died is read to the end; the last line may be cut.
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.endsWith('}')) said.push(JSON.parse(line));
    if (said.length === lines) child.kill('SIGKILL');
  }
  await exited;
  return said;
}

const open = (path: string): Promise<Log> => openLmdbLog({ path, clock: new ManualClock(Date.now()), logger: silent });

interface Value {
  readonly writer: string;
  readonly n: number;
  readonly revision: number;
}
const written = (change: Change): Value => JSON.parse(text(change.value) ?? '');

/** Holds what is in the log against what all rounds together were told. */
async function check(log: Log, told: readonly Acknowledged[]): Promise<void> {
  const counters = await wholeTail(log, 'counters', 0);
  const marks = await wholeTail(log, 'marks', 0);
  for (const changes of [counters, marks]) {
    const revisions = changes.map(({ revision }) => revision);
    expect([...new Set(revisions)].sort((a, b) => a - b)).toEqual(revisions);
    for (const change of changes) expect(written(change).revision).toBe(change.revision);
  }
  // Each writer's own writes are there one after another, and at most one more than it heard of.
  const byWriter = new Map<string, Map<number, number>>();
  for (const change of counters) {
    const { writer, n } = written(change);
    const own = byWriter.get(writer) ?? new Map<number, number>();
    byWriter.set(writer, own);
    expect(n).toBe(own.size + 1);
    own.set(n, change.revision);
  }
  const heard = new Map<string, number>();
  for (const { writer, n, counter } of told) {
    expect(byWriter.get(writer)?.get(n)).toBe(counter);
    heard.set(writer, Math.max(heard.get(writer) ?? 0, n));
  }
  for (const [writer, own] of byWriter) expect(own.size - (heard.get(writer) ?? 0)).toBeLessThanOrEqual(1);
  // Both halves of every commit, or neither.
  const pairs = (changes: readonly Change[]): string[] => changes.map(change => `${written(change).writer} ${written(change).n}`).sort();
  expect(pairs(marks)).toEqual(pairs(counters));
  for (const { mark, writer, n } of told) {
    expect((await log.get({ resource: 'marks', namespace: writer, name: `m${n}` }))?.revision).toBe(mark);
  }
  // The state is what the history leads to.
  const state = new Map<string, number>();
  for (const { type, key, revision } of counters) {
    if (type === 'deleted') state.delete(`${key.namespace}/${key.name}`);
    else state.set(`${key.namespace}/${key.name}`, revision);
  }
  const found = [...(await loaded(log, 'counters'))].map(([name, { revision }]) => [name, revision] as const);
  expect(new Map(found)).toEqual(state);
}

describe('the embedded store', () => {
  test('killed again and again while 16 writers are at work, it loses nothing it acknowledged', async () => {
    const path = join(folder, 'killed');
    const told: Acknowledged[] = [];
    for (const [round, lines] of [1, 40, 333, 700, 150].entries()) {
      const child = spawn(process.execPath, [program, path, `round${round}`], { stdio: ['ignore', 'pipe', 'inherit'] });
      told.push(...(await run(child, lines)).filter(acknowledged));
      expect(child.signalCode).toBe('SIGKILL');
      // The lock of the dead process does not stand in the way.
      const log = await open(path);
      await check(log, told);
      await log.close();
    }
    expect(told.length).toBeGreaterThan(1000);
  });

  test('out of space it says so, keeps what it acknowledged, and goes on once there is space', async () => {
    const path = join(folder, 'full');
    // A limit on the size of files stands in for a full disk; the signal that comes with it is ignored, so that writing fails.
    const script = 'trap "" XFSZ; ulimit -f 4096; exec "$0" "$@"';
    const child = spawn('sh', ['-c', script, process.execPath, program, path, 'full'], { stdio: ['ignore', 'pipe', 'ignore'] });
    const said = await run(child, Number.POSITIVE_INFINITY);
    expect(child.exitCode).toBe(0);
    expect(said.at(-1)).toEqual({ unavailable: `no space is left for the data in ${path}`, unknown: false });
    const log = await open(path);
    await check(log, said.filter(acknowledged));
    const result = await log.commit([
      { type: 'put', key: { resource: 'marks', namespace: 'later', name: 'a' }, expected: 0, value: () => Buffer.alloc(100_000, 'x') },
    ]);
    expect(result.committed).toBe(true);
    await log.close();
  });
});
