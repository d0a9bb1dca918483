/** `kill -9` of a real control plane in the middle of a load: whatever it acknowledged is there, unchanged, afterwards. */

import { readFileSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, expect, jest, test } from '@jest/globals';
import { type Any, aCluster, eventually } from './cluster.ts';

jest.setTimeout(180_000);
const cluster = aCluster('crash');
afterAll(() => cluster.purge());

test('three rounds of writers and kill -9 lose nothing acknowledged', async () => {
  const start = () => cluster.windvane('up', '--nodes', '0', '--no-controllers', '--port', '17666');
  expect(await start()).toMatchObject({ code: 0 });
  const pki = (file: string) => readFileSync(join(cluster.home, 'crash', 'pki', file));
  const tls = { ca: pki('ca.crt'), cert: pki('admin.crt'), key: pki('admin.key') };
  const acknowledged = new Map<string, { uid: string; resourceVersion: string; n: string }>();

  for (let round = 0; round < 3; round++) {
    const agent = new Agent({ keepAlive: true, maxSockets: 16, ...tls });
    let dead = false;
    const send = (method: string, path: string, body: object) =>
      new Promise<Any>((resolve, reject) => {
        const text = JSON.stringify(body);
        const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
        const outgoing = request(
          {
            host: '127.0.0.1',
            port: 17666,
            agent,
            method,
            path,
            headers: { 'content-type': type, 'content-length': Buffer.byteLength(text) },
          },
          response => {
            let answer = '';
            response.on('data', chunk => {
              answer += chunk;
            });
            response.on('end', () =>
              response.complete ? resolve({ code: response.statusCode, body: JSON.parse(answer) }) : reject(new Error('cut')),
            );
            response.on('error', reject);
          },
        );
        outgoing.on('error', reject);
        outgoing.end(text);
      });
    const writer = async (id: number): Promise<void> => {
      for (let i = 0; !dead; i++) {
        const name = `r${round}-w${id}-${Math.floor(i / 2)}`;
        const path = '/api/v1/namespaces/default/configmaps';
        try {
          // A creation, then a change of the same object.
          const answer =
            i % 2 === 0
              ? await send('POST', path, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { n: 'first' } })
              : await send('PATCH', `${path}/${name}`, { data: { n: 'second' } });
          if (answer.code < 300)
            acknowledged.set(name, {
              uid: answer.body.metadata.uid,
              resourceVersion: answer.body.metadata.resourceVersion,
              n: answer.body.data.n,
            });
        } catch {
          // Cut off: it may or may not have happened, and nobody was told.
          return;
        }
      }
    };
    const writers = Array.from({ length: 16 }, (_, id) => writer(id));
    await pause(300 + round * 250);
    process.kill(cluster.pid('control-plane'), 'SIGKILL');
    dead = true;
    await Promise.all(writers);
    agent.destroy();
    await eventually('it is dead', async () => /stopped/.test((await cluster.windvane('status')).stdout));
    expect(await start()).toMatchObject({ code: 0 });
  }

  expect(acknowledged.size).toBeGreaterThan(100);
  const stored = new Map<string, Any>((await cluster.json('get', 'configmaps')).items.map(item => [item.metadata.name, item]));
  let highest = 0;
  for (const [name, { uid, resourceVersion, n }] of acknowledged) {
    const found = stored.get(name);
    expect([name, found?.metadata.uid]).toEqual([name, uid]);
    // A later change may have happened without its answer having come through; an earlier state never.
    if (found.metadata.resourceVersion === resourceVersion) expect(found.data.n).toBe(n);
    else expect([n, found.data.n]).toEqual(['first', 'second']);
    highest = Math.max(highest, Number(resourceVersion));
  }
  const manifest = join(cluster.home, 'next.json');
  writeFileSync(manifest, '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"next"}}');
  const next = JSON.parse(await cluster.kubectl('create', '-o', 'json', '-f', manifest));
  expect(Number(next.metadata.resourceVersion)).toBeGreaterThan(highest);
});
