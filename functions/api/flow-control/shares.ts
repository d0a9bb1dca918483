/**
 * Divides the seats of the server among priority levels: by their shares to begin with, then, as far as each lends and may borrow, by demand
 * (apiserver `flowcontrol/conc_alloc.go` and `updateBorrowingLocked` of `apf_controller.go`).
 */

export interface Claim {
  readonly target: number;
  /** At most `target`. */
  readonly lower: number;
  readonly upper: number;
}

const smallestTarget = 0.001;
const tolerance = 1e-7;

/**
 * The one division of `total` in which each claim gets the same multiple of its target, held within its bounds. Undefined where the bounds
 * leave no such division.
 */
export const divide = (total: number, claims: readonly Claim[]): number[] | undefined => {
  const sum = (of: (claim: Claim) => number): number => claims.reduce((so, claim) => so + of(claim), 0);
  if (sum(claim => claim.lower) - total > tolerance || total - sum(claim => claim.upper) > tolerance) return undefined;
  const at = (multiple: number): number[] =>
    claims.map(({ target, lower, upper }) => Math.max(lower, Math.min(upper, multiple * Math.max(target, smallestTarget))));
  // The sum grows with the multiple in straight pieces between these bends: find the piece that crosses `total`.
  const bends = claims
    .flatMap(({ target, lower, upper }) => [lower, upper].map(bound => bound / Math.max(target, smallestTarget)))
    .sort((one, other) => one - other);
  let from = 0;
  let fromSum = at(0).reduce((one, other) => one + other, 0);
  for (const bend of bends) {
    const bendSum = at(bend).reduce((one, other) => one + other, 0);
    if (bendSum >= total) {
      const part = bendSum > fromSum ? (total - fromSum) / (bendSum - fromSum) : 0;
      return at(from + part * (bend - from));
    }
    from = bend;
    fromSum = bendSum;
  }
  return at(from);
};

/** A level in the division; `exempt` ones take what they want. */
export interface Borrower {
  readonly exempt: boolean;
  readonly nominal: number;
  /** What is left when all that may be lent is lent. */
  readonly min: number;
  /** With all that may be borrowed. */
  readonly max: number;
  readonly current: number;
  readonly demand: { readonly highWatermark: number; readonly smoothed: number };
}

/** The limits for the next period, in the order of `levels`. */
export const borrow = (levels: readonly Borrower[]): number[] => {
  const nominalSum = levels.reduce((sum, { nominal }) => sum + nominal, 0);
  const wanted = (level: Borrower): number =>
    level.exempt
      ? Math.max(level.min, level.demand.highWatermark)
      : Math.max(level.min, Math.min(level.nominal, level.demand.highWatermark));
  const limited = levels.filter(({ exempt }) => !exempt);
  const remaining = levels.reduce((left, level) => (level.exempt ? left - wanted(level) : left), nominalSum);
  const minSum = limited.reduce((sum, { min }) => sum + min, 0);
  const wantedSum = limited.reduce((sum, level) => sum + wanted(level), 0);
  let limitOf: (level: Borrower) => number;
  if (remaining <= minSum) limitOf = ({ min }) => min;
  else if (remaining <= wantedSum) {
    const part = (remaining - minSum) / (wantedSum - minSum);
    limitOf = level => level.min + (wanted(level) - level.min) * part;
  } else {
    const claims = limited.map(level => ({
      lower: wanted(level),
      upper: level.max,
      target: Math.max(wanted(level), level.demand.smoothed),
    }));
    const divided = divide(nominalSum, claims);
    const limits = new Map(limited.map((level, index) => [level, divided?.[index] ?? level.current]));
    limitOf = level => limits.get(level) ?? level.current;
  }
  return levels.map(level => (level.exempt ? wanted(level) : Math.round(limitOf(level))));
};
