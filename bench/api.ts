/**
 * Load on a Kubernetes API server, the same requests for every server: 16 kept connections, TLS, HTTP/1.1, 1 KB objects.
 *
 *   node dist/bench-api.js --server URL --token TOKEN [--name NAME] [--seconds 5] [--pids 1,2] [--json FILE]
 *
 * `--pids` are the server's processes, for their resident memory. Needs a server without controllers (`windvane up --nodes 0 --no-controllers`).
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    server: { type: 'string' },
    token: { type: 'string' },
    name: { type: 'string', default: 'server' },
    seconds: { type: 'string', default: '5' },
    pids: { type: 'string', default: '' },
    json: { type: 'string' },
  },
});
if (!options.server || !options.token) throw new Error('--server and --token are needed');
const server = new URL(options.server);
const duration = Number(options.seconds) * 1000;
const connections = 16;
const agent = new Agent({ keepAlive: true, maxSockets: connections, rejectUnauthorized: false, scheduling: 'fifo' });
const watchAgent = new Agent({ keepAlive: true, rejectUnauthorized: false });
const namespace = `bench-${Date.now().toString(36)}`;
const filler = 'x'.repeat(700);

interface Reply {
  readonly code: number;
  readonly bytes: number;
}

function call(method: string, path: string, body?: unknown, type = 'application/json'): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers: Record<string, string | number> = { authorization: `Bearer ${options.token}`, accept: 'application/json' };
    if (text !== undefined) {
      headers['content-type'] = type;
      headers['content-length'] = Buffer.byteLength(text);
    }
    const outgoing = request({ host: server.hostname, port: server.port, method, path, headers, agent }, response => {
      let bytes = 0;
      response.on('data', chunk => {
        bytes += chunk.length;
      });
      response.on('end', () => resolve({ code: response.statusCode ?? 0, bytes }));
    });
    outgoing.on('error', reject);
    outgoing.end(text);
  });
}

const configMap = (name: string) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, labels: { app: 'bench', part: `p${name.length}` } },
  data: { text: filler },
});
const pod = (name: string, index: number) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: { app: 'bench', tenth: String(index % 10) } },
  spec: {
    nodeName: `node-${index % 50}`,
    automountServiceAccountToken: false,
    containers: [
      {
        name: 'main',
        image: 'registry.example/app:1',
        ports: [{ containerPort: 8080 }],
        env: [{ name: 'TEXT', value: filler.slice(0, 200) }],
        resources: { requests: { cpu: '100m', memory: '64Mi' } },
      },
    ],
  },
});

interface Figure {
  readonly what: string;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly failed: number;
}
const figures: Figure[] = [];

/** `workers` loops at once for the set time, or until `next` has nothing more. */
async function measure(what: string, next: (index: number) => Promise<Reply> | undefined, workers = connections): Promise<void> {
  const latencies: number[] = [];
  let index = 0;
  let failed = 0;
  const started = performance.now();
  const loop = async (): Promise<void> => {
    while (performance.now() - started < duration) {
      const before = performance.now();
      const pending = next(index++);
      if (!pending) return;
      const { code } = await pending;
      latencies.push(performance.now() - before);
      if (code >= 300) failed++;
    }
  };
  await Promise.all(Array.from({ length: workers }, loop));
  const seconds = (performance.now() - started) / 1000;
  latencies.sort((a, b) => a - b);
  const at = (part: number): number => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * part))] ?? 0;
  figures.push({ what, perSecond: latencies.length / seconds, p50: at(0.5), p99: at(0.99), failed });
  const last = figures.at(-1);
  console.log(
    `${what.padEnd(38)}${last?.perSecond.toFixed(0).padStart(8)} /s   p50 ${at(0.5).toFixed(2).padStart(7)} ms   p99 ${at(0.99).toFixed(1).padStart(6)} ms${failed ? `   ${failed} FAILED` : ''}`,
  );
}

function resident(): string {
  return options.pids
    .split(',')
    .filter(pid => pid !== '')
    .map(pid => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024)
    .map(megabytes => megabytes.toFixed(0))
    .join(' + ');
}

async function must(reply: Promise<Reply>): Promise<void> {
  const { code } = await reply;
  if (code >= 300) throw new Error(`preparation failed with ${code}`);
}

const maps = `/api/v1/namespaces/${namespace}/configmaps`;
const pods = `/api/v1/namespaces/${namespace}/pods`;

async function inParallel(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let index = 0;
  await Promise.all(
    Array.from({ length: connections }, async () => {
      while (index < count) await work(index++);
    }),
  );
}

async function fill(prefix: string, from: number, to: number): Promise<void> {
  await inParallel(to - from, index => must(call('POST', `/api/v1/namespaces/${prefix}/configmaps`, configMap(`m-${from + index}`))));
}

