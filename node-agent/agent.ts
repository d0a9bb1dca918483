import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock, Logger, Random } from '../kinds/environment.ts';
import { parseQuantity } from '../kinds/quantity.ts';
import type { Service } from '../kinds/types.ts';
import { sleep } from './abortable.ts';
import { type ApiClient, createApiClient } from './api-client.ts';
import type { ResolvedConfig } from './config.ts';
import { dockerEngine } from './docker/dockerode.ts';
import type { Engine } from './docker/engine.ts';
import { createEventRecorder } from './events.ts';
import type { HostPort } from './network/ruleset.ts';
import { readMachine } from './node/machine.ts';
import { registerNode } from './node/registration.ts';
import { nodeStatus } from './node/status.ts';
import type { PodNetwork, ResolvConf } from './pod-network-port.ts';
import { hostPortsOf } from './pods/host-ports.ts';
import { createImages } from './pods/images.ts';
import { nodeLabel } from './pods/labels.ts';
import { createHookRunner } from './pods/lifecycle-hooks.ts';
import { type PodManager, startPodManager } from './pods/manager.ts';
import type { NodeContext } from './pods/node-context.ts';
import { createReferences } from './pods/references.ts';
import { ensureSandboxImage } from './pods/sandbox-image.ts';
import { createStatusWriter } from './pods/status-writer.ts';
import { createProber } from './probes/prober.ts';
import { type StreamServer, startStreamServer } from './streams/server.ts';
import type { Exec } from './volumes/volume.ts';

/** The node's network as the agent uses it. */
export interface AgentNetwork {
  /** `gateway` is the node as its pods reach it. */
  pods: PodNetwork & { gateway: string };
  resolvConf: ResolvConf;
  services: ReadonlyMap<string, Service>;
  servicesSynced: Promise<void>;
  /** All ports of the node that lead to its pods, whenever they may have changed. */
  publish(ports: HostPort[]): void;
  close(): Promise<void>;
}

export interface AgentDependencies {
  startNetwork(client: ApiClient): Promise<AgentNetwork>;
  exec: Exec;
  clock: Clock;
  random: Random;
  logger: Logger;
}

export interface Agent {
  client: ApiClient;
  close(): Promise<void>;
}

const loopback = /^(127\.|::1$|localhost$)/;
const wildcard = new Set(['0.0.0.0', '::']);

/** Docker may start after the agent, as after a boot of the machine. */
const dockerReady = async (engine: Engine, { clock, logger }: AgentDependencies, socket: string): Promise<void> => {
  for (let tries = 0; ; tries++) {
    try {
      await engine.version();
      return;
    } catch (error) {
      if (tries === 0) logger.warn('Docker does not answer yet', { socket, error: String(error) });
      if (tries === 60) throw new Error(`the Docker Engine at ${socket} does not answer: ${String(error)}`);
      await sleep(clock, 500, new AbortController().signal);
    }
  }
};

/** Starts everything that makes a machine a node. The pods that run already are adopted, not touched. */
export const startAgent = async (config: ResolvedConfig, dependencies: AgentDependencies): Promise<Agent> => {
  const { clock, random, logger, exec } = dependencies;
  const [ca, cert, key] = await Promise.all([config.caFile, config.certFile, config.keyFile].map(path => readFile(path, 'utf8')));
  const client = createApiClient({ server: config.server, tls: { ca: ca ?? '', cert: cert ?? '', key: key ?? '' } });
  const engine = dockerEngine(config.dockerSocket);
  await dockerReady(engine, dependencies, config.dockerSocket);
  const [sandboxImage, { version }, storageRoot] = await Promise.all([ensureSandboxImage(engine), engine.version(), engine.storageRoot()]);

  const network = await dependencies.startNetwork(client);
  const machine = await readMachine(storageRoot);
  const { host } = config.listen;
  const address = wildcard.has(host) ? (machine.addresses[0] ?? '127.0.0.1') : host;
  // What loopback is for a pod is not the node.
  const hostIp = loopback.test(address) ? network.pods.gateway : address;

  let manager: PodManager | undefined;
  const recorder = createEventRecorder({ client, node: config.nodeName, clock, random, logger });
  const { allocatable = {} } = nodeStatus({
    nodeName: config.nodeName,
    machine,
    addresses: [],
    port: 0,
    labels: {},
    runtimeVersion: '',
    images: [],
    notReady: undefined,
    previous: [],
    now: clock.now(),
  });
  const statuses = createStatusWriter({ client, clock, logger, flushed: uid => manager?.flushed(uid) });
  const context: NodeContext = {
    engine,
    client,
    images: createImages({ engine, clock, logger }),
    references: createReferences({ client, clock }),
    network: network.pods,
    recorder,
    statuses,
    runHook: createHookRunner({ engine, clock }),
    runProbe: createProber({ engine, clock }),
    resolvConf: network.resolvConf,
    services: () => network.services.values(),
    usedIps: () => new Set([...(manager?.workers.values() ?? [])].map(worker => worker.ip).filter(ip => ip !== '')),
    portsChanged: () => network.publish([...(manager?.workers.values() ?? [])].flatMap(({ pod, ip }) => hostPortsOf(pod, ip))),
    imageRefs: new Map(),
    exec,
    clock,
    random,
    logger,
    node: {
      label: nodeLabel(config.clusterName, config.nodeName),
      hostIp,
      podsDir: join(config.dataDir, 'pods'),
      seccompDir: join(config.dataDir, 'seccomp'),
      clusterDomain: config.clusterDomain,
      resources: {
        cpu: parseQuantity(allocatable['cpu'] ?? '0'),
        memory: parseQuantity(allocatable['memory'] ?? '0'),
        'ephemeral-storage': parseQuantity(allocatable['ephemeral-storage'] ?? '0'),
      },
      limits: { memoryBytes: machine.memoryBytes, lowestOomScore: machine.mayProtectProcesses ? -1000 : 0 },
      sandboxImage,
    },
  };

  const streams: StreamServer = await startStreamServer({
    listen: config.listen,
    engine,
    find: (namespace, name) => manager?.find(namespace, name),
    clock,
    logger,
  });
  const registration = await registerNode({
    client,
    nodeName: config.nodeName,
    podCidr: config.podCidr,
    labels: config.labels,
    taints: config.taints.map(({ key: taintKey, value, effect }) => ({ key: taintKey, effect, ...(value === undefined ? {} : { value }) })),
    look: async () => {
      const now = await readMachine(storageRoot);
      try {
        return {
          machine: now,
          addresses: [address],
          port: streams.port,
          runtimeVersion: `docker://${version}`,
          images: await engine.images(),
          notReady: undefined,
        };
      } catch (error) {
        return {
          machine: now,
          addresses: [address],
          port: streams.port,
          runtimeVersion: `docker://${version}`,
          images: [],
          notReady: `container runtime is down: ${String(error)}`,
        };
      }
    },
    clock,
    logger,
  });
  recorder.event({ kind: 'Node', name: config.nodeName, uid: config.nodeName }, 'Normal', 'Starting', 'Starting kubelet.');
  // A container started before the Services are known would lack their variables.
  await network.servicesSynced;
  manager = await startPodManager(context, client, config.nodeName);
  context.portsChanged();
  logger.info('the node is up', { node: config.nodeName, address, port: streams.port, podCidr: registration.podCidr });

  return {
    client,
    async close() {
      registration.close();
      manager?.close();
      await network.close();
      await streams.close();
      await recorder.flush();
      client.close();
    },
  };
};
