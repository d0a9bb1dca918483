/**
 * Rolls a Deployment out: one ReplicaSet a template, grown and shrunk so that never too few are available and never too many exist
 * (upstream: `pkg/controller/deployment`).
 *
 * One pass takes the first step that is due and writes the status last, with all that changed in it. Two copies decide the same from the
 * same state and write with expected revisions; a new ReplicaSet has its name from the hash of its template, so both create the same.
 */
import { semanticEqual } from '../../kinds/equality.ts';
import { fromLabelSelector, matchesLabels } from '../../kinds/selector/label-selector.ts';
import { isAlreadyExists, isConflict, isNotFound } from '../../kinds/status.ts';
import type { Deployment, Pod, ReplicaSet } from '../../kinds/types.ts';
import {
  condition,
  conditionOf,
  type DeploymentStatus,
  deadlineOf,
  isComplete,
  judgeProgress,
  progressCheckIn,
  setCondition,
  statusOf,
} from './deployment/conditions.ts';
import {
  annotationsAfterRollback,
  annotationsOfNew,
  byCreation,
  byRevision,
  desiredOf,
  findNew,
  maxBefore,
  revisionAnnotation,
  revisionOf,
  rollbackAnnotation,
  sizeAnnotations,
} from './deployment/revisions.ts';
import { newSize, proportionally, type Sizes, sizeOf, sizesOf, total } from './deployment/sizes.ts';
import { namespaceIsGoing } from './errors.ts';
import { claim, controllerOf, controllerReference, type OwnerKind, orphanChanged, ownerKeys } from './owners.ts';
import { isTerminal } from './pod-state.ts';
import { type Key, keyOf, type ReconcileContext, type Reconciler, type Result, splitKey } from './reconciler.ts';
import { sameTemplate, templateHash, templateHashLabel } from './template.ts';

const kind: OwnerKind = { resource: 'deployments.apps', apiVersion: 'apps/v1', kind: 'Deployment' };
const sets = 'replicasets.apps';

export const deploymentReconciler: Reconciler = {
  name: 'deployment-controller',
  watches: [
    { resource: kind.resource },
    {
      resource: sets,
      keys: (event, replica) => {
        const keys = ownerKeys(event, kind);
        if (orphanChanged(event)) {
          for (const { object } of replica(kind.resource).list({ namespace: event.entry.namespace })) {
            const selector = fromLabelSelector((object as unknown as Deployment).spec?.selector);
            if (matchesLabels(selector, event.entry.object.metadata.labels)) keys.add(keyOf(object));
          }
        }
        return keys;
      },
    },
    {
      // Recreate waits for the last old pod to be gone.
      resource: 'pods',
      keys: (event, replica) => {
        const owner = event.type === 'DELETED' ? controllerOf(event.entry.object) : undefined;
        const set = owner?.kind === 'ReplicaSet' ? replica(sets).get(event.entry.namespace, owner.name)?.object : undefined;
        const deployment = set && controllerOf(set);
        return deployment?.kind === kind.kind ? [`${event.entry.namespace}/${deployment.name}`] : [];
      },
    },
  ],
  reconcile: (key, context) => reconcile(key, context),
};

/** What one pass works on. `draft` is a copy whose status and annotations collect what is to be written at the end. */
interface Pass {
  readonly context: ReconcileContext;
  readonly stored: Deployment;
  readonly draft: Deployment;
  readonly sizes: Sizes;
  old: ReplicaSet[];
  fresh: ReplicaSet | undefined;
}

const allOf = ({ old, fresh }: Pass): ReplicaSet[] => (fresh ? [...old, fresh] : old);
const active = (list: readonly ReplicaSet[]): ReplicaSet[] => list.filter(set => sizeOf(set) > 0);

