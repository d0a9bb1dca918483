/**
 * A process that kills itself in the middle of a rotation of the keys, with writers at work beside it; a line on standard output for each write
 * that was acknowledged. Arguments: the data directory, the key file, a name for this round, and the page of stored values at which it dies
 * (`end`: when all are rewritten and the old keys are still in the file).
 */
import { writeSync } from 'node:fs';
import { encryptionAtRest } from '../../store/encryption/encryption-at-rest.ts';
import { openLmdbLog } from '../../store/lmdb.ts';
import type { Log, Mutation } from '../../store/log.ts';
import { silent } from '../silent.ts';

const [, , path = '', keyFile = '', round = '', end = ''] = process.argv;
const resource = 'secrets';
const seeds = 1200;
const say = (line: object): void => void writeSync(1, `${JSON.stringify(line)}\n`);
const die = (): void => void process.kill(process.pid, 'SIGKILL');

const put = (namespace: string, name: string, expected: number, n: number): Mutation => ({
  type: 'put',
  key: { resource, namespace, name },
  expected,
  value: revision => Buffer.from(JSON.stringify({ namespace, name, n, revision, text: 'hunter2-in-the-open' })),
});

async function writer(log: Log, namespace: string): Promise<void> {
  let revision = 0;
  for (let n = 1; ; n++) {
    const result = await log.commit([put(namespace, 'own', revision, n)]);
    if (!result.committed) throw new Error(`refused: ${JSON.stringify(result)}`);
    revision = result.revisions[0] ?? 0;
    say({ namespace, n, revision });
  }
}

const clock = { now: () => Date.now(), after: () => () => {} };
const inner = await openLmdbLog({ path, clock, logger: silent });
const { log, rotate } = await encryptionAtRest({ log: inner, keyFile, resources: [resource], clock, logger: silent });
if (!(await log.resources()).includes(resource)) {
  const results = await Promise.all(Array.from({ length: seeds }, (_, i) => log.commit([put('seed', `s${i}`, 0, 0)])));
  if (!results.every(({ committed }) => committed)) throw new Error('the first values were refused');
}

const rewrite = inner.rewrite.bind(inner);
let page = 0;
inner.rewrite = async (of, anew) => {
  const count = await rewrite(of, async rows => {
    page += 1;
    if (String(page) === end) die();
    return anew(rows);
  });
  if (end === 'end') die();
  return count;
};
for (let i = 0; i < 4; i++) void writer(log, `${round}-${i}`);
await rotate();
