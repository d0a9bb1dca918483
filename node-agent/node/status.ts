import { timestamp } from '../../kinds/environment.ts';
import type { Node } from '../../kinds/types.ts';
import type { Machine } from './machine.ts';

export type NodeStatus = NonNullable<Node['status']>;
export type NodeCondition = NonNullable<NodeStatus['conditions']>[number];

export interface NodeInput {
  nodeName: string;
  machine: Machine;
  addresses: string[];
  port: number;
  labels: Record<string, string>;
  runtimeVersion: string;
  images: { names: string[]; sizeBytes: number }[];
  /** Why the node cannot run pods now; undefined if it can. */
  notReady: string | undefined;
  previous: NodeCondition[];
  now: number;
}

/** Release of Kubernetes whose kubelet this agent stands for. */
export const kubeletVersion = 'v1.36.3';
const maxPods = 110;
/** Kubelet's hard eviction thresholds: what is kept from pods, so that pressure is noticed while there is still room to act. */
const reservedMemory = 100 * 2 ** 20;
const lowStorage = 0.1;
const maxImages = 50;

export const nodeLabels = ({ nodeName, machine, labels }: Pick<NodeInput, 'nodeName' | 'machine' | 'labels'>): Record<string, string> => ({
  'beta.kubernetes.io/arch': machine.architecture,
  'beta.kubernetes.io/os': 'linux',
  'kubernetes.io/arch': machine.architecture,
  'kubernetes.io/hostname': nodeName,
  'kubernetes.io/os': 'linux',
  ...labels,
});

const kib = (bytes: number): string => `${Math.floor(bytes / 1024)}Ki`;

const conditions = ({ machine, notReady, previous, now }: NodeInput): NodeCondition[] => {
  const memory = machine.freeMemoryBytes < reservedMemory;
  const disk = machine.freeStorageBytes < machine.storageBytes * lowStorage;
  const verdicts: [string, boolean, string, string][] = [
    [
      'MemoryPressure',
      memory,
      memory ? 'KubeletHasInsufficientMemory' : 'KubeletHasSufficientMemory',
      memory ? 'kubelet has insufficient memory available' : 'kubelet has sufficient memory available',
    ],
    [
      'DiskPressure',
      disk,
      disk ? 'KubeletHasDiskPressure' : 'KubeletHasNoDiskPressure',
      disk ? 'kubelet has disk pressure' : 'kubelet has no disk pressure',
    ],
    ['PIDPressure', false, 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
    [
      'Ready',
      notReady === undefined,
      notReady === undefined ? 'KubeletReady' : 'KubeletNotReady',
      notReady ?? 'kubelet is posting ready status',
    ],
  ];
  return verdicts.map(([type, is, reason, message]) => {
    const status = is ? 'True' : 'False';
    const before = previous.find(each => each.type === type);
    return {
      type,
      status,
      reason,
      message,
      lastHeartbeatTime: timestamp(now),
      lastTransitionTime: (before?.status === status ? before.lastTransitionTime : undefined) ?? timestamp(now),
    };
  });
};

/** The node as its machine makes it. */
export const nodeStatus = (input: NodeInput): NodeStatus => {
  const { machine, nodeName } = input;
  const capacity = {
    cpu: String(machine.cpus),
    'ephemeral-storage': kib(machine.storageBytes),
    'hugepages-1Gi': '0',
    'hugepages-2Mi': '0',
    memory: kib(machine.memoryBytes),
    pods: String(maxPods),
  };
  return {
    addresses: [...input.addresses.map(address => ({ type: 'InternalIP', address })), { type: 'Hostname', address: nodeName }],
    capacity,
    allocatable: {
      ...capacity,
      'ephemeral-storage': String(Math.floor(machine.storageBytes * (1 - lowStorage))),
      memory: kib(machine.memoryBytes - reservedMemory),
    },
    conditions: conditions(input),
    daemonEndpoints: { kubeletEndpoint: { Port: input.port } } as unknown as NonNullable<NodeStatus['daemonEndpoints']>,
    images: input.images
      .filter(({ names }) => names.some(name => !name.startsWith('<none>')))
      .sort((a, b) => b.sizeBytes - a.sizeBytes)
      .slice(0, maxImages),
    nodeInfo: {
      architecture: machine.architecture,
      bootID: machine.bootId,
      containerRuntimeVersion: input.runtimeVersion,
      kernelVersion: machine.kernelVersion,
      kubeProxyVersion: '',
      kubeletVersion,
      machineID: machine.machineId,
      operatingSystem: 'linux',
      osImage: machine.osImage,
      systemUUID: machine.systemUuid,
    },
  };
};
