/** The checks of the level `baseline`: what is known to lead out of a container. */
import type { Container } from '../../../../kinds/types.ts';
import { type Candidate, type Check, type CheckPod, distinct, listed, plural, quoted, setters, unlessUserNamespace } from './check.ts';

const appArmorPrefix = 'container.apparmor.security.beta.kubernetes.io/';
const allowedAppArmor = (type: string): boolean => type === 'RuntimeDefault' || type === 'Localhost';
const allowedAppArmorAnnotation = (value: string): boolean => value === '' || value === 'runtime/default' || value.startsWith('localhost/');

const appArmor: CheckPod = ({ spec, containers, annotations }) => {
  const ofPod = spec.securityContext?.appArmorProfile;
  const badPod = ofPod !== undefined && !allowedAppArmor(ofPod.type);
  const bad = containers.filter(({ securityContext: own }) => own?.appArmorProfile && !allowedAppArmor(own.appArmorProfile.type));
  const values = distinct([...(badPod ? [ofPod.type] : []), ...bad.map(one => one.securityContext?.appArmorProfile?.type ?? '')]);
  const forbidden = Object.entries(annotations)
    .filter(([key, value]) => key.startsWith(appArmorPrefix) && !allowedAppArmorAnnotation(value))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .sort();
  const all = [...values, ...forbidden];
  const who = setters(badPod, bad, ...(forbidden.length > 0 ? [plural('annotation', 'annotations', forbidden.length)] : []));
  if (!who) return undefined;
  return {
    reason: plural('forbidden AppArmor profile', 'forbidden AppArmor profiles', all.length),
    detail: `${who} must not set AppArmor profile type to ${quoted(all)}`,
  };
};

const harmlessCapabilities = new Set(
  'AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT'.split(' '),
);
const harmful = ({ securityContext }: Container): string[] =>
  (securityContext?.capabilities?.add ?? []).filter(capability => !harmlessCapabilities.has(capability));

const capabilities: CheckPod = ({ containers }) => {
  const bad = containers.filter(container => harmful(container).length > 0);
  if (bad.length === 0) return undefined;
  const added = quoted(distinct(bad.flatMap(harmful)));
  return { reason: 'non-default capabilities', detail: `${listed(bad)} must not include ${added} in securityContext.capabilities.add` };
};

const hostNamespaces: CheckPod = ({ spec }) => {
  const shared = (['hostNetwork', 'hostPID', 'hostIPC'] as const).filter(field => spec[field]);
  return shared.length > 0 ? { reason: 'host namespaces', detail: shared.map(field => `${field}=true`).join(', ') } : undefined;
};

const hostPathVolumes: CheckPod = ({ spec }) => {
  const bad = (spec.volumes ?? []).filter(({ hostPath }) => hostPath).map(({ name }) => name);
  return bad.length > 0 ? { reason: 'hostPath volumes', detail: `${plural('volume', 'volumes', bad.length)} ${quoted(bad)}` } : undefined;
};

const hostPortsOf = ({ ports }: Container): string[] => (ports ?? []).flatMap(({ hostPort }) => (hostPort ? [String(hostPort)] : []));
const hostPorts: CheckPod = ({ containers }) => {
  const bad = containers.filter(container => hostPortsOf(container).length > 0);
  if (bad.length === 0) return undefined;
  const ports = distinct(bad.flatMap(hostPortsOf));
  const uses = plural('uses', 'use', bad.length);
  return { reason: 'hostPort', detail: `${listed(bad)} ${uses} ${plural('hostPort', 'hostPorts', ports.length)} ${ports.join(', ')}` };
};

