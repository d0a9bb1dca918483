/** One command of `windvane`: it adds itself to the program. Each stands in a file of its own in `commands/`. */
import type { Command as Program } from 'commander';

export type Command = (program: Program) => void;

export const nameOption = ['--name <name>', 'which cluster', 'windvane'] as const;
