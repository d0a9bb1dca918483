/**
 * What the cluster's own zone says: Services, their endpoints and pods by name. Pure look-ups over Services and EndpointSlices.
 * Source: "Kubernetes DNS-Based Service Discovery" 1.1.0.
 */
import type { EndpointSlice, Service } from '../../kinds/types.ts';
import { type Endpoint, endpointsOf } from './endpoints.ts';

export type Record =
  | { readonly type: 'A'; readonly name: string; readonly address: string }
  | { readonly type: 'CNAME'; readonly name: string; readonly target: string }
  | { readonly type: 'SRV'; readonly name: string; readonly port: number; readonly target: string }
  | { readonly type: 'PTR'; readonly name: string; readonly target: string }
  | { readonly type: 'TXT'; readonly name: string; readonly text: string };

/** `found` false: no such name (NXDOMAIN). Found without records of the type asked for: an empty answer. */
export interface Answer {
  readonly found: boolean;
  readonly records: readonly Record[];
}

export interface Zone {
  /** Ends with the cluster's domain, or is the reverse name of an address that the cluster knows: then this zone answers, else somebody else. */
  owns(name: string): boolean;
  lookup(name: string, type: string): Answer;
}

export interface ZoneSource {
  readonly domain: string;
  service(namespace: string, name: string): Service | undefined;
  slices(namespace: string, service: string): readonly EndpointSlice[];
  /** The Service or endpoint that has an address, as its full name. */
  nameOf(address: string): string | undefined;
  hasNamespace(namespace: string): boolean;
}

const nothing: Answer = { found: false, records: [] };
const exists: Answer = { found: true, records: [] };

export function createZone(source: ZoneSource): Zone {
  const { domain } = source;
  const suffix = `.${domain}`;
  return {
    owns: name => {
      if (name === domain || name.endsWith(suffix)) return true;
      const reversed = reverseAddress(name);
      return reversed !== undefined && source.nameOf(reversed) !== undefined;
    },
    lookup(name, type) {
      const reversed = reverseAddress(name);
      if (reversed !== undefined) {
        const target = source.nameOf(reversed);
        return target === undefined ? nothing : { found: true, records: type === 'PTR' ? [{ type: 'PTR', name, target }] : [] };
      }
      if (name === domain) return exists;
      const labels = name.slice(0, -suffix.length).split('.');
      const kind = labels.at(-1);
      if (name === `dns-version${suffix}`) return { found: true, records: type === 'TXT' ? [{ type: 'TXT', name, text: '1.1.0' }] : [] };
      if (kind === 'svc') return service(source, name, labels.slice(0, -1), type);
      if (kind === 'pod') return pod(source, name, labels.slice(0, -1), type);
      return nothing;
    },
  };
}

/** `[endpoint or _port._protocol] service namespace`. */
function service(source: ZoneSource, name: string, labels: readonly string[], type: string): Answer {
  const namespace = labels.at(-1);
  if (namespace === undefined) return exists;
  if (labels.length === 1) return source.hasNamespace(namespace) ? exists : nothing;
  const serviceName = labels.at(-2) ?? '';
  const found = source.service(namespace, serviceName);
  if (!found?.spec) return nothing;
  const inner = labels.slice(0, -2);
  const base = `${serviceName}.${namespace}.svc.${source.domain}`;

  if (found.spec.type === 'ExternalName') {
    return inner.length === 0 ? { found: true, records: [{ type: 'CNAME', name, target: found.spec.externalName ?? '' }] } : nothing;
  }
  const headless = found.spec.clusterIP === 'None';
  const portNames = headless
    ? [...new Set(source.slices(namespace, serviceName).flatMap(slice => (slice.ports ?? []).map(port => port.name ?? '')))]
    : (found.spec.ports ?? []).map(port => port.name ?? '');
  const endpoints = (portName?: string): Endpoint[] =>
    dedupe(
      (portName === undefined ? portNames : [portName]).flatMap(one => endpointsOf(publishing(source, namespace, serviceName, found), one)),
    );

  if (inner.length === 0) {
    const ips = headless ? endpoints().map(endpoint => endpoint.address) : [found.spec.clusterIP ?? ''];
    if (headless && ips.length === 0) return nothing;
    if (type === 'SRV') return { found: true, records: portRecords(found, name, base, headless, endpoints) };
    return { found: true, records: type === 'A' ? ips.map(address => ({ type: 'A', name, address })) : [] };
  }
  if (inner.length === 2 && inner[0]?.startsWith('_') && inner[1]?.startsWith('_')) {
    const [portName, protocol] = [inner[0].slice(1), inner[1].slice(1)];
    const records = portRecords(found, name, base, headless, endpoints, portName, protocol);
    return records.length === 0 ? nothing : { found: true, records: type === 'SRV' ? records : [] };
  }
  if (inner.length === 1 && headless) {
    const matching = endpoints().filter(endpoint => endpointLabel(endpoint) === inner[0]);
    if (matching.length === 0) return nothing;
    return { found: true, records: type === 'A' ? matching.map(({ address }) => ({ type: 'A', name, address })) : [] };
  }
  return nothing;
}

function portRecords(
  found: Service,
  name: string,
  base: string,
  headless: boolean,
  endpoints: (portName: string) => Endpoint[],
  onlyName?: string,
  onlyProtocol?: string,
): Record[] {
  const records: Record[] = [];
  for (const port of found.spec?.ports ?? []) {
    if (onlyName !== undefined && (port.name !== onlyName || (port.protocol ?? 'TCP').toLowerCase() !== onlyProtocol)) continue;
    if (!headless) records.push({ type: 'SRV', name, port: port.port, target: base });
    else
      for (const endpoint of endpoints(port.name ?? ''))
        records.push({ type: 'SRV', name, port: endpoint.port, target: `${endpointLabel(endpoint)}.${base}` });
  }
  return records;
}

/** With publishNotReadyAddresses every endpoint counts as ready. */
function publishing(source: ZoneSource, namespace: string, name: string, found: Service): readonly EndpointSlice[] {
  const slices = source.slices(namespace, name);
  if (!found.spec?.publishNotReadyAddresses) return slices;
  return slices.map(slice => ({
    ...slice,
    endpoints: (slice.endpoints ?? []).map(endpoint => ({ ...endpoint, conditions: { ...endpoint.conditions, ready: true } })),
  }));
}

const endpointLabel = (endpoint: Endpoint): string => endpoint.hostname ?? endpoint.address.replaceAll('.', '-');

const dedupe = (endpoints: readonly Endpoint[]): Endpoint[] => [
  ...new Map(endpoints.map(one => [`${one.address}:${one.hostname ?? ''}`, one])).values(),
];

/** `1-2-3-4 namespace`: any address, as the specification allows. */
function pod(source: ZoneSource, name: string, labels: readonly string[], type: string): Answer {
  if (labels.length !== 2) return labels.length < 2 ? exists : nothing;
  const [dashed = '', namespace = ''] = labels;
  const address = dashed.replaceAll('-', '.');
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(address) || address.split('.').some(part => Number(part) > 255) || !source.hasNamespace(namespace))
    return nothing;
  return { found: true, records: type === 'A' ? [{ type: 'A', name, address }] : [] };
}

function reverseAddress(name: string): string | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.in-addr\.arpa$/.exec(name);
  return match ? match.slice(1).reverse().join('.') : undefined;
}
