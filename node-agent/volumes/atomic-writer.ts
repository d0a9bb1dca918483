import { chmod, chown, mkdir, mkdtemp, readdir, readFile, readlink, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import type { Payload } from './volume.ts';

/**
 * Projects files into a directory so that a reader sees all of the old or all of the new: everything lies in a directory of its own,
 * `..data` is a link to the newest one, swapped by a rename, and each name is a link through `..data` (kubelet's AtomicWriter; programs
 * rely on this very layout to notice changes).
 */
export const writeAtomically = async (dir: string, payload: Payload, group: number | undefined): Promise<boolean> => {
  for (const path of payload.keys()) {
    if (path === '' || path.startsWith('/') || path.length > 4096 || normalize(path) !== path || path.split('/')[0]?.startsWith('..')) {
      throw new Error(`invalid path: must be relative and must not contain '..': ${path}`);
    }
  }
  await mkdir(dir, { recursive: true });
  await chmod(dir, group === undefined ? 0o777 : 0o2777);
  if (group !== undefined) await chown(dir, 0, group);
  const current = await currentDirectory(dir);
  if (current !== undefined && (await holds(join(dir, current), payload))) return false;

  const stamp = new Date().toISOString().replaceAll(/[-:]/g, '_').replace('T', '_').slice(0, 19);
  const fresh = await mkdtemp(join(dir, `..${stamp}.`));
  await chmod(fresh, 0o755);
  for (const [path, { data, mode }] of payload) {
    const file = join(fresh, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, data);
    // After the write, because the process' umask takes part in it.
    await chmod(file, group === undefined ? mode : mode | 0o440);
    if (group !== undefined) await chown(file, 0, group);
  }
  const link = join(dir, '..data_tmp');
  await rm(link, { force: true });
  await symlink(fresh.slice(dir.length + 1), link);
  await rename(link, join(dir, '..data'));

  const names = new Set([...payload.keys()].map(path => path.split('/')[0] ?? ''));
  const present = new Set(await readdir(dir));
  for (const name of names) if (!present.has(name)) await symlink(join('..data', name), join(dir, name));
  for (const name of present) if (!name.startsWith('..') && !names.has(name)) await rm(join(dir, name), { force: true });
  for (const name of present) {
    if (name.startsWith('..2') && join(dir, name) !== fresh) await rm(join(dir, name), { recursive: true, force: true });
  }
  return true;
};

const missing = (error: unknown): undefined => {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
  throw error;
};

const currentDirectory = async (dir: string): Promise<string | undefined> => await readlink(join(dir, '..data')).catch(missing);

const holds = async (dir: string, payload: Payload): Promise<boolean> => {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true }).catch(missing);
  if (!entries || entries.filter(entry => entry.isFile()).length !== payload.size) return false;
  for (const [path, { data, mode }] of payload) {
    const content = await readFile(join(dir, path)).catch(missing);
    if (!content?.equals(data)) return false;
    if (((await stat(join(dir, path))).mode & 0o7333) !== (mode & 0o7333)) return false;
  }
  return true;
};