const reconcile = async (key: Key, context: ReconcileContext): Promise<Result> => {
  const { namespace, name } = splitKey(key);
  await Promise.all([context.replica(kind.resource).sync(), context.replica(sets).sync()]);
  const stored = context.replica(kind.resource).get(namespace, name)?.object as Deployment | undefined;
  if (!stored) return undefined;
  const draft = structuredClone(stored);
  draft.status ??= {};

  if (semanticEqual(draft.spec?.selector, {})) {
    context.event(draft, 'Warning', 'SelectingAll', 'This deployment is selecting all pods. A non-empty selector is required.');
    draft.status.observedGeneration = draft.metadata.generation ?? 0;
    await writeStatus(stored, draft, context);
    return undefined;
  }

  const claimed = (await claim({
    owner: stored,
    kind,
    selector: fromLabelSelector(stored.spec?.selector),
    replica: context.replica(sets),
    client: context.client,
  })) as ReplicaSet[];
  const fresh = findNew(draft, claimed);
  const old = claimed.filter(set => set !== fresh).sort(byCreation);
  const pass: Pass = { context, stored, draft, sizes: sizesOf(draft), old, fresh };

  if (draft.metadata.deletionTimestamp) {
    await adoptNew(pass);
    return finish(pass, false);
  }
  notePause(pass);
  if (!draft.spec?.paused && rollbackTo(draft) !== undefined) return rollBack(pass);
  await adoptNew(pass);
  if (draft.spec?.paused || isScaling(pass)) {
    await scale(pass);
    if (draft.spec?.paused) await cleanUp(pass);
    return finish(pass, false);
  }
  try {
    if (pass.sizes.rolling) await rollOut(pass);
    else await recreate(pass);
  } catch (error) {
    if (namespaceIsGoing(error)) return undefined;
    throw error;
  }
  return finish(pass, true);
};

const finish = async (pass: Pass, judge: boolean): Promise<Result> => {
  const { context, stored, draft, sizes } = pass;
  const now = context.clock.now();
  const status = statusOf(draft, allOf(pass), pass.fresh, sizes, now);
  if (judge) judgeProgress(draft, status, allOf(pass), pass.fresh, now);
  draft.status = status;
  await writeStatus(stored, draft, context);
  const after = judge ? progressCheckIn(draft, status, now) : undefined;
  return after === undefined ? undefined : { after };
};

const writeStatus = async (stored: Deployment, draft: Deployment, context: ReconcileContext): Promise<void> => {
  const sameAnnotations = semanticEqual(stored.metadata.annotations, draft.metadata.annotations);
  if (sameAnnotations && semanticEqual(stored.status, draft.status)) return;
  await context.client.update(kind.resource, draft, { subresource: 'status' });
};

/** A pause stops the clock of the progress deadline, a resumption starts it anew. */
const notePause = ({ draft, context }: Pass): void => {
  if (deadlineOf(draft) === undefined) return;
  const current = conditionOf(draft.status, 'Progressing');
  if (current?.reason === 'ProgressDeadlineExceeded') return;
  const noted = current?.reason === 'DeploymentPaused';
  const status = draft.status as DeploymentStatus;
  const now = context.clock.now();
  if (draft.spec?.paused && !noted) {
    setCondition(status, condition('Progressing', 'Unknown', 'DeploymentPaused', 'Deployment is paused', now));
  } else if (!draft.spec?.paused && noted) {
    setCondition(status, condition('Progressing', 'Unknown', 'DeploymentResumed', 'Deployment is resumed', now));
  }
};

const nextRevision = ({ old }: Pass): number => Math.max(0, ...old.map(revisionOf)) + 1;

