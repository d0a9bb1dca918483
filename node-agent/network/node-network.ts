/** The network of a node put together: pod addresses, Services, DNS, fed by two informers. */
import { readFile, writeFile } from 'node:fs/promises';
import type { Clock, Logger, Random } from '../../kinds/environment.ts';
import type { EndpointSlice, Namespace, Service } from '../../kinds/types.ts';
import type { ApiClient } from '../api-client.ts';
import { createInformer, type Informer, objectKey } from '../informer.ts';
import type { ResolvConf } from '../pod-network-port.ts';
import { runSystemCommand } from './command.ts';
import { createZone } from './dns-records.ts';
import { type DnsServer, startDnsServer } from './dns-server.ts';
import { createPodNetwork, type NodeNetwork } from './pod-network.ts';
import { createResolvConf, parseResolvConf } from './resolv-conf.ts';
import type { HostPort } from './ruleset.ts';
import { createServiceProxy, removeServiceRules } from './service-proxy.ts';

export interface NodeNetworkConfig {
  readonly nodeName: string;
  readonly clusterName: string;
  readonly podCidr: string;
  readonly clusterDns: string;
  readonly clusterDomain: string;
}

export interface NodeNetworkOptions extends NodeNetworkConfig {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export interface RunningNetwork {
  readonly pods: NodeNetwork;
  readonly resolvConf: ResolvConf;
  /** Services by `namespace/name`, for the environment variables of containers. */
  readonly services: ReadonlyMap<string, Service>;
  /** Settles when `services` is complete for the first time. */
  readonly servicesSynced: Promise<void>;
  /** All ports of the node that lead to its pods, whenever they may have changed. */
  publish(ports: HostPort[]): void;
  close(): Promise<void>;
}

const tableOf = (clusterName: string): string => `windvane-${clusterName}`;
const hostResolvConf = (): Promise<string> => readFile('/etc/resolv.conf', 'utf8').catch(() => '');

export async function startNodeNetwork(options: NodeNetworkOptions): Promise<RunningNetwork> {
  const { nodeName, clusterName, podCidr, clusterDns, clusterDomain, client, clock, random, logger } = options;
  const pods = podNetworkOf(options, logger);
  const host = await hostResolvConf();
  await pods.prepare([clusterDns]);

  const slicesByService = new Map<string, Map<string, EndpointSlice>>();
  const serviceOf = (slice: EndpointSlice) => `${slice.metadata.namespace}/${slice.metadata.labels?.['kubernetes.io/service-name'] ?? ''}`;
  const informerOf = <T extends Service | EndpointSlice | Namespace>(
    path: string,
    onEvent?: (type: 'added' | 'modified' | 'deleted', next: T, previous: T | undefined) => void,
  ): Informer<T> => createInformer<T>({ client, path, clock, random, logger, ...(onEvent ? { onEvent } : {}) });

  let proxyChanged = (): void => {};
  let hostPorts: readonly HostPort[] = [];
  const services = informerOf<Service>('/api/v1/services', () => proxyChanged());
  const slices = informerOf<EndpointSlice>('/apis/discovery.k8s.io/v1/endpointslices', (type, next, previous) => {
    if (previous) slicesByService.get(serviceOf(previous))?.delete(objectKey(previous));
    const key = serviceOf(next);
    const group = slicesByService.get(key) ?? new Map<string, EndpointSlice>();
    if (type === 'deleted') group.delete(objectKey(next));
    else group.set(objectKey(next), next);
    if (group.size > 0) slicesByService.set(key, group);
    else slicesByService.delete(key);
    proxyChanged();
  });

  const proxy = createServiceProxy({
    table: tableOf(clusterName),
    nodeName,
    podCidr,
    services: () => services.objects.values(),
    slices: () => slices.objects.values(),
    hostPorts: () => hostPorts,
    run: runSystemCommand,
    clock,
    logger,
  });
  // Rules from before a restart stay until the first lists are complete: half a list would cut off Services that are well.
  const ready = Promise.all([services.synced, slices.synced]).then(() => {
    proxyChanged = () => proxy.changed();
    proxy.changed();
  });
  ready.catch((error: unknown) => logger.error('service rules are not kept', { error: String(error) }));

  const zone = createZone({
    domain: clusterDomain,
    service: (namespace, name) => services.objects.get(`${namespace}/${name}`),
    slices: (namespace, name) => [...(slicesByService.get(`${namespace}/${name}`)?.values() ?? [])],
    nameOf: address => nameOf(address, services.objects.values(), slices.objects.values(), clusterDomain),
    hasNamespace: namespace => namespace !== '',
  });
  const upstream = parseResolvConf(host)
    .nameservers.filter(nameserver => nameserver !== clusterDns)
    .map(nameserver => ({ host: nameserver, port: 53 }));
  const dns: DnsServer = await startDnsServer({ zone, domain: clusterDomain, host: clusterDns, port: 53, upstream, logger });

  return {
    pods,
    publish(ports) {
      hostPorts = ports;
      proxyChanged();
    },
    resolvConf: createResolvConf({ clusterDns, clusterDomain, host }),
    services: services.objects,
    servicesSynced: services.synced,
    async close() {
      services.close();
      slices.close();
      proxy.close();
      await dns.close();
    },
  };
}

/** Takes the network of a stopped node away: interfaces, addresses, rules. */
export async function removeNodeNetwork(config: NodeNetworkConfig, logger: Logger): Promise<void> {
  await removeServiceRules(runSystemCommand, tableOf(config.clusterName));
  await podNetworkOf(config, logger).remove([config.clusterDns]);
}

const podNetworkOf = ({ podCidr }: NodeNetworkConfig, logger: Logger): NodeNetwork =>
  createPodNetwork({ podCidr, run: runSystemCommand, writeSetting: (path, value) => writeFile(path, value), logger });

/** The Service with this cluster IP, or the headless endpoint at this address. */
function nameOf(address: string, services: Iterable<Service>, slices: Iterable<EndpointSlice>, domain: string): string | undefined {
  for (const { metadata, spec } of services) {
    if (spec?.clusterIP === address) return `${metadata.name}.${metadata.namespace}.svc.${domain}`;
  }
  for (const { metadata, endpoints } of slices) {
    const service = metadata.labels?.['kubernetes.io/service-name'];
    const endpoint = service && endpoints?.find(one => one.addresses.includes(address));
    if (endpoint) return `${endpoint.hostname ?? address.replaceAll('.', '-')}.${service}.${metadata.namespace}.svc.${domain}`;
  }
  return undefined;
}
