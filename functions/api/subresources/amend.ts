/** A change the API itself makes to a stored object (a binding, a budget's count): no admission, no managed fields, retried until it fits. */
import type { KubeObject } from '../../../kinds/object.ts';
import { conflict, notFound, optimisticLock } from '../../../kinds/status.ts';
import { put } from '../commit.ts';
import { type Call, groupResource, syncedReplica } from '../context.ts';
import { parse, sameJson } from '../wire.ts';

const attempts = 32;

/** `change` gets a copy of its own of what is stored, in the stored version. It may be called again. */
export const amend = async (call: Call, dryRun: boolean, change: (object: KubeObject) => void): Promise<KubeObject> => {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const replica = await syncedReplica(call.services, call.resource.storage.name);
    const entry = replica.get(call.namespace, call.name);
    if (!entry) throw notFound(groupResource(call.resource), call.name);
    const next = parse(entry.bytes);
    change(next);
    if (dryRun || sameJson(next, entry.object)) return next;
    const outcome = await put(call, next, entry.revision);
    if (outcome.type !== 'stored') continue;
    next.metadata.resourceVersion = String(outcome.stored.revision);
    return next;
  }
  throw conflict(groupResource(call.resource), call.name, optimisticLock);
};
