/** Estimates, from the least to the most; what has no bound is infinite. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

export const exactly = (size: number): Range => ({ min: size, max: size });
export const unknown: Range = { min: 0, max: Number.POSITIVE_INFINITY };

export const plus = (a: Range, b: Range): Range => ({ min: a.min + b.min, max: a.max + b.max });
/** Nothing, without a bound, is nothing. */
const product = (a: number, b: number): number => (a === 0 || b === 0 ? 0 : a * b);
export const times = (a: Range, b: Range): Range => ({ min: product(a.min, b.min), max: product(a.max, b.max) });
export const scaled = ({ min, max }: Range, factor: number): Range => ({
  min: Math.ceil(product(min, factor)),
  max: Math.ceil(product(max, factor)),
});
export const either = (a: Range, b: Range): Range => ({ min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) });
