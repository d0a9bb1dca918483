/** Builders and a silent logger for the tests of this folder. */
import type { Logger } from '../../kinds/environment.ts';
import type { EndpointSlice, Service } from '../../kinds/types.ts';

export const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

type Spec = NonNullable<Service['spec']>;

export const aService = (name: string, spec: Spec): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'default' },
  spec: { type: 'ClusterIP', ...spec },
});

interface SliceEndpoint {
  readonly address: string;
  readonly ready?: boolean;
  readonly ending?: boolean;
  readonly hostname?: string;
  readonly nodeName?: string;
}

export const aSlice = (service: string, port: number, endpoints: readonly SliceEndpoint[], portName = ''): EndpointSlice => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name: `${service}-1`, namespace: 'default', labels: { 'kubernetes.io/service-name': service } },
  addressType: 'IPv4',
  ports: [{ name: portName, port, protocol: 'TCP' }],
  endpoints: endpoints.map(({ address, ready = true, ending = false, hostname, nodeName }) => ({
    addresses: [address],
    conditions: { ready, serving: ready || ending, terminating: ending },
    ...(hostname ? { hostname } : {}),
    ...(nodeName ? { nodeName } : {}),
  })),
});
