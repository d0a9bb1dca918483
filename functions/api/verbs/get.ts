/** GET of one object: its stored bytes. */
import { notFound } from '../../../kinds/status.ts';
import type { Entry } from '../../../store/replica.ts';
import {
  type Answer,
  type Call,
  type Exchange,
  groupResource,
  type ObjectAnswer,
  replicaOf,
  requireSegment,
  toServed,
} from '../context.ts';
import { prepareEntries } from '../conversion.ts';
import { requireRevision } from '../options.ts';
import { tooLargeRevision } from './list.ts';

export const entryAnswer = (call: Call, entry: Entry): ObjectAnswer => ({
  type: 'object',
  code: 200,
  object: () => toServed(call.resource, entry.object),
  ...(call.resource.storage.fromStored ? {} : { bytes: entry.bytes }),
});

/** Linearizable. Throws `notFound`. */
export const readEntry = async (call: Call): Promise<Entry> => {
  requireSegment(call.name);
  const opened = replicaOf(call.services, call.resource.storage.name);
  const replica = opened instanceof Promise ? await opened : opened;
  await replica.sync();
  const entry = replica.get(call.namespace, call.name);
  if (!entry) throw notFound(groupResource(call.resource), call.name);
  await prepareEntries(call, [entry]);
  return entry;
};

export const get = async (exchange: Exchange): Promise<Answer> => {
  const asked = exchange.info.query.get('resourceVersion');
  const revision = asked ? requireRevision(asked) : 0;
  if (revision > 0) {
    const opened = replicaOf(exchange.services, exchange.resource.storage.name);
    const replica = opened instanceof Promise ? await opened : opened;
    await replica.sync();
    if (revision > replica.revision) throw tooLargeRevision(revision, replica.revision);
  }
  return entryAnswer(exchange, await readEntry(exchange));
};
