/** What the checks of the Pod Security Standards share (pod-security-admission `policy/`). */
import type { Container, PodSpec } from '../../../../kinds/types.ts';

/** Of a pod or of a template. */
export interface Candidate {
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: PodSpec;
  /** Init, main and ephemeral containers, in this order. */
  readonly containers: readonly Container[];
}

/** Why a pod is not allowed. */
export interface Violation {
  readonly reason: string;
  readonly detail: string;
}

export type CheckPod = (candidate: Candidate) => Violation | undefined;

export interface Check {
  /** Violations are told in the order of the names. */
  readonly id: string;
  /** Each holds from a minor version on, in rising order. */
  readonly versions: readonly {
    readonly since: number;
    readonly check: CheckPod;
    /** Checks of the baseline that this one makes superfluous. */
    readonly overrides?: readonly string[];
  }[];
}

/** Sorted, without repetition. */
export const distinct = (values: Iterable<string>): string[] => [...new Set(values)].sort();
export const quoted = (items: readonly string[]): string => items.map(item => `"${item}"`).join(', ');
export const plural = (one: string, many: string, count: number): string => (count === 1 ? one : many);

const names = (containers: readonly { name: string }[]): string[] => containers.map(({ name }) => name);
/** `containers "a", "b"` */
export const listed = (containers: readonly { name: string }[]): string =>
  `${plural('container', 'containers', containers.length)} ${quoted(names(containers))}`;
/** `pod and container "a"`; empty where nobody did. */
export const setters = (pod: boolean, containers: readonly Container[], ...more: string[]): string =>
  [...(pod ? ['pod'] : []), ...(containers.length > 0 ? [listed(containers)] : []), ...more].join(' and ');

/** Whoever has no root of the node's in his pod may be root in it. */
const hasUserNamespace = ({ spec }: Candidate): boolean => spec.hostUsers === false;
export const unlessUserNamespace =
  (check: CheckPod): CheckPod =>
  candidate =>
    hasUserNamespace(candidate) ? undefined : check(candidate);
export const unlessWindows =
  (check: CheckPod): CheckPod =>
  candidate =>
    candidate.spec.os?.name === 'windows' ? undefined : check(candidate);