/** Brings the existing new ReplicaSet up to date: newest revision, copied annotations, minReadySeconds. */
const adoptNew = async (pass: Pass): Promise<void> => {
  const { fresh, draft, context } = pass;
  if (!fresh) return;
  const annotations = annotationsOfNew(draft, fresh.metadata.annotations ?? {}, nextRevision(pass));
  const minReadySeconds = draft.spec?.minReadySeconds ?? 0;
  if (!semanticEqual(annotations, fresh.metadata.annotations) || (fresh.spec?.minReadySeconds ?? 0) !== minReadySeconds) {
    const next = structuredClone(fresh);
    next.metadata.annotations = annotations;
    if (next.spec) next.spec.minReadySeconds = minReadySeconds;
    pass.fresh = await context.client.update(sets, next);
  }
  setRevision(draft, annotations[revisionAnnotation]);
  if (deadlineOf(draft) !== undefined && !conditionOf(draft.status, 'Progressing')) {
    const message = `Found new replica set "${fresh.metadata.name}"`;
    setCondition(draft.status as DeploymentStatus, condition('Progressing', 'True', 'FoundNewReplicaSet', message, context.clock.now()));
  }
};

const setRevision = (draft: Deployment, revision: string | undefined): void => {
  if (revision !== undefined) draft.metadata.annotations = { ...draft.metadata.annotations, [revisionAnnotation]: revision };
};

const makeNew = async (pass: Pass): Promise<ReplicaSet> => {
  const { draft, context, sizes } = pass;
  const now = context.clock.now();
  const template = structuredClone(draft.spec?.template ?? {});
  const hash = templateHash(template, draft.status?.collisionCount ?? 0);
  const labels = { ...template.metadata?.labels, [templateHashLabel]: hash };
  template.metadata = { ...template.metadata, labels };
  const selector = draft.spec?.selector ?? {};
  const revision = nextRevision(pass);
  const replicas = newSize(sizes, pass.old, 0);
  const name = `${draft.metadata.name.slice(0, 253 - 1 - hash.length)}-${hash}`;
  const set: ReplicaSet = {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name,
      namespace: draft.metadata.namespace ?? '',
      labels,
      annotations: { ...annotationsOfNew(draft, {}, revision), ...sizeAnnotations(sizes) },
      ownerReferences: [controllerReference(draft, kind)],
    },
    spec: {
      replicas,
      ...(draft.spec?.minReadySeconds ? { minReadySeconds: draft.spec.minReadySeconds } : {}),
      selector: { ...selector, matchLabels: { ...selector.matchLabels, [templateHashLabel]: hash } },
      template,
    },
  };
  let made: ReplicaSet;
  try {
    made = await context.client.create(sets, set);
  } catch (error) {
    if (isAlreadyExists(error)) {
      const found = await context.client.get<ReplicaSet>(sets, set.metadata.namespace ?? '', name);
      const ours = controllerOf(found)?.uid === draft.metadata.uid;
      // Another copy made it a moment ago.
      if (ours && found.spec?.template && draft.spec?.template && sameTemplate(found.spec.template, draft.spec.template)) return found;
      // The hash belongs to a different template: count the collision, the next pass hashes with it.
      (draft.status as DeploymentStatus).collisionCount = (draft.status?.collisionCount ?? 0) + 1;
      await writeStatus(pass.stored, draft, context);
      throw error;
    }
    if (isConflict(error) || namespaceIsGoing(error)) throw error;
    const message = `Failed to create new replica set "${name}": ${error instanceof Error ? error.message : String(error)}`;
    if (deadlineOf(draft) !== undefined) {
      setCondition(draft.status as DeploymentStatus, condition('Progressing', 'False', 'ReplicaSetCreateError', message, now));
      await writeStatus(pass.stored, draft, context);
    }
    context.event(draft, 'Warning', 'ReplicaSetCreateError', message);
    throw error;
  }
  if (replicas > 0) context.event(draft, 'Normal', 'ScalingReplicaSet', `Scaled up replica set ${name} from 0 to ${replicas}`);
  setRevision(draft, String(revision));
  if (deadlineOf(draft) !== undefined) {
    const message = `Created new replica set "${name}"`;
    setCondition(draft.status as DeploymentStatus, condition('Progressing', 'True', 'NewReplicaSetCreated', message, now));
  }
  return made;
};

