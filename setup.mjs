// Brings this checkout up to date before a command runs: npm packages when the lock file has changed, bundles when a source has.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(fileURLToPath(import.meta.url));
const at = path => statSync(join(root, path), { throwIfNoEntry: false })?.mtimeMs ?? 0;

if (Number(process.versions.node.split('.')[0]) < 20) fail(`Node 20 or newer is needed; this is ${process.version}.`);
if (at('package-lock.json') > at('node_modules/.package-lock.json')) {
  console.error('Installing the npm packages of this project ...');
  // Not `ci`: it refuses a lock file without the prebuilt packages of platforms that a registry does not carry.
  run('npm', ['install', '--no-save', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error']);
}
if (newest(root) > at('dist/cli.js')) {
  console.error('Building ...');
  run(process.execPath, ['build.mjs']);
}

function newest(dir) {
  let time = 0;
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    if (['node_modules', 'dist', 'docs', 'test', 'bench'].includes(entry.name) || entry.name.startsWith('.')) continue;
    const path = join(dir, entry.name);
    if (entry.isDirectory()) time = Math.max(time, newest(path));
    else if (/\.(ts|mjs|json)$/.test(entry.name) && !entry.name.endsWith('.test.ts')) time = Math.max(time, statSync(path).mtimeMs);
  }
  return time;
}

function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (error || status !== 0)
    fail(`"${command} ${args.join(' ')}" failed${error ? `: ${error.message}` : ''}; what it printed stands above.`);
}

function fail(sentence) {
  console.error(`windvane: ${sentence}`);
  process.exit(1);
}
if (!existsSync(join(root, 'dist/cli.js'))) fail('the build made no dist/cli.js.');
