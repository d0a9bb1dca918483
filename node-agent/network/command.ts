/** Runs the system's network tools: `ip`, `nft`, `nsenter`, `iptables`, `conntrack`. */
import { spawn } from 'node:child_process';

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}
/** `input` goes to standard input. Never rejects for an exit code; only when the tool cannot be started at all. */
export type RunCommand = (command: string, args: readonly string[], input?: string) => Promise<CommandResult>;

export const runSystemCommand: RunCommand = (command, args, input) =>
  new Promise((resolve, reject) => {
    const path = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, PATH: path, LC_ALL: 'C' } });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', chunk => {
      stdout += chunk;
    });
    child.stderr.on('data', chunk => {
      stderr += chunk;
    });
    child.on('error', reject);
    child.on('close', code => resolve({ code: code ?? 1, stdout, stderr }));
    // A tool that ends without reading says why in its exit code.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input ?? '');
  });

/** A tool's refusal, with what it wrote. */
export class CommandError extends Error {
  readonly result: CommandResult;
  constructor(command: string, args: readonly string[], result: CommandResult) {
    super(`${command} ${args.join(' ')}: ${result.stderr.trim() || `exit code ${result.code}`}`);
    this.name = 'CommandError';
    this.result = result;
  }
}

export async function mustRun(run: RunCommand, command: string, args: readonly string[], input?: string): Promise<string> {
  const result = await run(command, args, input);
  if (result.code !== 0) throw new CommandError(command, args, result);
  return result.stdout;
}
