/** `windvane rotate-keys`: a new key for what lies encrypted in the store. The control plane does it while it goes on working. */
import { setTimeout as pause } from 'node:timers/promises';
import { readKeyFile } from '../../store/encryption/key-file.ts';
import { running } from '../background.ts';
import { keyFileOf, requireCluster } from '../cluster.ts';
import { type Command, nameOption } from '../command.ts';
import { controlPlaneProcess } from '../lifecycle.ts';
import { terminalProgress } from '../progress.ts';
import { Refusal } from '../refusal.ts';

interface RotateOptions {
  name: string;
  timeout: string;
}

export const rotateKeys: Command = program => {
  program
    .command('rotate-keys')
    .summary('replace the key that protects Secrets in the store')
    .description(
      'Makes a new key, encrypts everything stored anew with it, and removes the old keys from the key file. The cluster goes on working, and no object changes. If it is interrupted, the next start ends it.',
    )
    .option(...nameOption)
    .option('--timeout <seconds>', 'how long to wait until it is done', '300')
    .action(rotate);
};

async function rotate(options: RotateOptions): Promise<void> {
  const cluster = requireCluster(options.name);
  const pid = running(controlPlaneProcess(cluster));
  if (pid === undefined) throw new Refusal(`Cluster ${options.name} does not run.`, 'Start it with "windvane up", then rotate its keys.');
  const file = keyFileOf(cluster);
  const before = new Set(readKeyFile(file)?.map(({ id }) => id));
  if (before.size === 0) throw new Refusal(`Cluster ${options.name} has no key file at ${file}.`, 'Put back the one it was started with.');
  await terminalProgress().step('Rotating the keys', async () => {
    process.kill(pid, 'SIGUSR2');
    const deadline = Date.now() + Number(options.timeout) * 1000;
    for (;;) {
      const keys = readKeyFile(file) ?? [];
      if (keys.length === 1 && keys.every(({ id }) => !before.has(id))) return;
      if (running(controlPlaneProcess(cluster)) === undefined)
        throw new Refusal('The control plane has ended.', 'The next "windvane up" goes on with the rotation.');
      if (Date.now() > deadline)
        throw new Refusal(
          'The old keys are still needed.',
          `The log says why: ${controlPlaneProcess(cluster).logFile}. The new key is in use; nothing is lost.`,
        );
      await pause(50);
    }
  });
  process.stdout.write(`The key in ${file} is new. Keep a copy of the file apart from the data.\n`);
}
