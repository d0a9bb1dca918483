import { describe, expect, test } from '@jest/globals';
import { aContainer, aPod } from '../testing/pods.ts';
import { type ContainerInput, containerOptions, rootRefusal } from './container-options.ts';
import { hostsFile } from './hosts-file.ts';
import { kernelResources } from './resources.ts';
import { sandboxOptions } from './sandbox-options.ts';

const limits = { memoryBytes: 2 ** 30, lowestOomScore: -1000 };
const options = (more: Partial<ContainerInput> = {}) =>
  containerOptions({
    pod: aPod(),
    container: aContainer('main'),
    attempt: 2,
    sandboxId: 'box',
    node: 'c/n1',
    image: 'sha256:1',
    imageUser: '',
    command: undefined,
    args: undefined,
    variables: new Map([['A', '1']]),
    mounts: [],
    limits,
    ...more,
  });

describe('what Docker is asked for', () => {
  test('a container lives in its pod and carries what an agent needs to adopt it', () => {
    const made = options();
    expect(made.HostConfig).toMatchObject({ NetworkMode: 'container:box', IpcMode: 'container:box' });
    expect(made.Labels).toMatchObject({
      'dev.windvane.node': 'c/n1',
      'io.kubernetes.pod.uid': 'u1',
      'io.kubernetes.container.name': 'main',
      'io.kubernetes.sandbox.id': 'box',
      'dev.windvane.attempt': '2',
      'dev.windvane.grace': '30',
    });
    expect(made.Env).toEqual(['A=1']);
    expect(made).not.toHaveProperty('Entrypoint');
  });
  test('command and args replace what the image says, each on its own', () => {
    expect(options({ command: ['sh'], args: ['-c'] })).toMatchObject({ Entrypoint: ['sh'], Cmd: ['-c'] });
    expect(options({ args: ['-c'] })).not.toHaveProperty('Entrypoint');
  });
  test("the container's security comes before the pod's", () => {
    const pod = aPod({
      securityContext: { runAsUser: 1, runAsGroup: 2, fsGroup: 3, supplementalGroups: [4], seccompProfile: { type: 'Unconfined' } },
    });
    const securityContext = {
      runAsUser: 5,
      privileged: true,
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
      capabilities: { add: ['NET_ADMIN'], drop: ['ALL'] },
    };
    const made = options({ pod, container: aContainer('main', { securityContext }) });
    expect(made.User).toBe('5:2');
    expect(made.HostConfig).toMatchObject({
      Privileged: true,
      ReadonlyRootfs: true,
      CapAdd: ['NET_ADMIN'],
      CapDrop: ['ALL'],
      GroupAdd: ['4', '3'],
      SecurityOpt: ['no-new-privileges', 'seccomp=unconfined'],
    });
  });
  test('namespaces of the host and of the pod', () => {
    expect(options({ pod: aPod({ hostPID: true, hostIPC: true }) }).HostConfig).toMatchObject({ PidMode: 'host', IpcMode: 'host' });
    expect(options({ pod: aPod({ shareProcessNamespace: true }) }).HostConfig).toMatchObject({ PidMode: 'container:box' });
  });
  test.each([
    [{ runAsUser: 0 }, '', "container's runAsUser breaks non-root policy"],
    [{}, '', 'image will run as root'],
    [{}, '0:0', 'image will run as root'],
    [{}, 'nobody', 'non-numeric user (nobody)'],
  ])('a container that must not be root: %j, image user %j', (securityContext, imageUser, why) => {
    const container = aContainer('main', { securityContext: { runAsNonRoot: true, ...securityContext } });
    expect(rootRefusal(aPod(), container, imageUser)).toContain(why);
    if (!('runAsUser' in securityContext)) expect(rootRefusal(aPod(), container, '1000')).toBeUndefined();
  });
});

describe('requests and limits', () => {
  const resources = (requests: Record<string, string>, max: Record<string, string>) => {
    const container = aContainer('main', { resources: { requests, limits: max } });
    return kernelResources(aPod({ containers: [container] }), container, limits);
  };
  test('in the terms of the kernel', () => {
    expect(resources({ cpu: '250m', memory: '64Mi' }, { cpu: '1', memory: '128Mi' })).toEqual({
      CpuShares: 256,
      CpuPeriod: 100_000,
      CpuQuota: 100_000,
      Memory: 128 * 2 ** 20,
      MemorySwap: 128 * 2 ** 20,
      OomScoreAdj: 937,
    });
  });
  test('without any, the least share, and the first to go', () => {
    expect(resources({}, {})).toEqual({ CpuShares: 2, OomScoreAdj: 1000 });
  });
  test('guaranteed pods are the last to go, where the machine allows it', () => {
    const both = { cpu: '1', memory: '64Mi' };
    expect(resources(both, both).OomScoreAdj).toBe(-997);
    const container = aContainer('main', { resources: { requests: both, limits: both } });
    expect(kernelResources(aPod({ containers: [container] }), container, { ...limits, lowestOomScore: 0 }).OomScoreAdj).toBe(0);
  });
});

describe('the sandbox', () => {
  const sandbox = (spec: Parameters<typeof aPod>[0]) =>
    sandboxOptions({
      pod: aPod(spec),
      attempt: 0,
      node: 'c/n1',
      image: 'pause',
      ip: '10.0.0.2',
      clusterDomain: 'cluster.local',
      lowestOomScore: 0,
    });
  test("has its own network, or the host's", () => {
    expect(sandbox({})).toMatchObject({ Hostname: 'web', HostConfig: { NetworkMode: 'none', IpcMode: 'shareable' } });
    expect(sandbox({ hostNetwork: true })).not.toHaveProperty('Hostname');
    expect(sandbox({ hostNetwork: true }).HostConfig).toMatchObject({ NetworkMode: 'host' });
  });
  test('its name may be said in full', () => {
    expect(sandbox({ hostname: 'h', subdomain: 's', setHostnameAsFQDN: true }).Hostname).toBe('h.s.default.svc.cluster.local');
  });
  test('the hosts file knows the pod and its aliases', () => {
    const pod = aPod({ hostname: 'h', subdomain: 's', hostAliases: [{ ip: '1.2.3.4', hostnames: ['a', 'b'] }] });
    const text = hostsFile(pod, '10.0.0.2', 'cluster.local', '');
    expect(text).toContain('10.0.0.2\th.s.default.svc.cluster.local\th\n');
    expect(text.endsWith('\n# Entries added by HostAliases.\n1.2.3.4\ta\tb\n')).toBe(true);
    expect(hostsFile(aPod({ hostNetwork: true }), '', 'cluster.local', '127.0.0.1 me\n')).toBe(
      '# Kubernetes-managed hosts file (host network).\n127.0.0.1 me\n',
    );
  });
});
