/** EndpointSlices of Services with a selector (upstream: `pkg/controller/endpointslice`). */
import type { Pod, Service } from '../../kinds/types.ts';
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
import { type Endpoint, type Group, groupBy } from './endpoints/slices.ts';
import { serviceLabel, slicesResource, writeSlices } from './endpoints/write-slices.ts';
import { namespaceIsGoing } from './errors.ts';
import { isReady } from './pod-state.ts';
import { type ReconcileContext, type Reconciler, splitKey } from './reconciler.ts';

const manager = 'endpointslice-controller.k8s.io';
const headlessLabel = 'service.kubernetes.io/headless';
const kind = { resource: 'services', apiVersion: 'v1', kind: 'Service' };

export const endpointSliceReconciler: Reconciler = {
  name: 'endpointslice-controller',
  watches: [
    { resource: 'services' },
    { resource: 'pods', keys: (event, replica) => servicesOf(event, replica('services')) },
    {
      resource: slicesResource,
      keys: ({ entry }) => {
        const service = entry.object.metadata.labels?.[serviceLabel];
        return service ? [`${entry.namespace}/${service}`] : [];
      },
    },
    {
      // A pod may be known before its node is.
      resource: 'nodes',
      keys: ({ type, entry }, replica) =>
        type === 'ADDED'
          ? replica('pods')
              .list({ nodeName: entry.name })
              .flatMap(pod => servicesOf({ type: 'ADDED', entry: pod }, replica('services')))
          : [],
    },
  ],
  async reconcile(key, context) {
    const { namespace, name } = splitKey(key);
    const service = context.replica('services').get(namespace, name)?.object as Service | undefined;
    if (!service || service.metadata.deletionTimestamp || !hasEndpoints(service)) return undefined;
    const labels = { ...service.metadata.labels };
    delete labels[headlessLabel];
    const types = addressTypes(service);
    try {
      await writeSlices(
        {
          owner: service,
          kind,
          service: name,
          manager,
          labels: { ...labels, ...(isHeadless(service) ? { [headlessLabel]: '' } : {}) },
          types,
          groups: () => groupsOf(service, context).filter(group => types.includes(group.addressType)),
        },
        context,
      );
    } catch (error) {
      if (!namespaceIsGoing(error)) throw error;
    }
    return undefined;
  },
};

const groupsOf = (service: Service, context: ReconcileContext): Group[] =>
  groupBy(
    podsBehind(service, context.replica('pods')).flatMap(pod => {
      const node = context.replica('nodes').get('', pod.spec?.nodeName ?? '')?.object;
      // A pod on a node that is gone is no endpoint, unless the Service asks for every address.
      if (!node && !service.spec?.publishNotReadyAddresses) return [];
      const ports = portsOn(pod, service);
      if (ports.length === 0 && !isHeadless(service)) return [];
      const zone = node?.metadata.labels?.['topology.kubernetes.io/zone'];
      return [...new Set(addressesOf(pod).map(typeOf))].map(addressType => {
        const addresses = addressesOf(pod).filter(address => typeOf(address) === addressType);
        return { addressType, ports, endpoint: endpointOf(pod, service, addresses, zone) };
      });
    }),
  );

const endpointOf = (pod: Pod, service: Service, addresses: string[], zone: string | undefined): Endpoint => {
  const serving = isReady(pod);
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const ready = service.spec?.publishNotReadyAddresses === true || (serving && !terminating);
  const hostname = hostnameOf(pod, service);
  return {
    addresses,
    conditions: { ready, serving, terminating },
    ...(hostname ? { hostname } : {}),
    targetRef: targetOf(pod),
    ...(pod.spec?.nodeName ? { nodeName: pod.spec.nodeName } : {}),
    ...(zone ? { zone } : {}),
  };
};
