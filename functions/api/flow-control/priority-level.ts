/** One priority level: what its object says, the requests in it, and how many seats they have for now. */
import type { Clock } from '../../../kinds/environment.ts';
import type { PriorityLevelConfiguration } from '../../../kinds/types.ts';
import { SeatDemand } from './demand.ts';
import { type Manner, QueueSet } from './queue-set.ts';
import { RetryAfter } from './retry-after.ts';
import type { Borrower } from './shares.ts';

export interface LevelSpec {
  readonly name: string;
  readonly uid: string;
  readonly manner: Manner;
  readonly shares: number;
  readonly lendable: number;
  /** Absent: no limit. */
  readonly borrowing: number | undefined;
}

/** Undefined for an object that makes no sense (validation keeps such ones out). */
export const levelSpec = ({ metadata, spec }: PriorityLevelConfiguration): LevelSpec | undefined => {
  const base = { name: metadata.name, uid: metadata.uid ?? '' };
  // No level becomes exempt, or ceases to be, while requests are in it.
  if ((spec?.type === 'Exempt') !== (metadata.name === 'exempt')) return undefined;
  if (spec?.type === 'Exempt') {
    const { nominalConcurrencyShares: shares = 0, lendablePercent: lendable = 0 } = spec.exempt ?? {};
    return { ...base, manner: { type: 'exempt' }, shares, lendable, borrowing: undefined };
  }
  const { limited } = spec ?? {};
  if (spec?.type !== 'Limited' || !limited) return undefined;
  const { nominalConcurrencyShares: shares = 30, lendablePercent: lendable = 0, borrowingLimitPercent: borrowing } = limited;
  const response = limited.limitResponse;
  if ((response?.type === 'Queue') !== (response?.queuing !== undefined)) return undefined;
  const { queues = 64, handSize = 8, queueLengthLimit = 50 } = response?.queuing ?? {};
  const manner: Manner = response?.queuing ? { type: 'queue', queues, handSize, queueLengthLimit } : { type: 'reject' };
  return { ...base, manner, shares, lendable, borrowing };
};

/** No request takes more than this part of its level's seats, nor so many that it fills its level from every queue of a hand. */
const widestPart = 0.15;

export class PriorityLevel implements Borrower {
  spec: LevelSpec;
  nominal = 0;
  min = 0;
  max = 0;
  current = 0;
  /** Of one request. */
  widest = 1;
  readonly demand: SeatDemand;
  readonly requests: QueueSet;
  readonly retryAfter = new RetryAfter();

  constructor(spec: LevelSpec, clock: Clock, period: number) {
    this.spec = spec;
    this.demand = new SeatDemand(clock, period);
    this.requests = new QueueSet(clock, seats => this.demand.set(seats));
  }

  get exempt(): boolean {
    return this.spec.manner.type === 'exempt';
  }

  configure(spec: LevelSpec, serverSeats: number, allShares: number): void {
    this.spec = spec;
    // Rounded up, so that every level has a seat: all together may be slightly more than the server's.
    const nominal = allShares > 0 ? Math.ceil((serverSeats * spec.shares) / allShares) : 0;
    this.nominal = nominal;
    // The last seat is not lent: a request would have to wait for the next time seats are called back.
    this.min = Math.min(nominal, Math.max(1, nominal - Math.round((nominal * spec.lendable) / 100)));
    this.max = nominal + (spec.borrowing === undefined ? serverSeats : Math.round((nominal * spec.borrowing) / 100));
    if (spec.manner.type === 'queue')
      this.widest = Math.max(1, Math.min(Math.ceil(nominal * widestPart), Math.floor(nominal / spec.manner.handSize)));
  }

  limit(seats: number): void {
    this.current = seats;
    this.requests.configure(this.spec.manner, seats);
  }
}
