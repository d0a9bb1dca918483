import type { Clock, Logger } from '../../kinds/environment.ts';
import { isConflict, isNotFound } from '../../kinds/status.ts';
import type { PodStatus } from '../../kinds/types.ts';
import { type ApiClient, coreV1 } from '../api-client.ts';
import { type BoundPod, namespaceOf, uidOf } from './pod.ts';
import { statusPatch } from './status-patch.ts';

/** Reports pods' statuses: at once when nothing is being sent for the pod, else the newest one as soon as that is done. */
export interface StatusWriter {
  report(pod: BoundPod, status: PodStatus): void;
  /** The newest report has reached the API (or the pod is no longer there). */
  isFlushed(uid: string): boolean;
  forget(uid: string): void;
}

interface Entry {
  pod: BoundPod;
  /** What the API has. */
  sent: PodStatus;
  wanted: PodStatus;
  sending: boolean;
  failures: number;
}

export const createStatusWriter = ({
  client,
  clock,
  logger,
  flushed,
}: {
  client: Pick<ApiClient, 'patch'>;
  clock: Clock;
  logger: Logger;
  /** Called when everything of a pod has been sent. */
  flushed(uid: string): void;
}): StatusWriter => {
  const entries = new Map<string, Entry>();

  const send = async (uid: string, entry: Entry): Promise<void> => {
    entry.sending = true;
    try {
      for (;;) {
        const { pod, wanted } = entry;
        const patch = statusPatch(entry.sent, wanted);
        if (!patch) break;
        // With the uid, a pod that was replaced by one of the same name answers 409 and not with the other's status.
        await client.patch(coreV1('pods', namespaceOf(pod), pod.metadata.name, 'status'), { metadata: { uid }, status: patch });
        entry.sent = wanted;
        entry.failures = 0;
      }
      entry.sending = false;
      if (entries.get(uid) === entry) flushed(uid);
    } catch (error) {
      if (isNotFound(error) || isConflict(error)) {
        entry.sent = entry.wanted;
        entry.sending = false;
        if (entries.get(uid) === entry) flushed(uid);
        return;
      }
      entry.failures++;
      if (entry.failures === 3) logger.warn('status of a pod cannot be written', { pod: entry.pod.metadata.name, error: String(error) });
      clock.after(Math.min(5000, 100 * 2 ** entry.failures), () => {
        entry.sending = false;
        if (entries.get(uid) === entry) start(uid, entry);
      });
    }
  };
  const start = (uid: string, entry: Entry) => {
    send(uid, entry).catch((error: unknown) => logger.error('status writer failed', { error: String(error) }));
  };

  return {
    report(pod, status) {
      const uid = uidOf(pod);
      const known = entries.get(uid);
      const entry = known ?? { pod, sent: pod.status ?? {}, wanted: status, sending: false, failures: 0 };
      entry.pod = pod;
      entry.wanted = status;
      entries.set(uid, entry);
      if (!entry.sending && statusPatch(entry.sent, entry.wanted)) start(uid, entry);
    },
    isFlushed(uid) {
      const entry = entries.get(uid);
      return !entry || (!entry.sending && statusPatch(entry.sent, entry.wanted) === undefined);
    },
    forget(uid) {
      entries.delete(uid);
    },
  };
};