async function watchLatency(): Promise<void> {
  const sent = new Map<string, number>();
  const latencies: number[] = [];
  const watchers = 20;
  const closers: (() => void)[] = [];
  await Promise.all(
    Array.from(
      { length: watchers },
      () =>
        new Promise<void>((resolve, reject) => {
          const outgoing = request(
            {
              host: server.hostname,
              port: server.port,
              path: `/api/v1/namespaces/${namespace}-w/configmaps?watch=1`,
              headers: { authorization: `Bearer ${options.token}` },
              agent: watchAgent,
            },
            response => {
              resolve();
              let pending = '';
              response.on('data', chunk => {
                pending += chunk;
                for (let end = pending.indexOf('\n'); end >= 0; end = pending.indexOf('\n')) {
                  const name = /"name":"(w-\d+)"/.exec(pending.slice(0, end))?.[1];
                  const at = name === undefined ? undefined : sent.get(name);
                  if (at !== undefined) latencies.push(performance.now() - at);
                  pending = pending.slice(end + 1);
                }
              });
              response.on('error', () => undefined);
            },
          );
          outgoing.on('error', reject);
          outgoing.end();
          closers.push(() => {
            outgoing.off('error', reject).on('error', () => undefined);
            outgoing.destroy();
          });
        }),
    ),
  );
  await measure(
    'sequential creates with 20 watchers',
    index => {
      const name = `w-${index}`;
      sent.set(name, performance.now());
      return call('POST', `/api/v1/namespaces/${namespace}-w/configmaps`, configMap(name));
    },
    1,
  );
  await new Promise(resolve => setTimeout(resolve, 500));
  for (const close of closers) close();
  latencies.sort((a, b) => a - b);
  const p50 = latencies[Math.floor(latencies.length / 2)] ?? 0;
  console.log(`${'  to the watcher'.padEnd(38)}${String(latencies.length).padStart(8)} ev   p50 ${p50.toFixed(2).padStart(7)} ms`);
  figures.push({ what: 'event to the watcher', perSecond: 0, p50, p99: latencies[Math.floor(latencies.length * 0.99)] ?? 0, failed: 0 });
}

const idle = resident();
console.log(`${options.name} (${connections} connections, TLS, ${options.seconds} s each)${idle ? `, resident ${idle} MB idle` : ''}`);
for (const name of ['', '-l', '-w', '-500', '-2000', '-a']) {
  await must(call('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: `${namespace}${name}` } }));
  await call('POST', `/api/v1/namespaces/${namespace}${name}/serviceaccounts`, {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'default' },
  });
}
await measure('creates (ConfigMap)', index => call('POST', maps, configMap(`c-${index}`)));
const created = Math.min(500, Math.floor((figures[0]?.perSecond ?? 0) * 2));
await measure('gets', index => call('GET', `${maps}/c-${index % created}`));
await measure('merge patches', index =>
  call('PATCH', `${maps}/c-${index % created}`, { data: { n: String(index) } }, 'application/merge-patch+json'),
);
await measure('server-side applies', index =>
  call(
    'PATCH',
    `/api/v1/namespaces/${namespace}-a/configmaps/a-${index % created}?fieldManager=bench&force=true`,
    { ...configMap(`a-${index % created}`), data: { text: filler, n: String(index) } },
    'application/apply-patch+yaml',
  ),
);
await measure('creates (Pod)', index => call('POST', `/api/v1/namespaces/${namespace}-l/pods`, pod(`p-${index}`, index)));
await inParallel(2000, index => must(call('POST', pods, pod(`q-${index}`, index))));
await fill(`${namespace}-500`, 0, 500);
await fill(`${namespace}-2000`, 0, 2000);
await measure('lists of 500', () => call('GET', `/api/v1/namespaces/${namespace}-500/configmaps`));
await measure('lists of 2,000', () => call('GET', `/api/v1/namespaces/${namespace}-2000/configmaps`));
await measure('lists of pods by label (200 of 2,000)', index => call('GET', `${pods}?labelSelector=tenth%3D${index % 10}`));
await measure('lists of pods by node (40 of 2,000)', index => call('GET', `${pods}?fieldSelector=spec.nodeName%3Dnode-${index % 50}`));
await watchLatency();
let deletable = 0;
for (let index = 0; ; index++) {
  if ((await call('GET', `${maps}/c-${index * 500}`)).code !== 200) break;
  deletable = index * 500;
}
await measure('deletes', index => (index < deletable ? call('DELETE', `${maps}/c-${index}`) : undefined));
const after = resident();
if (after) console.log(`resident ${after} MB after`);
for (const name of ['', '-l', '-w', '-500', '-2000', '-a']) await call('DELETE', `/api/v1/namespaces/${namespace}${name}`);
if (options.json) writeFileSync(options.json, JSON.stringify({ name: options.name, idle, after, figures }, null, 2));
process.exit(0);
