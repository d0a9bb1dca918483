/**
 * Conversations recorded with an upstream API server are held with ours, where they lie beside the checkout (or in the folder that `GOLDEN` names):
 * every answer must be upstream's, but for the differences that are listed with their reasons.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { aCluster, root, run, type TestCluster } from './cluster.ts';
import { differences } from './golden-differences.ts';

const checker = join(process.env['GOLDEN'] ?? join(root, '../shared/golden'), 'check.mjs');
const recorded = existsSync(checker);

let cluster: TestCluster;
const port = 17493;
beforeAll(async () => {
  if (!recorded) return;
  cluster = aCluster('golden');
  const up = await cluster.windvane('up', '--nodes', '0', '--no-controllers', '--port', String(port));
  expect([up.code, up.stderr]).toEqual([0, expect.anything()]);
}, 60_000);
afterAll(() => cluster?.purge(), 30_000);

// The recordings are not part of this repository.
(recorded ? test : test.skip)(
  'the recorded conversations with upstream go as they went',
  async () => {
    const token = (await cluster.windvane('token')).stdout.trim();
    const target = ['--server', `https://127.0.0.1:${port}`, '--token', token, '--insecure'];
    const { stdout, stderr } = await run(process.execPath, [checker, ...target, '--jobs', '6']);
    const [, passed, failed] = /(\d+) passed, (\d+) failed\s*$/.exec(stdout) ?? [];
    expect([stderr, Number(passed) > 0]).toEqual([expect.anything(), true]);
    const failures = stdout.split('\n').flatMap(line => {
      const [, name, text] = /^FAIL (\S+)( \(message text only\))?/.exec(line) ?? [];
      return name ? [{ name, text: text !== undefined }] : [];
    });
    expect(failures).toHaveLength(Number(failed));
    const listed = Object.entries(differences).map(([name, { text }]) => ({ name, text }));
    const byName = (one: { name: string }, other: { name: string }): number => one.name.localeCompare(other.name);
    expect(failures.sort(byName)).toEqual(listed.sort(byName));
  },
  230_000,
);
