/** A cluster on this machine: its settings, and where its files lie. */
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { homedir, networkInterfaces } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { Refusal } from './refusal.ts';

const cidr = z.string().regex(/^\d+\.\d+\.\d+\.\d+\/\d+$/);

export const clusterSettings = z.object({
  name: z.string().regex(/^[a-z0-9]([a-z0-9-]{0,29}[a-z0-9])?$/, 'a cluster name has up to 31 lower case letters, digits and dashes'),
  port: z.number().int().min(1).max(65535),
  /** IPv4; `0.0.0.0`: every address of the machine. */
  host: z.ipv4('an IPv4 address is needed'),
  /** 0: the control plane alone. */
  nodes: z.number().int().min(0).max(1),
  /** False: the API server alone, nothing reconciles. */
  controllers: z.boolean(),
  serviceCidr: cidr,
  podCidr: cidr,
  clusterDomain: z.string(),
  /** The agents' first port; each further node takes the next. */
  agentPort: z.number().int(),
  dockerSocket: z.string(),
  /** The file that says which requests are recorded. Absent: none. */
  auditPolicy: z.string().optional(),
  /** Absent: `audit.log` beside the other logs. */
  auditLog: z.string().optional(),
  /**
   * Seats that the priority levels share: requests the API works on at once. One process does all the work, so more at once would serve nobody
   * sooner: it would only move the waiting from the fair queues into the event loop, which is fair to nobody. Fewer would leave too little for
   * a group of commits to share one flush of the disk.
   */
  requestSeats: z.number().int().min(1).default(200),
  /** What lies encrypted in the store, by the store's names (`configmaps`, `widgets.example.com`), and an absolute path of the keys' file. */
  encryption: z
    .object({ resources: z.array(z.string().min(1)).default(['secrets']), keyFile: z.string().startsWith('/').optional() })
    .default({ resources: ['secrets'] }),
});
export type ClusterSettings = z.infer<typeof clusterSettings>;

export const everyAddress = '0.0.0.0';

export interface Cluster {
  readonly settings: ClusterSettings;
  readonly dir: string;
}

/** Where clusters live that were not put elsewhere by `--data-dir`. */
export function clustersRoot(): string {
  if (process.env['WINDVANE_HOME']) return process.env['WINDVANE_HOME'];
  if (process.getuid?.() === 0) return '/var/lib/windvane';
  return join(process.env['XDG_DATA_HOME'] ?? join(homedir(), '.local', 'share'), 'windvane');
}

export const files = (dir: string) => ({
  settings: join(dir, 'cluster.json'),
  pki: join(dir, 'pki'),
  store: join(dir, 'store'),
  logs: join(dir, 'logs'),
  audit: join(dir, 'logs', 'audit.log'),
  run: join(dir, 'run'),
  node: (node: string) => join(dir, 'nodes', node),
});

/** The keys that protect Secrets in the store. */
export const keyFileOf = ({ dir, settings }: Cluster): string => settings.encryption.keyFile ?? join(files(dir).pki, 'encryption.keys');

export const contextName = (name: string): string => (name === 'windvane' ? 'windvane' : `windvane-${name}`);
/** The kubeconfig user, API and agent of node `index`, counted from 1. */
export const nodeName = (cluster: Cluster, index: number): string => `${cluster.settings.name}-${index}`;
export const nodeNames = (cluster: Cluster): string[] => Array.from({ length: cluster.settings.nodes }, (_, i) => nodeName(cluster, i + 1));

/** The cluster of that name, if `up` has ever made it. */
export function findCluster(name: string): Cluster | undefined {
  return readCluster(join(clustersRoot(), name));
}

export function requireCluster(name: string): Cluster {
  const cluster = findCluster(name);
  if (!cluster) {
    const known = listClusters().map(one => one.settings.name);
    throw new Refusal(`There is no cluster "${name}" here.`, known.length ? `Known: ${known.join(', ')}.` : '"windvane up" makes one.');
  }
  return cluster;
}

export function listClusters(): Cluster[] {
  const root = clustersRoot();
  if (!existsSync(root)) return [];
  return readdirSync(root)
    .map(name => readCluster(join(root, name)))
    .filter(cluster => cluster !== undefined);
}

function readCluster(path: string): Cluster | undefined {
  const dir = isLink(path) ? resolve(clustersRoot(), readlinkSync(path)) : path;
  const file = files(dir).settings;
  if (!existsSync(file)) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new Refusal(
      `The settings in ${file} are damaged: ${(cause as Error).message}.`,
      'Mend the file, or remove the cluster with "windvane down --purge".',
    );
  }
  const parsed = clusterSettings.safeParse(json);
  if (!parsed.success) throw new Refusal(`The settings in ${file} are not valid: ${z.prettifyError(parsed.error)}.`, 'Mend the file.');
  return { settings: parsed.data, dir };
}

/** Writes the settings, and a link by the cluster's name where its data lies elsewhere. */
export async function saveCluster(cluster: Cluster): Promise<void> {
  await mkdir(cluster.dir, { recursive: true, mode: 0o700 });
  const link = join(clustersRoot(), cluster.settings.name);
  if (resolve(link) !== resolve(cluster.dir)) {
    await mkdir(clustersRoot(), { recursive: true, mode: 0o755 });
    if (isLink(link)) await rm(link);
    await symlink(resolve(cluster.dir), link);
  }
  const file = files(cluster.dir).settings;
  await writeFile(`${file}.tmp`, `${JSON.stringify(cluster.settings, null, 2)}\n`, { mode: 0o600 });
  await rename(`${file}.tmp`, file);
}

/** Removes all that the cluster keeps on disk. */
export async function purgeCluster(cluster: Cluster): Promise<void> {
  await rm(cluster.dir, { recursive: true, force: true });
  await rm(join(clustersRoot(), cluster.settings.name), { recursive: true, force: true });
}

/**
 * Settings of a new cluster. Each cluster on a machine takes the first free number, which gives it ports and address ranges of its own; a number is
 * also taken when its addresses are on an interface already, by whomever.
 */
export function newSettings(name: string, others: readonly Cluster[]): ClusterSettings {
  const ranges = new Set(others.map(other => other.settings.serviceCidr));
  const addresses = new Set(Object.values(networkInterfaces()).flatMap(list => (list ?? []).map(one => one.address)));
  const isTaken = (number: number): boolean =>
    ranges.has(`10.${96 + number}.0.0/16`) || addresses.has(`10.${96 + number}.0.10`) || addresses.has(`10.${112 + number}.0.1`);
  let number = 0;
  while (number < 15 && isTaken(number)) number++;
  if (number === 15)
    throw new Refusal('There are 15 clusters on this machine already.', 'Remove one with "windvane down --purge --name NAME".');
  return {
    name,
    port: 6443 + number,
    host: '127.0.0.1',
    nodes: 1,
    controllers: true,
    serviceCidr: `10.${96 + number}.0.0/16`,
    podCidr: `10.${112 + number}.0.0/16`,
    clusterDomain: 'cluster.local',
    agentPort: 10250 + 10 * number,
    dockerSocket: '/var/run/docker.sock',
    requestSeats: 200,
    encryption: { resources: ['secrets'] },
  };
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
}
