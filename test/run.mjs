// `npm test`: formatting and types, then all tests in two runs (those that share the machine's Docker Engine one after the other), then the sum.
//   node test/run.mjs [unit] [e2e]     only these parts
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const wanted = process.argv.slice(2);
const asked = part => wanted.length === 0 || wanted.includes(part);
const out = mkdtempSync(join(tmpdir(), 'windvane-test-'));
let passed = 0;
let failed = 0;

installMissing();
if (asked('unit')) {
  count('biome', run('npx', ['biome', 'ci', '--colors=off', '.']));
  count('types', run('npx', ['tsc', '--noEmit']));
  jest('unit', ['--testPathIgnorePatterns', '/node_modules/', '<rootDir>/test/e2e/']);
}
if (asked('e2e')) jest('e2e', ['--runInBand', '--testPathPatterns', 'test/e2e/']);
rmSync(out, { recursive: true });
console.log(`\n${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);

/** What the tests need beyond `windvane up`, which brings its own needs. */
function installMissing() {
  const needs = [
    ['busybox', 'busybox-static'],
    ['dockerd', 'docker.io'],
    ['nft', 'nftables'],
    ['ip', 'iproute2'],
    ['conntrack', 'conntrack'],
    ['kubectl', 'kubernetes-client'],
  ];
  const path = `${process.env.PATH}:/usr/sbin:/sbin`.split(':');
  const missing = needs.filter(([command]) => !path.some(dir => existsSync(join(dir, command)))).map(([, name]) => name);
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) {
    console.error(`The tests need what Debian calls ${missing.join(', ')}: install it and try again.`);
    process.exit(1);
  }
  console.error(`Installing ${missing.join(', ')} from the system's packages ...`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  run('apt-get', ['update', '-qq'], env);
  if (!run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...missing], env)) process.exit(1);
}

function jest(name, args) {
  const file = join(out, `${name}.json`);
  const env = { ...process.env, NODE_OPTIONS: '--experimental-vm-modules --no-warnings' };
  run('npx', ['jest', '--ci', '--json', `--outputFile=${file}`, ...args], env);
  if (!existsSync(file)) {
    count(`jest ${name}`, false);
    return;
  }
  const report = JSON.parse(readFileSync(file, 'utf8'));
  passed += report.numPassedTests;
  failed += report.numFailedTests + report.numRuntimeErrorTestSuites;
  if (report.numTotalTests === 0) count(`jest ${name} found no test`, false);
}

function count(what, ok) {
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${what}`);
  if (ok) passed++;
  else failed++;
}

function run(command, args, env = process.env) {
  return spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'], env }).status === 0;
}
