import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLmdbLog } from '../../store/lmdb.ts';
import { ManualClock } from '../manual-clock.ts';
import { silent } from '../silent.ts';
import { logContract, type OpenedLog } from './log-contract.ts';
import { rewriteContract } from './rewrite-contract.ts';

const open = async (): Promise<OpenedLog> => {
  const clock = new ManualClock();
  const path = mkdtempSync(join(tmpdir(), 'windvane-log-'));
  let log = await openLmdbLog({ path, clock, logger: silent });
  return {
    log,
    clock,
    async reopen() {
      await log.close();
      log = await openLmdbLog({ path, clock, logger: silent });
      return log;
    },
    async dispose() {
      rmSync(path, { recursive: true });
    },
  };
};

logContract('on LMDB', open);
rewriteContract('on LMDB', open);
