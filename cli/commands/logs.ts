/** `windvane logs [PROCESS]`: what the processes of a cluster have written. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { requireCluster } from '../cluster.ts';
import { type Command, nameOption } from '../command.ts';
import { processes } from '../lifecycle.ts';
import { Refusal } from '../refusal.ts';

export const logs: Command = program => {
  program
    .command('logs')
    .summary("show the processes' logs")
    .argument('[process]', 'control-plane, or agent-NODE', 'control-plane')
    .option(...nameOption)
    .option('-f, --follow', 'go on as more is written')
    .option('--tail <lines>', 'how many lines from the end', '200')
    .action(async (wanted: string, options: { name: string; follow?: boolean; tail: string }) => {
      const all = processes(requireCluster(options.name));
      const found = all.find(one => one.name === wanted);
      if (!found) throw new Refusal(`There is no process "${wanted}".`, `Known: ${all.map(one => one.name).join(', ')}.`);
      if (!existsSync(found.logFile)) throw new Refusal(`"${wanted}" has never run.`, 'Start the cluster with "windvane up".');
      const args = ['-n', options.tail, ...(options.follow ? ['-F'] : []), found.logFile];
      const [code] = await once(spawn('tail', args, { stdio: 'inherit' }), 'close');
      process.exitCode = Number(code ?? 0);
    });
};
