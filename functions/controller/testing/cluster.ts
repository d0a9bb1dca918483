/** A cluster without API, network and nodes, under virtual time: reconcilers over a log in memory, and a stand-in for kubelets. */
import { timestamp } from '../../../kinds/environment.ts';
import type { KubeObject } from '../../../kinds/object.ts';
import type { Pod } from '../../../kinds/types.ts';
import type { Log } from '../../../store/log.ts';
import { memoryLog } from '../../../store/memory.ts';
import type { Replica } from '../../../store/replica.ts';
import { createReplicas } from '../../../store/replica-on-log.ts';
import type { Client } from '../../client.ts';
import { type ControllerHost, startControllers } from '../host.ts';
import type { Reconciler } from '../reconciler.ts';
import { type FakeOptions, fakeClients, type Written } from './fake-clients.ts';
import { memoryLogger, seededRandom, type VirtualClock, virtualClock } from './virtual-time.ts';

export interface TestCluster {
  readonly log: Log;
  readonly clock: VirtualClock;
  readonly admin: Client;
  readonly written: Written[];
  readonly logger: ReturnType<typeof memoryLogger>;
  host: ControllerHost;
  /** Another copy of the reconcilers with replicas of its own. */
  another(reconcilers: readonly Reconciler[]): Promise<ControllerHost>;
  /** Until nobody has anything to do. */
  settle(): Promise<void>;
  advance(ms: number): Promise<void>;
  list<T extends KubeObject>(resource: string, namespace?: string): Promise<T[]>;
  events(): Promise<string[]>;
  /** Starts every bound pod that `picks` takes: running and ready with an address; ends those that are being deleted. */
  kubelet(picks?: (pod: Pod) => boolean): Promise<void>;
  close(): Promise<void>;
}

export const testCluster = async (reconcilers: readonly Reconciler[], refuse?: FakeOptions['refuse']): Promise<TestCluster> => {
  const clock = virtualClock();
  const random = seededRandom();
  const logger = memoryLogger();
  const log = memoryLog({ clock });
  const clients = fakeClients({ log, clock, random, ...(refuse ? { refuse } : {}) });
  const admin = clients.asUser('admin');
  const reading = createReplicas(log, { logger });
  const hosts: ControllerHost[] = [];
  const start = async (list: readonly Reconciler[]): Promise<ControllerHost> => {
    const replicas = createReplicas(log, { logger });
    const host = await startControllers({ reconcilers: list, replicas, clients, log, clock, random, logger });
    hosts.push(host);
    return host;
  };
  const host = await start(reconcilers);
  let address = 1;

  const settle = async (): Promise<void> => {
    // What one copy writes reaches the others a few turns later; twice quiet in a row is quiet.
    for (let quiet = 0; quiet < 2; quiet++) {
      for (const each of hosts) await each.idle();
      for (let turn = 0; turn < 5; turn++) await new Promise(resolve => setImmediate(resolve));
    }
  };
  const open = async (resource: string): Promise<Replica> => {
    const replica = await reading.open(resource);
    await replica.sync();
    return replica;
  };

  return {
    log,
    clock,
    admin,
    written: clients.written,
    logger,
    host,
    another: start,
    settle,
    async advance(ms) {
      clock.advance(ms);
      await settle();
    },
    async list(resource, namespace) {
      const replica = await open(resource);
      return replica.list(namespace === undefined ? {} : { namespace }).map(entry => entry.object) as never[];
    },
    async events() {
      const replica = await open('events');
      return replica.list().map(({ object }) => `${object['type']} ${object['reason']} ${object['message']}`);
    },
    async kubelet(picks = () => true) {
      for (const { object } of (await open('pods')).list()) {
        const pod = object as Pod;
        const { namespace = '', name } = pod.metadata;
        if (pod.metadata.deletionTimestamp) await admin.delete('pods', namespace, name, { gracePeriodSeconds: 0 });
        else if (pod.spec?.nodeName && pod.status?.phase !== 'Running' && picks(pod)) {
          const ip = `10.0.0.${address++}`;
          const ready = { type: 'Ready', status: 'True', lastTransitionTime: timestamp(clock.now()) };
          const status = { ...pod.status, phase: 'Running', podIP: ip, podIPs: [{ ip }], conditions: [ready] };
          await admin.update('pods', { ...pod, status } as KubeObject, { subresource: 'status' });
        }
      }
      await settle();
    },
    async close() {
      for (const each of hosts) await each.close();
      await log.close();
    },
  };
};