/** Gives a ReplicaSet another size; true when it changed. `annotate` updates the sizing annotations even if the size is right. */
const resize = async (pass: Pass, set: ReplicaSet, size: number, annotate = false): Promise<boolean> => {
  const before = sizeOf(set);
  const wanted = sizeAnnotations(pass.sizes);
  const stale = Object.entries(wanted).some(([name, value]) => set.metadata.annotations?.[name] !== value);
  if (before === size && !(annotate && stale)) return false;
  const next = structuredClone(set);
  next.spec = { ...(next.spec as NonNullable<ReplicaSet['spec']>), replicas: size };
  next.metadata.annotations = { ...next.metadata.annotations, ...wanted };
  const written = await pass.context.client.update(sets, next);
  if (pass.fresh === set) pass.fresh = written;
  else pass.old = pass.old.map(each => (each === set ? written : each));
  if (before === size) return false;
  const direction = before < size ? 'up' : 'down';
  const message = `Scaled ${direction} replica set ${set.metadata.name} from ${before} to ${size}`;
  pass.context.event(pass.draft, 'Normal', 'ScalingReplicaSet', message);
  return true;
};

const isScaling = (pass: Pass): boolean =>
  active(allOf(pass)).some(set => {
    const desired = desiredOf(set);
    return desired !== undefined && desired !== pass.sizes.replicas;
  });

/** A change of size outside a rollout, or in the middle of one: then every ReplicaSet gets its share. */
const scale = async (pass: Pass): Promise<void> => {
  const { sizes, draft } = pass;
  const busy = active(allOf(pass));
  if (busy.length <= 1) {
    const only = busy[0] ?? pass.fresh ?? pass.old.at(-1);
    if (only) await resize(pass, only, sizes.replicas);
    return;
  }
  if (pass.fresh && isSaturated(pass.fresh, sizes)) {
    for (const set of active(pass.old)) await resize(pass, set, 0);
    return;
  }
  if (!sizes.rolling) return;
  const allowed = sizes.replicas > 0 ? sizes.replicas + sizes.maxSurge : 0;
  const change = allowed - total(busy, sizeOf);
  // The largest first; of equals the newer when growing, the older when shrinking.
  const order = change < 0 ? byCreation : (a: ReplicaSet, b: ReplicaSet) => byCreation(b, a);
  busy.sort((a, b) => sizeOf(b) - sizeOf(a) || order(a, b));
  const wished = proportionally(busy, change, sizes, set => maxBefore(set) || (draft.status?.replicas ?? 0));
  for (const [i, set] of busy.entries()) await resize(pass, set, wished[i] ?? sizeOf(set), true);
};

const isSaturated = (set: ReplicaSet, { replicas }: Sizes): boolean =>
  sizeOf(set) === replicas && desiredOf(set) === replicas && (set.status?.availableReplicas ?? 0) === replicas;

const rollOut = async (pass: Pass): Promise<void> => {
  const { sizes, draft } = pass;
  pass.fresh ??= await makeNew(pass);
  const current = sizeOf(pass.fresh);
  if (current !== sizes.replicas) {
    const size = current > sizes.replicas ? sizes.replicas : newSize(sizes, allOf(pass), current);
    if (await resize(pass, pass.fresh, size)) return;
  }
  if (await shrinkOld(pass)) return;
  if (isComplete(draft, draft.status)) await cleanUp(pass);
};

/** First the old pods that serve nobody, then as many of the others as availability allows. */
const shrinkOld = async (pass: Pass): Promise<boolean> => {
  const { sizes, fresh } = pass;
  if (!fresh || total(pass.old, sizeOf) === 0) return false;
  const least = sizes.replicas - sizes.maxUnavailable;
  const missing = sizeOf(fresh) - (fresh.status?.availableReplicas ?? 0);
  const most = total(allOf(pass), sizeOf) - least - missing;
  if (most <= 0) return false;
  let removed = 0;
  for (const set of active(pass.old)) {
    const unhealthy = sizeOf(set) - (set.status?.availableReplicas ?? 0);
    const count = Math.min(most - removed, unhealthy);
    if (count <= 0) continue;
    await resize(pass, set, sizeOf(set) - count);
    removed += count;
  }
  let spare = total(allOf(pass), set => set.status?.availableReplicas) - least;
  for (const set of active(pass.old)) {
    const count = Math.min(sizeOf(set), spare);
    if (count <= 0) break;
    await resize(pass, set, sizeOf(set) - count);
    spare -= count;
    removed += count;
  }
  return removed > 0;
};

