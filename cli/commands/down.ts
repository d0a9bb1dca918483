/** `windvane down`: stops a cluster; its data stays unless it is to be purged. */
import { contextName, listClusters, purgeCluster, requireCluster } from '../cluster.ts';
import { type Command, nameOption } from '../command.ts';
import { kubeconfigPath, removeContext } from '../kubeconfig.ts';
import { processes, stopCluster } from '../lifecycle.ts';
import { terminalProgress } from '../progress.ts';
import { stopOwnEngine } from '../surroundings.ts';

export const down: Command = program => {
  program
    .command('down')
    .summary('stop a cluster')
    .description('Stops a cluster with its pods. Its data stays, and "up" brings everything back; --purge deletes it for good.')
    .option(...nameOption)
    .option('--purge', 'delete its data and its kubeconfig context, too')
    .action(async (options: { name: string; purge?: boolean }) => {
      const cluster = requireCluster(options.name);
      const progress = terminalProgress();
      await progress.step(`Stopping cluster ${options.name}`, () => stopCluster(cluster));
      const others = listClusters().some(
        other => other.settings.name !== options.name && other.settings.nodes > 0 && processes(other).some(one => one.pid !== undefined),
      );
      if (!others) await stopOwnEngine();
      if (options.purge) {
        await purgeCluster(cluster);
        removeContext(kubeconfigPath(), contextName(options.name));
        process.stdout.write(`Cluster ${options.name} and its data are gone.\n`);
      } else {
        process.stdout.write(`Cluster ${options.name} is stopped; "windvane up" brings it back with everything in it.\n`);
      }
    });
};
