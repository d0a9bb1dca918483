import type { Clock, Logger, Random } from '../../kinds/environment.ts';
import type { Container, Service } from '../../kinds/types.ts';
import type { ApiClient } from '../api-client.ts';
import type { Engine } from '../docker/engine.ts';
import type { EventRecorder } from '../events.ts';
import type { PodNetwork, ResolvConf } from '../pod-network-port.ts';
import type { RunProbe } from '../probes/prober.ts';
import type { Exec } from '../volumes/volume.ts';
import type { NodeResources } from './downward.ts';
import type { Images } from './images.ts';
import type { RunHook } from './lifecycle-hooks.ts';
import { type BoundPod, namespaceOf, rolesOf, type Slot, uidOf } from './pod.ts';
import type { References } from './references.ts';
import type { NodeLimits } from './resources.ts';
import type { StatusWriter } from './status-writer.ts';

/** What every pod of the node works with. */
export interface NodeContext {
  engine: Engine;
  client: Pick<ApiClient, 'delete'>;
  images: Images;
  references: References;
  network: PodNetwork;
  recorder: EventRecorder;
  statuses: StatusWriter;
  runHook: RunHook;
  runProbe: RunProbe;
  resolvConf: ResolvConf;
  services(): Iterable<Service>;
  /** Addresses that pods of this node have now. */
  /** A pod has got its network, or is gone: the ports of the node that lead to pods are gathered again. */
  portsChanged(): void;
  usedIps(): ReadonlySet<string>;
  imageRefs: Map<string, string>;
  exec: Exec;
  clock: Clock;
  random: Random;
  logger: Logger;
  node: {
    /** Label value that marks this agent's containers. */
    label: string;
    hostIp: string;
    podsDir: string;
    seccompDir: string;
    clusterDomain: string;
    resources: NodeResources;
    limits: NodeLimits;
    sandboxImage: string;
  };
}

const fields: Record<Slot, string> = {
  init: 'initContainers',
  sidecar: 'initContainers',
  regular: 'containers',
  ephemeral: 'ephemeralContainers',
};

/** Tells an event of a pod, or of one of its containers. */
export const tell = (
  { recorder }: Pick<NodeContext, 'recorder'>,
  pod: BoundPod,
  container: Container | undefined,
  type: 'Normal' | 'Warning',
  reason: string,
  message: string,
): void => {
  const slot = rolesOf(pod).find(role => role.container.name === container?.name)?.slot;
  recorder.event(
    {
      kind: 'Pod',
      namespace: namespaceOf(pod),
      name: pod.metadata.name,
      uid: uidOf(pod),
      ...(pod.metadata.resourceVersion ? { resourceVersion: pod.metadata.resourceVersion } : {}),
      ...(container && slot ? { fieldPath: `spec.${fields[slot]}{${container.name}}` } : {}),
    },
    type,
    reason,
    message,
  );
};

export const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
