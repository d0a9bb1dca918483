/** A program of this folder as one file in a folder of its own, to be run and killed as a process. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');

/** `name` is a file beside this one, without its ending. The folder is the caller's to remove. */
export function bundled(name: string): { readonly folder: string; readonly program: string } {
  const folder = mkdtempSync(join(tmpdir(), `windvane-${name}-`));
  const program = join(folder, `${name}.mjs`);
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const source = join(root, 'test/crash', `${name}.ts`);
  const options = ['--bundle', '--platform=node', '--format=esm', '--external:lmdb', '--log-level=error', `--outfile=${program}`];
  execFileSync(join(root, 'node_modules/.bin/esbuild'), [source, ...options]);
  return { folder, program };
}
