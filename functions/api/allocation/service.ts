/**
 * Cluster IPs and node ports of Services. A cluster IP is an IPAddress object, a node port a row of a resource that is not served; each is made
 * and removed in the commit of the Service itself. Source: kubernetes `pkg/registry/core/service/storage/alloc.go`.
 */
import { type Clock, type Random, timestamp } from '../../../kinds/environment.ts';
import { invalid as invalidField } from '../../../kinds/field.ts';
import type { KubeObject } from '../../../kinds/object.ts';
import { type FieldError, internalError, invalid, StatusError } from '../../../kinds/status.ts';
import { completeService } from '../../../kinds/strategies/service-completion.ts';
import {
  isAddressed,
  mayHaveNodePorts,
  needsHealthCheckPort,
  nodePortsOf,
  wantsNodePorts,
} from '../../../kinds/strategies/service-type.ts';
import type { Service, ServiceSpec } from '../../../kinds/types.ts';
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
const endpoints = 'endpoints';
const firstNodePort = 30000;
const lastNodePort = 32767;

interface Claims {
  readonly ips: readonly string[];
  readonly ports: readonly number[];
}

export function serviceAllocator({ replicas, serviceCidr, clock, random }: ServiceAllocatorOptions): Allocator {
  const range = addressRange(serviceCidr);
  const row = (kind: { apiVersion: string; kind: string }, name: string, spec: object, labels?: Record<string, string>): KubeObject => ({
    ...kind,
    metadata: {
      name,
      uid: random.uuid(),
      creationTimestamp: timestamp(clock.now()),
      ...(labels ? { labels } : {}),
    },
    spec,
  });
  return {
    resource: 'services',
    async complete(nextObject, previousObject, { dryRun }) {
      const next = nextObject as Service;
      const previous = previousObject as Service | undefined;
      next.spec ??= {};
      const errors = completeService(next.spec, previous?.spec);
      if (errors.length > 0) throw refuse(next, errors);
      const [ips, ports] = await Promise.all([replicas.open(ipAddresses), replicas.open(nodePorts)]);
      await Promise.all([ips.sync(), ports.sync()]);
      if (!previous || (previous.spec?.type === 'ExternalName' && next.spec.type !== 'ExternalName'))
        chooseAddresses(next, next.spec, new AddressOperation(range, ips, random, dryRun));
      choosePorts(next, next.spec, previous?.spec, new PortOperation(ports, random, dryRun));
    },
    async claim(nextObject, previousObject) {
      const next = nextObject as Service | undefined;
      const previous = previousObject as Service | undefined;
      const [ips, ports] = await Promise.all([replicas.open(ipAddresses), replicas.open(nodePorts)]);
      const before = claimsOf(previous?.spec);
      const after = claimsOf(next?.spec);
      const { namespace = '', name = '' } = (next ?? previous)?.metadata ?? {};
      const spec = { parentRef: { resource: 'services', namespace, name } };
      const newPort = (port: number) => row({ apiVersion: 'windvane.internal/v1', kind: 'NodePort' }, String(port), spec);
      const labels = { 'ipaddress.kubernetes.io/ip-family': 'IPv4', 'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io' };
      const newAddress = (ip: string) => row({ apiVersion: 'networking.k8s.io/v1', kind: 'IPAddress' }, ip, spec, labels);
      return {
        mutations: [
          ...after.ips.filter(ip => !before.ips.includes(ip)).map(ip => put(ipAddresses, newAddress(ip))),
          ...before.ips.filter(ip => !after.ips.includes(ip)).flatMap(ip => release(ips, '', ip)),
          ...after.ports.filter(port => !before.ports.includes(port)).map(port => put(nodePorts, newPort(port))),
          ...before.ports.filter(port => !after.ports.includes(port)).flatMap(port => release(ports, '', String(port))),
          // Or a new Service of this name would begin with the old one's endpoints.
          ...(next ? [] : release(await syncedReplica(replicas, endpoints), namespace, name)),
        ],
      };
    },
  };
}

