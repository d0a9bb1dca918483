/** Where a Service leads: a ready endpoint of it, because the API need not be where cluster IPs lead anywhere. */
import type { Random } from '../../../kinds/environment.ts';
import type { EndpointSlice, Service } from '../../../kinds/types.ts';
import type { Replica, Replicas } from '../../../store/replica.ts';

export interface ServicePort {
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
}

const synced = async (replicas: Replicas, resource: string): Promise<Replica> => {
  const replica = replicas.loaded(resource) ?? (await replicas.open(resource));
  await replica.sync();
  return replica;
};

/** Rejects with why there is none (apiserver `pkg/util/proxy` ResolveEndpoint). */
export const endpointOf = async (
  replicas: Replicas,
  random: Pick<Random, 'next'>,
  { namespace, name, port }: ServicePort,
): Promise<{ readonly host: string; readonly port: number }> => {
  const [services, slices] = await Promise.all([synced(replicas, 'services'), synced(replicas, 'endpointslices.discovery.k8s.io')]);
  const { spec } = (services.get(namespace, name)?.object as Service | undefined) ?? {};
  if (!spec) throw new Error(`service "${name}" not found`);
  if (spec.type === 'ExternalName') return { host: spec.externalName ?? '', port };
  const servicePort = spec.ports?.find(one => one.port === port);
  if (!servicePort) throw new Error(`no service port ${port} found for service "${name}"`);
  const found = slices.list({ namespace, labels: { 'kubernetes.io/service-name': name } }).flatMap(({ object }) => {
    const { ports = [], endpoints = [] } = object as EndpointSlice;
    const number = ports.find(one => (one.name ?? '') === (servicePort.name ?? ''))?.port;
    if (!number) return [];
    return endpoints
      .filter(({ conditions }) => conditions?.ready !== false)
      .flatMap(({ addresses }) => addresses.map(host => ({ host, port: number })));
  });
  const chosen = found[Math.floor(random.next() * found.length)];
  if (!chosen) throw new Error(`no endpoints available for service "${name}"`);
  return chosen;
};
