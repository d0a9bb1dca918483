/** A real cluster for the end-to-end tests: started by the command itself, with a home, a kubeconfig and ports of its own. */
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));
const bundle = (name: string): string => join(root, 'dist', `${name}.js`);

export interface Output {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface TestCluster {
  readonly name: string;
  readonly home: string;
  readonly kubeconfig: string;
  windvane(...args: string[]): Promise<Output>;
  /** Fails the test with kubectl's words when it fails. */
  kubectl(...args: string[]): Promise<string>;
  /** The parsed `-o json` of a kubectl command. */
  json<T = Listed>(...args: string[]): Promise<T>;
  /** Whatever kubectl says, good or bad. */
  tryKubectl(args: readonly string[], options?: { readonly input?: string; readonly program?: string }): Promise<Output>;
  /** Pid of `control-plane` or `agent-NODE`. */
  pid(process: string): number;
  purge(): Promise<void>;
}

// biome-ignore lint/suspicious/noExplicitAny: what kubectl prints is read as the tests know it
export type Any = any;
export interface Listed {
  readonly metadata: Any;
  readonly items: Any[];
  readonly [field: string]: Any;
}

export function aCluster(name: string): TestCluster {
  const home = mkdtempSync(join(tmpdir(), `windvane-${name}-`));
  const kubeconfig = join(home, 'kubeconfig');
  const env = { ...process.env, WINDVANE_HOME: home, KUBECONFIG: kubeconfig };
  const tryKubectl: TestCluster['tryKubectl'] = (args, { input, program = 'kubectl' } = {}) =>
    run(program, [`--context=windvane-${name}`, ...args], env, input);
  const kubectl = async (...args: string[]): Promise<string> => {
    const output = await tryKubectl(args);
    if (output.code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${output.stderr || output.stdout}`);
    return output.stdout;
  };
  return {
    name,
    home,
    kubeconfig,
    windvane: (...args) => run(process.execPath, [bundle('cli'), ...args, '--name', name], env),
    kubectl,
    json: async (...args) => JSON.parse(await kubectl(...args, '-o', 'json')),
    tryKubectl,
    pid: process_ => (JSON.parse(readFileSync(join(home, name, 'run', `${process_}.pid`), 'utf8')) as { pid: number }).pid,
    async purge() {
      await run(process.execPath, [bundle('cli'), 'down', '--purge', '--name', name], env);
      rmSync(home, { recursive: true, force: true });
    },
  };
}

export function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env, input?: string): Promise<Output> {
  return new Promise(resolve => {
    const child = execFile(
      command,
      [...args],
      { env, cwd: root, maxBuffer: 64 * 1024 * 1024, timeout: 240_000 },
      (error, stdout, stderr) => {
        const code = error ? (typeof error.code === 'number' ? error.code : 1) : 0;
        resolve({ code, stdout, stderr: stderr || (error && !stdout ? error.message : '') });
      },
    );
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input ?? '');
  });
}

/** Runs on beside the test; what it printed is there when it is stopped. */
export function background(command: string, args: readonly string[], env: NodeJS.ProcessEnv): { stop(): Promise<string> } {
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (text += chunk));
  const ended = new Promise<void>(resolve => child.on('close', () => resolve()));
  return {
    async stop() {
      child.kill('SIGINT');
      await ended;
      return text;
    },
  };
}

/** Looks until it holds; `what` is said when it never does. */
export async function eventually<T>(what: string, look: () => Promise<T | undefined | false>, seconds = 60): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  let last: unknown;
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) throw new Error(`never: ${what}${last ? ` (${String(last)})` : ''}`);
    await pause(100);
  }
}

/** kubectl on the path, and its siblings of other versions where there are any. */
export function kubectls(): string[] {
  const first = (process.env['PATH'] ?? '')
    .split(':')
    .map(dir => join(dir, 'kubectl'))
    .find(path => existsSync(path));
  if (!first) return [];
  const dir = dirname(realpathSync(first));
  const siblings = readdirSync(dir)
    .filter(name => /^kubectl\.1\.\d+$/.test(name))
    .map(name => join(dir, name));
  return ['kubectl', ...siblings];
}

export const docker = async (...args: string[]): Promise<string> => {
  const output = await run('docker', args);
  if (output.code !== 0) throw new Error(`docker ${args.join(' ')}: ${output.stderr}`);
  return output.stdout.trim();
};
