/**
 * Kubernetes Events, as client-go's recorder makes them (`tools/record/events_cache.go`): a repeated event is counted, many similar ones
 * become one that says so, and a flood about one object is cut. Writing happens behind the caller's back, one at a time, so that
 * events never slow or fail the work they tell of.
 */
import { type Clock, type Logger, timestamp } from '../../kinds/environment.ts';
import type { KubeObject } from '../../kinds/object.ts';
import { isNotFound } from '../../kinds/status.ts';
import type { Event } from '../../kinds/types.ts';
import type { Client } from '../client.ts';
import type { ReconcileContext } from './reconciler.ts';

export interface EventRecorder {
  for(client: Client, component: string): ReconcileContext['event'];
  /** Resolves when all that was recorded so far has been written or given up. */
  flushed(): Promise<void>;
  close(): Promise<void>;
}

/** More different messages of one reason than this within `similarFor` are combined. */
const maxSimilar = 10;
const similarFor = 600_000;
/** Of one component about one object: a burst, then one in five minutes. */
const burst = 25;
const refillEvery = 300_000;
/** What may wait to be written; beyond it, events are lost, never work. */
const maxWaiting = 1000;
const maxRemembered = 4096;

interface Seen {
  name: string;
  namespace: string;
  count: number;
  first: string;
}
interface Similar {
  messages: Set<string>;
  last: number;
}
interface Bucket {
  tokens: number;
  at: number;
}

/** A map that forgets what was used longest ago. */
const remember = <V>(map: Map<string, V>, key: string, value: V): V => {
  map.delete(key);
  map.set(key, value);
  if (map.size > maxRemembered) for (const oldest of map.keys()) return map.delete(oldest) ? value : value;
  return value;
};

export const createEventRecorder = ({ clock, logger }: { clock: Clock; logger: Logger }): EventRecorder => {
  const seen = new Map<string, Seen>();
  const similar = new Map<string, Similar>();
  const buckets = new Map<string, Bucket>();
  let waiting = 0;
  let tail: Promise<void> = Promise.resolve();
  let closed = false;
  /** Names must differ even within one millisecond. */
  let sequence = 0;

  const allowed = (key: string, now: number): boolean => {
    const bucket = buckets.get(key) ?? { tokens: burst, at: now };
    bucket.tokens = Math.min(burst, bucket.tokens + (now - bucket.at) / refillEvery);
    bucket.at = now;
    remember(buckets, key, bucket);
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  };

  const write = async (
    client: Client,
    component: string,
    about: KubeObject,
    type: string,
    reason: string,
    text: string,
    now: number,
  ): Promise<void> => {
    const reference = involved(about);
    const group = [component, JSON.stringify(reference), type, reason].join('\n');
    const kin = similar.get(group);
    const alike = kin && now - kin.last < similarFor ? kin : { messages: new Set<string>(), last: now };
    alike.last = now;
    if (alike.messages.size < maxSimilar) alike.messages.add(text);
    remember(similar, group, alike);
    const combined = alike.messages.size >= maxSimilar && !alike.messages.has(text);
    const message = (combined ? `(combined from similar events): ${text}` : text).slice(0, 1024);
    const key = combined ? group : `${group}\n${message}`;
    const known = seen.get(key);
    const last = timestamp(now);
    if (known) {
      try {
        const patch = { count: known.count + 1, lastTimestamp: last, message };
        await client.patch('events', known.namespace, known.name, 'merge', patch);
        known.count += 1;
        remember(seen, key, known);
        return;
      } catch (error) {
        // It has expired or was deleted: tell it anew.
        if (!isNotFound(error)) throw error;
      }
    }
    const namespace = about.metadata.namespace || 'default';
    const nanoseconds = BigInt(now) * 1_000_000n + BigInt(sequence++ % 1_000_000);
    const name = `${about.metadata.name}.${nanoseconds.toString(16)}`;
    const event: Event = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name, namespace },
      involvedObject: { ...reference, ...(about.metadata.resourceVersion ? { resourceVersion: about.metadata.resourceVersion } : {}) },
      reason,
      message,
      source: { component },
      firstTimestamp: last,
      lastTimestamp: last,
      count: 1,
      type,
      reportingComponent: component,
      reportingInstance: '',
    };
    await client.create('events', event);
    remember(seen, key, { name, namespace, count: 1, first: last });
  };

  return {
    for: (client, component) => (about, type, reason, message) => {
      const now = clock.now();
      if (closed || waiting >= maxWaiting || !allowed(`${component}\n${about.metadata.uid ?? about.metadata.name}`, now)) return;
      waiting += 1;
      tail = tail
        .then(() => write(client, component, about, type, reason, message, now))
        .catch(error => {
          logger.debug('an event was lost', { component, reason, object: about.metadata.name, error: String(error) });
        })
        .finally(() => {
          waiting -= 1;
        });
    },
    flushed: () => tail,
    close() {
      closed = true;
      return tail;
    },
  };
};

const involved = (about: KubeObject) => ({
  kind: about.kind,
  apiVersion: about.apiVersion,
  name: about.metadata.name,
  ...(about.metadata.namespace ? { namespace: about.metadata.namespace } : {}),
  ...(about.metadata.uid ? { uid: about.metadata.uid } : {}),
});
