import type { Stats } from 'node:fs';
import { mkdir, stat, writeFile } from 'node:fs/promises';
import type { VolumeType } from './volume.ts';

const checks: Record<string, { is: (stats: Stats) => boolean; what: string }> = {
  Directory: { is: stats => stats.isDirectory(), what: 'a directory' },
  DirectoryOrCreate: { is: stats => stats.isDirectory(), what: 'a directory' },
  File: { is: stats => stats.isFile(), what: 'a file' },
  FileOrCreate: { is: stats => stats.isFile(), what: 'a file' },
  Socket: { is: stats => stats.isSocket(), what: 'a socket file' },
  CharDevice: { is: stats => stats.isCharacterDevice(), what: 'a character device' },
  BlockDevice: { is: stats => stats.isBlockDevice(), what: 'a block device' },
};

export const hostPath: VolumeType = {
  field: 'hostPath',
  refreshes: false,
  readOnly: false,
  async setUp({ hostPath: source }) {
    const path = source?.path ?? '';
    const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    const type = source?.type ?? '';
    const check = checks[type];
    if (found) {
      if (check && !check.is(found)) throw new Error(`hostPath type check failed: ${path} is not ${check.what}`);
    } else if (type === 'DirectoryOrCreate' || type === '') {
      // Docker, unlike other engines, refuses to mount what is not there; kubelet's own Docker shim made it so, too.
      await mkdir(path, { recursive: true, mode: 0o755 });
    } else if (type === 'FileOrCreate') await writeFile(path, '', { mode: 0o644 });
    else throw new Error(`hostPath type check failed: ${path} is not ${check?.what ?? type}`);
    return path;
  },
};
