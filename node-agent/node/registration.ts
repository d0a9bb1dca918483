import { isDeepStrictEqual } from 'node:util';
import { type Clock, type Logger, microTimestamp } from '../../kinds/environment.ts';
import { isAlreadyExists, isConflict, isNotFound } from '../../kinds/status.ts';
import type { Lease, Node, Taint } from '../../kinds/types.ts';
import { sleep } from '../abortable.ts';
import { type ApiClient, coreV1 } from '../api-client.ts';
import { type NodeInput, type NodeStatus, nodeLabels, nodeStatus } from './status.ts';

export interface RegistrationOptions {
  client: Pick<ApiClient, 'get' | 'create' | 'update' | 'patch'>;
  nodeName: string;
  podCidr: string;
  labels: Record<string, string>;
  taints: Taint[];
  /** What the node is at this moment. */
  look(): Promise<Omit<NodeInput, 'nodeName' | 'labels' | 'previous' | 'now'>>;
  clock: Clock;
  logger: Logger;
}

/** The node's object and its Lease in the API, for as long as the agent runs. */
export interface Registration {
  /** The pod range that the node's object says, which need not be the configured one. */
  podCidr: string;
  /** Reports the status now, if it differs from what was reported. */
  refresh(): Promise<void>;
  close(): void;
}

const leaseSeconds = 40;
const renewEvery = 10_000;
const lookEvery = 10_000;
/** An unchanged status is reported this often; that the node lives, its Lease says. */
const reportEvery = 300_000;
const longestRetry = 2000;
const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';

const withoutHeartbeat = (status: NodeStatus): NodeStatus => ({
  ...status,
  conditions: (status.conditions ?? []).map(condition => ({ ...condition, lastHeartbeatTime: '' })),
});

export const registerNode = async (options: RegistrationOptions): Promise<Registration> => {
  const { client, nodeName, clock, logger } = options;
  const path = coreV1('nodes', undefined, nodeName);
  const abort = new AbortController();
  let reported: NodeStatus | undefined;
  let reportedAt = 0;

  const compute = async (previous: NodeStatus): Promise<NodeStatus> => {
    const seen = await options.look();
    return nodeStatus({ ...seen, nodeName, labels: options.labels, previous: previous.conditions ?? [], now: clock.now() });
  };

  const ensure = async (): Promise<Node> => {
    const seen = await options.look();
    const labels = nodeLabels({ nodeName, machine: seen.machine, labels: options.labels });
    try {
      return await client.create<Node>(coreV1('nodes'), {
        apiVersion: 'v1',
        kind: 'Node',
        metadata: { name: nodeName, labels, annotations: { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' } },
        spec: { podCIDR: options.podCidr, podCIDRs: [options.podCidr], ...(options.taints.length > 0 ? { taints: options.taints } : {}) },
        status: nodeStatus({ ...seen, nodeName, labels, previous: [], now: clock.now() }),
      });
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
    const node = await client.get<Node>(path);
    const missing = Object.entries(labels).filter(([key, value]) => node.metadata.labels?.[key] !== value);
    if (missing.length === 0 && node.spec?.podCIDR) return node;
    return await client.patch<Node>(path, {
      metadata: { labels: Object.fromEntries(missing) },
      ...(node.spec?.podCIDR ? {} : { spec: { podCIDR: options.podCidr, podCIDRs: [options.podCidr] } }),
    });
  };

  let node = await ensure();

  const report = async (force: boolean) => {
    const next = await compute(reported ?? node.status ?? {});
    const changed = !reported || !isDeepStrictEqual(withoutHeartbeat(next), withoutHeartbeat(reported));
    if (!force && !changed && clock.now() - reportedAt < reportEvery) return;
    const { addresses, images, ...rest } = next;
    const sent = reported ?? node.status ?? {};
    try {
      await client.patch(coreV1('nodes', undefined, nodeName, 'status'), {
        status: {
          ...rest,
          ...(isDeepStrictEqual(sent.addresses, addresses) ? {} : { addresses: [...(addresses ?? []), { $patch: 'replace' }] }),
          ...(isDeepStrictEqual(sent.images, images) ? {} : { images: images ?? [] }),
        },
      });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      // Somebody deleted the node while it lives: it registers again.
      node = await ensure();
    }
    reported = next;
    reportedAt = clock.now();
  };

  const renew = async (known: Lease | undefined): Promise<Lease> => {
    const spec = { holderIdentity: nodeName, leaseDurationSeconds: leaseSeconds, renewTime: microTimestamp(clock.now()) };
    const owner = { apiVersion: 'v1', kind: 'Node', name: nodeName, uid: node.metadata.uid ?? '' };
    if (known) {
      try {
        return await client.update<Lease>(`${leases}/${nodeName}`, { ...known, spec: { ...known.spec, ...spec } });
      } catch (error) {
        if (!isConflict(error) && !isNotFound(error)) throw error;
      }
    }
    try {
      return await client.create<Lease>(leases, {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name: nodeName, namespace: 'kube-node-lease', ownerReferences: [owner] },
        spec,
      });
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      const current = await client.get<Lease>(`${leases}/${nodeName}`);
      return await client.update<Lease>(`${leases}/${nodeName}`, { ...current, spec: { ...current.spec, ...spec } });
    }
  };

  const repeat = async (what: string, every: number, task: () => Promise<void>) => {
    let failures = 0;
    while (!abort.signal.aborted) {
      try {
        await task();
        failures = 0;
      } catch (error) {
        failures++;
        if (failures === 1 || failures % 30 === 0) logger.warn('the node cannot report', { what, error: String(error) });
      }
      // While the API cannot be reached, sooner than usual: whoever is back wants to know at once.
      await sleep(clock, failures > 0 ? Math.min(longestRetry, 200 * 2 ** Math.min(failures, 6)) : every, abort.signal);
    }
  };

  await report(true);
  let lease: Lease | undefined;
  repeat('lease', renewEvery, async () => {
    try {
      lease = await renew(lease);
    } catch (error) {
      lease = undefined;
      throw error;
    }
  }).catch((error: unknown) => logger.error('lease renewal ended', { error: String(error) }));
  repeat('status', lookEvery, () => report(false)).catch((error: unknown) =>
    logger.error('status reports ended', { error: String(error) }),
  );

  return {
    podCidr: node.spec?.podCIDR ?? options.podCidr,
    refresh: () => report(false),
    close: () => abort.abort(),
  };
};
