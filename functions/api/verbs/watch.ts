/**
 * WATCH: what there is, then what happens. An event's bytes are made once and shared by all who watch in the same form. The stream is pulled:
 * a client that reads slowly makes its own stream wait and nobody else's.
 */
import type { KubeObject } from '../../../kinds/object.ts';
import { apiVersionOf, type Resource } from '../../../kinds/resource.ts';
import { conform } from '../../../kinds/schema/decode.ts';
import { expired, notAcceptable, type Status, StatusError } from '../../../kinds/status.ts';
import { ExpiredError, UnreadableError } from '../../../store/log.ts';
import type { Entry, Replica, ReplicaEvent } from '../../../store/replica.ts';
import { type Answer, type Exchange, syncedReplica, toServed } from '../context.ts';
import { prepareEntries } from '../conversion.ts';
import { jsonHeaders } from '../encode.ts';
import { unreadable } from '../errors.ts';
import { includeOf, partialMetadata, refuseListForm, tableOf } from '../forms.ts';
import { protobufType } from '../negotiate.ts';
import { type ListOptions, listOptions, requireRevision } from '../options.ts';
import { type EventEncoder, type EventType, eventsInProtobuf, protobufStreamHeaders } from '../protobuf.ts';
import { type Selection, select, selected } from '../selection.ts';
import { tooLargeRevision } from './list.ts';

const bookmarkInterval = 60_000;
/** Without a time limit of their own, watches end after 30 to 60 minutes, not all at once (`--min-request-timeout`). */
const shortestWatch = 1_800_000;
/** Initial events are sent in pieces of about this size. */
const pieceBytes = 256 * 1024;

export const watch = async (exchange: Exchange): Promise<Answer> => {
  const options = listOptions(exchange.info.query, true);
  const selection = select(exchange, options.labelSelector, options.fieldSelector);
  const asked = requireRevision(options.resourceVersion);
  const { accept } = exchange;
  if (accept.mediaType === 'yaml') throw notAcceptable(['application/json;stream=watch', `${protobufType};stream=watch`]);
  if (accept.transform)
    refuseListForm(
      exchange,
      accept.transform.kind === 'PartialObjectMetadataList' ? 'PartialObjectMetadata' : accept.transform.kind,
      false,
    );
  if (accept.transform?.kind === 'Table') includeOf(exchange);
  const replica = await syncedReplica(exchange.services, exchange.resource.storage.name);
  const protobuf = accept.mediaType === 'protobuf';
  const form = formOf(exchange, protobuf ? await eventsInProtobuf(exchange.resource) : eventsInJson);
  const body = stream(exchange, form, options, selection, replica, asked, exchange.lasts());
  return { type: 'raw', response: { status: 200, headers: protobuf ? protobufStreamHeaders : jsonHeaders, body } };
};

