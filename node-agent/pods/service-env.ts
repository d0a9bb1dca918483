import type { Service } from '../../kinds/types.ts';

const variable = (name: string): string => name.toUpperCase().replaceAll('-', '_');

/** Variables by which a container finds Services, in the form of Docker links (kubelet `envvars`). */
const variablesOf = ({ metadata, spec }: Service): [string, string][] => {
  const ip = spec?.clusterIP ?? '';
  const ports = spec?.ports ?? [];
  const [first] = ports;
  if (!first) return [];
  const prefix = variable(metadata.name);
  const host = ip.includes(':') ? `[${ip}]` : ip;
  const all: [string, string][] = [
    [`${prefix}_SERVICE_HOST`, ip],
    [`${prefix}_SERVICE_PORT`, String(first.port)],
  ];
  for (const port of ports) if (port.name) all.push([`${prefix}_SERVICE_PORT_${variable(port.name)}`, String(port.port)]);
  ports.forEach((port, index) => {
    const protocol = (port.protocol ?? 'TCP').toLowerCase();
    const url = `${protocol}://${host}:${port.port}`;
    if (index === 0) all.push([`${prefix}_PORT`, url]);
    const name = `${prefix}_PORT_${port.port}_${protocol.toUpperCase()}`;
    all.push([name, url], [`${name}_PROTO`, protocol], [`${name}_PORT`, String(port.port)], [`${name}_ADDR`, ip]);
  });
  return all;
};

/** `default/kubernetes` is there for every pod; the others of the pod's namespace if it wants links. */
export const serviceEnvironment = (services: Iterable<Service>, namespace: string, links: boolean): Map<string, string> => {
  const chosen = new Map<string, Service>();
  for (const service of services) {
    const ip = service.spec?.clusterIP;
    if (!ip || ip === 'None') continue;
    const { name } = service.metadata;
    if (service.metadata.namespace === 'default' && name === 'kubernetes') {
      if (!chosen.has(name)) chosen.set(name, service);
    } else if (links && service.metadata.namespace === namespace) chosen.set(name, service);
  }
  return new Map([...chosen.values()].flatMap(variablesOf));
};
