/**
 * The requests of one priority level: who works, who waits, who is next. Fair queuing by virtual time (apiserver
 * `flowcontrol/fairqueuing/queueset`, whose doc.go derives it).
 *
 * R is how many seat-milliseconds every busy queue has been entitled to so far. A queue's `next` says at which R its oldest request would begin if
 * each queue really got its even share; the queue whose oldest request would end first is served first. How long a request takes is not known
 * before, so a guess is charged when it begins and corrected when it ends.
 */
import type { Clock } from '../../../kinds/environment.ts';
import { deal, flowHash } from './shuffle-sharding.ts';

/** `exempt`: everybody at once. `reject`: up to the limit, and nobody waits. */
export type Manner =
  | { readonly type: 'exempt' | 'reject' }
  | { readonly type: 'queue'; readonly queues: number; readonly handSize: number; readonly queueLengthLimit: number };

/** What is kept apart from what: a FlowSchema, and a user or namespace within it. */
export interface Flow {
  readonly schema: string;
  readonly distinguisher: string;
}

/** A request that was not refused. Its seats are its own until `finish`. */
export interface Occupant {
  readonly flow: Flow;
  readonly seats: number;
  readonly arrived: number;
  /** What the debugging pages tell about it. */
  readonly about: unknown;
  readonly state: 'waiting' | 'working' | 'gone';
  readonly begun: number;
}

interface Request extends Occupant {
  readonly arrivedAtR: number;
  readonly queue: Queue | undefined;
  state: Occupant['state'];
  begun: number;
  /** Tells the one who waits: true, its turn has come. */
  decide: ((turn: boolean) => void) | undefined;
}

interface Queue {
  readonly index: number;
  readonly waiting: Request[];
  seatsWaiting: number;
  readonly working: Set<Request>;
  seatsInUse: number;
  next: number;
}

/** The guess, in milliseconds. */
export const serviceTime = 3;
/** More than any number of queues. */
const furthest = 2 ** 32;
/** Flows come from callers' names: what is remembered of them is bounded. */
const knownHands = 5000;

export class QueueSet {
  readonly counts = { dispatched: 0, rejected: 0, timedOut: 0, cancelled: 0 };
  waiting = 0;
  working = 0;
  seatsInUse = 0;
  seatsWaiting = 0;
  private readonly clock: Clock;
  /** Told the seats in use and waited for, whenever they change. */
  private readonly noteDemand: (seats: number) => void;
  private manner: Manner = { type: 'reject' };
  private limit = 0;
  /** By index, those with something waiting or working in them: there is nothing to know of the others. */
  private readonly queues = new Map<number, Queue>();
  private readonly queueless = new Set<Request>();
  private readonly hands = new Map<string, readonly number[]>();
  private r = 0;
  private rAt: number;
  /** The queue that was served last: equals come after it in turn. */
  private robin = 0;
  private dealt = 0;

  constructor(clock: Clock, noteDemand: (seats: number) => void) {
    this.clock = clock;
    this.noteDemand = noteDemand;
    this.rAt = clock.now();
  }

  configure(manner: Manner, limit: number): void {
    this.advance();
    if (!sameDeck(manner, this.manner)) this.hands.clear();
    // Queues beyond a smaller number get no more requests and go when they are empty.
    this.manner = manner;
    this.limit = limit;
    this.dispatch();
  }

  /** Undefined: refused. One whose state is `waiting` gets its turn by `wait`; any other begins at once. */
  start(flow: Flow, seats: number, about: unknown): Occupant | undefined {
    const now = this.advance();
    if (this.manner.type !== 'queue') {
      if (this.manner.type === 'reject' && !this.fits(seats)) {
        this.counts.rejected += 1;
        return undefined;
      }
      const request = this.request(flow, seats, now, undefined, about);
      this.begin(request, now);
      return request;
    }
    const index = this.choose(flow);
    const known = this.queues.get(index);
    if (this.seatsInUse >= this.limit && (known?.waiting.length ?? 0) >= this.manner.queueLengthLimit) {
      this.counts.rejected += 1;
      return undefined;
    }
    const queue: Queue = known ?? { index, waiting: [], seatsWaiting: 0, working: new Set(), seatsInUse: 0, next: this.r };
    if (known === undefined) this.queues.set(index, queue);
    const request = this.request(flow, seats, now, queue, about);
    queue.waiting.push(request);
    queue.seatsWaiting += seats;
    this.waiting += 1;
    this.seatsWaiting += seats;
    this.bound(queue);
    this.dispatch();
    // What began has told of itself.
    if (request.state === 'waiting') this.tellDemand();
    return request;
  }

  /** For one that was `waiting`: true when its turn has come, false when it was given up. */
  wait(occupant: Occupant): Promise<boolean> {
    const request = occupant as Request;
    return new Promise(resolve => {
      if (request.state === 'waiting') request.decide = resolve;
      else resolve(request.state === 'working');
    });
  }

  /** Does nothing for one that waits no more. */
  giveUp(occupant: Occupant, why: 'timedOut' | 'cancelled'): void {
    const request = occupant as Request;
    const { queue } = request;
    if (request.state !== 'waiting' || queue === undefined) return;
    this.advance();
    queue.waiting.splice(queue.waiting.indexOf(request), 1);
    this.leaveQueue(queue, request);
    request.state = 'gone';
    this.counts.rejected += 1;
    this.counts[why] += 1;
    this.forgetIdle(queue);
    this.bound(queue);
    this.tellDemand();
    request.decide?.(false);
    // It may have been wider than those behind it.
    this.dispatch();
  }

