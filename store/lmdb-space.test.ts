import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ManualClock } from '../test/manual-clock.ts';
import { silent } from '../test/silent.ts';
import { openLmdbLog } from './lmdb.ts';
import { SpaceAhead } from './lmdb-space.ts';

let path: string;
beforeEach(async () => {
  path = mkdtempSync(join(tmpdir(), 'windvane-space-'));
  const log = await openLmdbLog({ path, clock: new ManualClock(), logger: silent });
  await log.close();
});
afterEach(() => rmSync(path, { recursive: true, force: true }));

const size = (): number => statSync(join(path, 'data.mdb')).size;
const writeOf = (bytes: number) => ({ table: 'log' as const, key: Buffer.from('k'), value: Buffer.alloc(bytes) });

describe('space ahead of the data', () => {
  test('is there before it is needed, and given back in the end', async () => {
    const data = size();
    const space = new SpaceAhead(path, silent);
    await space.inTheWay([writeOf(1024 * 1024)]);
    expect(size()).toBe(data + 8 * 1024 * 1024);
    await space.close();
    expect(size()).toBe(data);
  });

  test('is waited for by a group that could reach into it while it is written, and by none after that', async () => {
    const space = new SpaceAhead(path, silent);
    const pending = space.inTheWay([writeOf(1000)]);
    expect(pending).toBeInstanceOf(Promise);
    await pending;
    expect(space.inTheWay([writeOf(1000)])).toBeUndefined();
    // More than there is: nothing is being written that it could meet.
    expect(space.inTheWay([writeOf(64 * 1024 * 1024)])).toBeUndefined();
    await space.close();
  });
});
