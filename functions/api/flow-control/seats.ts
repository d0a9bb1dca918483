/**
 * How many seats a request takes: one, or for a list (and the start of a watch that begins with one) as many as the bytes it brings together (apiserver
 * `flowcontrol/request/list_work_estimator.go`). Upstream also counts the watchers of what is written; here their events are part of the work of the
 * event loop that the writer waits for anyway.
 */
import type { Registry } from '../../../kinds/resource.ts';
import type { Replicas } from '../../../store/replica.ts';
import type { RequestInfo } from '../types.ts';

/** What is known of a resource without asking anybody. */
export interface Extent {
  readonly objects: number;
  readonly bytesEach: number;
}

const bytesPerSeat = 100_000;
/** A list from memory is sent piece by piece: never more than this at once. */
const heldAtOnce = 1_000_000;
const widestList = 100;

export const seatsOf = ({ verb, query, target }: RequestInfo, widest: number, extent: () => Extent | undefined): number => {
  if (!target || (verb !== 'list' && verb !== 'watch')) return 1;
  if (target.name || query.get('fieldSelector')?.startsWith('metadata.name=')) return 1;
  if (verb === 'watch') {
    const revision = query.get('resourceVersion');
    const fromNow = revision === null || revision === '' || revision === '0';
    if (!fromNow && query.get('sendInitialEvents') !== 'true') return 1;
  }
  const known = extent();
  if (known === undefined) return 1;
  const limit = Number(query.get('limit') ?? 0);
  const objects = limit > 0 ? Math.min(limit, known.objects) : known.objects;
  const seats = Math.ceil(Math.min(objects * known.bytesEach, heldAtOnce) / bytesPerSeat);
  return Math.max(1, Math.min(seats, widest, widestList));
};

/** By a few of the objects; undefined for what is not in memory: whoever loads it learns what it costs, and the next is counted. */
export const extentIn =
  (registry: Registry, replicas: Replicas) =>
  ({ target }: RequestInfo): Extent | undefined => {
    if (!target) return undefined;
    const resource = registry.find(target.group, target.version, target.resource);
    const replica = resource && replicas.loaded(resource.storage.name);
    const entries = replica?.list(resource?.namespaced && target.namespace ? { namespace: target.namespace } : {});
    if (!entries?.length) return entries && { objects: 0, bytesEach: 0 };
    const some = [0, 0.5, 1].map(part => entries[Math.floor(part * (entries.length - 1))]?.bytes.byteLength ?? 0);
    return { objects: entries.length, bytesEach: some.reduce((sum, bytes) => sum + bytes, 0) / some.length };
  };
