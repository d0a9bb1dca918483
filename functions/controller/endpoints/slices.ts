/**
 * Spreads endpoints over EndpointSlices of at most a hundred, changing as few slices as can be: pure. (upstream: `k8s.io/endpointslice`)
 */
import { semanticEqual } from '../../../kinds/equality.ts';
import type { EndpointSlice } from '../../../kinds/types.ts';
import type { AddressType, EndpointPort } from './selection.ts';

export type Endpoint = NonNullable<EndpointSlice['endpoints']>[number];

/** Endpoints that share their ports and go into slices together. */
export interface Group {
  readonly addressType: AddressType;
  readonly ports: readonly EndpointPort[];
  readonly endpoints: readonly Endpoint[];
}
export interface SliceContent {
  readonly addressType: string;
  readonly ports: readonly EndpointPort[];
  readonly endpoints: readonly Endpoint[];
}
export interface SliceChanges {
  readonly create: readonly SliceContent[];
  readonly update: readonly { readonly slice: EndpointSlice; readonly content: SliceContent }[];
  readonly remove: readonly EndpointSlice[];
}

export const maxEndpoints = 100;

const identity = (endpoint: Endpoint): string => `${endpoint.targetRef?.uid ?? ''} ${endpoint.addresses.join()}`;
const portsKey = (addressType: string, ports: readonly EndpointPort[] | undefined): string =>
  JSON.stringify([
    addressType,
    (ports ?? []).map(({ name, port, protocol, appProtocol }) => [name ?? '', port, protocol ?? 'TCP', appProtocol ?? '']).sort(),
  ]);

export const groupBy = (items: readonly { addressType: AddressType; ports: readonly EndpointPort[]; endpoint: Endpoint }[]): Group[] => {
  const groups = new Map<string, Group & { endpoints: Endpoint[] }>();
  for (const { addressType, ports, endpoint } of items) {
    const key = portsKey(addressType, ports);
    const group = groups.get(key);
    if (group) group.endpoints.push(endpoint);
    else groups.set(key, { addressType, ports, endpoints: [endpoint] });
  }
  return [...groups.values()];
};

/** `types`: for each, a slice exists even when there are no endpoints, so that clients can tell "none" from "not yet". */
export const planSlices = (existing: readonly EndpointSlice[], groups: readonly Group[], types: readonly AddressType[]): SliceChanges => {
  const create: SliceContent[] = [];
  const contents = new Map<EndpointSlice, SliceContent>();
  const used = new Set<EndpointSlice>();
  for (const group of groups) fill(group, existing, contents, used, create);

  const spare = existing.filter(slice => !used.has(slice));
  for (const addressType of types) {
    const filled = [...used].some(slice => slice.addressType === addressType) || create.some(slice => slice.addressType === addressType);
    if (filled) continue;
    const empty = { addressType, ports: [], endpoints: [] };
    const reused = spare.findIndex(slice => slice.addressType === addressType);
    const [slice] = reused < 0 ? [] : spare.splice(reused, 1);
    if (slice) contents.set(slice, empty);
    else create.push(empty);
  }
  const update = [...contents].map(([slice, content]) => ({ slice, content }));
  return { create, update: update.filter(({ slice, content }) => !same(slice, content)), remove: spare };
};

const fill = (
  group: Group,
  existing: readonly EndpointSlice[],
  contents: Map<EndpointSlice, SliceContent>,
  used: Set<EndpointSlice>,
  create: SliceContent[],
): void => {
  const { addressType, ports } = group;
  const left = new Map(group.endpoints.map(endpoint => [identity(endpoint), endpoint]));
  const kept: { slice: EndpointSlice; endpoints: Endpoint[]; changed: boolean }[] = [];
  for (const slice of existing) {
    if (portsKey(slice.addressType, slice.ports as EndpointPort[] | undefined) !== portsKey(addressType, ports)) continue;
    const endpoints: Endpoint[] = [];
    for (const endpoint of slice.endpoints ?? []) {
      const wanted = left.get(identity(endpoint));
      if (!wanted || endpoints.length >= maxEndpoints) continue;
      endpoints.push(wanted);
      left.delete(identity(endpoint));
    }
    kept.push({ slice, endpoints, changed: !semanticEqual(endpoints, slice.endpoints) });
  }
  const queue = [...left.values()];
  // Slices that are written anyway are filled first, then the fullest that has room for all that is left.
  for (const each of kept) if (each.changed) each.endpoints.push(...queue.splice(0, maxEndpoints - each.endpoints.length));
  while (queue.length >= maxEndpoints) create.push({ addressType, ports, endpoints: queue.splice(0, maxEndpoints) });
  if (queue.length > 0) {
    const fitting = kept.filter(each => each.endpoints.length + queue.length <= maxEndpoints);
    const [fullest] = fitting.sort((a, b) => b.endpoints.length - a.endpoints.length);
    if (fullest) fullest.endpoints.push(...queue);
    else create.push({ addressType, ports, endpoints: queue });
  }
  for (const { slice, endpoints } of kept) {
    if (endpoints.length === 0) continue;
    used.add(slice);
    contents.set(slice, { addressType, ports, endpoints });
  }
};

const same = (slice: EndpointSlice, content: SliceContent): boolean =>
  semanticEqual(slice.endpoints, content.endpoints) && semanticEqual(slice.ports, content.ports);