const syncedReplica = async (replicas: Replicas, resource: string): Promise<Replica> => {
  const replica = await replicas.open(resource);
  await replica.sync();
  return replica;
};

/** What a Service holds as it stands. */
function claimsOf(spec: ServiceSpec | undefined): Claims {
  if (!spec) return { ips: [], ports: [] };
  const ips = isAddressed(spec) ? (spec.clusterIPs ?? []).filter(ip => ip !== '' && ip !== 'None') : [];
  const ports = [...nodePortsOf(spec), ...(spec.healthCheckNodePort ? [spec.healthCheckNodePort] : [])];
  return { ips, ports: [...new Set(ports)] };
}

/** One address a family, chosen or as it was asked for. */
function chooseAddresses(service: Service, spec: ServiceSpec, operation: AddressOperation): void {
  if (!isAddressed(spec) || spec.clusterIPs?.[0] === 'None') return;
  const asked = spec.clusterIPs?.[0] ?? '';
  const problem = asked === '' ? undefined : operation.problemOf(asked);
  if (problem) throw refuse(service, [invalidField('spec.clusterIPs', spec.clusterIPs, `failed to allocate IP ${asked}: ${problem}`)]);
  spec.clusterIP = asked === '' ? operation.next() : asked;
  spec.clusterIPs = [spec.clusterIP];
}

/** A dry run looks at the range alone, and where it is asked to choose it shows the range's own address, as upstream does. */
class AddressOperation {
  readonly #range: AddressRange;
  readonly #ips: Replica;
  readonly #random: Random;
  readonly #dryRun: boolean;

  constructor(range: AddressRange, ips: Replica, random: Random, dryRun: boolean) {
    this.#range = range;
    this.#ips = ips;
    this.#random = random;
    this.#dryRun = dryRun;
  }

