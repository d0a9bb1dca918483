/** Starting, stopping and looking at the processes of a cluster: one control plane, one agent a node. */
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ensureNodePki } from '../functions/api/pki.ts';
import type { Node } from '../kinds/types.ts';
import type { AgentConfig } from '../node-agent/config.ts';
import { podRange, serviceAddress } from './addresses.ts';
import { type AdminClient, adminClient, serverUrl } from './api-client.ts';
import { type BackgroundProcess, logEnd, logSince, running, start, stop } from './background.ts';
import { type Cluster, files, nodeNames } from './cluster.ts';
import { Refusal } from './refusal.ts';

/** A bundle beside this one in `dist/`. */
const bundle = (name: string): string => fileURLToPath(new URL(`./${name}.js`, import.meta.url));

/** V8 settings of the control plane: a young generation large enough for a burst of requests, small enough to stay modest. */
const controlPlaneFlags = ['--max-semi-space-size=8', '--enable-source-maps'];
const agentFlags = ['--max-semi-space-size=4', '--enable-source-maps'];

export const controlPlaneProcess = (cluster: Cluster): BackgroundProcess => processOf(cluster, 'control-plane');
export const agentProcess = (cluster: Cluster, node: string): BackgroundProcess => processOf(cluster, `agent-${node}`);

function processOf(cluster: Cluster, name: string): BackgroundProcess {
  const { run, logs } = files(cluster.dir);
  return { name, runDir: run, logFile: join(logs, `${name}.log`) };
}

/** Everything of the cluster that can run, with its pid if it does. */
export function processes(cluster: Cluster): { name: string; pid: number | undefined; logFile: string }[] {
  return [controlPlaneProcess(cluster), ...nodeNames(cluster).map(node => agentProcess(cluster, node))].map(one => ({
    name: one.name,
    pid: running(one),
    logFile: one.logFile,
  }));
}

/** Starts the control plane unless it runs, and waits until it answers. */
export async function startControlPlane(cluster: Cluster): Promise<void> {
  const controlPlane = controlPlaneProcess(cluster);
  if (running(controlPlane) !== undefined) return;
  const from = logEnd(controlPlane);
  start(controlPlane, process.execPath, [...controlPlaneFlags, bundle('control-plane'), '--dir', cluster.dir]);
  const client = adminClient(cluster);
  const deadline = Date.now() + 60_000;
  while ((await client.probe('/readyz')) !== 200) {
    if (running(controlPlane) === undefined) throw died('The control plane', await logSince(controlPlane, from), controlPlane.logFile);
    if (Date.now() > deadline) throw new Refusal('The control plane does not become ready.', `Its log: ${controlPlane.logFile}`);
    await pause(20);
  }
}

/** Starts the agents that do not run, and waits until their nodes are Ready. */
export async function startAgents(cluster: Cluster, detail: (text: string) => void): Promise<void> {
  const client = adminClient(cluster);
  for (const [index, node] of nodeNames(cluster).entries()) {
    const agent = agentProcess(cluster, node);
    const from = logEnd(agent);
    if (running(agent) === undefined) {
      const config = await writeAgentConfig(cluster, node, index);
      start(agent, process.execPath, [...agentFlags, bundle('agent'), '--config', config]);
    }
    await nodeReady(client, node, agent, from, detail);
  }
}

async function nodeReady(
  client: AdminClient,
  name: string,
  agent: BackgroundProcess,
  from: number,
  detail: (text: string) => void,
): Promise<void> {
  const started = Date.now();
  for (;;) {
    const node = await client.call<Node>('GET', `/api/v1/nodes/${name}`).catch(() => undefined);
    const ready = node?.status?.conditions?.find(condition => condition.type === 'Ready');
    // A heartbeat from before this start says nothing about now.
    const fresh = Date.parse(String(ready?.lastHeartbeatTime ?? 0)) >= started - 1000 || Date.now() - started > 2000;
    if (ready?.status === 'True' && fresh) return;
    detail(ready?.message ?? 'the node has not registered yet');
    if (running(agent) === undefined) throw died(`The agent of node ${name}`, await logSince(agent, from), agent.logFile);
    if (Date.now() - started > 60_000)
      throw new Refusal(`Node ${name} does not become Ready: ${ready?.message ?? 'it has not registered'}.`, `Its log: ${agent.logFile}`);
    await pause(25);
  }
}

async function writeAgentConfig(cluster: Cluster, node: string, index: number): Promise<string> {
  const { pki, node: nodeDir } = files(cluster.dir);
  const { settings } = cluster;
  const range = podRange(settings.podCidr, index);
  await ensureNodePki(pki, node, ['127.0.0.1', hostname(), serviceAddress(range, 1)], Date.now());
  const config: AgentConfig = {
    nodeName: node,
    clusterName: settings.name,
    server: serverUrl(cluster),
    caFile: join(pki, 'ca.crt'),
    certFile: join(pki, `node-${node}-client.crt`),
    keyFile: join(pki, `node-${node}-client.key`),
    listen: {
      // The node's own address on the pod network: pods, the API and the machine reach it, the outside does not.
      host: serviceAddress(range, 1),
      port: settings.agentPort + index,
      certFile: join(pki, `node-${node}-server.crt`),
      keyFile: join(pki, `node-${node}-server.key`),
      clientCaFile: join(pki, 'ca.crt'),
    },
    podCidr: range,
    serviceCidr: settings.serviceCidr,
    clusterDns: serviceAddress(settings.serviceCidr, 10),
    clusterDomain: settings.clusterDomain,
    dataDir: nodeDir(node),
    dockerSocket: settings.dockerSocket,
    labels: {},
    taints: [],
  };
  await mkdir(config.dataDir, { recursive: true, mode: 0o700 });
  const path = join(config.dataDir, 'agent.json');
  await writeFile(path, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
  return path;
}

/** Stops what runs, and takes the containers and the network of the nodes away; the store keeps what was asked for. */
export async function stopCluster(cluster: Cluster): Promise<{ stopped: boolean }> {
  let stopped = false;
  for (const node of nodeNames(cluster)) {
    stopped = (await stop(agentProcess(cluster, node))) || stopped;
    const config = join(files(cluster.dir).node(node), 'agent.json');
    if (existsSync(config)) await tearDown(config);
  }
  stopped = (await stop(controlPlaneProcess(cluster))) || stopped;
  return { stopped };
}

/** Removes containers, interfaces and rules of a node whose agent has stopped: `agent.js --config FILE --tear-down`. */
async function tearDown(config: string): Promise<void> {
  const { spawn } = await import('node:child_process');
  const child = spawn(process.execPath, [bundle('agent'), '--config', config, '--tear-down'], { stdio: ['ignore', 'ignore', 'pipe'] });
  let text = '';
  child.stderr.on('data', chunk => {
    text += chunk;
  });
  const code = await new Promise(resolve => child.on('close', resolve));
  if (code !== 0)
    throw new Refusal(`The pods of the node could not be removed: ${text.trim().split('\n').at(-1)}`, 'Is the Docker Engine running?');
}

/** The reason a process gave before it ended: a line of its own that is meant for people, or its last one. */
function died(what: string, log: string, logFile: string): Refusal {
  const lines = log.trim().split('\n');
  const refusal = lines.map(line => /^windvane: (.*)$/.exec(line)?.[1]).find(text => text !== undefined);
  if (refusal) return new Refusal(refusal, `The whole log: ${logFile}`);
  return new Refusal(`${what} ended at once: ${lines.at(-1) ?? ''}`, `The whole log: ${logFile}`);
}
