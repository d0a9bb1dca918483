/** Status and conditions of a Deployment, with upstream's reasons and texts (`progress.go`, `sync.go`). */
import { timestamp } from '../../../kinds/environment.ts';
import type { Deployment, ReplicaSet } from '../../../kinds/types.ts';
import { type Sizes, sizeOf, total } from './sizes.ts';

export type DeploymentStatus = NonNullable<Deployment['status']>;
export type DeploymentCondition = NonNullable<DeploymentStatus['conditions']>[number];

export const conditionOf = (status: DeploymentStatus | undefined, type: string): DeploymentCondition | undefined =>
  status?.conditions?.find(condition => condition.type === type);

export const condition = (type: string, status: string, reason: string, message: string, now: number): DeploymentCondition => ({
  type,
  status,
  lastUpdateTime: timestamp(now),
  lastTransitionTime: timestamp(now),
  reason,
  message,
});

/** Same status and reason: nothing changes. Same status: since when it holds is kept. */
export const setCondition = (status: DeploymentStatus, next: DeploymentCondition): void => {
  const current = conditionOf(status, next.type);
  if (current && current.status === next.status && current.reason === next.reason) return;
  const since = current && current.status === next.status ? current.lastTransitionTime : next.lastTransitionTime;
  removeCondition(status, next.type);
  status.conditions = [...(status.conditions ?? []), { ...next, ...(since ? { lastTransitionTime: since } : {}) }];
};

export const removeCondition = (status: DeploymentStatus, type: string): void => {
  if (status.conditions) status.conditions = status.conditions.filter(each => each.type !== type);
};

const forever = 2147483647;
export const deadlineOf = (deployment: Deployment): number | undefined => {
  const seconds = deployment.spec?.progressDeadlineSeconds;
  return seconds === undefined || seconds === forever ? undefined : seconds;
};

export const statusOf = (
  deployment: Deployment,
  all: readonly ReplicaSet[],
  fresh: ReplicaSet | undefined,
  sizes: Sizes,
  now: number,
): DeploymentStatus => {
  const available = total(all, set => set.status?.availableReplicas);
  const known = all.every(set => set.status?.terminatingReplicas !== undefined || !set.status?.observedGeneration);
  const counts = {
    observedGeneration: deployment.metadata.generation ?? 0,
    replicas: total(all, set => set.status?.replicas),
    updatedReplicas: fresh?.status?.replicas ?? 0,
    readyReplicas: total(all, set => set.status?.readyReplicas),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, total(all, sizeOf) - available),
  };
  const status: DeploymentStatus = {
    // A count of zero is left out on the wire.
    ...Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)),
    ...(known ? { terminatingReplicas: total(all, set => set.status?.terminatingReplicas) } : {}),
    ...(deployment.status?.collisionCount === undefined ? {} : { collisionCount: deployment.status.collisionCount }),
    conditions: [...(deployment.status?.conditions ?? [])],
  };
  const enough = available >= sizes.replicas - sizes.maxUnavailable;
  setCondition(
    status,
    enough
      ? condition('Available', 'True', 'MinimumReplicasAvailable', 'Deployment has minimum availability.', now)
      : condition('Available', 'False', 'MinimumReplicasUnavailable', 'Deployment does not have minimum availability.', now),
  );
  return status;
};

export const isComplete = (deployment: Deployment, status: DeploymentStatus | undefined): boolean => {
  const wished = deployment.spec?.replicas ?? 1;
  return (
    (status?.updatedReplicas ?? 0) === wished &&
    (status?.replicas ?? 0) === wished &&
    (status?.availableReplicas ?? 0) === wished &&
    (status?.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
  );
};

const progressed = (before: DeploymentStatus | undefined, after: DeploymentStatus): boolean => {
  const old = (status: DeploymentStatus | undefined): number => (status?.replicas ?? 0) - (status?.updatedReplicas ?? 0);
  return (
    (after.updatedReplicas ?? 0) > (before?.updatedReplicas ?? 0) ||
    old(after) < old(before) ||
    (after.readyReplicas ?? 0) > (before?.readyReplicas ?? 0) ||
    (after.availableReplicas ?? 0) > (before?.availableReplicas ?? 0)
  );
};

const timedOut = (status: DeploymentStatus, deadline: number, now: number): boolean => {
  const progressing = conditionOf(status, 'Progressing');
  if (!progressing || progressing.reason === 'NewReplicaSetAvailable') return false;
  if (progressing.reason === 'ProgressDeadlineExceeded') return true;
  return Date.parse(progressing.lastUpdateTime ?? '') + deadline * 1000 < now;
};

/** Sets Progressing and ReplicaFailure on a fresh status; `deployment.status` is what was known before. */
export const judgeProgress = (
  deployment: Deployment,
  status: DeploymentStatus,
  all: readonly ReplicaSet[],
  fresh: ReplicaSet | undefined,
  now: number,
): void => {
  const deadline = deadlineOf(deployment);
  if (deadline === undefined) removeCondition(status, 'Progressing');
  const current = conditionOf(deployment.status, 'Progressing');
  const settled = (status.replicas ?? 0) === (status.updatedReplicas ?? 0) && current?.reason === 'NewReplicaSetAvailable';
  const subject = fresh ? `ReplicaSet "${fresh.metadata.name}"` : `Deployment "${deployment.metadata.name}"`;
  if (deadline !== undefined && !settled) {
    if (isComplete(deployment, status)) {
      setCondition(status, condition('Progressing', 'True', 'NewReplicaSetAvailable', `${subject} has successfully progressed.`, now));
    } else if (progressed(deployment.status, status)) {
      const next = condition('Progressing', 'True', 'ReplicaSetUpdated', `${subject} is progressing.`, now);
      if (current?.status === 'True' && current.lastTransitionTime) next.lastTransitionTime = current.lastTransitionTime;
      // Removed first, for the time of the last progress must move on although status and reason stay.
      removeCondition(status, 'Progressing');
      setCondition(status, next);
    } else if (timedOut(status, deadline, now)) {
      setCondition(status, condition('Progressing', 'False', 'ProgressDeadlineExceeded', `${subject} has timed out progressing.`, now));
    }
  }
  const failure = failureOf(fresh ? [fresh] : []) ?? failureOf(all);
  if (failure) setCondition(status, failure);
  else removeCondition(status, 'ReplicaFailure');
};

const failureOf = (sets: readonly ReplicaSet[]): DeploymentCondition | undefined => {
  for (const set of sets) {
    const found = set.status?.conditions?.find(each => each.type === 'ReplicaFailure');
    if (found) return { ...found, ...(found.lastTransitionTime ? { lastUpdateTime: found.lastTransitionTime } : {}) };
  }
  return undefined;
};

/** Milliseconds until the deadline must be looked at again. */
export const progressCheckIn = (deployment: Deployment, status: DeploymentStatus, now: number): number | undefined => {
  const deadline = deadlineOf(deployment);
  const current = conditionOf(status, 'Progressing');
  if (deadline === undefined || !current || isComplete(deployment, status) || deployment.spec?.paused) return undefined;
  if (current.reason === 'ProgressDeadlineExceeded' || current.reason === 'NewReplicaSetAvailable') return undefined;
  // A second more, because times in conditions are whole seconds.
  return Math.max(0, Date.parse(current.lastUpdateTime ?? '') + deadline * 1000 - now) + 1000;
};
