/**
 * Puts the images that the examples name into a Docker Engine without any registry: a root file system around this machine's static busybox.
 * With a registry at hand nobody needs this; the same names are then pulled as usual.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import Docker from 'dockerode';

const images = ['busybox:1.36', 'busybox:1.37'];

const { values } = parseArgs({
  options: { socket: { type: 'string', default: '/var/run/docker.sock' }, force: { type: 'boolean', default: false } },
});
const docker = new Docker({ socketPath: values.socket });

const busybox = ['/bin/busybox', '/usr/bin/busybox'].find(path => existsSync(path));
if (!busybox) throw new Error("no static busybox here: install the system's (Debian: busybox-static)");

for (const image of images) {
  if (!values.force && (await exists(image))) {
    console.log(`${image} is there`);
    continue;
  }
  const root = rootFileSystem(busybox, image);
  const archive = spawnSync('tar', ['-C', root, '-c', '--numeric-owner', '--owner=0', '--group=0', '.'], { maxBuffer: 64 * 1024 * 1024 });
  if (archive.status !== 0) throw new Error(`tar: ${archive.stderr}`);
  rmSync(root, { recursive: true });
  const [repo = '', tag = ''] = image.split(':');
  const { Readable } = await import('node:stream');
  const stream = await docker.importImage(Readable.from([archive.stdout]) as unknown as string, {
    repo,
    tag,
    changes: 'CMD ["sh"]',
  });
  for await (const _ of stream as unknown as AsyncIterable<Buffer>);
  if (!(await exists(image))) throw new Error(`${image} did not arrive in the engine`);
  console.log(`${image} built`);
}

async function exists(image: string): Promise<boolean> {
  try {
    await docker.getImage(image).inspect();
    return true;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return false;
    throw error;
  }
}

function rootFileSystem(program: string, image: string): string {
  const root = mkdtempSync(join(tmpdir(), 'image-'));
  chmodSync(root, 0o755);
  for (const dir of ['bin', 'dev', 'etc', 'home', 'proc', 'root', 'sys', 'tmp', 'usr/bin', 'usr/sbin', 'var/run'])
    mkdirSync(join(root, dir), { recursive: true });
  chmodSync(join(root, 'tmp'), 0o1777);
  copyFileSync(program, join(root, 'bin', 'busybox'));
  chmodSync(join(root, 'bin', 'busybox'), 0o755);
  const applets = spawnSync(program, ['--list'], { encoding: 'utf8' })
    .stdout.split('\n')
    .filter(name => name && name !== 'busybox');
  for (const applet of applets) symlinkSync('busybox', join(root, 'bin', applet));
  writeFileSync(join(root, 'etc', 'passwd'), 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n');
  writeFileSync(join(root, 'etc', 'group'), 'root:x:0:\nnogroup:x:65534:\n');
  writeFileSync(join(root, 'etc', 'nsswitch.conf'), 'hosts: files dns\n');
  writeFileSync(join(root, 'etc', 'image'), `${image}\n`);
  return root;
}
