/** Merges a cluster's context into the user's kubeconfig, as kind and k3d do, and takes it out again. */
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { dump, load } from 'js-yaml';
import { Refusal } from './refusal.ts';

export interface ContextCredentials {
  /** `https://127.0.0.1:6443` */
  readonly server: string;
  /** PEM. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

interface Named {
  name: string;
  [field: string]: unknown;
}
interface KubeConfig {
  apiVersion: 'v1';
  kind: 'Config';
  clusters: Named[];
  contexts: Named[];
  users: Named[];
  'current-context': string;
  [field: string]: unknown;
}

/** The first file of `KUBECONFIG` (a list), or the usual place. */
export function kubeconfigPath(): string {
  const first = process.env['KUBECONFIG']?.split(delimiter).find(path => path !== '');
  return first ?? join(homedir(), '.kube', 'config');
}

/** A kubeconfig of this one context. */
export function render(context: string, credentials: ContextCredentials): string {
  return dump(withContext(empty(), context, credentials));
}

export function mergeContext(path: string, context: string, credentials: ContextCredentials): void {
  write(path, withContext(read(path), context, credentials));
}

export function removeContext(path: string, context: string): void {
  if (!existsSync(path)) return;
  const config = read(path);
  if (!config.contexts.some(one => one.name === context)) return;
  const without = (list: Named[]) => list.filter(one => one.name !== context);
  write(path, {
    ...config,
    clusters: without(config.clusters),
    contexts: without(config.contexts),
    users: without(config.users),
    'current-context': config['current-context'] === context ? '' : config['current-context'],
  });
}

function withContext(config: KubeConfig, context: string, { server, ca, cert, key }: ContextCredentials): KubeConfig {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const put = (list: Named[], entry: Named) => [...list.filter(one => one.name !== context), entry];
  return {
    ...config,
    clusters: put(config.clusters, { name: context, cluster: { server, 'certificate-authority-data': base64(ca) } }),
    users: put(config.users, { name: context, user: { 'client-certificate-data': base64(cert), 'client-key-data': base64(key) } }),
    contexts: put(config.contexts, { name: context, context: { cluster: context, user: context } }),
    'current-context': context,
  };
}

const empty = (): KubeConfig => ({ apiVersion: 'v1', kind: 'Config', clusters: [], contexts: [], users: [], 'current-context': '' });

function read(path: string): KubeConfig {
  if (!existsSync(path)) return empty();
  let parsed: unknown;
  try {
    parsed = load(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new Refusal(`The kubeconfig ${path} is not valid YAML.`, 'Mend it, or name another file with KUBECONFIG.', { cause });
  }
  if (parsed === null || parsed === undefined) return empty();
  if (typeof parsed !== 'object' || Array.isArray(parsed))
    throw new Refusal(`The file ${path} is not a kubeconfig.`, 'Name another file with KUBECONFIG.');
  const config = parsed as Partial<KubeConfig>;
  return { ...empty(), ...config, clusters: config.clusters ?? [], contexts: config.contexts ?? [], users: config.users ?? [] };
}

/** Whole or not at all, and readable by its owner alone: it holds keys. */
function write(path: string, config: KubeConfig): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, dump(config, { lineWidth: -1 }), { mode: 0o600 });
  chmodSync(temporary, 0o600);
  renameSync(temporary, path);
}