const recreate = async (pass: Pass): Promise<void> => {
  const { draft, sizes, context } = pass;
  let shrunk = false;
  for (const set of active(pass.old)) shrunk = (await resize(pass, set, 0)) || shrunk;
  if (shrunk) return;
  await context.replica('pods').sync();
  if (oldPodsRun(pass)) return;
  pass.fresh ??= await makeNew(pass);
  await resize(pass, pass.fresh, sizes.replicas);
  if (isComplete(draft, draft.status)) await cleanUp(pass);
};

const oldPodsRun = ({ old, draft, context }: Pass): boolean =>
  total(old, set => set.status?.replicas) > 0 ||
  old.some(set =>
    context
      .replica('pods')
      .list({ namespace: draft.metadata.namespace ?? '', ownerUid: set.metadata.uid ?? '' })
      .some(({ object }) => !isTerminal(object as Pod)),
  );

/** Forgets old ReplicaSets beyond the history limit, oldest revision first. */
const cleanUp = async ({ old, draft, context }: Pass): Promise<void> => {
  const limit = draft.spec?.revisionHistoryLimit;
  if (limit === undefined || limit === 2147483647) return;
  const kept = old.filter(set => !set.metadata.deletionTimestamp).sort(byRevision);
  for (const set of kept.slice(0, Math.max(0, kept.length - limit))) {
    const observed = (set.metadata.generation ?? 0) <= (set.status?.observedGeneration ?? 0);
    if ((set.status?.replicas ?? 0) !== 0 || sizeOf(set) !== 0 || !observed) continue;
    try {
      const preconditions = { uid: set.metadata.uid ?? '' };
      await context.client.delete(sets, set.metadata.namespace ?? '', set.metadata.name, { preconditions });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
};

const rollbackTo = (deployment: Deployment): number | undefined => {
  const text = deployment.metadata.annotations?.[rollbackAnnotation];
  return text !== undefined && /^-?[0-9]{1,18}$/.test(text) ? Number(text) : undefined;
};

/** The old API's rollback, kept in an annotation: 0 means the revision before the newest. */
const rollBack = async (pass: Pass): Promise<Result> => {
  const { draft, context } = pass;
  const all = allOf(pass);
  const asked = rollbackTo(draft) ?? 0;
  const revision = asked === 0 ? ([...new Set(all.map(revisionOf))].sort((a, b) => b - a)[1] ?? 0) : asked;
  const target = revision === 0 ? undefined : all.find(set => revisionOf(set) === revision);
  const { [rollbackAnnotation]: _, ...annotations } = draft.metadata.annotations ?? {};
  draft.metadata.annotations = annotations;
  if (!target) {
    const what = revision === 0 ? 'Unable to find last revision.' : 'Unable to find the revision to rollback to.';
    context.event(draft, 'Warning', 'DeploymentRollbackRevisionNotFound', what);
  } else if (target.spec?.template && draft.spec && !sameTemplate(target.spec.template, draft.spec.template)) {
    const template = structuredClone(target.spec.template);
    if (template.metadata?.labels) delete template.metadata.labels[templateHashLabel];
    draft.spec.template = template;
    draft.metadata.annotations = annotationsAfterRollback(draft, target);
    const message = `Rolled back deployment "${draft.metadata.name}" to revision ${revision}`;
    context.event(draft, 'Normal', 'DeploymentRollback', message);
  } else {
    const message = `The rollback revision contains the same template as current deployment "${draft.metadata.name}"`;
    context.event(draft, 'Warning', 'DeploymentRollbackTemplateUnchanged', message);
  }
  await context.client.update(kind.resource, draft);
  return undefined;
};
