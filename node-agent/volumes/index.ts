import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Volume } from '../../kinds/types.ts';
import { configMap } from './config-map.ts';
import { downwardApi } from './downward-api.ts';
import { emptyDir, isMounted } from './empty-dir.ts';
import { hostPath } from './host-path.ts';
import { projected } from './projected.ts';
import { secret } from './secret.ts';
import type { Exec, VolumeContext, VolumeType } from './volume.ts';

export const volumeTypes: VolumeType[] = [configMap, downwardApi, emptyDir, hostPath, projected, secret];

export const typeOf = (volume: Volume): VolumeType => {
  const type = volumeTypes.find(({ field }) => volume[field] !== undefined);
  // A volume without a source is an emptyDir (API defaults).
  if (!type && Object.keys(volume).length > 1) {
    throw new Error(`this node has no volume plugin for ${Object.keys(volume).find(key => key !== 'name')}`);
  }
  return type ?? emptyDir;
};

/** A volume that cannot be made, by its name. */
export class VolumeError extends Error {
  readonly volume: string;
  constructor(volume: string, cause: unknown) {
    super(`MountVolume.SetUp failed for volume "${volume}" : ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.name = 'VolumeError';
    this.volume = volume;
  }
}

/** Makes the volumes that `wants` says, all at once; answers their paths by name. */
export const setUpVolumes = async (
  volumes: Volume[],
  podDir: string,
  context: Omit<VolumeContext, 'dir'>,
  wants: (type: VolumeType) => boolean = () => true,
): Promise<Map<string, string>> => {
  const paths = new Map<string, string>();
  await Promise.all(
    volumes.map(async volume => {
      try {
        const type = typeOf(volume);
        if (!wants(type)) return;
        const dir = join(podDir, 'volumes', String(type.field), volume.name);
        paths.set(volume.name, await type.setUp(volume, { ...context, dir }));
      } catch (error) {
        throw new VolumeError(volume.name, error);
      }
    }),
  );
  return paths;
};

/** Removes everything a pod had on the node's disk. Gone already is fine. */
export const tearDownVolumes = async (podDir: string, exec: Exec): Promise<void> => {
  for (const path of await memoryDirs(podDir)) if (await isMounted(path)) await exec('umount', ['-l', path]);
  await rm(podDir, { recursive: true, force: true });
};

const memoryDirs = async (podDir: string): Promise<string[]> => {
  const parent = join(podDir, 'volumes', 'emptyDir');
  const names = await readdir(parent).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return names.map(name => join(parent, name));
};
