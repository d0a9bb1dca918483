/** The arithmetic of a rollout: how many pods may be missing, how many may be too many, who gets what share of a change. */
import type { Deployment, ReplicaSet } from '../../../kinds/types.ts';

/** Pure figures of a Deployment, resolved from counts and percentages. */
export interface Sizes {
  readonly replicas: number;
  readonly maxSurge: number;
  readonly maxUnavailable: number;
  readonly rolling: boolean;
}

const scaled = (value: number | string | undefined, total: number, round: (n: number) => number): number => {
  if (value === undefined) return 0;
  if (typeof value === 'number') return value;
  const percent = /^([0-9]+)%$/.exec(value)?.[1];
  return percent === undefined ? 0 : round((Number(percent) * total) / 100);
};

/** Both must not come to zero by rounding, or nothing would ever move (upstream `ResolveFenceposts`). */
export const sizesOf = (deployment: Deployment): Sizes => {
  const replicas = deployment.spec?.replicas ?? 1;
  const strategy = deployment.spec?.strategy;
  const rolling = strategy?.type !== 'Recreate';
  if (!rolling) return { replicas, maxSurge: 0, maxUnavailable: 0, rolling };
  const maxSurge = scaled(strategy?.rollingUpdate?.maxSurge as number | string | undefined, replicas, Math.ceil);
  const unavailable = scaled(strategy?.rollingUpdate?.maxUnavailable as number | string | undefined, replicas, Math.floor);
  const maxUnavailable = maxSurge === 0 && unavailable === 0 ? 1 : unavailable;
  return { replicas, maxSurge, maxUnavailable: replicas === 0 ? 0 : Math.min(maxUnavailable, replicas), rolling };
};

export const sizeOf = (set: ReplicaSet): number => set.spec?.replicas ?? 1;
export const total = (sets: readonly ReplicaSet[], count: (set: ReplicaSet) => number | undefined): number =>
  sets.reduce((sum, set) => sum + (count(set) ?? 0), 0);

/** What the new ReplicaSet may grow to now. */
export const newSize = ({ replicas, maxSurge, rolling }: Sizes, all: readonly ReplicaSet[], current: number): number => {
  if (!rolling) return replicas;
  const room = replicas + maxSurge - total(all, sizeOf);
  return room <= 0 ? current : current + Math.min(room, replicas - current);
};

const roundHalfAway = (n: number): number => Math.sign(n) * Math.floor(Math.abs(n) + 0.5);

/** `change` pods spread over ReplicaSets in proportion to their size; what is left over goes to the first (upstream `scale`). */
export const proportionally = (
  sets: readonly ReplicaSet[],
  change: number,
  { replicas, maxSurge }: Sizes,
  maxBefore: (set: ReplicaSet) => number,
): number[] => {
  let given = 0;
  const wished = sets.map(set => {
    const size = sizeOf(set);
    if (change === 0 || size === 0 || given === change) return size;
    const before = maxBefore(set);
    const fraction = replicas === 0 ? -size : before === 0 ? 0 : roundHalfAway((size * (replicas + maxSurge)) / before) - size;
    const share = change > 0 ? Math.min(fraction, change - given) : Math.max(fraction, change - given);
    given += share;
    return size + share;
  });
  const first = wished[0];
  if (first !== undefined && change !== 0) wished[0] = Math.max(0, first + change - given);
  return wished;
};
