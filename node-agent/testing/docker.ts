import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dockerEngine } from '../docker/dockerode.ts';
import type { Engine } from '../docker/engine.ts';

/** A Docker Engine of the test's own: nothing of the machine's is touched. */
export interface TestDocker {
  socket: string;
  engine: Engine;
  stop(): Promise<void>;
}

const dockerd = ['/usr/sbin/dockerd', '/usr/bin/dockerd'].find(path => existsSync(path));
const busybox = '/bin/busybox';

/** Why tests with a real engine cannot run here; undefined if they can. */
export const noDocker: string | undefined =
  process.getuid?.() !== 0 ? 'needs root' : dockerd === undefined ? 'needs dockerd' : existsSync(busybox) ? undefined : 'needs busybox';

export const testImage = 'busybox:test';

const importBusybox = async (engine: Engine): Promise<void> => {
  if (await engine.image(testImage)) return;
  const root = mkdtempSync(join(tmpdir(), 'busybox-'));
  for (const dir of ['bin', 'tmp', 'etc', 'root']) mkdirSync(join(root, dir));
  execFileSync('cp', [busybox, join(root, 'bin/busybox')]);
  execFileSync(busybox, ['--install', '-s', join(root, 'bin')]);
  execFileSync('sh', [
    '-c',
    `cd ${root}/bin && for f in *; do [ -L "$f" ] && ln -sf busybox "$f"; done; echo root:x:0:0::/root:/bin/sh > ../etc/passwd`,
  ]);
  const archive = execFileSync('tar', ['-C', root, '-c', '.'], { maxBuffer: 2 ** 26 });
  await engine.importImage(archive, 'busybox', 'test', ['CMD ["sh"]', 'ENV PATH=/bin']);
  rmSync(root, { recursive: true });
};

export const startTestDocker = async (): Promise<TestDocker> => {
  const given = process.env['WINDVANE_TEST_DOCKER'];
  if (given) {
    const engine = dockerEngine(given);
    await importBusybox(engine);
    return { socket: given, engine, stop: async () => undefined };
  }
  const dir = mkdtempSync(join(tmpdir(), 'wvd-'));
  const socket = join(dir, 'docker.sock');
  const args = [
    '--data-root',
    join(dir, 'data'),
    '--exec-root',
    join(dir, 'exec'),
    '-H',
    `unix://${socket}`,
    '--pidfile',
    join(dir, 'pid'),
  ];
  const child = spawn(dockerd ?? '', [...args, '--iptables=false', '--ip6tables=false', '--bridge=none'], { stdio: 'ignore' });
  const engine = dockerEngine(socket);
  const began = Date.now();
  for (;;) {
    try {
      await engine.version();
      break;
    } catch (error) {
      if (Date.now() - began > 60_000 || child.exitCode !== null) throw error;
      await new Promise(resolve => setTimeout(resolve, 100));
    }
  }
  await importBusybox(engine);
  return {
    socket,
    engine,
    async stop() {
      const gone = new Promise(resolve => child.once('exit', resolve));
      child.kill('SIGTERM');
      await gone;
      const mounts = readFileSync('/proc/self/mounts', 'utf8')
        .split('\n')
        .map(line => line.split(' ')[1] ?? '');
      for (const path of mounts.filter(each => each.startsWith(dir)).reverse()) execFileSync('umount', ['-l', path]);
      rmSync(dir, { recursive: true, force: true });
    },
  };
};
