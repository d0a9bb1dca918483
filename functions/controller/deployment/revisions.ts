/** Revisions of a Deployment: annotations of its ReplicaSets that number the rollouts (upstream: `deployment_util.go`). */
import type { Deployment, ReplicaSet } from '../../../kinds/types.ts';
import { sameTemplate } from '../template.ts';
import type { Sizes } from './sizes.ts';

export const revisionAnnotation = 'deployment.kubernetes.io/revision';
const historyAnnotation = 'deployment.kubernetes.io/revision-history';
const desiredAnnotation = 'deployment.kubernetes.io/desired-replicas';
const maxAnnotation = 'deployment.kubernetes.io/max-replicas';
export const rollbackAnnotation = 'deprecated.deployment.rollback.to';
const notCopied = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  revisionAnnotation,
  historyAnnotation,
  desiredAnnotation,
  maxAnnotation,
  rollbackAnnotation,
]);
/** About a hundred revisions. */
const historyLength = 2000;

const count = (text: string | undefined): number | undefined =>
  text !== undefined && /^[0-9]{1,10}$/.test(text) ? Number(text) : undefined;
export const revisionOf = (set: ReplicaSet): number => count(set.metadata.annotations?.[revisionAnnotation]) ?? 0;
export const desiredOf = (set: ReplicaSet): number | undefined => count(set.metadata.annotations?.[desiredAnnotation]);
export const maxBefore = (set: ReplicaSet): number | undefined => count(set.metadata.annotations?.[maxAnnotation]);

export const byCreation = (a: ReplicaSet, b: ReplicaSet): number => {
  const [one, other] = [a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? ''];
  if (one !== other) return one < other ? -1 : 1;
  return a.metadata.name < b.metadata.name ? -1 : 1;
};
export const byRevision = (a: ReplicaSet, b: ReplicaSet): number => revisionOf(a) - revisionOf(b) || byCreation(a, b);

/** The ReplicaSet with the Deployment's template; the oldest, should there be several. */
export const findNew = (deployment: Deployment, sets: readonly ReplicaSet[]): ReplicaSet | undefined => {
  const template = deployment.spec?.template;
  return template && [...sets].sort(byCreation).find(set => set.spec?.template && sameTemplate(set.spec.template, template));
};

/** The annotations that scaling rests on: how many were wished and how many allowed when the ReplicaSet was last sized. */
export const sizeAnnotations = ({ replicas, maxSurge }: Sizes): Record<string, string> => ({
  [desiredAnnotation]: String(replicas),
  [maxAnnotation]: String(replicas + maxSurge),
});

/** The annotations the new ReplicaSet should have, its revision being the newest. */
export const annotationsOfNew = (deployment: Deployment, current: Record<string, string>, revision: number): Record<string, string> => {
  const annotations = { ...current };
  for (const [name, value] of Object.entries(deployment.metadata.annotations ?? {})) if (!notCopied.has(name)) annotations[name] = value;
  const old = annotations[revisionAnnotation];
  const before = old === undefined ? 0 : count(old);
  if (before === undefined || before >= revision) return annotations;
  annotations[revisionAnnotation] = String(revision);
  if (old === undefined) return annotations;
  // A return to an old template: the numbers it had are kept.
  const history = annotations[historyAnnotation] ? annotations[historyAnnotation].split(',') : [];
  history.push(old);
  while (history.length > 1 && history.join().length > historyLength) history.shift();
  annotations[historyAnnotation] = history.join();
  return annotations;
};

/** The Deployment's annotations after going back to a ReplicaSet's revision. */
export const annotationsAfterRollback = (deployment: Deployment, to: ReplicaSet): Record<string, string> => {
  const annotations: Record<string, string> = {};
  for (const [name, value] of Object.entries(deployment.metadata.annotations ?? {})) if (notCopied.has(name)) annotations[name] = value;
  for (const [name, value] of Object.entries(to.metadata.annotations ?? {})) if (!notCopied.has(name)) annotations[name] = value;
  return annotations;
};
