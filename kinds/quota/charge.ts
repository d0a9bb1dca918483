/** What a write costs the quotas of its namespace (apiserver `pkg/admission/plugin/resourcequota/controller.go`). */
import { compare, type Quantity, sign } from '../quantity.ts';
import { addTo, formatAmounts, increase, mask, parseAmounts, sameAmounts, show, type Usage, withoutZeros } from './amounts.ts';
import type { Evaluator, QuotaWrite } from './evaluators.ts';
import { type ResourceQuota, requirementsOf } from './scopes.ts';

/** `used`: the new usage of the quota with everything else in it. */
export interface Charge {
  readonly quota: ResourceQuota;
  readonly used: Record<string, string>;
}
export type Verdict = { readonly refused: string } | { readonly charges: readonly Charge[] };

const isAbout = (quota: ResourceQuota, evaluator: Evaluator, object: QuotaWrite['object']): boolean =>
  Object.keys(quota.status?.hard ?? {}).some(evaluator.counts) &&
  requirementsOf(quota).every(requirement => evaluator.inScope?.(requirement, object) ?? false);

/** Whether the limits of those names are in force; until then nothing is held against them. */
export const isFilled = ({ spec, status }: ResourceQuota, counts: (name: string) => boolean): boolean =>
  Object.entries(spec?.hard ?? {}).every(
    ([name, wire]) => !counts(name) || (status?.hard?.[name] === wire && status.used?.[name] !== undefined),
  );

/** Quotas' own limits count, not what is asked of them: `status.hard`. */
export const charge = (quotas: readonly ResourceQuota[], evaluator: Evaluator, write: QuotaWrite, now: number): Verdict => {
  const { object, previous, operation } = write;
  const concerned: ResourceQuota[] = [];
  for (const quota of quotas) {
    if (!isAbout(quota, evaluator, object)) continue;
    const { hard = {}, used = {} } = quota.status ?? {};
    const names = Object.keys(hard).filter(evaluator.counts).sort();
    const missing = evaluator.missing?.(names, object);
    if (missing) return { refused: `failed quota: ${quota.metadata.name}: ${missing}` };
    if (names.some(name => used[name] === undefined))
      return { refused: `status unknown for quota: ${quota.metadata.name}, resources: ${names.join(',')}` };
    concerned.push(quota);
  }
  if (concerned.length === 0) return { charges: [] };

  const usage = evaluator.usage(object, now);
  const negative = [...usage].filter(([, quantity]) => sign(quantity) < 0).map(([name]) => name);
  if (negative.length > 0) return { refused: `quota usage is negative for resource(s): ${negative.sort().join(',')}` };
  const more = operation === 'UPDATE' && previous ? increase(usage, evaluator.usage(previous, now)) : usage;

  const charges: Charge[] = [];
  for (const quota of concerned) {
    // An object that comes into a quota's scope is new to it.
    const delta = more !== usage && previous && isAbout(quota, evaluator, previous) ? more : usage;
    const { hard = {} } = quota.status ?? {};
    const before = parseAmounts(quota.status?.used);
    const requested = mask(withoutZeros(delta), name => Object.hasOwn(hard, name));
    const used = new Map(before);
    addTo(used, requested);
    const limits = parseAmounts(hard);
    if (write.subresource !== 'status') {
      const exceeded = new Set([...requested.keys()].filter(name => isOver(used.get(name), limits.get(name))));
      if (exceeded.size > 0) {
        const part = (all: Usage): string => show(mask(all, name => exceeded.has(name)));
        const texts = [`requested: ${part(requested)}`, `used: ${part(before)}`, `limited: ${part(limits)}`];
        return { refused: `exceeded quota: ${quota.metadata.name}, ${texts.join(', ')}` };
      }
    }
    if (!sameAmounts(used, before)) charges.push({ quota, used: formatAmounts(used) });
  }
  return { charges };
};

const isOver = (used: Quantity | undefined, limit: Quantity | undefined): boolean =>
  used !== undefined && limit !== undefined && compare(used, limit) > 0;
