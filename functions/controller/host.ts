/**
 * Runs reconcilers. Each has a queue of keys, fed by the replicas of what it watches; the replicas hear of this process's own writes right
 * after their commit, so that a Deployment becomes a ReplicaSet becomes Pods without anyone polling. At start every existing key is
 * queued, for nobody knows what happened while nothing ran.
 *
 * The host is safe in any number of copies, because reconcilers are. Where changes come from elsewhere (a stream of a database), `enqueue`
 * takes them: twice, late and out of order alike, for only their keys are used.
 */
import type { Clock, Logger, Random } from '../../kinds/environment.ts';
import type { Log } from '../../store/log.ts';
import type { Replica, ReplicaEvent, Replicas } from '../../store/replica.ts';
import type { Clients } from '../client.ts';
import { createEventRecorder } from './events.ts';
import { createQueue, type Queue } from './queue.ts';
import type { ReconcileContext, Reconciler, Watch } from './reconciler.ts';

export interface ControllerOptions {
  readonly reconcilers: readonly Reconciler[];
  readonly replicas: Replicas;
  readonly clients: Clients;
  readonly log: Pick<Log, 'guard'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Queue every existing key at start (default). Without, only what `enqueue` and the replicas bring is looked at. */
  readonly initial?: boolean;
}

export interface ControllerHost {
  /** Changes that came from elsewhere. The replicas catch up first, so that no reconciler sees less than what woke it. */
  enqueue(resource: string, events: readonly ReplicaEvent[]): Promise<void>;
  /** Call when what is served has changed: reconcilers' `watches` are read again. */
  refresh(): Promise<void>;
  /** Resolves when nothing is queued or running; what waits for a time does not count. */
  idle(): Promise<void>;
  close(): Promise<void>;
}

interface Seat {
  readonly reconciler: Reconciler;
  readonly queue: Queue;
  /** Resources whose watch is in place. */
  readonly watched: Set<string>;
}

export const startControllers = async (options: ControllerOptions): Promise<ControllerHost> => {
  const { replicas, clients, clock, random, logger } = options;
  const opened = new Map<string, Replica>();
  const listeners = new Map<string, { seat: Seat; watch: Watch }[]>();
  const unsubscribe: (() => void)[] = [];
  const waiting: (() => void)[] = [];
  const seats: Seat[] = [];

  const replica = (resource: string): Replica => {
    // What came to be served since is loaded by whoever announced it; `refresh` follows.
    const found = opened.get(resource) ?? replicas.loaded(resource);
    if (!found) throw new Error(`a reconciler reads ${resource} without naming it in watches or reads`);
    return found;
  };

  const open = async (resource: string): Promise<Replica> => {
    const found = opened.get(resource);
    if (found) return found;
    const fresh = await replicas.open(resource);
    if (!opened.has(resource)) {
      opened.set(resource, fresh);
      unsubscribe.push(fresh.subscribe(events => dispatch(resource, events)));
    }
    return fresh;
  };

  const feed = ({ seat, watch }: { seat: Seat; watch: Watch }, event: ReplicaEvent): void => {
    try {
      if (!watch.keys) seat.queue.add(`${event.entry.namespace}/${event.entry.name}`);
      else for (const key of watch.keys(event, replica)) seat.queue.add(key);
    } catch (error) {
      logger.error('a watch could not tell which keys a change concerns', {
        reconciler: seat.reconciler.name,
        resource: watch.resource,
        object: `${event.entry.namespace}/${event.entry.name}`,
        error: error instanceof Error ? error.stack : String(error),
      });
    }
  };

  const dispatch = (resource: string, events: readonly ReplicaEvent[]): void => {
    for (const listener of listeners.get(resource) ?? []) for (const event of events) feed(listener, event);
  };

  const recorder = createEventRecorder({ clock, logger });

  const seatOf = (reconciler: Reconciler): Seat => {
    const client = reconciler.user ? clients.asUser(reconciler.user) : clients.as(reconciler.account ?? reconciler.name);
    const ownLogger = logger.child({ reconciler: reconciler.name });
    const context: ReconcileContext = {
      replica,
      replicas,
      client,
      log: options.log,
      clock,
      random,
      logger: ownLogger,
      event: recorder.for(client, reconciler.component ?? reconciler.account ?? reconciler.name),
    };
    const queue = createQueue({
      name: reconciler.name,
      concurrency: reconciler.concurrency ?? 5,
      run: key => reconciler.reconcile(key, context),
      catchUp: async () => {
        await Promise.all([...resourcesOf(reconciler)].map(resource => replica(resource).sync()));
      },
      onIdle: () => {
        if (seats.every(seat => seat.queue.idle)) for (const resolve of waiting.splice(0)) resolve();
      },
      clock,
      random,
      logger: ownLogger,
    });
    return { reconciler, queue, watched: new Set() };
  };

  const refresh = async (): Promise<void> => {
    await Promise.all([...new Set(seats.flatMap(seat => [...resourcesOf(seat.reconciler)]))].map(open));
    for (const seat of seats) {
      for (const watch of seat.reconciler.watches) {
        if (seat.watched.has(watch.resource)) continue;
        const listener = { seat, watch };
        const others = listeners.get(watch.resource);
        if (others) others.push(listener);
        else listeners.set(watch.resource, [listener]);
        // No await between subscribing and listing: a change falls into one of the two.
        if (options.initial !== false) for (const entry of replica(watch.resource).list()) feed(listener, { type: 'ADDED', entry });
      }
      for (const watch of seat.reconciler.watches) seat.watched.add(watch.resource);
    }
  };

  for (const reconciler of options.reconcilers) seats.push(seatOf(reconciler));
  await refresh();

  return {
    refresh,
    async enqueue(resource, events) {
      if (!listeners.has(resource)) return;
      await replica(resource).sync();
      dispatch(resource, events);
    },
    async idle() {
      // Twice around: what ends one queue's work may have queued another's in the same turn.
      await Promise.resolve();
      while (!seats.every(seat => seat.queue.idle)) await new Promise<void>(resolve => waiting.push(resolve));
      await recorder.flushed();
    },
    async close() {
      for (const stop of unsubscribe.splice(0)) stop();
      listeners.clear();
      await Promise.all(seats.map(seat => seat.queue.close()));
      await recorder.close();
    },
  };
};

const resourcesOf = (reconciler: Reconciler): Set<string> =>
  new Set([...reconciler.watches.map(watch => watch.resource), ...(reconciler.reads ?? [])]);
