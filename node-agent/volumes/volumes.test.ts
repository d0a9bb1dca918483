import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { parseQuantity } from '../../kinds/quantity.ts';
import { notFound } from '../../kinds/status.ts';
import type { ConfigMap, Secret, Volume } from '../../kinds/types.ts';
import { aContainer, aPod } from '../testing/pods.ts';
import { writeAtomically } from './atomic-writer.ts';
import { setUpVolumes } from './index.ts';
import { insideVolume, volumeMounts } from './mounts.ts';
import type { Payload } from './volume.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'volumes-'));
});
afterEach(() => rmSync(dir, { recursive: true }));
const payload = (files: Record<string, string>, mode = 0o644): Payload =>
  new Map(Object.entries(files).map(([path, text]) => [path, { data: Buffer.from(text), mode }]));

describe('files that change all at once', () => {
  const at = (name: string) => join(dir, 'v', name);
  test('are links through ..data', async () => {
    expect(await writeAtomically(join(dir, 'v'), payload({ a: '1', 'b/c': '2' }), undefined)).toBe(true);
    expect(readlinkSync(at('a'))).toBe('..data/a');
    expect([readFileSync(at('a'), 'utf8'), readFileSync(at('b/c'), 'utf8')]).toEqual(['1', '2']);
    expect(lstatSync(at('..data')).isSymbolicLink()).toBe(true);
  });
  test('are left alone when nothing is new, and swapped when something is', async () => {
    await writeAtomically(join(dir, 'v'), payload({ a: '1', gone: 'x' }), undefined);
    const first = readlinkSync(at('..data'));
    expect(await writeAtomically(join(dir, 'v'), payload({ a: '1', gone: 'x' }), undefined)).toBe(false);
    expect(readlinkSync(at('..data'))).toBe(first);
    expect(await writeAtomically(join(dir, 'v'), payload({ a: '2', fresh: 'y' }), undefined)).toBe(true);
    expect(
      readdirSync(join(dir, 'v'))
        .filter(name => !name.startsWith('..2'))
        .sort(),
    ).toEqual(['..data', 'a', 'fresh']);
    expect(readdirSync(join(dir, 'v')).filter(name => name.startsWith('..2'))).toHaveLength(1);
    expect(readFileSync(at('a'), 'utf8')).toBe('2');
  });
  test('have the mode that was asked for, whatever the umask', async () => {
    await writeAtomically(join(dir, 'v'), payload({ a: '1' }, 0o777), undefined);
    expect(statSync(at('a')).mode & 0o777).toBe(0o777);
    expect(await writeAtomically(join(dir, 'v'), payload({ a: '1' }, 0o600), undefined)).toBe(true);
    expect(statSync(at('a')).mode & 0o777).toBe(0o600);
  });
  test.each(['../a', '/a', 'a/../../b', '..a', ''])('never lie outside: %j', async path => {
    await expect(writeAtomically(join(dir, 'v'), payload({ [path]: 'x' }), undefined)).rejects.toThrow('invalid path');
  });
});

