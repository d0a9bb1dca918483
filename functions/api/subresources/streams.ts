/** Where exec, attach and port-forward go: the agent of the pod's node, in the kubelet's own paths. */
import { badRequest, notFound, type StatusError, serviceUnavailable } from '../../../kinds/status.ts';
import type { Node, Pod } from '../../../kinds/types.ts';
import { admitConnection, type ConnectOptions } from '../connect.ts';
import { type Answer, type Call, type Exchange, groupResource, syncedReplica } from '../context.ts';
import type { Backend } from '../types.ts';

const agentPort = 10250;

/** Agents listen where the node's status says. */
export const agentOf = async (call: Call, nodeName: string): Promise<Backend> => {
  const nodes = await syncedReplica(call.services, 'nodes');
  const node = nodes.get('', nodeName)?.object as Node | undefined;
  // Named after what was asked for, as upstream has it.
  if (!node) throw notFound(groupResource(call.resource), nodeName);
  const addresses = node.status?.addresses ?? [];
  const address = ['InternalIP', 'Hostname', 'ExternalIP'].map(type => addresses.find(a => a.type === type)).find(Boolean);
  if (!address) throw serviceUnavailable(`no preferred addresses found; known addresses: []`);
  return { kind: 'agent', host: address.address, port: node.status?.daemonEndpoints?.kubeletEndpoint?.Port ?? agentPort };
};

export const readPod = async (call: Call): Promise<Pod> => {
  const pods = await syncedReplica(call.services, 'pods');
  const pod = pods.get(call.namespace, call.name)?.object as Pod | undefined;
  if (!pod) throw notFound(groupResource(call.resource), call.name);
  return pod;
};

/** The named container, or the only one. */
export const containerOf = (pod: Pod, asked: string): string => {
  const { name } = pod.metadata;
  const containers = pod.spec?.containers ?? [];
  const init = pod.spec?.initContainers ?? [];
  if (asked) {
    const known = [...containers, ...init, ...(pod.spec?.ephemeralContainers ?? [])];
    if (!known.some(container => container.name === asked)) throw badRequest(`container ${asked} is not valid for pod ${name}`);
    return asked;
  }
  const [only] = containers;
  if (only && containers.length === 1) return only.name;
  if (!only) throw badRequest(`a container name must be specified for pod ${name}`);
  const names = [...init, ...containers, ...(pod.spec?.ephemeralContainers ?? [])].map(container => container.name);
  throw badRequest(`a container name must be specified for pod ${name}, choose one of: [${names.join(' ')}]`);
};

/** A pod that has no node has nothing to connect to. */
export const nodeOf = (pod: Pod): string => {
  const nodeName = pod.spec?.nodeName;
  if (!nodeName) throw badRequest(`pod ${pod.metadata.name} does not have a host assigned`);
  return nodeName;
};

/** Path and query at the agent. */
export const agentPath = (subresource: string, pod: Pod, options: ConnectOptions): string => {
  const { namespace = '', name } = pod.metadata;
  const where = `${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;
  if (subresource === 'portforward') {
    const ports = new URLSearchParams();
    for (const port of options.ports ?? []) ports.append('port', String(port));
    return `/portForward/${where}${ports.size > 0 ? `?${ports}` : ''}`;
  }
  const container = containerOf(pod, options.container ?? '');
  const parameters = new URLSearchParams();
  for (const [mine, theirs] of [
    ['stdin', 'input'],
    ['stdout', 'output'],
    ['stderr', 'error'],
    ['tty', 'tty'],
  ] as const)
    if (options[mine]) parameters.append(theirs, '1');
  for (const part of options.command ?? []) parameters.append('command', part);
  return `/${subresource}/${where}/${encodeURIComponent(container)}?${parameters}`;
};

/** Reached only by requests that did not ask to be upgraded. */
export const connect = async (exchange: Exchange): Promise<Answer> => {
  const options = await admitConnection(exchange, exchange.info.query);
  const pod = await readPod(exchange);
  agentPath(exchange.subresource, pod, options);
  nodeOf(pod);
  throw upgradeRequired();
};

const upgradeRequired = (): StatusError => badRequest('Upgrade request required');
