/**
 * Counts what the objects of a namespace use, and takes over the limits of its quotas (upstream: `pkg/controller/resourcequota`). Admission
 * adds what is made; this finds what has gone, ended or shrunk, and fills in quotas that are new or changed.
 *
 * A count is written only if the quota is as it was before counting began, so that nothing admitted meanwhile is lost. What is made
 * under limits that are not in force yet leaves the quota alone, but bumps its guard.
 */

import type { KubeObject } from '../../kinds/object.ts';
import { type Quantity, zero } from '../../kinds/quantity.ts';
import { addTo, formatAmounts, mask, parseAmounts, sameAmounts } from '../../kinds/quota/amounts.ts';
import { isFilled } from '../../kinds/quota/charge.ts';
import { type Evaluator, evaluatorOf } from '../../kinds/quota/evaluators.ts';
import { fillingGuard } from '../../kinds/quota/guard.ts';
import { type ResourceQuota, requirementsOf } from '../../kinds/quota/scopes.ts';
import type { Registry } from '../../kinds/resource.ts';
import { isConflict, isNotFound } from '../../kinds/status.ts';
import type { ReplicaEvent } from '../../store/replica.ts';
import { type Key, keyOf, type ReconcileContext, type Reconciler, type Result, splitKey, type Watch } from './reconciler.ts';
import { deletableResources } from './resources.ts';

const quotas = 'resourcequotas';
/** Some of what pods use ends with time alone. */
const resync = 300_000;
/** When others write the quota faster than it can be counted. */
const soon = 100;

/** A stored resource, and how it counts. */
interface Counted {
  readonly resource: string;
  readonly evaluator: Evaluator;
}

export const resourceQuotaReconciler = (registry: Registry): Reconciler => {
  const counted = (): Counted[] =>
    deletableResources(registry).flatMap(({ namespaced, storage, group, resource }) => {
      const evaluator = namespaced ? evaluatorOf(group, resource) : undefined;
      return evaluator ? [{ resource: storage.name, evaluator }] : [];
    });
  return {
    name: 'resourcequota-controller',
    get watches() {
      return counted().map(({ resource, evaluator }): Watch => {
        const others = concerned(evaluator);
        if (resource !== quotas) return { resource, keys: others };
        return { resource, keys: (event, replica) => [...own(event), ...others(event, replica)] };
      });
    },
    reconcile: (key, context) => reconcile(key, context, counted()),
  };
};

/** What admission wrote into a quota is no news. */
const own = ({ type, entry, previous }: ReplicaEvent): Key[] => {
  const [next, before] = [entry.object as ResourceQuota, previous?.object as ResourceQuota | undefined];
  if (type === 'DELETED') return [];
  const same = before && JSON.stringify([next.spec, next.status?.hard]) === JSON.stringify([before.spec, before.status?.hard]);
  return same ? [] : [keyOf(next)];
};

/** Quotas that may have room again. What is made has been counted by admission. */
const concerned =
  (evaluator: Evaluator) =>
  ({ type, entry, previous }: ReplicaEvent, replica: ReconcileContext['replica']): Key[] => {
    if (type === 'ADDED') return [];
    const { namespace, object } = entry;
    const about = replica(quotas)
      .list({ namespace })
      .filter(quota => Object.keys((quota.object as ResourceQuota).spec?.hard ?? {}).some(evaluator.counts));
    if (about.length === 0) return [];
    const changed = type === 'DELETED' || !previous || isChanged(evaluator, object, previous.object);
    return about
      .filter(quota => changed || changesScope(evaluator, quota.object as ResourceQuota, object, previous.object))
      .map(quota => keyOf(quota.object as ResourceQuota));
  };

/** No time passes between the two. */
const isChanged = (evaluator: Evaluator, next: KubeObject, previous: KubeObject): boolean =>
  !sameAmounts(evaluator.usage(next, 0), evaluator.usage(previous, 0));
const changesScope = (evaluator: Evaluator, quota: ResourceQuota, next: KubeObject, previous: KubeObject): boolean =>
  requirementsOf(quota).some(scope => evaluator.inScope?.(scope, next) !== evaluator.inScope?.(scope, previous));

const reconcile = async (key: Key, context: ReconcileContext, all: readonly Counted[]): Promise<Result> => {
  const { namespace, name } = splitKey(key);
  const find = (): ResourceQuota | undefined => context.replica(quotas).get(namespace, name)?.object as ResourceQuota | undefined;
  const known = find();
  if (!known) return undefined;
  // Guard, quota, objects, in this order: whatever comes after its part was read moves the guard or the quota.
  const row = fillingGuard(known);
  const seen = await context.log.guard(row);
  await context.replica(quotas).sync();
  const quota = find();
  if (!quota || quota.metadata.uid !== known.metadata.uid) return undefined;
  const { hard = {} } = quota.spec ?? {};
  const limited = Object.keys(hard);
  const counting = all.filter(({ evaluator }) => limited.some(evaluator.counts));
  await Promise.all(counting.map(({ resource }) => context.replica(resource).sync()));

  const used = new Map(mask(parseAmounts(quota.status?.used), each => Object.hasOwn(hard, each)));
  for (const one of counting) for (const [each, quantity] of count(quota, one, limited, context)) used.set(each, quantity);
  const before = quota.status;
  const taken = before?.used !== undefined && sameAmounts(parseAmounts(before.hard), parseAmounts(hard));
  if (taken && sameAmounts(used, parseAmounts(before.used))) return { after: resync };
  const guards = isFilled(quota, () => true) ? {} : { guards: [{ row, seen }] };
  try {
    const next = { ...quota, status: { hard, used: formatAmounts(used) } };
    await context.client.update(quotas, next, { subresource: 'status', ...guards });
  } catch (error) {
    if (isConflict(error)) return { after: soon };
    if (!isNotFound(error)) throw error;
    return undefined;
  }
  return { after: resync };
};

const count = (quota: ResourceQuota, { resource, evaluator }: Counted, limited: readonly string[], context: ReconcileContext) => {
  const scopes = requirementsOf(quota);
  const total = new Map<string, Quantity>(limited.filter(evaluator.counts).map(name => [name, zero]));
  const now = context.clock.now();
  for (const { object } of context.replica(resource).list({ namespace: quota.metadata.namespace ?? '' })) {
    if (!scopes.every(scope => evaluator.inScope?.(scope, object) ?? false)) continue;
    addTo(
      total,
      mask(evaluator.usage(object, now), name => total.has(name)),
    );
  }
  return total;
};
