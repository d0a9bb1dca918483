import { isDeepStrictEqual } from 'node:util';
import type { PodStatus } from '../../kinds/types.ts';
import { ownedConditions } from './conditions.ts';

const whole = [
  'observedGeneration',
  'phase',
  'reason',
  'message',
  'hostIP',
  'podIP',
  'startTime',
  'qosClass',
  'containerStatuses',
  'initContainerStatuses',
  'ephemeralContainerStatuses',
] as const;

/**
 * The strategic merge patch that turns one reported status into the next; undefined if nothing differs. Conditions go one by one,
 * so that those of other writers stay; container statuses go whole, because their lists are atomic.
 */
export const statusPatch = (before: PodStatus, after: PodStatus): Record<string, unknown> | undefined => {
  const patch: Record<string, unknown> = {};
  for (const field of whole) {
    if (!isDeepStrictEqual(before[field], after[field])) patch[field] = after[field] ?? null;
  }
  for (const field of ['podIPs', 'hostIPs'] as const) {
    if (isDeepStrictEqual(before[field], after[field])) continue;
    patch[field] = [...(after[field] ?? []), ...((before[field] ?? []).length > 0 ? [{ $patch: 'replace' }] : [])];
  }
  const conditions = (after.conditions ?? []).filter(
    condition =>
      ownedConditions.has(condition.type) &&
      !isDeepStrictEqual(
        condition,
        before.conditions?.find(({ type }) => type === condition.type),
      ),
  );
  if (conditions.length > 0) {
    patch['conditions'] = conditions.map(condition => {
      const old = before.conditions?.find(({ type }) => type === condition.type);
      return {
        ...condition,
        ...(old?.reason !== undefined && condition.reason === undefined ? { reason: null } : {}),
        ...(old?.message !== undefined && condition.message === undefined ? { message: null } : {}),
      };
    });
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
};
