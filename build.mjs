// Builds what runs: the schema files from the pinned declarations, then one bundle a process. Everything goes to dist/.

import { chmodSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const started = Date.now();
const onlySchemas = process.argv.includes('--schemas');
// Native or prebuilt packages, and those that load files beside themselves, stay outside the bundles.
const external = [
  'lmdb',
  'dockerode',
  'ssh2',
  'cpu-features',
  '@swc/core',
  'esbuild',
  'pino',
  '@peculiar/x509',
  'aws-cdk-lib',
  'constructs',
];
const banner = { js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);" };
const options = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  external,
  logLevel: 'warning',
  sourcemap: 'linked',
  // Each process keeps its own text and its map in memory.
  sourcesContent: false,
  minifyWhitespace: true,
  banner,
};

mkdirSync('dist', { recursive: true });

const compiler = 'dist/compile-schemas.mjs';
await build({ ...options, sourcemap: false, entryPoints: ['kinds/schema/compile.ts'], outfile: compiler });
const { compile } = await import(pathToFileURL(compiler).href);
await compile('dist');
rmSync(compiler);

if (!onlySchemas) {
  const entries = {
    cli: 'cli/main.ts',
    'control-plane': 'cli/control-plane.ts',
    agent: 'node-agent/main.ts',
    images: 'examples/images.ts',
    'bench-api': 'bench/api.ts',
  };
  for (const [name, entry] of Object.entries(entries)) if (!existsSync(entry)) delete entries[name];
  await build({ ...options, entryPoints: entries, outdir: 'dist' });
  if (existsSync('dist/cli.js')) chmodSync('dist/cli.js', 0o755);
}
console.log(`built in ${((Date.now() - started) / 1000).toFixed(1)} s`);