  problemOf(ip: string): string | undefined {
    const { cidr } = this.#range;
    if (!this.#range.contains(ip))
      return this.#dryRun || this.#range.isEdge(ip)
        ? `the provided IP (${ip}) is not in the valid range. The range of valid IPs is ${cidr}`
        : 'the provided network does not match the current range';
    return !this.#dryRun && this.#ips.get('', ip) ? 'provided IP is already allocated' : undefined;
  }

  /** Free addresses from a random start, first in the upper part: the lower is left for those who ask for an address of their own (KEP-3070). */
  next(): string {
    if (this.#dryRun) return this.#range.at(0);
    for (const [first, count] of [this.#range.dynamicPart, this.#range.staticPart]) {
      const start = Math.floor(this.#random.next() * count);
      for (let step = 0; step < count; step++) {
        const ip = this.#range.at(first + ((start + step) % count));
        if (!this.#ips.get('', ip)) return ip;
      }
    }
    throw internalError('failed to allocate a serviceIP: range is full');
  }
}

/** The node ports that one write takes, beside those that others have. */
class PortOperation {
  readonly #ports: Replica;
  readonly #random: Random;
  readonly #dryRun: boolean;
  readonly #taken = new Set<number>();

  constructor(ports: Replica, random: Random, dryRun: boolean) {
    this.#ports = ports;
    this.#random = random;
    this.#dryRun = dryRun;
  }

  /** Why the port cannot be had. A dry run does not look at the range, as upstream's does not. */
  take(port: number): string | undefined {
    if (!this.#dryRun && (port < firstNodePort || port > lastNodePort))
      return `provided port is not in the valid range. The range of valid ports is ${firstNodePort}-${lastNodePort}`;
    if (this.#taken.has(port) || this.#ports.get('', String(port))) return 'provided port is already allocated';
    this.#taken.add(port);
    return undefined;
  }

  /** Throws when there is none left. */
  next(what: string): number {
    if (this.#dryRun) {
      // A number that nobody can mistake for one that was allocated.
      const port = Math.max(lastNodePort + 1, ...this.#taken) + 1;
      this.#taken.add(port);
      return port;
    }
    const count = lastNodePort - firstNodePort + 1;
    const start = Math.floor(this.#random.next() * count);
    for (let step = 0; step < count; step++) {
      const port = firstNodePort + ((start + step) % count);
      if (this.take(port) === undefined) return port;
    }
    throw internalError(`failed to allocate a ${what}: range is full`);
  }
}

const takePort = (service: Service, operation: PortOperation, port: number, index: number): void => {
  const problem = operation.take(port);
  if (problem) throw refuse(service, [invalidField(`spec.ports[${index}].nodePort`, port, problem)]);
};

function choosePorts(service: Service, spec: ServiceSpec, previous: ServiceSpec | undefined, operation: PortOperation): void {
  if (mayHaveNodePorts(spec)) {
    if (previous) changePorts(service, spec, previous, operation);
    else newPorts(service, spec, operation);
  }
  if (!needsHealthCheckPort(spec) || (previous && needsHealthCheckPort(previous))) return;
  const asked = spec.healthCheckNodePort;
  if (!asked) spec.healthCheckNodePort = operation.next('HealthCheck NodePort');
  else {
    const problem = operation.take(asked);
    if (problem) throw internalError(`failed to allocate requested HealthCheck NodePort ${asked}: ${problem}`);
  }
}

/** Ports of one number, say for TCP and UDP, share a node port. */
function newPorts(service: Service, spec: ServiceSpec, operation: PortOperation): void {
  const shared = new Map<number, number>();
  for (const [index, port] of (spec.ports ?? []).entries()) {
    if (!port.nodePort && !wantsNodePorts(spec)) continue;
    const twin = shared.get(port.port);
    if (twin === undefined) {
      const asked = spec.ports?.find(other => other.port === port.port && other.nodePort)?.nodePort;
      if (asked) takePort(service, operation, asked, index);
      port.nodePort = asked ?? operation.next('nodePort');
      shared.set(port.port, port.nodePort);
    } else if (!port.nodePort) port.nodePort = twin;
    else if (port.nodePort !== twin) takePort(service, operation, port.nodePort, index);
  }
}

function changePorts(service: Service, spec: ServiceSpec, previous: ServiceSpec, operation: PortOperation): void {
  const held = new Set(nodePortsOf(previous));
  const seen = new Set<string>();
  const taken = new Set<number>();
  for (const [index, port] of (spec.ports ?? []).entries()) {
    if (!port.nodePort && !wantsNodePorts(spec)) continue;
    if (!port.nodePort) port.nodePort = operation.next('nodePort');
    else if (!held.has(port.nodePort) && !taken.has(port.nodePort)) {
      takePort(service, operation, port.nodePort, index);
      taken.add(port.nodePort);
    }
    const id = `${port.protocol} ${port.nodePort}`;
    if (seen.has(id)) throw new StatusError(500, '', `duplicate nodePort: {${id}}`);
    seen.add(id);
  }
}

const refuse = (service: Service, errors: FieldError[]) => invalid({ group: '', kind: 'Service' }, service.metadata.name, errors);

const encode = (object: KubeObject, revision: number): Uint8Array =>
  Buffer.from(JSON.stringify({ ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } }));

function put(resource: string, object: KubeObject): Mutation {
  return {
    type: 'put',
    key: { resource, namespace: '', name: object.metadata.name },
    expected: 0,
    value: revision => encode(object, revision),
  };
}

/** Nothing to do when the row is gone already. */
function release(replica: Replica, namespace: string, name: string): Mutation[] {
  const entry = replica.get(namespace, name);
  if (!entry) return [];
  const key = { resource: replica.resource, namespace, name };
  return [{ type: 'delete', key, expected: entry.revision, value: revision => encode(entry.object, revision) }];
}
