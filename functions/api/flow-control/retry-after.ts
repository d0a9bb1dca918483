/**
 * What a refused client is told to wait, in seconds: doubled while many are refused, one less when it has calmed down (apiserver
 * `flowcontrol/dropped_requests_tracker.go`).
 */
const longest = 32;

export class RetryAfter {
  private seconds = 1;
  private raised = 0;
  private second = 0;
  private refusedNow = 0;
  /** Refusals of past seconds, oldest first; those that can no longer count are dropped. */
  private past: { readonly second: number; readonly refused: number }[] = [];

  /** Counts a refusal and answers what to tell. */
  refuse(now: number): number {
    const second = Math.floor(now / 1000);
    if (second === this.second) {
      this.refusedNow += 1;
      return this.seconds;
    }
    const kept = Math.min(2 * this.seconds, longest);
    this.past = [...this.past, { second: this.second, refused: this.refusedNow }].filter(one => second - one.second <= kept);
    this.second = second;
    this.refusedNow = 1;
    const refused = this.past.reduce((sum, one) => (second - one.second <= this.seconds ? sum + one.refused : sum), 0);
    if (second - this.raised >= this.seconds && refused >= 3 * this.seconds) {
      this.seconds = Math.min(2 * this.seconds, longest);
      this.raised = second;
    } else if (refused < this.seconds && this.seconds > 1) this.seconds -= 1;
    return this.seconds;
  }
}