interface Handler {
  httpGet?: { host?: string };
  tcpSocket?: { host?: string };
}
/** Where the kubelet would be sent instead of to the pod. */
const hostsOf = ({ livenessProbe, readinessProbe, startupProbe, lifecycle }: Container): string[] => {
  const handlers: (Handler | undefined)[] = [livenessProbe, readinessProbe, startupProbe, lifecycle?.postStart, lifecycle?.preStop];
  return handlers.flatMap(handler =>
    [handler?.httpGet?.host, handler?.tcpSocket?.host].filter(host => host !== undefined && host !== ''),
  ) as string[];
};
const probeHosts: CheckPod = ({ containers }) => {
  const bad = containers.filter(container => hostsOf(container).length > 0);
  if (bad.length === 0) return undefined;
  const hosts = distinct(bad.flatMap(hostsOf));
  const who = distinct(bad.map(({ name }) => name)).map(name => ({ name }));
  const what = plural('probe or lifecycle host', 'probe or lifecycle hosts', hosts.length);
  return { reason: 'probe or lifecycle host', detail: `${listed(who)} ${plural('uses', 'use', who.length)} ${what} ${quoted(hosts)}` };
};

const privileged: CheckPod = ({ containers }) => {
  const bad = containers.filter(({ securityContext }) => securityContext?.privileged);
  return bad.length > 0 ? { reason: 'privileged', detail: `${listed(bad)} must not set securityContext.privileged=true` } : undefined;
};

export const procMount: CheckPod = ({ containers }) => {
  const bad = containers.filter(({ securityContext: own }) => own?.procMount !== undefined && own.procMount !== 'Default');
  if (bad.length === 0) return undefined;
  const types = quoted(distinct(bad.map(({ securityContext }) => securityContext?.procMount ?? '')));
  return { reason: 'procMount', detail: `${listed(bad)} must not set securityContext.procMount to ${types}` };
};

const firstTypes = ['', 'container_t', 'container_init_t', 'container_kvm_t'];
const seLinux =
  (types: readonly string[]): CheckPod =>
  ({ spec, containers }) => {
    const ofPod = spec.securityContext?.seLinuxOptions;
    const isBad = (options: typeof ofPod): boolean =>
      options !== undefined && (!types.includes(options.type ?? '') || !!options.user || !!options.role);
    const badPod = isBad(ofPod);
    const bad = containers.filter(({ securityContext }) => isBad(securityContext?.seLinuxOptions));
    if (!badPod && bad.length === 0) return undefined;
    const all = [...(badPod ? [ofPod] : []), ...bad.map(({ securityContext }) => securityContext?.seLinuxOptions)];
    const badTypes = distinct(all.map(options => options?.type ?? '').filter(type => !types.includes(type)));
    const data = [
      ...(badTypes.length > 0 ? [`${plural('type', 'types', badTypes.length)} ${quoted(badTypes)}`] : []),
      ...(all.some(options => options?.user) ? ['user may not be set'] : []),
      ...(all.some(options => options?.role) ? ['role may not be set'] : []),
    ];
    const detail = `${setters(badPod, bad)} set forbidden securityContext.seLinuxOptions: ${data.join('; ')}`;
    return { reason: 'seLinuxOptions', detail };
  };

const podAnnotation = 'seccomp.security.alpha.kubernetes.io/pod';
const containerAnnotation = 'container.seccomp.security.alpha.kubernetes.io/';
const allowedSeccompAnnotation = (value: string): boolean =>
  value === 'runtime/default' || value === 'docker/default' || value.startsWith('localhost/');
const seccompAnnotations: CheckPod = ({ annotations, containers }) => {
  const keys = [podAnnotation, ...containers.map(({ name }) => `${containerAnnotation}${name}`)];
  const bad = distinct(
    keys.flatMap(key => {
      const value = Object.hasOwn(annotations, key) ? annotations[key] : undefined;
      return value === undefined || allowedSeccompAnnotation(value) ? [] : [`${key}=${JSON.stringify(value)}`];
    }),
  );
  if (bad.length === 0) return undefined;
  return { reason: 'seccompProfile', detail: `forbidden ${plural('annotation', 'annotations', bad.length)} ${bad.join(', ')}` };
};

