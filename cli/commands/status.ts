/** `windvane status`: what runs, and how its nodes are. */
import type { KubeObject } from '../../kinds/object.ts';
import type { Node } from '../../kinds/types.ts';
import { adminClient, serverUrl } from '../api-client.ts';
import { requireCluster } from '../cluster.ts';
import { type Command, nameOption } from '../command.ts';
import { processes } from '../lifecycle.ts';

export const status: Command = program => {
  program
    .command('status')
    .summary('show what runs')
    .description('Shows the processes and nodes of a cluster. Exit code 1 when something that should run does not.')
    .option(...nameOption)
    .action(async (options: { name: string }) => {
      const cluster = requireCluster(options.name);
      const all = processes(cluster);
      const lines = [`cluster   ${options.name}`, `server    ${serverUrl(cluster)}`, `data      ${cluster.dir}`];
      for (const one of all) lines.push(`${one.name.padEnd(24)}${one.pid === undefined ? 'stopped' : `running (pid ${one.pid})`}`);
      let healthy = all.every(one => one.pid !== undefined);
      const client = adminClient(cluster);
      if ((await client.probe('/readyz')) === 200) {
        const { items } = await client.call<{ items: Node[] }>('GET', '/api/v1/nodes');
        for (const node of items) {
          const ready = node.status?.conditions?.find(condition => condition.type === 'Ready')?.status === 'True';
          healthy &&= ready;
          lines.push(`node ${node.metadata.name.padEnd(19)}${ready ? 'Ready' : 'NotReady'}`);
        }
        const pods = await client.call<{ items: KubeObject[] }>('GET', '/api/v1/pods');
        lines.push(`pods      ${pods.items.length}`);
      } else {
        healthy = false;
        lines.push('the API does not answer');
      }
      process.stdout.write(`${lines.join('\n')}\n`);
      if (!healthy) process.exitCode = 1;
    });
};
