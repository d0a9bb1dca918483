/** LIST: whole or in chunks, of now or of a kept revision (API concepts, "Resource versions" and "Retrieving large results sets in chunks"). */
import { expired, StatusError } from '../../../kinds/status.ts';
import { ExpiredError } from '../../../store/log.ts';
import type { Entry, Replica } from '../../../store/replica.ts';
import { inOrder } from '../../../store/sorted.ts';
import { type Answer, type Exchange, type ListAnswer, syncedReplica } from '../context.ts';
import { continueExpired, decodeContinue, encodeContinue, isTooOld, keyIn } from '../continue-token.ts';
import { prepareEntries } from '../conversion.ts';
import { asOf } from '../history.ts';
import { type ListOptions, listOptions, parseRevision } from '../options.ts';
import { type Selection, select, selected } from '../selection.ts';

export const tooLargeRevision = (asked: number, current: number): StatusError => {
  const cause = { reason: 'ResourceVersionTooLarge', message: 'Too large resource version' };
  return new StatusError(504, 'Timeout', `Timeout: Too large resource version: ${asked}, current: ${current}`, {
    causes: [cause],
    retryAfterSeconds: 1,
  });
};

export const list = async (exchange: Exchange): Promise<Answer> => {
  const options = listOptions(exchange.info.query, false);
  const selection = select(exchange, options.labelSelector, options.fieldSelector);
  return listSelected(exchange, options, selection);
};

export const listSelected = async (exchange: Exchange, options: ListOptions, selection: Selection): Promise<ListAnswer> => {
  const replica = await syncedReplica(exchange.services, exchange.resource.storage.name);
  // Selections may look into fields.
  if (exchange.resource.storage.conversion) await prepareEntries(exchange, replica.list(selection.query));
  if (options.continue) return continued(exchange, options, selection, replica);
  const { resourceVersion: text, resourceVersionMatch: match, limit } = options;
  const asked = parseRevision(text);
  if (asked > replica.revision) throw tooLargeRevision(asked, replica.revision);
  const exact = match === 'Exact' || (limit > 0 && asked > 0 && !match);
  if (exact) {
    const entries = await past(exchange, replica, selection, asked).catch((error: unknown) => {
      if (error instanceof ExpiredError) throw expired(`The resourceVersion for the provided list is too old.`);
      throw error;
    });
    return chunk(exchange, entries, limit, asked, selection);
  }
  const revision = replica.revision;
  return chunk(exchange, selected(replica, selection), limitOf(options), revision, selection);
};

/** Asked of a cache (`0`), upstream gives everything at once. */
const limitOf = ({ resourceVersion, limit }: ListOptions): number => (resourceVersion === '0' ? 0 : limit);

const past = async (exchange: Exchange, replica: Replica, selection: Selection, revision: number): Promise<readonly Entry[]> => {
  const entries = await asOf(exchange.services.log, replica, exchange.namespace, revision);
  await prepareEntries(exchange, entries);
  return selection.narrowed ? entries.filter(entry => selection.matches(entry)) : entries;
};

const continued = async (exchange: Exchange, options: ListOptions, selection: Selection, replica: Replica): Promise<ListAnswer> => {
  const token = decodeContinue(options.continue);
  const { revision, key, since } = token;
  if (options.resourceVersion && options.resourceVersion !== '0')
    throw new StatusError(400, 'BadRequest', 'specifying resource version is not allowed when using continue');
  if (revision > replica.revision) throw tooLargeRevision(revision, replica.revision);
  const rest = (entries: readonly Entry[]): readonly Entry[] => after(entries, exchange.namespace, key);
  const limit = limitOf(options);
  if (revision < 0) return chunk(exchange, rest(selected(replica, selection)), limit, replica.revision, selection);
  const now = exchange.services.clock.now();
  if (isTooOld(token, now)) throw continueExpired(key);
  const entries = await past(exchange, replica, selection, revision).catch((error: unknown) => {
    if (error instanceof ExpiredError) throw continueExpired(key);
    throw error;
  });
  return chunk(exchange, rest(entries), limit, revision, selection, since ?? now);
};

/** What comes behind a key in the order of the list. */
const after = (entries: readonly Entry[], namespace: string, key: string): readonly Entry[] => {
  const slash = namespace ? -1 : key.indexOf('/');
  const lastNamespace = slash < 0 ? namespace : key.slice(0, slash);
  const lastName = slash < 0 ? key : key.slice(slash + 1);
  const start = entries.findIndex(entry => inOrder(entry, { namespace: lastNamespace, name: lastName }) > 0);
  return start < 0 ? [] : entries.slice(start);
};

const chunk = (
  exchange: Exchange,
  entries: readonly Entry[],
  limit: number,
  revision: number,
  selection: Selection,
  since = exchange.services.clock.now(),
): ListAnswer => {
  const resourceVersion = String(revision);
  if (limit <= 0 || entries.length <= limit) return { type: 'list', entries, metadata: { resourceVersion } };
  const part = entries.slice(0, limit);
  const last = part.at(-1);
  const token = last ? encodeContinue(revision, keyIn(exchange.namespace, last), since) : '';
  const remaining = selection.narrowed ? {} : { remainingItemCount: entries.length - limit };
  return { type: 'list', entries: part, metadata: { resourceVersion, continue: token, ...remaining } };
};
