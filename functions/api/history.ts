/** Objects as of a kept revision: the present, with what changed since taken back. What continued and exact lists read. */
import type { KubeObject } from '../../kinds/object.ts';
import type { Log } from '../../store/log.ts';
import type { Entry, Replica } from '../../store/replica.ts';
import { inOrder } from '../../store/sorted.ts';
import { parse } from './wire.ts';

class Past implements Entry {
  readonly namespace: string;
  readonly name: string;
  readonly bytes: Uint8Array;
  #object: KubeObject | undefined;
  constructor(namespace: string, name: string, bytes: Uint8Array) {
    this.namespace = namespace;
    this.name = name;
    this.bytes = bytes;
  }
  get object(): KubeObject {
    this.#object ??= parse(this.bytes);
    return this.#object;
  }
  get revision(): number {
    return Number(this.object.metadata.resourceVersion ?? 0);
  }
}

/** The replica must be caught up to `revision` at least. Throws `ExpiredError` where history does not reach back so far. */
export const asOf = async (log: Log, replica: Replica, namespace: string | undefined, revision: number): Promise<readonly Entry[]> => {
  // Ends with the replica exactly where the history was read to; nothing can come between that and reading the present.
  const past = new Map<string, Past | undefined>();
  let after = revision;
  while (after < replica.revision) {
    const settled = replica.revision;
    const changes = await log.tail(replica.resource, after);
    for (const change of changes) {
      const { key } = change;
      after = change.revision;
      if (namespace && key.namespace !== namespace) continue;
      const id = `${key.namespace}/${key.name}`;
      // The first change since then tells what there was then.
      if (past.has(id)) continue;
      const { previous } = change;
      past.set(id, previous && new Past(key.namespace, key.name, previous));
    }
    // Revisions may have gaps: all up to here is settled, so what the tail does not have will never come.
    if (changes.length === 0) after = settled;
  }
  const present = replica.list(namespace ? { namespace } : undefined);
  if (past.size === 0) return present;
  const entries = present.filter(entry => !past.has(`${entry.namespace}/${entry.name}`));
  for (const entry of past.values()) if (entry) entries.push(entry);
  return entries.sort(inOrder);
};
