/** A log that encrypts is a log like any other. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataKeys } from '../../store/encryption/data-keys.ts';
import { encryptedLog } from '../../store/encryption/encrypted-log.ts';
import { newKey } from '../../store/encryption/key-file.ts';
import { openLmdbLog } from '../../store/lmdb.ts';
import { ManualClock } from '../manual-clock.ts';
import { silent } from '../silent.ts';
import { logContract } from './log-contract.ts';

logContract('on LMDB, encrypted', async () => {
  const clock = new ManualClock();
  const path = mkdtempSync(join(tmpdir(), 'windvane-log-'));
  const keys = [newKey()];
  const open = async () => encryptedLog(await openLmdbLog({ path, clock, logger: silent }), new DataKeys(keys, clock), () => true);
  let log = await open();
  return {
    log,
    clock,
    async reopen() {
      await log.close();
      log = await open();
      return log;
    },
    async dispose() {
      rmSync(path, { recursive: true });
    },
  };
});
