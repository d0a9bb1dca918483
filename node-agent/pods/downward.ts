import { parseQuantity, type Quantity, quantityOf, scaledValue, toNumber } from '../../kinds/quantity.ts';
import type { Container } from '../../kinds/types.ts';
import { type BoundPod, namespaceOf, uidOf } from './pod.ts';

/** What a pod may read of itself that its object does not say while it starts. */
export interface PodAddresses {
  hostIp: string;
  podIp: string;
}
export interface NodeResources {
  cpu: Quantity;
  memory: Quantity;
  'ephemeral-storage': Quantity;
}

/** Go's `%q` for each value, one `key="value"` a line, sorted. */
const lines = (map: Record<string, string> = {}): string =>
  Object.keys(map)
    .sort()
    .map(key => `${key}=${JSON.stringify(map[key])}`)
    .join('\n');

const subscript = /^metadata\.(labels|annotations)\['(.*)'\]$/;

/** The value of a `fieldRef` (kubelet `podFieldSelectorRuntimeValue`). */
export const fieldValue = (path: string, pod: BoundPod, { hostIp, podIp }: PodAddresses): string => {
  const { metadata, spec } = pod;
  const match = subscript.exec(path);
  if (match) {
    const map = (match[1] === 'labels' ? metadata.labels : metadata.annotations) ?? {};
    const key = match[2] ?? '';
    return Object.hasOwn(map, key) ? (map[key] ?? '') : '';
  }
  switch (path) {
    case 'metadata.name':
      return metadata.name;
    case 'metadata.namespace':
      return namespaceOf(pod);
    case 'metadata.uid':
      return uidOf(pod);
    case 'metadata.labels':
      return lines(metadata.labels);
    case 'metadata.annotations':
      return lines(metadata.annotations);
    case 'spec.nodeName':
      return spec.nodeName ?? '';
    case 'spec.serviceAccountName':
    case 'spec.serviceAccount':
      return spec.serviceAccountName ?? '';
    case 'status.hostIP':
    case 'status.hostIPs':
      return hostIp;
    case 'status.podIP':
    case 'status.podIPs':
      return podIp;
    default:
      throw new Error(`unsupported fieldPath: ${path}`);
  }
};

/** The value of a `resourceFieldRef`, rounded up to its divisor; a limit that is not set is the node's allocatable. */
export const resourceValue = (
  reference: { resource: string; divisor?: string | undefined },
  container: Container,
  node: NodeResources,
): string => {
  const [kind, ...rest] = reference.resource.split('.');
  const name = rest.join('.');
  const { limits = {}, requests = {} } = container.resources ?? {};
  if (kind !== 'limits' && kind !== 'requests') throw new Error(`unsupported container resource : ${reference.resource}`);
  const own = kind === 'limits' ? limits[name] : (requests[name] ?? limits[name]);
  const fallback = kind === 'limits' && Object.hasOwn(node, name) ? node[name as keyof NodeResources] : quantityOf(0);
  const amount = own === undefined ? fallback : parseQuantity(own);
  const divisor = reference.divisor === undefined || reference.divisor === '0' ? '1' : reference.divisor;
  if (name === 'cpu') return String(Math.ceil(Number(scaledValue(amount, -3)) / (toNumber(parseQuantity(divisor)) * 1000)));
  return String(Math.ceil(toNumber(amount) / toNumber(parseQuantity(divisor))));
};
