/** How many seats a priority level wanted over a period: the input of lending (apiserver `flowcontrol/fairqueuing/integrator.go`, `seatDemandStats`). */
import type { Clock } from '../../../kinds/environment.ts';

/** What remains of a peak after one period without demand; half of it after five minutes. */
const decay = 0.977;

export class SeatDemand {
  private readonly clock: Clock;
  private readonly period: number;
  private current = 0;
  private since: number;
  private begun: number;
  private sum = 0;
  private squares = 0;
  private highest = 0;
  /** The most at any time of the last period. */
  highWatermark = 0;
  average = 0;
  deviation = 0;
  /** Follows peaks at once and forgets them slowly. */
  smoothed = 0;

  /** `period`: milliseconds that `decay` is meant for. */
  constructor(clock: Clock, period: number) {
    this.clock = clock;
    this.period = period;
    this.since = clock.now();
    this.begun = this.since;
  }

  set(seats: number): void {
    this.pass();
    this.current = seats;
    if (seats > this.highest) this.highest = seats;
  }

  /** Ends a period. Periods without requests last longer than others, and count as many. */
  turn(): void {
    this.pass();
    const elapsed = this.since - this.begun;
    this.highWatermark = this.highest;
    this.highest = this.current;
    if (elapsed > 0) {
      this.average = this.sum / elapsed;
      this.deviation = Math.sqrt(Math.max(0, this.squares / elapsed - this.average ** 2));
      const envelope = this.average + this.deviation;
      const kept = decay ** (elapsed / this.period);
      this.smoothed = Math.max(envelope, kept * this.smoothed + (1 - kept) * envelope);
    }
    this.begun = this.since;
    this.sum = 0;
    this.squares = 0;
  }

  private pass(): void {
    const now = this.clock.now();
    const elapsed = now - this.since;
    if (elapsed === 0) return;
    this.since = now;
    this.sum += elapsed * this.current;
    this.squares += elapsed * this.current ** 2;
  }
}
