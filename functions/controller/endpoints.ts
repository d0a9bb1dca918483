/** The older Endpoints of Services with a selector (upstream: `pkg/controller/endpoint`). */
import { semanticEqual } from '../../kinds/equality.ts';
import { isNotFound } from '../../kinds/status.ts';
import type { Endpoints, Pod, Service } from '../../kinds/types.ts';
import {
  addressesOf,
  addressTypes,
  hasEndpoints,
  hostnameOf,
  isHeadless,
  podsBehind,
  portsOn,
  servicesOf,
  targetOf,
  typeOf,
} from './endpoints/selection.ts';
import { namespaceIsGoing } from './errors.ts';
import { isReady } from './pod-state.ts';
import { type ReconcileContext, type Reconciler, splitKey } from './reconciler.ts';

const managedByLabel = 'endpoints.kubernetes.io/managed-by';
const headlessLabel = 'service.kubernetes.io/headless';
const overCapacity = 'endpoints.kubernetes.io/over-capacity';
/** An Endpoints holds at most so many addresses. */
const capacity = 1000;

type Subset = NonNullable<Endpoints['subsets']>[number];
type Address = NonNullable<Subset['addresses']>[number];

export const endpointsReconciler: Reconciler = {
  name: 'endpoint-controller',
  watches: [
    { resource: 'services' },
    { resource: 'pods', keys: (event, replica) => servicesOf(event, replica('services')) },
    { resource: 'endpoints' },
  ],
  async reconcile(key, context) {
    const { namespace, name } = splitKey(key);
    await Promise.all([context.replica('services').sync(), context.replica('endpoints').sync()]);
    const service = context.replica('services').get(namespace, name)?.object as Service | undefined;
    const current = context.replica('endpoints').get(namespace, name)?.object as unknown as Endpoints | undefined;
    if (!service) {
      if (current?.metadata.labels?.[managedByLabel] === this.name) await remove(current, context);
      return undefined;
    }
    if (service.metadata.deletionTimestamp || !hasEndpoints(service)) return undefined;
    const { subsets, truncated } = subsetsOf(service, context);
    const labels = { ...service.metadata.labels, ...(isHeadless(service) ? { [headlessLabel]: '' } : {}), [managedByLabel]: this.name };
    if (!isHeadless(service)) delete labels[headlessLabel];
    const { [overCapacity]: _, ...kept } = current?.metadata.annotations ?? {};
    const annotations = { ...kept, ...(truncated ? { [overCapacity]: 'truncated' } : {}) };
    const next = {
      apiVersion: 'v1',
      kind: 'Endpoints',
      ...current,
      metadata: {
        name,
        namespace,
        ...current?.metadata,
        labels,
        ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
      },
      subsets,
    } as unknown as Endpoints;
    if (current && semanticEqual(current, next)) return undefined;
    try {
      if (current) await context.client.update('endpoints', next);
      else await context.client.create('endpoints', next);
    } catch (error) {
      if (namespaceIsGoing(error)) return undefined;
      const [reason, verb] = current ? ['FailedToUpdateEndpoint', 'update'] : ['FailedToCreateEndpoint', 'create'];
      const why = error instanceof Error ? error.message : String(error);
      context.event(next, 'Warning', reason, `Failed to ${verb} endpoint for service ${namespace}/${name}: ${why}`);
      throw error;
    }
    return undefined;
  },
};

const remove = async (endpoints: Endpoints, context: ReconcileContext): Promise<void> => {
  const { namespace = '', name, uid = '' } = endpoints.metadata;
  try {
    await context.client.delete('endpoints', namespace, name, { preconditions: { uid } });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
};

const byAddress = (a: Address, b: Address): number => (a.ip < b.ip ? -1 : a.ip > b.ip ? 1 : 0);

/** One subset for every set of ports that pods share. */
const subsetsOf = (service: Service, context: ReconcileContext): { subsets: Subset[]; truncated: boolean } => {
  const [family] = addressTypes(service);
  const groups = new Map<string, Required<Subset>>();
  let room = capacity;
  const everyone = service.spec?.publishNotReadyAddresses === true;
  const pods = podsBehind(service, context.replica('pods')).filter(pod => everyone || !pod.metadata.deletionTimestamp);
  // Ready ones first: they keep their place when there are too many.
  pods.sort((a, b) => Number(isReady(b)) - Number(isReady(a)));
  for (const pod of pods) {
    const ip = addressesOf(pod).find(address => typeOf(address) === family);
    const ports = portsOn(pod, service);
    if (!ip || (ports.length === 0 && !(isHeadless(service) && (service.spec?.ports ?? []).length === 0))) continue;
    if (room-- <= 0) break;
    const key = JSON.stringify(ports.map(port => [port.name, port.port, port.protocol]).sort());
    let group = groups.get(key);
    if (!group) {
      group = { addresses: [], notReadyAddresses: [], ports: ports.map(({ name, ...port }) => ({ ...(name ? { name } : {}), ...port })) };
      groups.set(key, group);
    }
    (everyone || isReady(pod) ? group.addresses : group.notReadyAddresses).push(addressOf(pod, service, ip));
  }
  const subsets = [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { addresses, notReadyAddresses, ports }]) => ({
      ...(addresses.length > 0 ? { addresses: addresses.sort(byAddress) } : {}),
      ...(notReadyAddresses.length > 0 ? { notReadyAddresses: notReadyAddresses.sort(byAddress) } : {}),
      ...(ports.length > 0 ? { ports } : {}),
    }));
  return { subsets, truncated: room < 0 };
};

const addressOf = (pod: Pod, service: Service, ip: string): Address => {
  const hostname = hostnameOf(pod, service);
  return {
    ip,
    ...(hostname ? { hostname } : {}),
    ...(pod.spec?.nodeName ? { nodeName: pod.spec.nodeName } : {}),
    targetRef: targetOf(pod),
  };
};
