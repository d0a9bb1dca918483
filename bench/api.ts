/**
 * Load on a Kubernetes API server: 16 kept connections, TLS, HTTP/1.1, 1 KB objects. With a peer, both get the same requests in turn, row by
 * row (A B A B), so that whatever else the machine does falls on both.
 *
 *   node dist/bench-api.js --server URL --token TOKEN [--name NAME] [--pids 1,2]
 *     [--peer URL --peer-token TOKEN --peer-name NAME --peer-pids 3,4] [--seconds 5] [--only creates,gets] [--json FILE]
 *
 * `--pids` are a server's processes, for their resident memory. `--only` takes rows by a part of their name. See README.md.
 */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { cleanUp, prepare, rowsFor } from './rows.ts';
import { connections, type Figure, Target } from './target.ts';

const { values: options } = parseArgs({
  options: {
    server: { type: 'string' },
    token: { type: 'string' },
    name: { type: 'string', default: 'windvane' },
    pids: { type: 'string', default: '' },
    peer: { type: 'string' },
    'peer-token': { type: 'string', default: '' },
    'peer-name': { type: 'string', default: 'peer' },
    'peer-pids': { type: 'string', default: '' },
    seconds: { type: 'string', default: '5' },
    only: { type: 'string', default: '' },
    json: { type: 'string' },
  },
});
if (!options.server || !options.token) throw new Error('--server and --token are needed');
const pids = (text: string): string[] => text.split(',').filter(pid => pid !== '');
const targets = [new Target({ name: options.name, url: options.server, token: options.token, pids: pids(options.pids) })];
if (options.peer)
  targets.push(
    new Target({ name: options['peer-name'], url: options.peer, token: options['peer-token'], pids: pids(options['peer-pids']) }),
  );
const milliseconds = Number(options.seconds) * 1000;
const parts = options.only.split(',').filter(part => part !== '');

/** By row, then server, in the order they came in. */
const figures = new Map<string, Map<Target, Figure[]>>();
const note = (target: Target, what: string, figure: Figure): void => {
  const row = figures.get(what) ?? new Map<Target, Figure[]>();
  figures.set(what, row);
  row.set(target, [...(row.get(target) ?? []), figure]);
};
const mean = (figures: readonly Figure[], of: (figure: Figure) => number): number =>
  figures.reduce((sum, figure) => sum + of(figure), 0) / Math.max(1, figures.length);

function line(what: string): string {
  const row = figures.get(what);
  const cells = targets.flatMap(target => {
    const own = row?.get(target) ?? [];
    const failed = own.reduce((sum, figure) => sum + figure.failed, 0);
    return [
      `${mean(own, figure => figure.perSecond).toFixed(0)}${failed ? ` (${failed} FAILED)` : ''}`,
      `${mean(own, figure => figure.p50).toFixed(1)} / ${mean(own, figure => figure.p99).toFixed(1)}`,
    ];
  });
  const [ours, theirs] = targets.map(target => mean(row?.get(target) ?? [], figure => figure.perSecond));
  const ratio = ours !== undefined && theirs ? [`${(ours / theirs).toFixed(2)}`] : [];
  return `| ${[what, ...cells, ...ratio].join(' | ')} |`;
}

const memoryLine = (when: string, resident: readonly string[]): string =>
  `| ${[`resident, ${when} (MB)`, ...resident.flatMap(one => [one || '?', '']), ...(targets.length > 1 ? [''] : [])].join(' | ')} |`;

const idle = targets.map(target => target.resident());
const [cpu] = cpus();
console.log(
  `${cpu?.model ?? 'unknown CPU'}, ${cpus().length} cores, Node ${process.version}; ${connections} connections, TLS, ${options.seconds} s a turn.\n`,
);
const titles = ['requests', ...targets.flatMap(({ name }) => [`${name} (/s)`, 'p50 / p99 (ms)']), ...(targets.length > 1 ? ['ratio'] : [])];
console.log(`| ${titles.join(' | ')} |\n|${titles.map((_, i) => (i === 0 ? '---' : '--:')).join('|')}|`);
console.log(memoryLine('idle', idle));
for (const target of targets) await prepare(target);
for (const { what, prepare: also, run } of rowsFor(note)) {
  if (parts.length > 0 && !parts.some(part => what.includes(part))) continue;
  const before = figures.size;
  for (const target of targets) await also?.(target);
  for (let turn = 0; turn < targets.length; turn++) for (const target of targets) note(target, what, await run(target, milliseconds));
  console.log(line(what));
  for (const beside of [...figures.keys()].slice(before)) if (beside !== what) console.log(line(beside));
}
const after = targets.map(target => target.resident());
console.log(memoryLine('after', after));
for (const target of targets) await cleanUp(target);
if (options.json) {
  const rows = [...figures].map(([what, row]) => ({ what, figures: targets.map(target => row.get(target) ?? []) }));
  writeFileSync(options.json, JSON.stringify({ servers: targets.map(({ name }) => name), idle, after, rows }, null, 2));
}
process.exit(0);
