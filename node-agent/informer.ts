import type { Clock, Logger, Random } from '../kinds/environment.ts';
import type { KubeObject } from '../kinds/object.ts';
import { isExpired, StatusError } from '../kinds/status.ts';
import { sleep } from './abortable.ts';
import type { ApiClient, Query } from './api-client.ts';

/**
 * Keeps a copy of what a list would show: lists, watches from there, resumes from the last revision seen (bookmarks count), lists anew
 * when the server no longer has that revision, and waits longer and longer (up to 3 s) while the server fails.
 * After a new list, what is gone is reported as deleted; what is unchanged is not reported.
 */
export interface Informer<T extends KubeObject> {
  /** By `namespace/name`, or `name` for what has no namespace. */
  readonly objects: ReadonlyMap<string, T>;
  /** Settles after the first list. */
  readonly synced: Promise<void>;
  readonly isSynced: boolean;
  close(): void;
}

export interface InformerOptions<T extends KubeObject> {
  client: Pick<ApiClient, 'list' | 'watch'>;
  path: string;
  query?: Query;
  /** `deleted`: `next` is the last known state. Handlers are synchronous; one that throws is logged, never fatal. */
  onEvent?(type: 'added' | 'modified' | 'deleted', next: T, previous: T | undefined): void;
  clock: Clock;
  random: Random;
  logger: Logger;
}

export const objectKey = ({ metadata }: KubeObject): string =>
  metadata.namespace ? `${metadata.namespace}/${metadata.name}` : metadata.name;

/** Watches are asked to end after five to ten minutes, as client-go does, so that a server's load can move. */
const watchSeconds = (random: Random): number => Math.floor(300 * (1 + random.next()));
const longestWait = 3000;

export const createInformer = <T extends KubeObject>(options: InformerOptions<T>): Informer<T> => {
  const { client, path, query = {}, clock, random, logger } = options;
  const objects = new Map<string, T>();
  const abort = new AbortController();
  let synced = false;
  let announce: () => void = () => undefined;
  const firstList = new Promise<void>(resolve => {
    announce = resolve;
  });

  const tell = (type: 'added' | 'modified' | 'deleted', next: T, previous: T | undefined) => {
    try {
      options.onEvent?.(type, next, previous);
    } catch (error) {
      logger.error('informer handler failed', { path, key: objectKey(next), error: String(error) });
    }
  };
  const put = (object: T) => {
    const key = objectKey(object);
    const previous = objects.get(key);
    if (previous && previous.metadata.uid !== object.metadata.uid) {
      objects.delete(key);
      tell('deleted', previous, undefined);
    } else if (previous?.metadata.resourceVersion === object.metadata.resourceVersion) return;
    const same = objects.get(key);
    objects.set(key, object);
    tell(same ? 'modified' : 'added', object, same);
  };
  const remove = (object: T) => {
    const key = objectKey(object);
    if (!objects.delete(key)) return;
    tell('deleted', object, undefined);
  };

  const list = async (): Promise<string> => {
    const { metadata, items } = await client.list<T>(path, query);
    const keys = new Set(items.map(objectKey));
    for (const [key, object] of [...objects]) if (!keys.has(key)) remove(object);
    for (const item of items) put(item);
    synced = true;
    announce();
    return metadata.resourceVersion;
  };

  /** Follows until the server ends the watch; answers the revision to resume from, undefined for "list again". */
  const follow = async (from: string): Promise<string | undefined> => {
    let revision = from;
    const watch = client.watch<T>(path, { ...query, resourceVersion: from, timeoutSeconds: watchSeconds(random) }, abort.signal);
    try {
      for await (const event of watch) {
        if (event.type === 'ERROR') {
          if (event.object.code === 410) return undefined;
          throw new StatusError(event.object.code ?? 500, event.object.reason ?? '', event.object.message ?? '');
        }
        revision = event.object.metadata.resourceVersion ?? revision;
        if (event.type === 'DELETED') remove(event.object);
        else if (event.type !== 'BOOKMARK') put(event.object);
      }
    } catch (error) {
      if (isExpired(error) || (error instanceof StatusError && error.code === 410)) return undefined;
      // What was seen before the failure stays seen.
      resume = revision;
      throw error;
    }
    return revision;
  };

  let resume: string | undefined;
  const pause = (ms: number) => sleep(clock, ms, abort.signal);

  const run = async () => {
    let failures = 0;
    while (!abort.signal.aborted) {
      try {
        resume ??= await list();
        const began = clock.now();
        resume = await follow(resume);
        failures = 0;
        // A server that ends watches at once must not be asked in a tight loop.
        if (clock.now() - began < 1000) await pause(200 + random.next() * 300);
      } catch (error) {
        if (abort.signal.aborted) return;
        failures++;
        const wait = Math.min(longestWait, 200 * 2 ** Math.min(failures, 10)) * (0.5 + random.next() / 2);
        if (failures === 3) logger.warn('the API server cannot be followed', { path, error: String(error) });
        if (failures > 5) resume = undefined;
        await pause(wait);
      }
    }
  };
  run().catch((error: unknown) => logger.error('informer ended', { path, error: String(error) }));

  return {
    objects,
    synced: firstList,
    get isSynced() {
      return synced;
    },
    close: () => abort.abort(),
  };
};
