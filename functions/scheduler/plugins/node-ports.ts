import type { Pod } from '../../../kinds/types.ts';
import type { Plugin } from '../plugin.ts';

interface HostPort {
  ip: string;
  protocol: string;
  port: number;
}
const wildcard = '0.0.0.0';

const hostPorts = (pod: Pod): HostPort[] => {
  const ports: HostPort[] = [];
  const sidecars = (pod.spec?.initContainers ?? []).filter(container => container.restartPolicy === 'Always');
  for (const container of [...(pod.spec?.containers ?? []), ...sidecars]) {
    for (const { hostPort, hostIP, protocol } of container.ports ?? []) {
      if (hostPort) ports.push({ ip: hostIP || wildcard, protocol: protocol || 'TCP', port: hostPort });
    }
  }
  return ports;
};

const clash = (a: HostPort, b: HostPort): boolean =>
  a.port === b.port && a.protocol === b.protocol && (a.ip === b.ip || a.ip === wildcard || b.ip === wildcard);

export const nodePorts: Plugin = {
  name: 'NodePorts',
  judge: pod => {
    const wanted = hostPorts(pod);
    if (wanted.length === 0) return undefined;
    return {
      filter: ({ pods }) =>
        pods.some(other => hostPorts(other).some(taken => wanted.some(port => clash(port, taken))))
          ? { reasons: ["node(s) didn't have free ports for the requested pod ports"] }
          : undefined,
    };
  },
};
