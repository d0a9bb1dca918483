import type { Volume } from '../../kinds/types.ts';
import type { NodeResources, PodAddresses } from '../pods/downward.ts';
import type { Sources } from '../pods/environment.ts';
import type { BoundPod } from '../pods/pod.ts';

/** What a volume is made from and where. */
export interface VolumeContext {
  pod: BoundPod;
  /** The volume's own directory on the node; may not exist yet. */
  dir: string;
  sources: Sources;
  /** A token of the pod's service account, bound to the pod. */
  token(pod: BoundPod, audience: string | undefined, seconds: number): Promise<string>;
  addresses: PodAddresses;
  node: NodeResources;
  exec: Exec;
}

/** Runs a program of the node; fails with its stderr. */
export type Exec = (command: string, args: string[], input?: string) => Promise<string>;

/** One file a type, listed in index.ts. */
export interface VolumeType {
  field: keyof Volume;
  /** Makes the volume, or brings it up to date; answers the path that containers mount. May be called again at any time. */
  setUp(volume: Volume, context: VolumeContext): Promise<string>;
  /** Its content can change while the pod runs. */
  refreshes: boolean;
  /** Only the node writes it (kubelet `Attributes.ReadOnly`). */
  readOnly: boolean;
}

/** Files by their path below the volume's root. */
export type Payload = Map<string, { data: Buffer; mode: number }>;

/** Modes in the API are decimal. */
export const defaultMode = 0o644;
