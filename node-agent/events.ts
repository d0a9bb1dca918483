import { type Clock, type Logger, type Random, timestamp } from '../kinds/environment.ts';
import { isNotFound } from '../kinds/status.ts';
import { type ApiClient, coreV1 } from './api-client.ts';

export interface ObjectReference {
  apiVersion?: string;
  kind: string;
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  fieldPath?: string;
}

/** Tells people what happens. Never waits and never fails: an event that cannot be written is logged and dropped. */
export interface EventRecorder {
  event(about: ObjectReference, type: 'Normal' | 'Warning', reason: string, message: string): void;
  /** Settles when nothing is left to write. */
  flush(): Promise<void>;
}

interface Counted {
  namespace: string;
  name: string;
  count: number;
}
interface Bucket {
  tokens: number;
  at: number;
}

const remembered = 4096;
/** client-go's spam filter: 25 events at once for an object, then one in five minutes. */
const burst = 25;
const refill = 300_000;

export const createEventRecorder = ({
  client,
  node,
  clock,
  random,
  logger,
}: {
  client: Pick<ApiClient, 'create' | 'patch'>;
  node: string;
  clock: Clock;
  random: Random;
  logger: Logger;
}): EventRecorder => {
  const seen = new Map<string, Counted>();
  const buckets = new Map<string, Bucket>();
  let queue: Promise<void> = Promise.resolve();

  const trim = (map: Map<string, unknown>) => {
    const oldest = map.keys().next();
    if (map.size > remembered && !oldest.done) map.delete(oldest.value);
  };
  const allowed = (key: string): boolean => {
    const now = clock.now();
    const bucket = buckets.get(key) ?? { tokens: burst, at: now };
    bucket.tokens = Math.min(burst, bucket.tokens + (now - bucket.at) / refill);
    bucket.at = now;
    buckets.delete(key);
    buckets.set(key, bucket);
    trim(buckets);
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  };

  const write = async (about: ObjectReference, type: string, reason: string, message: string) => {
    const key = JSON.stringify([about.kind, about.namespace, about.name, about.uid, about.fieldPath, type, reason, message]);
    const now = timestamp(clock.now());
    const known = seen.get(key);
    if (known) {
      known.count++;
      try {
        await client.patch(coreV1('events', known.namespace, known.name), { count: known.count, lastTimestamp: now });
        return;
      } catch (error) {
        if (!isNotFound(error)) throw error;
        seen.delete(key);
      }
    }
    const namespace = about.namespace ?? 'default';
    const suffix = (BigInt(clock.now()) * 1_000_000n + BigInt(Math.floor(random.next() * 1e6))).toString(16);
    const name = `${about.name}.${suffix}`;
    await client.create(coreV1('events', namespace), {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name, namespace },
      involvedObject: { apiVersion: 'v1', ...about },
      reason,
      message: message.slice(0, 1024),
      source: { component: 'kubelet', host: node },
      reportingComponent: 'kubelet',
      reportingInstance: node,
      firstTimestamp: now,
      lastTimestamp: now,
      count: known ? known.count : 1,
      type,
    });
    seen.set(key, { namespace, name, count: known?.count ?? 1 });
    trim(seen);
  };

  return {
    event(about, type, reason, message) {
      if (!allowed(JSON.stringify([about.kind, about.namespace, about.name, about.uid]))) return;
      // One after the other, so that the second of two equal events finds the first and counts it.
      queue = queue.then(async () => {
        try {
          await write(about, type, reason, message);
        } catch (error) {
          logger.debug('event not written', { reason, object: about.name, error: String(error) });
        }
      });
    },
    flush: () => queue,
  };
};
