import type Docker from 'dockerode';
import type { Container } from '../../kinds/types.ts';
import { containerHash, labels, podLabels } from './labels.ts';
import type { BoundPod } from './pod.ts';
import { kernelResources, type NodeLimits } from './resources.ts';

/** A directory or file of the node as a container sees it. */
export interface Mount {
  source: string;
  target: string;
  readOnly: boolean;
  /** Without it Docker decides: private, but from the host where its own files are among what is mounted, as in `/`. */
  propagation?: 'rslave' | 'rshared';
}

export interface ContainerInput {
  pod: BoundPod;
  container: Container;
  attempt: number;
  sandboxId: string;
  node: string;
  /** What Docker is asked to run: the image's id where it is known, so that a tag that moves meanwhile does not matter. */
  image: string;
  imageUser: string;
  command: string[] | undefined;
  args: string[] | undefined;
  variables: ReadonlyMap<string, string>;
  mounts: Mount[];
  limits: NodeLimits;
  /** Contents of `Localhost` seccomp profiles, by their path. */
  seccompProfile?: string | undefined;
  /** Container whose processes an ephemeral container is to see. */
  target?: string | undefined;
}

export const dockerMount = ({ source, target, readOnly, propagation }: Mount): Docker.MountSettings => ({
  Type: 'bind',
  Source: source,
  Target: target,
  ReadOnly: readOnly,
  ...(propagation ? { BindOptions: { Propagation: propagation } } : {}),
});

/** Logs are rotated by Docker; kubelet's defaults are 10 MiB and five files. */
export const logConfig = { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '5' } };

const securityOptions = ({ pod, container, seccompProfile }: ContainerInput): string[] => {
  const own = container.securityContext ?? {};
  const options: string[] = [];
  if (own.allowPrivilegeEscalation === false) options.push('no-new-privileges');
  const seccomp = own.seccompProfile ?? pod.spec.securityContext?.seccompProfile;
  if (seccomp?.type === 'Unconfined') options.push('seccomp=unconfined');
  else if (seccomp?.type === 'Localhost' && seccompProfile !== undefined) options.push(`seccomp=${seccompProfile}`);
  const appArmor = own.appArmorProfile ?? pod.spec.securityContext?.appArmorProfile;
  if (appArmor?.type === 'Unconfined') options.push('apparmor=unconfined');
  else if (appArmor?.type === 'Localhost') options.push(`apparmor=${appArmor.localhostProfile}`);
  const selinux = own.seLinuxOptions ?? pod.spec.securityContext?.seLinuxOptions;
  for (const part of ['user', 'role', 'type', 'level'] as const) if (selinux?.[part]) options.push(`label=${part}:${selinux[part]}`);
  return options;
};

/** `uid`, `uid:gid`, or nothing for the image's own user. */
export const userOf = ({ pod, container, imageUser }: Pick<ContainerInput, 'pod' | 'container' | 'imageUser'>): string => {
  const user = container.securityContext?.runAsUser ?? pod.spec.securityContext?.runAsUser;
  const group = container.securityContext?.runAsGroup ?? pod.spec.securityContext?.runAsGroup;
  if (group === undefined) return user === undefined ? imageUser : String(user);
  return `${user ?? (imageUser.split(':')[0] || '0')}:${group}`;
};

/** Kubelet's refusal of a container that must not run as root, with its words; undefined if it may run. */
export const rootRefusal = (pod: BoundPod, container: Container, imageUser: string): string | undefined => {
  if ((container.securityContext?.runAsNonRoot ?? pod.spec.securityContext?.runAsNonRoot) !== true) return undefined;
  const user = container.securityContext?.runAsUser ?? pod.spec.securityContext?.runAsUser;
  const where = `(pod: "${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})", container: ${container.name})`;
  if (user === 0) return `container's runAsUser breaks non-root policy ${where}`;
  if (user !== undefined) return undefined;
  const [name = ''] = imageUser.split(':');
  if (name === '' || name === '0') return `container has runAsNonRoot and image will run as root ${where}`;
  if (!/^\d+$/.test(name)) {
    return `container has runAsNonRoot and image has non-numeric user (${name}), cannot verify user is non-root ${where}`;
  }
  return undefined;
};

export const containerOptions = (input: ContainerInput): Docker.ContainerCreateOptions => {
  const { pod, container, sandboxId } = input;
  const { spec } = pod;
  const security = container.securityContext ?? {};
  const tty = container.tty === true;
  const groups = [
    ...(spec.securityContext?.supplementalGroups ?? []),
    ...(spec.securityContext?.fsGroup === undefined ? [] : [spec.securityContext.fsGroup]),
  ];
  const pid = input.target
    ? `container:${input.target}`
    : spec.hostPID
      ? 'host'
      : spec.shareProcessNamespace
        ? `container:${sandboxId}`
        : undefined;
  // Docker writes capabilities with or without CAP_; the API has them without.
  const { add = [], drop = [] } = security.capabilities ?? {};
  return {
    Image: input.image,
    ...(input.command ? { Entrypoint: input.command } : {}),
    ...(input.args ? { Cmd: input.args } : {}),
    Env: [...input.variables].map(([name, value]) => `${name}=${value}`),
    ...(container.workingDir ? { WorkingDir: container.workingDir } : {}),
    User: userOf(input),
    Tty: tty,
    OpenStdin: container.stdin === true,
    StdinOnce: container.stdinOnce === true,
    ...(container.lifecycle?.stopSignal ? { StopSignal: container.lifecycle.stopSignal } : {}),
    // The image's own check would run beside the pod's probes.
    Healthcheck: { Test: ['NONE'] },
    Labels: {
      ...podLabels(pod, input.node),
      [labels.container]: container.name,
      [labels.sandbox]: sandboxId,
      [labels.attempt]: String(input.attempt),
      [labels.hash]: containerHash(container),
      [labels.terminationMessagePolicy]: container.terminationMessagePolicy ?? 'File',
    },
    HostConfig: {
      NetworkMode: `container:${sandboxId}`,
      IpcMode: spec.hostIPC ? 'host' : `container:${sandboxId}`,
      ...(pid ? { PidMode: pid } : {}),
      Mounts: input.mounts.map(dockerMount),
      Privileged: security.privileged === true,
      ReadonlyRootfs: security.readOnlyRootFilesystem === true,
      ...(add.length > 0 ? { CapAdd: add } : {}),
      ...(drop.length > 0 ? { CapDrop: drop } : {}),
      ...(groups.length > 0 ? { GroupAdd: groups.map(String) } : {}),
      SecurityOpt: securityOptions(input),
      ...(security.procMount === 'Unmasked' ? { MaskedPaths: [], ReadonlyPaths: [] } : {}),
      LogConfig: logConfig,
      ...kernelResources(pod, container, input.limits),
    },
  };
};
