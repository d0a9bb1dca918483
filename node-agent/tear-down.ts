import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Engine } from './docker/engine.ts';
import { labels } from './pods/labels.ts';
import { tearDownVolumes } from './volumes/index.ts';
import type { Exec } from './volumes/volume.ts';

/** Removes every container of a node whose agent has ended, and what its pods had on disk. What the API has of them stays. */
export const tearDown = async (engine: Engine, label: string, dataDir: string, exec: Exec): Promise<void> => {
  const rows = await engine.states(`${labels.node}=${label}`);
  await Promise.all(rows.map(({ id }) => engine.remove(id)));
  const podsDir = join(dataDir, 'pods');
  const uids = await readdir(podsDir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  for (const uid of uids) await tearDownVolumes(join(podsDir, uid), exec);
};
