import type { Clock } from '../kinds/environment.ts';

/** Time that stands still until a test moves it; what is due then runs in order. */
export class ManualClock implements Clock {
  private time: number;
  private timers: { readonly at: number; readonly callback: () => void }[] = [];

  constructor(time = Date.UTC(2026, 0, 1)) {
    this.time = time;
  }

  now(): number {
    return this.time;
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.time + ms, callback };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter(other => other !== timer);
    };
  }

  advance(ms: number): void {
    const until = this.time + ms;
    for (;;) {
      const next = this.timers.reduce<(typeof this.timers)[number] | undefined>(
        (first, timer) => (timer.at <= until && (first === undefined || timer.at < first.at) ? timer : first),
        undefined,
      );
      if (next === undefined) break;
      this.timers = this.timers.filter(other => other !== next);
      this.time = Math.max(this.time, next.at);
      next.callback();
    }
    this.time = until;
  }
}
