/** Ports of one pod that stand in each other's way. */
import { type Path, quote } from '../field.ts';
import type { ContainerPort, PodSpec } from './types.ts';
import { eachContainer } from './walk.ts';

interface Placed {
  readonly port: ContainerPort;
  readonly path: Path;
}

const clash = ({ hostIP: ip = '', hostPort = 0 }: ContainerPort, { hostIP: otherIp = '', hostPort: other = 0 }: ContainerPort) => {
  if (ip === otherIp && hostPort === other) return 'duplicate port definition';
  if (hostPort === 0 || other === 0) return 'overlapping port definition';
  return hostPort === other && (ip === '') !== (otherIp === '') ? 'dangerously ambiguous port definition' : undefined;
};
/** As Go prints the struct. */
const struct = (port: ContainerPort): string =>
  `{Name:${port.name ?? ''} HostPort:${port.hostPort ?? 0} ContainerPort:${port.containerPort} Protocol:${port.protocol ?? ''} HostIP:${port.hostIP ?? ''}}`;

/** Each port is compared with those before it on the same number: quadratic, so only for as many as a pod can sensibly have. */
const mostPerNumber = 50;
export const portWarnings = (spec: PodSpec, path: Path, out: string[]): void => {
  const byNumber = new Map<string, Placed[]>();
  const names = new Map<string, Path>();
  const nameWarnings: string[] = [];
  eachContainer(spec, path, (container, at) => {
    container.ports?.forEach((port, i) => {
      const where = at.child('ports').index(i);
      if (port.hostIP && !port.hostPort) out.push(`${where}: hostIP set without hostPort: ${struct(port)}`);
      const key = `${port.containerPort}/${port.protocol ?? ''}`;
      const others = byNumber.get(key) ?? [];
      for (const other of others.slice(0, mostPerNumber)) {
        const text = clash(port, other.port);
        if (text) out.push(`${where}: ${text} with ${other.path}`);
      }
      others.push({ port, path: where });
      byNumber.set(key, others);
      if (!port.name) return;
      const first = names.get(port.name);
      if (first)
        nameWarnings.push(
          `${where}: duplicate port name ${quote(port.name)} with ${first}, services and probes that select ports by name will use ${first}`,
        );
      else names.set(port.name, where);
    });
  });
  out.push(...nameWarnings);
};
