/** Writes, reads and memory of the store on this machine: what the API on top can be at best. Each figure says what it means. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock, Logger } from '../kinds/environment.ts';
import { openLmdbLog } from '../store/lmdb.ts';
import type { Log, Mutation } from '../store/log.ts';
import { createReplicas } from '../store/replica-on-log.ts';

const clock: Clock = {
  now: () => Date.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};
const logger: Logger = { debug() {}, info() {}, warn: console.warn, error: console.error, child: () => logger };
const seconds = (): number => Number(process.hrtime.bigint()) / 1e9;
const report = (what: string, figure: string): void => console.log(`${what.padEnd(58)} ${figure}`);
const rate = (count: number, time: number): string => `${Math.round(count / time)}/s`;
const percentile = (sorted: readonly number[], share: number): string =>
  `${((sorted[Math.floor(sorted.length * share)] ?? 0) * 1000).toFixed(2)} ms`;

function memory(): string {
  globalThis.gc?.();
  const status = readFileSync('/proc/self/status', 'utf8');
  const mib = (field: string): number => Math.round(Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024);
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return `${mib('VmRSS')} MiB resident (${mib('RssFile')} of files), ${Math.round(heapUsed / 2 ** 20)} heap, ${Math.round(arrayBuffers / 2 ** 20)} buffers`;
}

const padding = 'x'.repeat(700);
const put = (resource: string, name: string, expected = 0): Mutation => ({
  type: 'put',
  key: { resource, namespace: 'default', name },
  expected,
  value: revision =>
    Buffer.from(
      `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"${name}","namespace":"default","uid":"0b2c7a0e-52c5-4c4e-9e35-6a3f1d0f8a11","resourceVersion":"${revision}","creationTimestamp":"2026-01-01T00:00:00Z","labels":{"app":"app-${name.length}","tenth":"${name.slice(-1)}"}},"spec":{"nodeName":"node-${name.slice(-2)}","pad":"${padding}"}}`,
    ),
});

async function writes(log: Log, writers: number, count: number): Promise<void> {
  const times: number[] = [];
  let next = 0;
  const start = seconds();
  const busy = process.cpuUsage();
  await Promise.all(
    Array.from({ length: writers }, async () => {
      while (next < count) {
        const name = `w${writers}-${next++}`;
        const began = seconds();
        await log.commit([put('writes', name)]);
        times.push(seconds() - began);
      }
    }),
  );
  const time = seconds() - start;
  const { user, system } = process.cpuUsage(busy);
  times.sort((a, b) => a - b);
  const cpu = Math.round((user + system) / 1e4 / time);
  report(
    `creates of 1 KB, flushed, ${writers} at once`,
    `${rate(count, time)}, p50 ${percentile(times, 0.5)}, p99 ${percentile(times, 0.99)}, ${cpu} % of a core`,
  );
}

const path = mkdtempSync(join(tmpdir(), 'windvane-bench-'));
console.log(`${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores, Node ${process.version}, ${path}`);
report('before the log is opened', memory());
const opening = seconds();
let log = await openLmdbLog({ path, clock, logger });
report('opening an empty log', `${((seconds() - opening) * 1000).toFixed(1)} ms`);
report('empty log open', memory());
await writes(log, 1, 300);
await writes(log, 1, 2000);
await writes(log, 16, 20_000);
await writes(log, 64, 40_000);
report('62,300 objects in the log', memory());

for (let i = 0; i < 10_000; i += 50) await log.commit(Array.from({ length: 50 }, (_, n) => put('pods', `pod-${i + n}`)));
await log.close();
const reopening = seconds();
log = await openLmdbLog({ path, clock, logger });
report('opening it again', `${((seconds() - reopening) * 1000).toFixed(1)} ms`);

let began = seconds();
for (let i = 0; i < 20_000; i++) await log.get({ resource: 'pods', namespace: 'default', name: `pod-${i % 10_000}` });
report('gets from the log', rate(20_000, seconds() - began));

const replicas = createReplicas(log, { logger });
report('before the replica', memory());
began = seconds();
const replica = await replicas.open('pods');
report('loading a replica of 10,000 objects of 1 KB', `${((seconds() - began) * 1000).toFixed(0)} ms`);
report('replica loaded', memory());

const measure = async (what: string, count: number, action: (i: number) => unknown): Promise<void> => {
  await action(0);
  const start = seconds();
  for (let i = 0; i < count; i++) await action(i);
  report(what, rate(count, seconds() - start));
};
await measure('sync when up to date', 200_000, () => replica.sync());
await measure('gets from the replica', 200_000, i => replica.get('default', `pod-${i % 10_000}`));
await measure('lists of 10,000 as one buffer', 100, () => Buffer.concat(replica.list().map(({ bytes }) => bytes)));
began = seconds();
replica.list({ labels: { tenth: '1' } });
report('building a label index over 10,000', `${((seconds() - began) * 1000).toFixed(0)} ms`);
await measure('lists by label (10 %)', 20_000, () => replica.list({ labels: { tenth: '1' } }));
await measure('lists by node (1 %)', 20_000, i => replica.list({ nodeName: `node-${10 + (i % 90)}` }));
report('with two indexes', memory());
for (const entry of replica.list()) void entry.object.kind;
report('after parsing all', memory());

const controllers = Array.from({ length: 100 }, () => new AbortController());
let seen = 0;
const watchers = controllers.map(async controller => {
  for await (const { events } of replica.watch(replica.revision, controller.signal)) seen += events.length;
});
began = seconds();
for (let i = 0; i < 2000; i++) {
  const name = `pod-${i}`;
  await log.commit([put('pods', name, replica.get('default', name)?.revision ?? 0)]);
}
report('sequential updates with replica, 2 indexes, 100 watchers', `${rate(2000, seconds() - began)}, ${seen} events seen`);
for (const controller of controllers) controller.abort();
await Promise.all(watchers);
report('at the end', memory());
await replicas.close();
await log.close();
rmSync(path, { recursive: true });