const allowedSeccomp = (type: string): boolean => type === 'Localhost' || type === 'RuntimeDefault';
/** Profiles that are named and not allowed. */
export const seccomp: CheckPod = ({ spec, containers }: Candidate) => {
  const ofPod = spec.securityContext?.seccompProfile;
  const badPod = ofPod !== undefined && !allowedSeccomp(ofPod.type);
  const bad = containers.filter(({ securityContext: own }) => own?.seccompProfile && !allowedSeccomp(own.seccompProfile.type));
  const who = setters(badPod, bad);
  if (!who) return undefined;
  const values = distinct([...(badPod ? [ofPod.type] : []), ...bad.map(one => one.securityContext?.seccompProfile?.type ?? '')]);
  return { reason: 'seccompProfile', detail: `${who} must not set securityContext.seccompProfile.type to ${quoted(values)}` };
};

/** By the minor version that came to allow them. */
const safeSysctls: readonly (readonly [number, readonly string[]])[] = [
  [
    0,
    [
      'kernel.shm_rmid_forced',
      'net.ipv4.ip_local_port_range',
      'net.ipv4.tcp_syncookies',
      'net.ipv4.ping_group_range',
      'net.ipv4.ip_unprivileged_port_start',
    ],
  ],
  [27, ['net.ipv4.ip_local_reserved_ports']],
  [29, ['net.ipv4.tcp_keepalive_time', 'net.ipv4.tcp_fin_timeout', 'net.ipv4.tcp_keepalive_intvl', 'net.ipv4.tcp_keepalive_probes']],
  [32, ['net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem']],
];
const sysctls = (version: number): CheckPod => {
  const allowed = new Set(safeSysctls.flatMap(([since, some]) => (since <= version ? some : [])));
  return ({ spec }) => {
    const bad = (spec.securityContext?.sysctls ?? []).map(({ name }) => name).filter(name => !allowed.has(name));
    return bad.length > 0 ? { reason: 'forbidden sysctls', detail: bad.join(', ') } : undefined;
  };
};

const windowsHostProcess: CheckPod = ({ spec, containers }) => {
  const bad = containers.filter(({ securityContext }) => securityContext?.windowsOptions?.hostProcess);
  const who = setters(spec.securityContext?.windowsOptions?.hostProcess === true, bad);
  return who ? { reason: 'hostProcess', detail: `${who} must not set securityContext.windowsOptions.hostProcess=true` } : undefined;
};

export const baseline: readonly Check[] = [
  { id: 'appArmorProfile', versions: [{ since: 0, check: appArmor }] },
  { id: 'capabilities_baseline', versions: [{ since: 0, check: capabilities }] },
  { id: 'hostNamespaces', versions: [{ since: 0, check: hostNamespaces }] },
  { id: 'hostPathVolumes', versions: [{ since: 0, check: hostPathVolumes }] },
  { id: 'hostPorts', versions: [{ since: 0, check: hostPorts }] },
  { id: 'hostProbesAndHostLifecycle', versions: [{ since: 34, check: probeHosts }] },
  { id: 'privileged', versions: [{ since: 0, check: privileged }] },
  {
    id: 'procMount',
    versions: [
      { since: 0, check: procMount },
      { since: 35, check: unlessUserNamespace(procMount) },
    ],
  },
  {
    id: 'seLinuxOptions',
    versions: [
      { since: 0, check: seLinux(firstTypes) },
      { since: 31, check: seLinux([...firstTypes, 'container_engine_t']) },
    ],
  },
  {
    id: 'seccompProfile_baseline',
    versions: [
      { since: 0, check: seccompAnnotations },
      { since: 19, check: seccomp },
    ],
  },
  { id: 'sysctls', versions: safeSysctls.map(([since]) => ({ since, check: sysctls(since) })) },
  { id: 'windowsHostProcess', versions: [{ since: 0, check: windowsHostProcess }] },
];
