/** What a write through the `status` subresource leaves alone. */
import { copyJson } from '../copy.ts';
import type { KubeObject } from '../object.ts';
import type { SubresourceStrategy } from '../strategy.ts';

const writable = new Set(['apiVersion', 'kind', 'metadata', 'status']);

/** Everything but status and metadata is as it was. */
export const keepAllButStatus = (next: KubeObject, previous: KubeObject): void => {
  for (const field of Object.keys(next)) if (!writable.has(field)) delete next[field];
  for (const field of Object.keys(previous)) if (!writable.has(field) && field !== '__proto__') next[field] = copyJson(previous[field]);
};

const kept = ['deletionTimestamp', 'generation', 'labels', 'annotations', 'finalizers', 'ownerReferences'] as const;
/** Newer kinds keep metadata from such a write as well (`ResetObjectMetaForStatus` upstream). */
export const keepMetadata = (next: KubeObject, previous: KubeObject): void => {
  const metadata = next.metadata as unknown as Record<string, unknown>;
  for (const field of kept) {
    if (previous.metadata[field] === undefined) delete metadata[field];
    else metadata[field] = copyJson(previous.metadata[field]);
  }
};

/** The status subresource of kinds without rules of their own. */
export const plainStatus: SubresourceStrategy = { prepareForUpdate: keepAllButStatus };
export const strictStatus: SubresourceStrategy = {
  prepareForUpdate(next, previous) {
    keepAllButStatus(next, previous);
    keepMetadata(next, previous);
  },
};
