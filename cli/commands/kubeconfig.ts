/** `windvane kubeconfig`: the administrator's access, for files of one's own or merged into the usual one. */
import { adminCredentials } from '../api-client.ts';
import { contextName, requireCluster } from '../cluster.ts';
import { type Command, nameOption } from '../command.ts';
import { kubeconfigPath, mergeContext, render } from '../kubeconfig.ts';

export const kubeconfig: Command = program => {
  program
    .command('kubeconfig')
    .summary('print or merge a kubeconfig')
    .description('Prints a kubeconfig of the cluster, or merges its context into the one kubectl uses (KUBECONFIG, or ~/.kube/config).')
    .option(...nameOption)
    .option('--merge', 'merge instead of printing')
    .action((options: { name: string; merge?: boolean }) => {
      const credentials = adminCredentials(requireCluster(options.name));
      const context = contextName(options.name);
      if (!options.merge) {
        process.stdout.write(render(context, credentials));
        return;
      }
      mergeContext(kubeconfigPath(), context, credentials);
      process.stdout.write(`Context "${context}" is in ${kubeconfigPath()}.\n`);
    });
};
