import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KubeObject } from '../../kinds/object.ts';
import type { Pod } from '../../kinds/types.ts';
import { type Agent, startAgent } from '../agent.ts';
import { runSystemCommand } from '../network/command.ts';
import { createPodNetwork } from '../network/pod-network.ts';
import { systemClock, systemExec, systemRandom } from '../system.ts';
import { makeCertificates } from './certificates.ts';
import type { TestDocker } from './docker.ts';
import { type FakeApi, startFakeApi } from './fake-api.ts';
import { silent } from './silent.ts';

/** A real agent with a real engine and network, below an API in memory. */
export interface TestNode {
  api: FakeApi;
  docker: TestDocker;
  files: ReturnType<typeof makeCertificates>;
  port(): number;
  /** Binds a pod to the node. */
  run(name: string, spec: Partial<Pod['spec']> & object, more?: Partial<Pod['metadata']>): void;
  pod(name: string): Pod | undefined;
  until(name: string, wanted: (pod: Pod) => boolean): Promise<Pod>;
  /** Asks for the deletion as the API server does, and waits until the agent has let the object go. */
  remove(name: string, grace: number): Promise<void>;
  events(name: string): string[];
  restartAgent(): Promise<void>;
  close(): Promise<void>;
}

const pathOf = (name: string): string => `/api/v1/namespaces/default/pods/${name}`;

export const startTestNode = async (docker: TestDocker): Promise<TestNode> => {
  const dir = mkdtempSync(join(tmpdir(), 'wv-node-'));
  const files = makeCertificates(dir);
  const api = await startFakeApi(files);
  const podCidr = '10.213.7.0/24';
  const network = createPodNetwork({
    podCidr,
    run: runSystemCommand,
    writeSetting: async (path, value) => writeFileSync(path, value),
    logger: silent,
  });
  await network.prepare([]);
  const start = () =>
    startAgent(
      {
        nodeName: 'n1',
        clusterName: `test-${process.pid}`,
        server: api.url,
        caFile: files.ca,
        certFile: files.clientCert,
        keyFile: files.clientKey,
        listen: { host: '127.0.0.1', port: 0, certFile: files.serverCert, keyFile: files.serverKey, clientCaFile: files.ca },
        podCidr,
        serviceCidr: '10.96.0.0/16',
        clusterDns: '10.96.0.10',
        clusterDomain: 'cluster.local',
        dataDir: dir,
        dockerSocket: docker.socket,
        labels: {},
        taints: [],
      },
      {
        startNetwork: async () => ({
          pods: network,
          resolvConf: () => 'nameserver 127.0.0.1\n',
          services: new Map(),
          servicesSynced: Promise.resolve(),
          publish: () => undefined,
          close: async () => undefined,
        }),
        exec: systemExec,
        clock: systemClock,
        random: systemRandom,
        logger: silent,
      },
    );
  let agent: Agent = await start();
  const node: TestNode = {
    api,
    docker,
    files,
    port: () => {
      const status = api.get('/api/v1/nodes/n1')?.['status'] as { daemonEndpoints: { kubeletEndpoint: { Port: number } } };
      return status.daemonEndpoints.kubeletEndpoint.Port;
    },
    run(name, spec, more = {}) {
      api.put(pathOf(name), {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, namespace: 'default', generation: 1, ...more },
        spec: { nodeName: 'n1', restartPolicy: 'Always', terminationGracePeriodSeconds: 2, ...spec },
        status: { phase: 'Pending' },
      } as KubeObject);
    },
    pod: name => api.get(pathOf(name)) as Pod | undefined,
    until: async (name, wanted) => (await api.until(pathOf(name), object => object !== undefined && wanted(object as Pod))) as Pod,
    async remove(name, grace) {
      const pod = api.get(pathOf(name));
      if (!pod) return;
      const deletionTimestamp = new Date(Date.now() + grace * 1000).toISOString();
      api.put(pathOf(name), { ...pod, metadata: { ...pod.metadata, deletionTimestamp, deletionGracePeriodSeconds: grace } });
      await api.until(pathOf(name), object => object === undefined);
    },
    events: name =>
      api
        .list('/api/v1/namespaces/default/events/')
        .filter(event => (event['involvedObject'] as { name: string }).name === name)
        .map(event => `${event['type']} ${event['reason']}: ${event['message']}`),
    async restartAgent() {
      await agent.close();
      agent = await start();
    },
    async close() {
      for (const pod of api.list('/api/v1/namespaces/default/pods/')) await node.remove(pod.metadata.name, 1);
      await agent.close();
      await api.close();
      await network.remove([]);
      rmSync(dir, { recursive: true, force: true });
    },
  };
  return node;
};
