#!/usr/bin/env node
/** The `windvane` command. */
import { Command } from 'commander';
import { commands } from './commands/index.ts';
import { Refusal } from './refusal.ts';

const program = new Command('windvane')
  .description('Kubernetes with no master to run: a cluster on this machine.')
  .version('0.1.0')
  .showHelpAfterError('(add --help for the options)');
for (const add of commands) add(program);

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  process.stderr.write(`windvane: ${error.message}\n          ${error.advice}\n`);
  process.exitCode = 1;
}
