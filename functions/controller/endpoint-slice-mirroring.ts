/**
 * Mirrors hand-made Endpoints of selector-less Services as EndpointSlices, which is all that proxies read
 * (upstream: `pkg/controller/endpointslicemirroring`).
 */
import type { EndpointSlice, Endpoints, Service } from '../../kinds/types.ts';
import { type AddressType, type EndpointPort, typeOf } from './endpoints/selection.ts';
import { type Endpoint, type Group, groupBy } from './endpoints/slices.ts';
import { managedByLabel, serviceLabel, slicesResource, writeSlices } from './endpoints/write-slices.ts';
import { namespaceIsGoing } from './errors.ts';
import { type ReconcileContext, type Reconciler, splitKey } from './reconciler.ts';

const manager = 'endpointslicemirroring-controller.k8s.io';
const skipLabel = 'endpointslice.kubernetes.io/skip-mirror';
const ownEndpoints = 'endpoints.kubernetes.io/managed-by';
const kind = { resource: 'endpoints', apiVersion: 'v1', kind: 'Endpoints' };
/** Of one subset (upstream's default). */
const maxMirrored = 1000;

export const endpointSliceMirroringReconciler: Reconciler = {
  name: 'endpointslicemirroring-controller',
  watches: [
    { resource: 'endpoints' },
    { resource: 'services' },
    {
      resource: slicesResource,
      keys: ({ entry }) => {
        const labels = entry.object.metadata.labels;
        const service = labels?.[managedByLabel] === manager ? labels[serviceLabel] : undefined;
        return service ? [`${entry.namespace}/${service}`] : [];
      },
    },
  ],
  reads: ['pods'],
  async reconcile(key, context) {
    const { namespace, name } = splitKey(key);
    const endpoints = context.replica('endpoints').get(namespace, name)?.object as unknown as Endpoints | undefined;
    const service = context.replica('services').get(namespace, name)?.object as Service | undefined;
    // What loses its Endpoints or its Service loses its slices to the garbage collector or here.
    if (!endpoints || !service || !shouldMirror(endpoints, service)) return removeAll(namespace, name, context);
    const groups = groupsOf(endpoints);
    const { 'endpoints.kubernetes.io/last-change-trigger-time': _, ...labels } = endpoints.metadata.labels ?? {};
    try {
      await writeSlices(
        {
          owner: endpoints,
          kind,
          service: name,
          manager,
          labels,
          types: groups.length > 0 ? [] : ['IPv4'],
          groups: () => groups,
        },
        context,
      );
    } catch (error) {
      if (!namespaceIsGoing(error)) throw error;
    }
    return undefined;
  },
};

const shouldMirror = (endpoints: Endpoints, service: Service): boolean =>
  service.spec?.selector === undefined &&
  endpoints.metadata.labels?.[skipLabel] !== 'true' &&
  endpoints.metadata.labels?.[ownEndpoints] === undefined &&
  endpoints.metadata.annotations?.['control-plane.alpha.kubernetes.io/leader'] === undefined;

const removeAll = async (namespace: string, name: string, context: ReconcileContext): Promise<undefined> => {
  const slices = context.replica(slicesResource).list({ namespace, labels: { [serviceLabel]: name, [managedByLabel]: manager } });
  for (const { object } of slices) {
    const slice = object as unknown as EndpointSlice;
    if (slice.metadata.deletionTimestamp) continue;
    await context.client.delete(slicesResource, namespace, slice.metadata.name, { preconditions: { uid: slice.metadata.uid ?? '' } });
  }
  return undefined;
};

const groupsOf = (endpoints: Endpoints): Group[] => {
  const items: { addressType: AddressType; ports: EndpointPort[]; endpoint: Endpoint }[] = [];
  for (const subset of endpoints.subsets ?? []) {
    const ports = (subset.ports ?? []).map(({ name = '', port, protocol = 'TCP', appProtocol }) => ({
      name,
      port,
      protocol,
      ...(appProtocol ? { appProtocol } : {}),
    }));
    let room = maxMirrored;
    for (const [list, ready] of [
      [subset.addresses, true],
      [subset.notReadyAddresses, false],
    ] as const) {
      for (const { ip, hostname, nodeName, targetRef } of list ?? []) {
        if (room-- <= 0) break;
        const endpoint = {
          addresses: [ip],
          conditions: { ready },
          ...(hostname ? { hostname } : {}),
          ...(targetRef ? { targetRef } : {}),
          ...(nodeName ? { nodeName } : {}),
        };
        items.push({ addressType: typeOf(ip), ports, endpoint });
      }
    }
  }
  return groupBy(items);
};