/** Ends when the client is gone or the time is up; otherwise rejections of the replica end it with an ERROR event. */
async function* stream(
  exchange: Exchange,
  form: Form,
  options: ListOptions,
  selection: Selection,
  replica: Replica,
  asked: number,
  begun: () => void,
): AsyncGenerator<Uint8Array> {
  const { services, request } = exchange;
  const ending = new AbortController();
  const end = () => ending.abort();
  if (request.signal.aborted) return;
  request.signal.addEventListener('abort', end, { once: true });
  const limit = options.timeoutSeconds ? options.timeoutSeconds * 1000 : shortestWatch * (1 + services.random.next());
  const cancelTimeout = services.clock.after(limit, end);
  let bookmarkDue = false;
  let wake = (): void => {};
  let cancelBookmark = (): void => {};
  const planBookmark = (): void => {
    cancelBookmark = services.clock.after(bookmarkInterval, () => {
      bookmarkDue = true;
      wake();
    });
  };
  ending.signal.addEventListener('abort', () => wake(), { once: true });
  try {
    let revision = asked;
    const fromNow = asked === 0;
    if (options.sendInitialEvents ?? fromNow) {
      await replica.sync();
      if (asked > replica.revision) throw tooLargeRevision(asked, replica.revision);
      revision = replica.revision;
      await prepareEntries(exchange, replica.list(selection.query));
      yield* initialEvents(form, selected(replica, selection));
      if (options.sendInitialEvents && options.allowWatchBookmarks) yield form.bookmark(revision, true);
    } else if (fromNow) revision = replica.revision;
    begun();
    if (options.allowWatchBookmarks) planBookmark();
    const batches = replica.watch(Math.min(revision, replica.revision), ending.signal)[Symbol.asyncIterator]();
    let arrived: IteratorResult<{ readonly events: readonly ReplicaEvent[]; readonly revision: number }> | undefined;
    let failure: { readonly error: unknown } | undefined;
    let pending = false;
    while (!ending.signal.aborted) {
      if (!pending && !arrived) {
        pending = true;
        batches.next().then(
          result => {
            arrived = result;
            pending = false;
            wake();
          },
          (error: unknown) => {
            failure = { error };
            pending = false;
            wake();
          },
        );
      }
      if (!arrived && !failure && !bookmarkDue) {
        await new Promise<void>(resolve => {
          wake = resolve;
          if (arrived || failure || bookmarkDue || ending.signal.aborted) resolve();
        });
      }
      if (failure) throw failure.error;
      if (arrived) {
        if (arrived.done) break;
        const { events, revision: reached } = arrived.value;
        arrived = undefined;
        if (exchange.resource.storage.conversion)
          await prepareEntries(
            exchange,
            events.flatMap(({ entry, previous }) => (previous ? [entry, previous] : [entry])),
          );
        const bytes = relevant(form, selection, events, revision);
        revision = Math.max(revision, reached);
        if (bytes) yield bytes;
      }
      if (bookmarkDue) {
        bookmarkDue = false;
        planBookmark();
        yield form.bookmark(revision, false);
      }
    }
  } catch (error) {
    yield form.error(statusOf(error, exchange, asked, replica.revision));
  } finally {
    begun();
    cancelTimeout();
    cancelBookmark();
    request.signal.removeEventListener('abort', end);
    ending.abort();
  }
}

const statusOf = (error: unknown, exchange: Exchange, asked: number, current: number): Status => {
  if (error instanceof ExpiredError) return expired(`too old resource version: ${asked} (${current})`).status;
  if (error instanceof StatusError) return error.status;
  if (error instanceof UnreadableError) return unreadable(error).status;
  exchange.services.logger.error('a watch failed', {
    error: error instanceof Error ? error.stack : String(error),
    path: exchange.info.path,
  });
  return new StatusError(500, 'InternalError', 'the watch was broken off by an internal error').status;
};

async function* initialEvents(form: Form, entries: readonly Entry[]): AsyncGenerator<Uint8Array> {
  let piece: Uint8Array[] = [];
  let size = 0;
  for (const entry of entries) {
    const bytes = form.event('ADDED', entry);
    piece.push(bytes);
    size += bytes.byteLength;
    if (size < pieceBytes) continue;
    yield Buffer.concat(piece, size);
    piece = [];
    size = 0;
  }
  if (size > 0) yield Buffer.concat(piece, size);
}

/** Objects that come to match, or cease to, are ADDED and DELETED to who watches a selection. */
const relevant = (form: Form, selection: Selection, events: readonly ReplicaEvent[], after: number): Uint8Array | undefined => {
  const parts: Uint8Array[] = [];
  for (const { type, entry, previous } of events) {
    if (entry.revision <= after) continue;
    const was = previous !== undefined && selection.matches(previous);
    const is = type !== 'DELETED' && selection.matches(entry);
    if (is) parts.push(form.event(was ? 'MODIFIED' : 'ADDED', entry));
    else if (was) parts.push(type === 'DELETED' ? form.event('DELETED', entry) : form.left(previous, entry.revision));
  }
  if (parts.length === 0) return undefined;
  return parts.length === 1 ? parts[0] : Buffer.concat(parts);
};

