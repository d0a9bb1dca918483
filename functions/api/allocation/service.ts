/**
 * Cluster IPs and node ports of Services. A cluster IP is an IPAddress object, a node port a row of a resource that is not served; each is made
 * and removed in the commit of the Service itself. Source: kubernetes `pkg/registry/core/service/storage/alloc.go`.
 */
import { type Clock, type Random, timestamp } from '../../../kinds/environment.ts';
import type { KubeObject } from '../../../kinds/object.ts';
import { type FieldError, internalError, invalid } from '../../../kinds/status.ts';
import type { Service } from '../../../kinds/types.ts';
import type { Mutation } from '../../../store/log.ts';
import type { Replica, Replicas } from '../../../store/replica.ts';
import type { Allocator } from '../allocator.ts';
import { type AddressRange, addressRange } from './address-range.ts';

export interface ServiceAllocatorOptions {
  readonly replicas: Replicas;
  /** `10.96.0.0/16` */
  readonly serviceCidr: string;
  readonly clock: Clock;
  readonly random: Random;
}

const ipAddresses = 'ipaddresses.networking.k8s.io';
const nodePorts = 'nodeports.windvane.internal';
const firstNodePort = 30000;
const lastNodePort = 32767;

interface Claims {
  readonly ips: readonly string[];
  readonly ports: readonly number[];
}

export function serviceAllocator({ replicas, serviceCidr, clock, random }: ServiceAllocatorOptions): Allocator {
  const range = addressRange(serviceCidr);
  return {
    resource: 'services',
    async allocate(nextObject, previousObject) {
      const next = nextObject as Service | undefined;
      const previous = previousObject as Service | undefined;
      const [ips, ports] = await Promise.all([replicas.open(ipAddresses), replicas.open(nodePorts)]);
      await Promise.all([ips.sync(), ports.sync()]);
      const before = claimsOf(previous);
      if (next) {
        completeAddresses(next, range, ips, random, new Set(before.ips));
        completeNodePorts(next, ports, random, new Set(before.ports));
      }
      const after = claimsOf(next);
      const owner = (next ?? previous)?.metadata;
      const newPort = (port: number): KubeObject => ({
        apiVersion: 'windvane.internal/v1',
        kind: 'NodePort',
        metadata: { name: String(port), uid: random.uuid(), creationTimestamp: timestamp(clock.now()) },
        spec: { parentRef: { resource: 'services', namespace: owner?.namespace ?? '', name: owner?.name ?? '' } },
      });
      const newAddress = (ip: string): KubeObject => ({
        apiVersion: 'networking.k8s.io/v1',
        kind: 'IPAddress',
        metadata: {
          name: ip,
          uid: random.uuid(),
          creationTimestamp: timestamp(clock.now()),
          generation: 1,
          labels: { 'ipaddress.kubernetes.io/ip-family': 'IPv4', 'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io' },
        },
        spec: { parentRef: { resource: 'services', namespace: owner?.namespace ?? '', name: owner?.name ?? '' } },
      });
      return {
        mutations: [
          ...after.ips.filter(ip => !before.ips.includes(ip)).map(ip => claim(ipAddresses, newAddress(ip))),
          ...before.ips.filter(ip => !after.ips.includes(ip)).flatMap(ip => release(ips, ip)),
          ...after.ports.filter(port => !before.ports.includes(port)).map(port => claim(nodePorts, newPort(port))),
          ...before.ports.filter(port => !after.ports.includes(port)).flatMap(port => release(ports, String(port))),
        ],
      };
    },
  };
}

/** What a Service holds as it stands. */
function claimsOf(service: Service | undefined): Claims {
  const spec = service?.spec;
  if (!spec) return { ips: [], ports: [] };
  const ips = hasClusterIp(spec.type) ? (spec.clusterIPs ?? []).filter(ip => ip !== '' && ip !== 'None') : [];
  const ports = [...(spec.ports ?? []).map(port => port.nodePort ?? 0), spec.healthCheckNodePort ?? 0].filter(port => port > 0);
  return { ips, ports: hasNodePorts(service) || ports.length > 0 ? [...new Set(ports)] : [] };
}

const hasClusterIp = (type: string | undefined): boolean => type !== 'ExternalName';
const hasNodePorts = (service: Service): boolean =>
  service.spec?.type === 'NodePort' || (service.spec?.type === 'LoadBalancer' && service.spec.allocateLoadBalancerNodePorts !== false);

