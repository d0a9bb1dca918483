/** `windvane token`: the administrator's bearer token. */
import { adminToken } from '../api-client.ts';
import { requireCluster } from '../cluster.ts';
import { type Command, nameOption } from '../command.ts';

export const token: Command = program => {
  program
    .command('token')
    .summary("print the administrator's bearer token")
    .description('Prints a bearer token of the administrator (user "admin", group "system:masters").')
    .option(...nameOption)
    .action((options: { name: string }) => {
      process.stdout.write(`${adminToken(requireCluster(options.name))}\n`);
    });
};
