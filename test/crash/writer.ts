/**
 * A process to be killed: 16 writers at work on an LMDB log, a line on standard output for each write that was acknowledged.
 * Arguments: the data directory, a name for this round.
 */
import { writeSync } from 'node:fs';
import { openLmdbLog } from '../../store/lmdb.ts';
import type { Log, Mutation } from '../../store/log.ts';
import { StoreUnavailableError } from '../../store/log.ts';
import { silent } from '../silent.ts';

const [, , path = '', round = ''] = process.argv;
const say = (line: object): void => void writeSync(1, `${JSON.stringify(line)}\n`);

/** Sizes from a few bytes to several pages, different from write to write. */
const padding = (n: number): string => 'x'.repeat(n % 10 === 0 ? 20_000 : (n * 37) % 1500);

async function writer(log: Log, id: string): Promise<void> {
  let revision = 0;
  for (let n = 1; ; n++) {
    const remove = revision > 0 && n % 7 === 0;
    const part = (resource: string, name: string, type: Mutation['type'], expected: number): Mutation => ({
      type,
      key: { resource, namespace: id, name },
      expected,
      value: given => Buffer.from(JSON.stringify({ writer: id, n, revision: given, padding: padding(n) })),
    });
    // Its own object over and over, and beside it a new one of another resource in the same commit.
    const result = await log.commit([part('counters', 'counter', remove ? 'delete' : 'put', revision), part('marks', `m${n}`, 'put', 0)]);
    if (!result.committed) throw new Error(`refused: ${JSON.stringify(result)}`);
    const [counter = 0, mark = 0] = result.revisions;
    say({ writer: id, n, counter, mark });
    revision = remove ? 0 : counter;
  }
}

const clock = { now: () => Date.now(), after: () => () => {} };
const log = await openLmdbLog({ path, clock, logger: silent });
try {
  await Promise.all(Array.from({ length: 16 }, (_, i) => writer(log, `${round}-${i}`)));
} catch (error) {
  if (!(error instanceof StoreUnavailableError)) throw error;
  say({ unavailable: error.message, unknown: error.unknown });
  await log.close();
}
