/** Gives each node that has none a range of pod addresses out of the cluster's (upstream: `pkg/controller/nodeipam`, range allocator). */
import type { Node } from '../../kinds/types.ts';
import { type Reconciler, splitKey } from './reconciler.ts';

const row = 'pod-cidrs';

const toNumber = (address: string): number => address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
const toAddress = (n: number): string => [24, 16, 8, 0].map(shift => Math.floor(n / 2 ** shift) % 256).join('.');

/** The ranges of a size within another, lazily. */
export function* ranges(cidr: string, size: number): Iterable<string> {
  const [address = '', length = '32'] = cidr.split('/');
  const block = 2 ** (32 - Number(length));
  const base = Math.floor(toNumber(address) / block) * block;
  const step = 2 ** (32 - size);
  for (let at = base; at + step <= base + block; at += step) yield `${toAddress(at)}/${size}`;
}

const bounds = (cidr: string): [number, number] => {
  const [address = '', length = '32'] = cidr.split('/');
  const size = 2 ** (32 - Number(length));
  const start = Math.floor(toNumber(address) / size) * size;
  return [start, start + size];
};
const overlaps = (a: string, b: string): boolean => {
  const [from, to] = bounds(a);
  const [start, end] = bounds(b);
  return from < end && start < to;
};

/** The guard keeps two copies, and two nodes at once, from taking the same range. */
export const nodeIpam = (clusterCidr: string, nodeMask = 24): Reconciler => ({
  name: 'node-ipam-controller',
  account: 'node-controller',
  component: 'cidrAllocator',
  concurrency: 1,
  watches: [
    {
      resource: 'nodes',
      keys: ({ type, entry }, replica) => {
        const lacking = ({ spec }: Node): boolean => !spec?.podCIDR;
        if (type !== 'DELETED') return lacking(entry.object as Node) ? [`/${entry.name}`] : [];
        // A range came free.
        return replica('nodes')
          .list()
          .filter(({ object }) => lacking(object as Node))
          .map(({ name }) => `/${name}`);
      },
    },
  ],
  async reconcile(key, context) {
    const nodes = context.replica('nodes');
    const seen = await context.log.guard(row);
    await nodes.sync();
    const node = nodes.get('', splitKey(key).name)?.object as Node | undefined;
    if (!node || node.metadata.deletionTimestamp || node.spec?.podCIDR) return undefined;
    const taken = nodes.list().flatMap(({ object }) => {
      const { podCIDR, podCIDRs } = (object as Node).spec ?? {};
      return (podCIDRs ?? (podCIDR ? [podCIDR] : [])).filter(cidr => !cidr.includes(':'));
    });
    let free: string | undefined;
    for (const range of ranges(clusterCidr, nodeMask)) {
      if (taken.some(cidr => overlaps(cidr, range))) continue;
      free = range;
      break;
    }
    if (free === undefined) {
      context.event(node, 'Normal', 'CIDRNotAvailable', `Node ${node.metadata.name} status is now: CIDRNotAvailable`);
      return { after: 60_000 };
    }
    const { uid = '', resourceVersion = '' } = node.metadata;
    const patch = { metadata: { uid, resourceVersion }, spec: { podCIDR: free, podCIDRs: [free] } };
    await context.client.patch('nodes', '', node.metadata.name, 'merge', patch, { guards: [{ row, seen }] });
    return undefined;
  },
});
