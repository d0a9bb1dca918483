/**
 * Services as nftables rules. Pure: from Services and EndpointSlices to a table's contents, and from what is loaded to the smallest transaction that
 * makes it so. One map from address, protocol and port to a chain a Service port; in the chain a random choice among its endpoints.
 */
import type { EndpointSlice, Service } from '../../kinds/types.ts';
import { endpointsOf } from './endpoints.ts';

export interface RulesetOptions {
  readonly nodeName: string;
  /** Of the whole cluster: traffic from it to elsewhere leaves with the node's address. */
  readonly podCidr: string;
  /** Of the pods on this node. */
  readonly hostPorts?: Iterable<HostPort>;
}

/** A container's port that the node itself opens. */
export interface HostPort {
  readonly protocol: string;
  /** Absent: every address of the node. */
  readonly hostIP?: string;
  readonly hostPort: number;
  /** The pod's. */
  readonly address: string;
  readonly port: number;
}

/** What the table holds. Keys are nft syntax: `10.96.0.7 . tcp . 80`. */
export interface Ruleset {
  readonly podCidr: string;
  /** Rules by chain name. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
  /** Service addresses to chain names. */
  readonly addresses: ReadonlyMap<string, string>;
  /** `tcp . 30080` to chain names. */
  readonly nodePorts: ReadonlyMap<string, string>;
  /** Service ports without an endpoint: refused, not silently dropped. */
  readonly refused: ReadonlySet<string>;
  /** `10.112.0.5 . 10.112.0.5`: a pod that reaches itself through a Service needs the node's address as source. */
  readonly hairpins: ReadonlySet<string>;
  /** Declarations of affinity sets by name. */
  readonly sets: ReadonlyMap<string, string>;
}

export function ruleset(
  services: Iterable<Service>,
  slices: Iterable<EndpointSlice>,
  { nodeName, podCidr, hostPorts = [] }: RulesetOptions,
): Ruleset {
  const chains = new Map<string, string[]>();
  const addresses = new Map<string, string>();
  const nodePorts = new Map<string, string>();
  const refused = new Set<string>();
  const hairpins = new Set<string>();
  const sets = new Map<string, string>();
  const byService = groupSlices(slices);

  for (const service of services) {
    const spec = service.spec;
    if (!spec || spec.type === 'ExternalName' || !spec.clusterIP || spec.clusterIP === 'None') continue;
    const key = `${service.metadata.namespace}/${service.metadata.name}`;
    const ips = addressesOf(service);
    for (const port of spec.ports ?? []) {
      const protocol = (port.protocol ?? 'TCP').toLowerCase();
      if (protocol === 'sctp') continue;
      const all = endpointsOf(byService.get(key) ?? [], port.name ?? '');
      const local = spec.internalTrafficPolicy === 'Local' ? all.filter(endpoint => endpoint.nodeName === nodeName) : all;
      const targets = local.map(endpoint => `${endpoint.address} . ${endpoint.port}`).sort();
      const keys = ips.map(ip => `${ip} . ${protocol} . ${port.port}`);
      if (targets.length === 0) {
        for (const one of keys) refused.add(one);
        continue;
      }
      const chain = `service-${identifier(`${key}/${protocol}/${port.port}`)}`;
      const timeout = spec.sessionAffinity === 'ClientIP' ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10800) : 0;
      if (timeout > 0) addSticky(chain, protocol, targets, timeout, chains, sets);
      else chains.set(chain, [choice(protocol, targets)]);
      for (const one of keys) addresses.set(one, chain);
      if (port.nodePort) nodePorts.set(`${protocol} . ${port.nodePort}`, chain);
      for (const endpoint of local) hairpins.add(`${endpoint.address} . ${endpoint.address}`);
    }
  }
  for (const { protocol: name, hostIP, hostPort, address, port } of hostPorts) {
    const protocol = name.toLowerCase();
    if (protocol === 'sctp') continue;
    const everywhere = !hostIP || hostIP === '0.0.0.0' || hostIP === '::';
    const chain = `host-${everywhere ? 'any' : hostIP}-${protocol}-${hostPort}`;
    chains.set(chain, [choice(protocol, [`${address} . ${port}`])]);
    if (everywhere) nodePorts.set(`${protocol} . ${hostPort}`, chain);
    else addresses.set(`${hostIP} . ${protocol} . ${hostPort}`, chain);
    hairpins.add(`${address} . ${address}`);
  }
  return { podCidr, chains, addresses, nodePorts, refused, hairpins, sets };
}

function choice(protocol: string, targets: readonly string[]): string {
  // A translation to a port is only legal behind a match of the protocol.
  if (targets.length === 1) return `meta l4proto ${protocol} dnat to ${targets[0]?.replace(' . ', ':')}`;
  return `meta l4proto ${protocol} dnat to numgen random mod ${targets.length} map { ${targets.map((target, index) => `${index} : ${target}`).join(', ')} }`;
}

/** Session affinity: each endpoint has a set of the clients it serves, refreshed with every new connection. */
function addSticky(
  chain: string,
  protocol: string,
  targets: readonly string[],
  timeout: number,
  chains: Map<string, string[]>,
  sets: Map<string, string>,
): void {
  const rules: string[] = [];
  const members = targets.map(target => `${chain}-${target.replace(/[ .]+/g, '-')}`);
  for (const [index, member] of members.entries()) {
    sets.set(member, `{ type ipv4_addr; flags dynamic,timeout; timeout ${timeout}s; }`);
    chains.set(member, [`update @${member} { ip saddr }`, choice(protocol, targets.slice(index, index + 1))]);
    rules.push(`ip saddr @${member} goto ${member}`);
  }
  rules.push(`numgen random mod ${members.length} vmap { ${members.map((member, index) => `${index} : goto ${member}`).join(', ')} }`);
  chains.set(chain, rules);
}

function groupSlices(slices: Iterable<EndpointSlice>): Map<string, EndpointSlice[]> {
  const grouped = new Map<string, EndpointSlice[]>();
  for (const slice of slices) {
    const service = slice.metadata.labels?.['kubernetes.io/service-name'];
    if (!service || slice.addressType !== 'IPv4') continue;
    const key = `${slice.metadata.namespace}/${service}`;
    const list = grouped.get(key);
    if (list) list.push(slice);
    else grouped.set(key, [slice]);
  }
  return grouped;
}

function addressesOf(service: Service): string[] {
  const external = [...(service.spec?.externalIPs ?? []), ...(service.status?.loadBalancer?.ingress ?? []).map(one => one.ip ?? '')];
  return [...new Set([service.spec?.clusterIP ?? '', ...external])].filter(ip => /^\d+\.\d+\.\d+\.\d+$/.test(ip));
}

/** nft identifiers hold letters, digits, `-`, `_`, `.`; names of objects hold `.` and `-`, so a slash becomes `_`. */
const identifier = (text: string): string => text.replaceAll('/', '_');