/** Sets clusterIP, clusterIPs, ipFamilies and ipFamilyPolicy. This cluster has one family, IPv4. */
function completeAddresses(service: Service, range: AddressRange, ips: Replica, random: Random, own: ReadonlySet<string>): void {
  const spec = service.spec;
  if (!spec || !hasClusterIp(spec.type)) return;
  if (spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP];
  spec.ipFamilyPolicy ??= 'SingleStack';
  // A headless Service without selector may carry any family its endpoints have.
  if (!spec.ipFamilies?.length) spec.ipFamilies = ['IPv4'];
  if (spec.ipFamilies.includes('IPv6') && spec.clusterIP !== 'None') {
    throw refuse(service, [
      { type: 'Invalid', field: 'spec.ipFamilies[0]', message: 'Invalid value: "IPv6": not configured on this cluster' },
    ]);
  }
  if (spec.ipFamilyPolicy === 'RequireDualStack') {
    const message = 'Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services';
    throw refuse(service, [{ type: 'Invalid', field: 'spec.ipFamilyPolicy', message }]);
  }
  const asked = spec.clusterIPs?.[0] ?? '';
  if (asked === 'None') {
    spec.clusterIP = 'None';
    return;
  }
  const ip = asked === '' ? chooseAddress(range, ips, random) : asked;
  if (asked !== '' && !own.has(asked)) {
    const problem = !range.contains(asked)
      ? `the provided IP (${asked}) is not in the valid range. The range of valid IPs is ${range.cidr}`
      : ips.get('', asked)
        ? 'provided IP is already allocated'
        : undefined;
    if (problem) {
      const message = `Invalid value: ${JSON.stringify(spec.clusterIPs)}: failed to allocate IP ${asked}: ${problem}`;
      throw refuse(service, [{ type: 'Invalid', field: 'spec.clusterIPs', message }]);
    }
  }
  spec.clusterIP = ip;
  spec.clusterIPs = [ip];
}

/** Free addresses from a random start, first in the upper part: the lower is left for those who ask for an address of their own (KEP-3070). */
function chooseAddress(range: AddressRange, ips: Replica, random: Random): string {
  for (const [first, count] of [range.dynamicPart, range.staticPart]) {
    const start = Math.floor(random.next() * count);
    for (let step = 0; step < count; step++) {
      const ip = range.at(first + ((start + step) % count));
      if (!ips.get('', ip)) return ip;
    }
  }
  throw internalError('failed to allocate a serviceIP: range is full');
}

function completeNodePorts(service: Service, ports: Replica, random: Random, own: ReadonlySet<number>): void {
  const spec = service.spec;
  if (!spec) return;
  const taken = new Map<number, string>();
  const errors: FieldError[] = [];
  const take = (port: number, field: string): void => {
    if (own.has(port)) return;
    if (port < firstNodePort || port > lastNodePort) {
      const range = `The range of valid ports is ${firstNodePort}-${lastNodePort}`;
      errors.push({ type: 'Invalid', field, message: `Invalid value: ${port}: provided port is not in the valid range. ${range}` });
    } else if (ports.get('', String(port))) {
      errors.push({ type: 'Invalid', field, message: `Invalid value: ${port}: provided port is already allocated` });
    }
  };
  const choose = (): number => {
    const count = lastNodePort - firstNodePort + 1;
    const start = Math.floor(random.next() * count);
    for (let step = 0; step < count; step++) {
      const port = firstNodePort + ((start + step) % count);
      if (!ports.get('', String(port)) && !taken.has(port)) return port;
    }
    throw internalError('failed to allocate a nodePort: range is full');
  };

  for (const [index, port] of (spec.ports ?? []).entries()) {
    if (!port.nodePort) continue;
    // The same number for TCP and UDP of one Service is one claim.
    if (!taken.has(port.nodePort)) take(port.nodePort, `spec.ports[${index}].nodePort`);
    taken.set(port.nodePort, port.protocol ?? 'TCP');
  }
  if (spec.healthCheckNodePort) take(spec.healthCheckNodePort, 'spec.healthCheckNodePort');
  if (errors.length > 0) throw refuse(service, errors);

  if (hasNodePorts(service)) {
    for (const port of spec.ports ?? []) {
      if (port.nodePort) continue;
      // One number serves both protocols of the same port.
      const twin = spec.ports?.find(other => other.port === port.port && other.nodePort && other.protocol !== port.protocol)?.nodePort;
      port.nodePort = twin ?? choose();
      taken.set(port.nodePort, port.protocol ?? 'TCP');
    }
  }
  if (spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local' && !spec.healthCheckNodePort)
    spec.healthCheckNodePort = choose();
}

const refuse = (service: Service, errors: FieldError[]) => invalid({ group: '', kind: 'Service' }, service.metadata.name, errors);

const encode = (object: KubeObject, revision: number): Uint8Array =>
  Buffer.from(JSON.stringify({ ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } }));

function claim(resource: string, object: KubeObject): Mutation {
  return {
    type: 'put',
    key: { resource, namespace: '', name: object.metadata.name },
    expected: 0,
    value: revision => encode(object, revision),
  };
}

/** Nothing to do when the row is gone already. */
function release(replica: Replica, name: string): Mutation[] {
  const entry = replica.get('', name);
  if (!entry) return [];
  const key = { resource: replica.resource, namespace: '', name };
  return [{ type: 'delete', key, expected: entry.revision, value: revision => encode(entry.object, revision) }];
}
