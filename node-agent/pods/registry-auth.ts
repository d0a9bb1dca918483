import type { Secret } from '../../kinds/types.ts';
import type { RegistryAuth } from '../docker/engine.ts';
import { parseImageName } from '../docker/image-name.ts';

interface Entry {
  username?: string;
  password?: string;
  auth?: string;
  identitytoken?: string;
}

const hosts = new Set(['index.docker.io', 'docker.io', 'registry-1.docker.io']);
const canonicalHost = (host: string): string => (hosts.has(host) ? 'docker.io' : host);

/** `https://host/v1/`, `host:port`, `host/path` -> host and path. */
const place = (key: string): { host: string; path: string } => {
  const [host = '', ...path] = key.replace(/^https?:\/\//, '').split('/');
  const rest = path.join('/').replace(/\/$/, '');
  return { host: canonicalHost(host), path: /^v[12]$/.test(rest) ? '' : rest };
};

const matchesHost = (pattern: string, host: string): boolean => {
  if (!pattern.includes('*')) return pattern === host;
  const parts = pattern.split('.');
  const actual = host.split('.');
  return parts.length === actual.length && parts.every((part, index) => part === '*' || part === actual[index]);
};

const entriesOf = (secret: Secret): Record<string, Entry> => {
  const json = secret.data?.['.dockerconfigjson'];
  const old = secret.data?.['.dockercfg'];
  const text = Buffer.from(json ?? old ?? '', 'base64').toString();
  if (text === '') return {};
  const parsed = JSON.parse(text) as { auths?: Record<string, Entry> } & Record<string, Entry>;
  return (json === undefined ? parsed : parsed.auths) ?? {};
};

/** The credentials of a pod's imagePullSecrets that fit an image best (longest path first), in the order they are to be tried. */
export const registryAuths = (image: string, secrets: Secret[]): RegistryAuth[] => {
  const name = parseImageName(image);
  if (!name) return [];
  const path = name.repository.startsWith(`${name.registry}/`) ? name.repository.slice(name.registry.length + 1) : name.repository;
  const found: { auth: RegistryAuth; length: number }[] = [];
  for (const secret of secrets) {
    let entries: Record<string, Entry>;
    try {
      entries = entriesOf(secret);
    } catch (error) {
      // A Secret that is no JSON is as good as none; its content must not reach a log.
      if (error instanceof SyntaxError) continue;
      throw error;
    }
    for (const [key, entry] of Object.entries(entries)) {
      const { host, path: prefix } = place(key);
      if (!matchesHost(host, canonicalHost(name.registry))) continue;
      if (prefix !== '' && path !== prefix && !path.startsWith(`${prefix}/`)) continue;
      const [username, ...password] = Buffer.from(entry.auth ?? '', 'base64')
        .toString()
        .split(':');
      const auth: RegistryAuth = {
        username: entry.username ?? username ?? '',
        password: entry.password ?? password.join(':'),
        serveraddress: name.registry === 'docker.io' ? 'https://index.docker.io/v1/' : name.registry,
        ...(entry.identitytoken ? { identitytoken: entry.identitytoken } : {}),
      };
      found.push({ auth, length: prefix.length });
    }
  }
  return found.sort((a, b) => b.length - a.length).map(({ auth }) => auth);
};
