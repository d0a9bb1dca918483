/**
 * Nothing is made that its namespace's quotas have no room for (apiserver `pkg/admission/plugin/resourcequota`). The new usage is written to the
 * quotas in the commit of the object itself, so that however many write at once, in however many processes, none is forgotten and
 * none is counted that failed.
 *
 *   evaluate against the quotas as they are -> commit object and usage, both or neither -> lost a quota to another writer: again
 *
 * A quota whose limits its controller has yet to take over holds nothing back, but bumps a guard with every write, which the
 * controller bumps too when it fills the quota in: what came between its counting and its writing makes it count anew.
 */

import type { Clock } from '../../../kinds/environment.ts';
import { charge, isFilled } from '../../../kinds/quota/charge.ts';
import { type Evaluator, evaluatorOf, type QuotaWrite } from '../../../kinds/quota/evaluators.ts';
import { fillingGuard } from '../../../kinds/quota/guard.ts';
import type { ResourceQuota } from '../../../kinds/quota/scopes.ts';
import { conflict, optimisticLock } from '../../../kinds/status.ts';
import type { Guard, Mutation } from '../../../store/log.ts';
import type { Entry, Replica, Replicas } from '../../../store/replica.ts';
import type { AdmissionPlugin, AdmissionRequest, AroundCommit } from '../admission.ts';
import { type Allocation, nothingClaimed } from '../allocator.ts';
import { atRevision, serialize } from '../wire.ts';
import { refused } from './forbidden.ts';

const quotas = 'resourcequotas';
const attempts = 64;

/** Writers of one namespace in this process queue up instead of overtaking each other again and again; nothing rests on it. */
class Turns {
  private readonly last = new Map<string, Promise<unknown>>();
  async take<T>(name: string, run: () => Promise<T>): Promise<T> {
    const before = this.last.get(name) ?? Promise.resolve();
    // Whatever became of the one before, who waits for it has heard of it.
    const mine = before.then(run, run);
    this.last.set(name, mine);
    try {
      return await mine;
    } finally {
      if (this.last.get(name) === mine) this.last.delete(name);
    }
  }
}

const putStatus = ({ namespace, name, revision, object }: Entry, used: Record<string, string>): Mutation => {
  const quota = object as ResourceQuota;
  const serialized = serialize({ ...quota, status: { ...quota.status, used } });
  return { type: 'put', key: { resource: quotas, namespace, name }, expected: revision, value: at => atRevision(serialized, at) };
};

/** What the write adds to its commit; throws where it does not fit. */
const evaluate = async (
  request: AdmissionRequest,
  evaluator: Evaluator,
  entries: readonly Entry[],
  now: number,
  guardOf: (row: string) => Promise<number>,
): Promise<Allocation> => {
  const { object, previous, subresource } = request;
  if (!object) return nothingClaimed;
  const write: QuotaWrite = { operation: previous ? 'UPDATE' : 'CREATE', subresource, object, previous };
  const all = entries.map(entry => entry.object as ResourceQuota);
  const verdict = charge(all, evaluator, write, now);
  if ('refused' in verdict) throw refused(request, verdict.refused);
  const mutations = verdict.charges.flatMap(({ quota, used }) => {
    const entry = entries[all.indexOf(quota)];
    return entry ? [putStatus(entry, used)] : [];
  });
  const guards: Guard[] = [];
  for (const quota of all) {
    if (isFilled(quota, evaluator.counts)) continue;
    const row = fillingGuard(quota);
    guards.push({ row, seen: await guardOf(row) });
  }
  return mutations.length === 0 && guards.length === 0 ? nothingClaimed : { mutations, guards };
};

export const resourceQuota = (replicas: Replicas, clock: Clock): AdmissionPlugin => {
  const turns = new Turns();
  const open = async (): Promise<Replica> => replicas.loaded(quotas) ?? (await replicas.open(quotas));

  const around = (request: AdmissionRequest, evaluator: Evaluator): AroundCommit => {
    const { namespace } = request;
    return async (commit, log) => {
      const replica = await open();
      const look = async () => {
        await replica.sync();
        const entries = replica.list({ namespace });
        return { entries, more: await evaluate(request, evaluator, entries, clock.now(), row => log.guard(row)) };
      };
      return turns.take(namespace, async () => {
        let seen = await look();
        for (let attempt = 0; attempt < attempts; attempt++) {
          const outcome = await commit(seen.more);
          if (outcome.type !== 'claimed') return outcome;
          const now = await look();
          // Lost for something else that the write claims: that is for the write to choose anew.
          if (sameClaims(now.more, seen.more)) return outcome;
          seen = now;
        }
        throw conflict({ group: '', resource: quotas }, seen.entries[0]?.name ?? '', optimisticLock);
      });
    };
  };

  return {
    name: 'ResourceQuota',
    async validate(request) {
      const { namespace, operation, object, previous, subresource, resource } = request;
      if (!namespace || !object || !request.commitWith || (operation !== 'CREATE' && operation !== 'UPDATE')) return;
      if (resource.storage.name === 'namespaces') return;
      const evaluator = evaluatorOf(resource.group, resource.resource);
      if (!evaluator?.charges({ operation, subresource, object, previous })) return;
      const replica = await open();
      await replica.sync();
      if (replica.list({ namespace }).length > 0) request.commitWith(around(request, evaluator));
    },
  };
};

const sameClaims = (one: Allocation, other: Allocation): boolean =>
  one.mutations.length === other.mutations.length &&
  one.mutations.every(
    ({ key, expected }, at) => key.name === other.mutations[at]?.key.name && expected === other.mutations[at]?.expected,
  ) &&
  (one.guards ?? []).every(({ row, seen }, at) => other.guards?.[at]?.row === row && other.guards[at]?.seen === seen);