describe('volumes of a pod', () => {
  const volumes = (list: Volume[], maps: Record<string, object> = {}) =>
    setUpVolumes(list, dir, {
      pod: aPod({ containers: [aContainer('main', { resources: { limits: { cpu: '2' } } })] }, { labels: { app: 'web' } }),
      sources: {
        configMap: async (_, name) => {
          if (!Object.hasOwn(maps, name)) throw notFound({ group: '', resource: 'configmap' }, name);
          return maps[name] as ConfigMap;
        },
        secret: async (_, name) => {
          if (!Object.hasOwn(maps, name)) throw notFound({ group: '', resource: 'secret' }, name);
          return maps[name] as Secret;
        },
      },
      token: async (_, audience, seconds) => `token for ${audience ?? 'the API'} ${seconds}`,
      addresses: { hostIp: '', podIp: '' },
      node: { cpu: parseQuantity('4'), memory: parseQuantity('1Gi'), 'ephemeral-storage': parseQuantity('1Gi') },
      exec: async () => '',
    });
  const read = (paths: Map<string, string>, volume: string, file: string) => readFileSync(join(paths.get(volume) ?? '', file), 'utf8');

  test('of every source', async () => {
    const paths = await volumes(
      [
        { name: 'map', configMap: { name: 'm', items: [{ key: 'a', path: 'x/y' }] } },
        { name: 'keys', secret: { secretName: 's' } },
        {
          name: 'self',
          downwardAPI: {
            items: [
              { path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } },
              { path: 'cpu', resourceFieldRef: { containerName: 'main', resource: 'limits.cpu' } },
            ],
          },
        },
        {
          name: 'all',
          projected: {
            sources: [
              { serviceAccountToken: { path: 'token', audience: 'me' } },
              { configMap: { name: 'm' } },
              { secret: { name: 'none', optional: true } },
            ],
          },
        },
        { name: 'scratch', emptyDir: {} },
      ],
      { m: { data: { a: '1' }, binaryData: { b: 'AAE=' } }, s: { data: { key: Buffer.from('hush').toString('base64') } } },
    );
    expect(read(paths, 'map', 'x/y')).toBe('1');
    expect(read(paths, 'keys', 'key')).toBe('hush');
    expect(read(paths, 'self', 'labels')).toBe('app="web"');
    expect(read(paths, 'self', 'cpu')).toBe('2');
    expect(read(paths, 'all', 'token')).toBe('token for me 3600');
    expect(readFileSync(join(paths.get('all') ?? '', 'b'))).toEqual(Buffer.from([0, 1]));
    expect(statSync(paths.get('scratch') ?? '').mode & 0o777).toBe(0o777);
  });
  test.each([
    [{ name: 'v', configMap: { name: 'none' } }, 'MountVolume.SetUp failed for volume "v" : configmap "none" not found'],
    [
      { name: 'v', configMap: { name: 'm', items: [{ key: 'z', path: 'z' }] } },
      'MountVolume.SetUp failed for volume "v" : configmap references non-existent config key: z',
    ],
    [
      { name: 'v', hostPath: { path: '/nowhere-at-all', type: 'Directory' } },
      'MountVolume.SetUp failed for volume "v" : hostPath type check failed: /nowhere-at-all is not a directory',
    ],
    [{ name: 'v', nfs: { path: '/', server: 'x' } }, 'MountVolume.SetUp failed for volume "v" : this node has no volume plugin for nfs'],
  ])('that cannot be made: %j', async (volume, message) => {
    await expect(volumes([volume as Volume], { m: { data: { a: '1' } } })).rejects.toThrow(message);
  });
});

describe('mounts of a container', () => {
  test('a path inside a volume is made, and never leads out of it', async () => {
    mkdirSync(join(dir, 'root'));
    expect(await insideVolume(join(dir, 'root'), 'a/b')).toBe(join(dir, 'root/a/b'));
    writeFileSync(join(dir, 'secret'), '');
    symlinkSync(join(dir, 'secret'), join(dir, 'root/link'));
    symlinkSync('a', join(dir, 'root/inner'));
    await expect(insideVolume(join(dir, 'root'), 'link')).rejects.toThrow('leads out of the volume');
    await expect(insideVolume(join(dir, 'root'), '../secret')).rejects.toThrow('leads out of the volume');
    expect(await insideVolume(join(dir, 'root'), 'inner/b')).toBe(join(dir, 'root/a/b'));
  });
  test('with sub-paths of variables', async () => {
    const container = aContainer('main', { volumeMounts: [{ name: 'v', mountPath: '/a', subPathExpr: '$(POD)/x', readOnly: true }] });
    expect(await volumeMounts(container, new Map([['v', dir]]), new Map([['POD', 'p']]), [])).toEqual([
      { source: join(dir, 'p/x'), target: '/a', readOnly: true },
    ]);
    await expect(volumeMounts(container, new Map([['v', dir]]), new Map(), [])).rejects.toThrow('names a variable that is not set');
    await expect(volumeMounts(container, new Map(), new Map(), [])).rejects.toThrow('cannot find volume "v"');
  });
  test('what only the node writes is read-only, however it is mounted', async () => {
    const kinds = { c: { configMap: {} }, d: { downwardAPI: {} }, e: { emptyDir: {} }, p: { projected: {} }, s: { secret: {} } };
    const names = Object.keys(kinds);
    const container = aContainer('main', { volumeMounts: names.map(name => ({ name, mountPath: `/${name}` })) });
    const volumes = Object.entries(kinds).map(([name, source]) => ({ name, ...source }));
    const mounts = await volumeMounts(container, new Map(names.map(name => [name, dir])), new Map(), volumes);
    expect(mounts.map(({ target, readOnly }) => [target, readOnly])).toEqual([
      ['/c', true],
      ['/d', true],
      ['/e', false],
      ['/p', true],
      ['/s', true],
    ]);
  });
});
