import { chmod, lstat, mkdir, realpath, stat } from 'node:fs/promises';
import { join, normalize, sep } from 'node:path';
import type { Container, Volume } from '../../kinds/types.ts';
import type { Mount } from '../pods/container-options.ts';
import { expand } from '../pods/expansion.ts';
import { typeOf } from './index.ts';

const propagations: Record<string, NonNullable<Mount['propagation']>> = { HostToContainer: 'rslave', Bidirectional: 'rshared' };

/** A path inside a volume, made if it is not there. Links that lead out of the volume are refused: its content is the pod's. */
export const insideVolume = async (root: string, subPath: string): Promise<string> => {
  const inner = normalize(subPath);
  if (inner.startsWith('/') || inner.split('/').includes('..'))
    throw new Error(`subPath ${JSON.stringify(subPath)} leads out of the volume`);
  const realRoot = await realpath(root);
  let at = realRoot;
  for (const part of inner.split('/').filter(each => each !== '' && each !== '.')) {
    const next = join(at, part);
    const found = await lstat(next).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (!found) {
      await mkdir(next);
      await chmod(next, (await stat(realRoot)).mode & 0o7777);
    }
    at = await realpath(next);
    if (at !== realRoot && !at.startsWith(realRoot + sep)) throw new Error(`subPath ${JSON.stringify(subPath)} leads out of the volume`);
  }
  return at;
};

/** What a container mounts of its pod's volumes. */
export const volumeMounts = async (
  container: Container,
  paths: ReadonlyMap<string, string>,
  variables: ReadonlyMap<string, string>,
  volumes: Volume[],
): Promise<Mount[]> => {
  const fixed = new Set(volumes.filter(volume => typeOf(volume).readOnly).map(volume => volume.name));
  const mounts: Mount[] = [];
  for (const { name, mountPath, readOnly, subPath, subPathExpr, mountPropagation } of container.volumeMounts ?? []) {
    const root = paths.get(name);
    if (root === undefined)
      throw new Error(`cannot find volume ${JSON.stringify(name)} to mount into container ${JSON.stringify(container.name)}`);
    let inner = subPath ?? '';
    if (subPathExpr) {
      inner = expand(subPathExpr, variable => variables.get(variable));
      if (inner.includes('$(')) throw new Error(`subPathExpr ${JSON.stringify(subPathExpr)} names a variable that is not set`);
    }
    const propagation = propagations[mountPropagation ?? ''];
    mounts.push({
      source: inner === '' ? root : await insideVolume(root, inner),
      // Docker wants it absolute; Kubernetes means the root of the container.
      target: mountPath.startsWith('/') ? mountPath : `/${mountPath}`,
      readOnly: readOnly === true || fixed.has(name),
      ...(propagation ? { propagation } : {}),
    });
  }
  return mounts;
};
