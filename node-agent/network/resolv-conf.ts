/** `/etc/resolv.conf` of a pod, by its DNS policy. Source: kubernetes `pkg/kubelet/network/dns/dns.go`. */
import type { ResolvConf } from '../pod-network-port.ts';

export interface ResolvConfOptions {
  readonly clusterDns: string;
  readonly clusterDomain: string;
  /** Text of the node's own `/etc/resolv.conf`. */
  readonly host: string;
}

export interface Resolver {
  readonly nameservers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
}

const maxNameservers = 3;
const maxSearches = 32;

export function createResolvConf({ clusterDns, clusterDomain, host }: ResolvConfOptions): ResolvConf {
  const own = parseResolvConf(host);
  return pod => {
    const spec = pod.spec;
    const namespace = pod.metadata.namespace ?? 'default';
    const policy = spec?.dnsPolicy ?? 'ClusterFirst';
    const cluster = policy === 'ClusterFirstWithHostNet' || (policy === 'ClusterFirst' && spec?.hostNetwork !== true);
    const base: Resolver = cluster
      ? {
          nameservers: [clusterDns],
          searches: [`${namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain, ...own.searches],
          options: ['ndots:5'],
        }
      : policy === 'None'
        ? { nameservers: [], searches: [], options: [] }
        : own;
    const extra = spec?.dnsConfig;
    const options = new Map(base.options.map(option => [option.split(':')[0] ?? option, option]));
    for (const { name, value } of extra?.options ?? [])
      if (name) options.set(name, value === undefined || value === '' ? name : `${name}:${value}`);
    const unique = (list: readonly string[], most: number) => [...new Set(list)].slice(0, most);
    return formatResolvConf({
      nameservers: unique([...base.nameservers, ...(extra?.nameservers ?? [])], maxNameservers),
      searches: unique([...base.searches, ...(extra?.searches ?? [])], maxSearches),
      options: [...options.values()],
    });
  };
}

export function parseResolvConf(text: string): Resolver {
  const nameservers: string[] = [];
  let searches: string[] = [];
  let options: string[] = [];
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/);
    if (keyword === 'nameserver' && values[0]) nameservers.push(values[0]);
    if (keyword === 'search' || keyword === 'domain') searches = values.filter(value => value !== '.');
    if (keyword === 'options') options = values;
  }
  return { nameservers, searches, options };
}

const formatResolvConf = ({ nameservers, searches, options }: Resolver): string =>
  [
    ...(searches.length > 0 ? [`search ${searches.join(' ')}`] : []),
    ...nameservers.map(nameserver => `nameserver ${nameserver}`),
    ...(options.length > 0 ? [`options ${options.join(' ')}`] : []),
    '',
  ].join('\n');