  /** Does nothing the second time. */
  finish(occupant: Occupant): void {
    const request = occupant as Request;
    if (request.state !== 'working') return;
    const now = this.advance();
    const { queue, seats } = request;
    request.state = 'gone';
    this.working -= 1;
    this.seatsInUse -= seats;
    if (queue === undefined) this.queueless.delete(request);
    else {
      queue.working.delete(request);
      queue.seatsInUse -= seats;
      queue.next -= seats * (serviceTime - (now - request.begun));
      this.forgetIdle(queue);
      this.bound(queue);
    }
    this.tellDemand();
    this.dispatch();
  }

  get idle(): boolean {
    return this.waiting === 0 && this.working === 0;
  }

  /** As they stand, for looking at. */
  get state(): {
    /** How many there are, most of them idle and in no map. */
    readonly count: number;
    readonly queues: ReadonlyMap<number, Readonly<Queue>>;
    readonly queueless: ReadonlySet<Occupant>;
  } {
    return { count: this.manner.type === 'queue' ? this.manner.queues : 0, queues: this.queues, queueless: this.queueless };
  }

  private request(flow: Flow, seats: number, now: number, queue: Queue | undefined, about: unknown): Request {
    return { flow, seats, arrived: now, arrivedAtR: this.r, queue, about, state: 'waiting', begun: now, decide: undefined };
  }

  /** Of the flow's hand, the queue with the least waiting. The first card looked at changes, so that none is preferred. */
  private choose(flow: Flow): number {
    const hand = this.hand(flow);
    let best = 0;
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < hand.length; i++) {
      const index = hand[(this.dealt + i) % hand.length] ?? 0;
      const waiting = this.queues.get(index)?.seatsWaiting ?? 0;
      if (waiting >= least) continue;
      best = index;
      least = waiting;
    }
    this.dealt += 1;
    return best;
  }

  private hand({ schema, distinguisher }: Flow): readonly number[] {
    const key = `${schema}\0${distinguisher}`;
    let hand = this.hands.get(key);
    if (hand === undefined) {
      const { queues, handSize } = this.manner.type === 'queue' ? this.manner : { queues: 1, handSize: 1 };
      hand = deal(flowHash(schema, distinguisher), queues, Math.min(handSize, queues));
      if (this.hands.size >= knownHands) this.hands.clear();
      this.hands.set(key, hand);
    }
    return hand;
  }

  /** Brings R up to now: since the last look each busy queue was entitled to an even part of the seats that were wanted. */
  private advance(): number {
    const now = this.clock.now();
    const elapsed = now - this.rAt;
    this.rAt = now;
    if (elapsed > 0 && this.queues.size > 0)
      this.r += (elapsed * Math.min(this.seatsInUse + this.seatsWaiting, this.limit)) / this.queues.size;
    return now;
  }

  /** A queue that had not enough to do saves nothing up: no request begins before it arrived. */
  private bound(queue: Queue): void {
    const oldest = queue.waiting[0];
    if (oldest !== undefined && queue.next < oldest.arrivedAtR) queue.next = oldest.arrivedAtR;
  }

  /** One too wide for the whole limit goes alone. */
  private fits(seats: number): boolean {
    return seats > this.limit ? this.working === 0 : this.seatsInUse + seats <= this.limit;
  }

  private dispatch(): void {
    while (this.waiting > 0 && this.seatsInUse < this.limit) {
      const queue = this.nextQueue();
      const request = queue?.waiting[0];
      // What is next waits until it fits, or wide requests would never have their turn.
      if (queue === undefined || request === undefined || !this.fits(request.seats)) return;
      queue.waiting.shift();
      this.robin = queue.index;
      this.leaveQueue(queue, request);
      this.begin(request, this.rAt);
      queue.next += request.seats * serviceTime;
      this.bound(queue);
    }
  }

  /** The one whose oldest request would end first; of equals the next in turn after the last that was served. */
  private nextQueue(): Queue | undefined {
    const turnOf = ({ index }: Queue): number => (index > this.robin ? index : index + furthest);
    let best: Queue | undefined;
    let bestEnd = Number.POSITIVE_INFINITY;
    for (const queue of this.queues.values()) {
      const oldest = queue.waiting[0];
      if (oldest === undefined) continue;
      const end = queue.next + oldest.seats * serviceTime;
      if (best !== undefined && (end > bestEnd || (end === bestEnd && turnOf(queue) > turnOf(best)))) continue;
      best = queue;
      bestEnd = end;
    }
    return best;
  }

  private leaveQueue(queue: Queue, { seats }: Request): void {
    queue.seatsWaiting -= seats;
    this.waiting -= 1;
    this.seatsWaiting -= seats;
  }

  private begin(request: Request, now: number): void {
    request.state = 'working';
    request.begun = now;
    this.counts.dispatched += 1;
    this.working += 1;
    this.seatsInUse += request.seats;
    if (request.queue === undefined) this.queueless.add(request);
    else {
      request.queue.working.add(request);
      request.queue.seatsInUse += request.seats;
    }
    this.tellDemand();
    request.decide?.(true);
  }

  private forgetIdle(queue: Queue): void {
    if (queue.waiting.length === 0 && queue.working.size === 0) this.queues.delete(queue.index);
  }

  private tellDemand(): void {
    this.noteDemand(this.seatsInUse + this.seatsWaiting);
  }
}

const sameDeck = (one: Manner, other: Manner): boolean =>
  one.type === 'queue' && other.type === 'queue' && one.queues === other.queues && one.handSize === other.handSize;
