import { type BoundPod, isHostNetwork } from './pod.ts';
import { domainOf, hostnameOf } from './sandbox-options.ts';

const aliases = ({ spec }: BoundPod): string => {
  const lines = (spec.hostAliases ?? []).map(({ ip, hostnames = [] }) => `${ip}\t${hostnames.join('\t')}\n`);
  return lines.length === 0 ? '' : `\n# Entries added by HostAliases.\n${lines.join('')}`;
};

/** `/etc/hosts` of a pod's containers, word for word as kubelet writes it; `nodeFile` is the node's own. */
export const hostsFile = (pod: BoundPod, ip: string, clusterDomain: string, nodeFile: string): string => {
  if (isHostNetwork(pod)) return `# Kubernetes-managed hosts file (host network).\n${nodeFile}${aliases(pod)}`;
  const name = hostnameOf(pod);
  const domain = domainOf(pod, clusterDomain);
  return [
    '# Kubernetes-managed hosts file.\n',
    '127.0.0.1\tlocalhost\n',
    '::1\tlocalhost ip6-localhost ip6-loopback\n',
    'fe00::0\tip6-localnet\n',
    'fe00::0\tip6-mcastprefix\n',
    'fe00::1\tip6-allnodes\n',
    'fe00::2\tip6-allrouters\n',
    domain ? `${ip}\t${name}.${domain}\t${name}\n` : `${ip}\t${name}\n`,
    aliases(pod),
  ].join('');
};