interface Form {
  event(type: EventType, entry: Entry): Uint8Array;
  /** An object that ceased to match: its last matching state, with the revision at which it left. */
  left(entry: Entry, revision: number): Uint8Array;
  bookmark(revision: number, initialEnd: boolean): Uint8Array;
  error(status: Status): Uint8Array;
}

const newline = Buffer.from('}\n');
const openings = new Map<EventType, Buffer>();
const openingOf = (type: EventType): Buffer => {
  let opening = openings.get(type);
  if (!opening) {
    opening = Buffer.from(`{"type":"${type}","object":`);
    openings.set(type, opening);
  }
  return opening;
};
const wrap = (type: EventType, object: Uint8Array): Uint8Array => Buffer.concat([openingOf(type), object, newline]);
const wrapValue = (type: EventType, value: unknown): Uint8Array => Buffer.from(`{"type":"${type}","object":${JSON.stringify(value)}}\n`);

/** By entry, then type, for the plain form of stored versions; all other forms are made for each watcher. */
const shared = new WeakMap<Entry, Partial<Record<EventType, Uint8Array>>>();
const sharedEvent = (type: EventType, entry: Entry): Uint8Array => {
  let events = shared.get(entry);
  if (!events) {
    events = {};
    shared.set(entry, events);
  }
  events[type] ??= wrap(type, entry.bytes);
  return events[type];
};

const eventsInJson: EventEncoder = { event: sharedEvent, value: wrapValue };

const blanks = new WeakMap<Resource, KubeObject>();
/** A bookmark is an otherwise empty object of the kind. */
const blankObject = (resource: Resource): KubeObject => {
  let blank = blanks.get(resource);
  if (!blank) {
    const start = { kind: resource.kind, apiVersion: apiVersionOf(resource), metadata: {} };
    blank = { ...conform(resource.schema, start, { strict: false }).object, kind: start.kind, apiVersion: start.apiVersion };
    blanks.set(resource, blank);
  }
  return blank;
};

/** Bookmarks are of no object. */
const noName = {} as KubeObject['metadata'];

const withRevisionOf = (object: KubeObject, revision: number): KubeObject => ({
  ...object,
  metadata: { ...object.metadata, resourceVersion: String(revision) },
});

const formOf = (exchange: Exchange, events: EventEncoder): Form => {
  const { resource, accept } = exchange;
  const { transform } = accept;
  const error = (status: Status): Uint8Array => events.value('ERROR', status);
  const bookmarkObject = (revision: number, initialEnd: boolean): KubeObject => {
    const annotations = initialEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {};
    return { ...blankObject(resource), metadata: { ...noName, resourceVersion: String(revision), ...annotations } };
  };
  const served = (entry: Entry): KubeObject => toServed(resource, entry.object);
  let shape: (object: KubeObject) => unknown = object => object;
  if (transform?.kind === 'Table') {
    let columns = true;
    shape = object => {
      const table = tableOf(exchange, [object], { resourceVersion: object.metadata.resourceVersion ?? '' }, columns);
      columns = false;
      return table;
    };
  } else if (transform) shape = object => partialMetadata(resource, object, transform.apiVersion);
  const plain = !transform && !resource.storage.fromStored;
  return {
    event: (type, entry) => (plain ? events.event(type, entry) : events.value(type, shape(served(entry)))),
    left: (entry, revision) => events.value('DELETED', shape(withRevisionOf(served(entry), revision))),
    bookmark: (revision, initialEnd) => {
      const object = bookmarkObject(revision, initialEnd);
      return events.value(
        'BOOKMARK',
        transform?.kind === 'Table' ? shape(object) : transform ? partialMetadata(resource, object, transform.apiVersion) : object,
      );
    },
    error,
  };
};
