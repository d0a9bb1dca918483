/** What a node needs of the machine: root, a Docker Engine that answers, and the network tools. Installs and starts what it can, and says so. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type BackgroundProcess, running, start, stop } from './background.ts';
import { clustersRoot } from './cluster.ts';
import type { Progress } from './progress.ts';
import { Refusal } from './refusal.ts';

/** Command and the Debian package that has it. */
const needs: readonly (readonly [command: string, debianPackage: string])[] = [
  ['dockerd', 'docker.io'],
  ['nft', 'nftables'],
  ['ip', 'iproute2'],
  ['conntrack', 'conntrack'],
  ['nsenter', 'util-linux'],
];

export async function prepareNode(dockerSocket: string, progress: Progress): Promise<void> {
  if (process.platform !== 'linux') throw new Refusal('Nodes run on Linux only.', 'Start the control plane alone with "--nodes 0".');
  if (process.getuid?.() !== 0) {
    throw new Refusal(
      'A node needs root, for containers and their network.',
      'Run it with sudo, or start the control plane alone with "--nodes 0".',
    );
  }
  await installMissing(dockerSocket, progress);
  await ensureDocker(dockerSocket, progress);
}

/** A port is free on this address, or the call ends with a sentence. */
export async function requireFreePort(host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? new Refusal(`Port ${port} is taken by ${whoListens(port) ?? 'another program'}.`, 'Choose another with "--port".')
          : new Refusal(`Cannot listen on ${host}:${port}: ${error.message}.`, 'Choose another with "--port".'),
      ),
    );
    probe.listen(port, host, () => probe.close(() => resolve()));
  });
}

async function installMissing(dockerSocket: string, progress: Progress): Promise<void> {
  const dockerAnswers = await ping(dockerSocket);
  const missing = needs.filter(([command]) => !(command === 'dockerd' && dockerAnswers) && !onPath(command));
  if (missing.length === 0) return;
  const packages = missing.map(([, debianPackage]) => debianPackage);
  const names = missing.map(([command]) => command).join(', ');
  if (!existsSync('/etc/debian_version') || !onPath('apt-get')) {
    throw new Refusal(`This machine has no ${names}.`, `Install what Debian calls ${packages.join(', ')} and try again.`);
  }
  await progress.step(`Installing ${packages.join(', ')} from the system's packages`, async () => {
    const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    await run('apt-get', ['update', '-qq'], environment);
    await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], environment);
  });
}

async function ensureDocker(socket: string, progress: Progress): Promise<void> {
  if (await ping(socket)) return;
  if (socket !== '/var/run/docker.sock') {
    throw new Refusal(`No Docker Engine answers at ${socket}.`, 'Start it, or leave "--docker-socket" out to use the system\'s.');
  }
  await progress.step('Starting the Docker Engine', async () => {
    if (existsSync('/run/systemd/system')) await run('systemctl', ['start', 'docker'], process.env);
    else if (running(ownEngine()) === undefined) start(ownEngine(), 'dockerd', []);
    const deadline = Date.now() + 60_000;
    while (!(await ping(socket))) {
      const failed = !existsSync('/run/systemd/system') && running(ownEngine()) === undefined;
      if (failed || Date.now() > deadline) {
        throw new Refusal('The Docker Engine does not start.', `Its log: ${failed ? ownEngine().logFile : 'journalctl -u docker'}.`);
      }
      await pause(50);
    }
  });
}

/** The engine that `up` started itself because no init system would; shared by all clusters of this machine. */
const ownEngine = (): BackgroundProcess => ({
  name: 'dockerd',
  runDir: join(clustersRoot(), '.engine'),
  logFile: join(clustersRoot(), '.engine', 'dockerd.log'),
});

/** Stops the engine if `up` had started it. */
export async function stopOwnEngine(): Promise<boolean> {
  return running(ownEngine()) !== undefined && (await stop(ownEngine(), 30_000));
}

export function ping(socketPath: string): Promise<boolean> {
  return new Promise(resolve => {
    const probe = request({ socketPath, path: '/_ping', timeout: 2000 }, response => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    probe.on('error', () => resolve(false));
    probe.on('timeout', () => probe.destroy());
    probe.end();
  });
}

function onPath(command: string): boolean {
  return (process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin')
    .split(':')
    .concat('/usr/sbin', '/sbin')
    .some(dir => existsSync(join(dir, command)));
}

async function run(command: string, args: readonly string[], environment: NodeJS.ProcessEnv): Promise<void> {
  const child = spawn(command, args, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', chunk => {
    output += chunk;
  });
  child.stderr.on('data', chunk => {
    output += chunk;
  });
  const code = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
  if (code !== 0) {
    const last = output.trim().split('\n').slice(-3).join(' ');
    throw new Refusal(`"${command} ${args.join(' ')}" failed: ${last}`, 'Mend that and try again.');
  }
}

/** Who listens on a TCP port of this machine, for people: `node (pid 123)`. */
function whoListens(port: number): string | undefined {
  const found = spawnSync('ss', ['-ltnpH', `sport = :${port}`], { encoding: 'utf8' });
  const match = /users:\(\("([^"]+)",pid=(\d+)/.exec(found.stdout ?? '');
  return match ? `${match[1]} (pid ${match[2]})` : undefined;
}
