/**
 * Exact quantities (`500m`, `1Gi`, `2e3`): parsing, arithmetic and the canonical text, as apimachinery `pkg/api/resource`
 * has them, down to which texts it keeps as they were written.
 */

/** The suffix family; a quantity is printed in the family it was written in. */
export type QuantityFormat = 'DecimalSI' | 'BinarySI' | 'DecimalExponent';

/** `mantissa * 10^scale`, exact. Immutable, so equal texts may share one. */
export interface Quantity {
  readonly mantissa: bigint;
  readonly scale: number;
  readonly format: QuantityFormat;
  /** The text as it was written, where upstream counts it as canonical already. */
  readonly text?: string;
}

/** A text that is no quantity. The message is upstream's. */
export class QuantityError extends Error {
  override readonly name = 'QuantityError';
}

const wrongFormat = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const wrongSuffix = "unable to parse quantity's suffix";

const decimalSuffixes = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];
const binarySuffixes = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const nano = -9;
/** Beyond it the number means nothing and its digits alone would be an attack. */
const largestExponent = 308;
const largestBinary = 2n ** 63n - 1n;

interface Suffix {
  readonly base: 2 | 10;
  readonly exponent: number;
  readonly format: QuantityFormat;
}
const suffixes = new Map<string, Suffix>([
  ...decimalSuffixes.map((text, i): [string, Suffix] => [text, { base: 10, exponent: 3 * i + nano, format: 'DecimalSI' }]),
  ...binarySuffixes.slice(1).map((text, i): [string, Suffix] => [text, { base: 2, exponent: 10 * (i + 1), format: 'BinarySI' }]),
]);

const exponentSuffix = /^[eE]([+-]?[0-9]+)$/;
const readSuffix = (text: string): Suffix => {
  const known = suffixes.get(text);
  if (known) return known;
  const exponent = Number(exponentSuffix.exec(text)?.[1] ?? Number.NaN);
  if (!(exponent <= largestExponent)) throw new QuantityError(wrongSuffix);
  return { base: 10, exponent: Math.max(exponent, -largestExponent), format: 'DecimalExponent' };
};

/** Sign, digits before and after the point, suffix. Upstream's scanner accepts a bare sign or point as zero; so does this. */
const shape = /^([+-]?)([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*(?:[+-]?[0-9]*))$/;

const powers: bigint[] = [1n];
const pow10 = (n: number): bigint => {
  powers[n] ??= 10n ** BigInt(n);
  return powers[n] as bigint;
};
const divideAwayFromZero = (n: bigint, by: bigint): bigint => {
  const quotient = n / by;
  if (quotient * by === n) return quotient;
  return n < 0n ? quotient - 1n : quotient + 1n;
};

const make = (mantissa: bigint, scale: number, format: QuantityFormat, text?: string): Quantity =>
  text === undefined ? { mantissa, scale, format } : { mantissa, scale, format, text };

const parse = (text: string): Quantity => {
  if (text === '') throw new QuantityError(wrongFormat);
  const parts = shape.exec(text);
  if (!parts) throw new QuantityError(wrongFormat);
  const whole = parts[2]?.replace(/^0+/, '') || '0';
  const fraction = parts[3] ?? '';
  const suffix = readSuffix(parts[4] ?? '');
  const negative = parts[1] === '-';
  const digits = whole + fraction;
  const signed = (n: bigint): bigint => (negative ? -n : n);
  const scale = (suffix.base === 10 ? suffix.exponent : 0) - fraction.length;

  const room =
    suffix.base === 10
      ? 18 - digits.length
      : fraction.length === 0
        ? 15 - whole.length - Math.trunc(Math.fround(suffix.exponent * 3) / 10) - 1
        : -1;
  if (room >= 0 && scale >= nano) {
    const number = BigInt(digits);
    if (suffix.base === 2) {
      return make(signed(number << BigInt(suffix.exponent)), 0, 'BinarySI', number & 7n ? text : undefined);
    }
    const kept = scale % 3 === 0 && !digits.endsWith('000') && digits[0] !== '0';
    return make(signed(number), scale, suffix.format, kept ? text : undefined);
  }

  if (!parts[2] && !fraction) throw new QuantityError('unable to parse numeric part of quantity');
  // The long way: too precise is rounded up to a billionth, too large a binary number is capped.
  let mantissa = BigInt(digits);
  let at = scale;
  if (suffix.base === 2) mantissa <<= BigInt(suffix.exponent);
  if (at < nano) {
    mantissa = digits.length + 1 < nano - at ? (mantissa === 0n ? 0n : 1n) : divideAwayFromZero(mantissa, pow10(nano - at));
    at = nano;
  }
  let format = suffix.format;
  if (format === 'BinarySI' && compare(make(mantissa, at, format), make(largestBinary, 0, format)) > 0) {
    mantissa = largestBinary;
    at = 0;
  }
  if (format === 'BinarySI' && mantissa > 0n && compare(make(mantissa, at, format), make(1n, 0, format)) < 0) format = 'DecimalSI';
  return make(signed(mantissa), at, format);
};

/** The same few texts come again and again (requests, limits, allocatable); bounded so that no client can fill the memory. */
const parsed = new Map<string, Quantity>();

/** A quantity from its wire form (a string; a JSON number counts as its digits). Throws `QuantityError`. */
export const parseQuantity = (wire: string | number): Quantity => {
  const text = typeof wire === 'number' ? String(wire) : wire.trim();
  const known = parsed.get(text);
  if (known) return known;
  const quantity = parse(text);
  if (text.length <= 32) {
    if (parsed.size >= 4096) parsed.clear();
    parsed.set(text, quantity);
  }
  return quantity;
};

export const isQuantity = (wire: unknown): boolean => {
  if (typeof wire !== 'string' && typeof wire !== 'number') return false;
  try {
    parseQuantity(wire);
    return true;
  } catch (error) {
    if (error instanceof QuantityError) return false;
    throw error;
  }
};

export const zero: Quantity = make(0n, 0, 'DecimalSI', '0');
/** A whole number, for sums and allocatable resources. */
export const quantityOf = (value: bigint | number, format: QuantityFormat = 'DecimalSI'): Quantity => make(BigInt(value), 0, format);
export const milliQuantityOf = (thousandths: bigint | number, format: QuantityFormat = 'DecimalSI'): Quantity =>
  make(BigInt(thousandths), -3, format);

const aligned = (a: Quantity, b: Quantity): [bigint, bigint, number] => {
  if (a.scale === b.scale) return [a.mantissa, b.mantissa, a.scale];
  if (a.scale > b.scale) return [a.mantissa * pow10(a.scale - b.scale), b.mantissa, b.scale];
  return [a.mantissa, b.mantissa * pow10(b.scale - a.scale), a.scale];
};

/** Negative, zero or positive, for sorting. */
export const compare = (a: Quantity, b: Quantity): -1 | 0 | 1 => {
  const [left, right] = aligned(a, b);
  return left < right ? -1 : left > right ? 1 : 0;
};
export const isZero = (q: Quantity): boolean => q.mantissa === 0n;
export const sign = (q: Quantity): -1 | 0 | 1 => (q.mantissa > 0n ? 1 : q.mantissa < 0n ? -1 : 0);

/** The sum, in the format of `a`, or of `b` where `a` is zero. */
export const add = (a: Quantity, b: Quantity): Quantity => {
  if (b.mantissa === 0n && a.mantissa !== 0n) return a;
  const [left, right, scale] = aligned(a, b);
  return make(left + right, scale, a.mantissa === 0n ? b.format : a.format);
};
export const negate = (q: Quantity): Quantity => make(-q.mantissa, q.scale, q.format);
export const sub = (a: Quantity, b: Quantity): Quantity => add(a, negate(b));

/** `q / 10^scale`, rounded away from zero to a whole number. */
export const scaledValue = (q: Quantity, scale: number): bigint =>
  q.scale >= scale ? q.mantissa * pow10(q.scale - scale) : divideAwayFromZero(q.mantissa, pow10(scale - q.scale));
/** Whole units (bytes, pods), rounded up. */
export const value = (q: Quantity): number => Number(scaledValue(q, 0));
/** Thousandths (millicores), rounded up. */
export const milliValue = (q: Quantity): number => Number(scaledValue(q, -3));
const largest = 2n ** 63n - 1n;
/**
 * Whether no part of a unit is asked for. Upstream looks at thousandths in 64 bits: of binary and of very long numbers they overflow, and
 * `1Ei` is not whole.
 */
export const isWhole = (q: Quantity): boolean => {
  const thousandths = scaledValue(q, -3);
  const size = thousandths < 0n ? -thousandths : thousandths;
  if (size > largest && q.format !== 'BinarySI' && q.mantissa < 10n ** 18n) return true;
  return BigInt.asIntN(64, thousandths) % 1000n === 0n;
};
/** The nearest double. */
export const toNumber = (q: Quantity): number => (q.scale >= 0 ? Number(q.mantissa * pow10(q.scale)) : Number(q.mantissa) / 10 ** -q.scale);

const printBinary = (q: Quantity): string => {
  let number = scaledValue(q, 0);
  let step = 0;
  while (step < binarySuffixes.length - 1 && number % 1024n === 0n) {
    number /= 1024n;
    step++;
  }
  return `${number}${binarySuffixes[step]}`;
};

const printDecimal = (q: Quantity): string => {
  let number = q.mantissa;
  let exponent = q.scale;
  while (number % 10n === 0n) {
    number /= 10n;
    exponent++;
  }
  // Upstream drops the suffix of what exceeds exa, and with it the value; this prints more digits instead.
  const largest = q.format === 'DecimalExponent' ? exponent : Math.min(exponent, 18);
  const target = Math.floor(largest / 3) * 3;
  number *= pow10(exponent - target);
  if (q.format === 'DecimalExponent') return target === 0 ? `${number}` : `${number}e${target}`;
  return `${number}${decimalSuffixes[(target - nano) / 3]}`;
};

/** The canonical text: no fraction, the largest suffix that loses nothing. */
export const formatQuantity = (q: Quantity): string => {
  if (q.text !== undefined) return q.text;
  if (q.mantissa === 0n) return '0';
  if (q.format === 'BinarySI') {
    const size = q.mantissa < 0n ? negate(q) : q;
    const whole = q.scale >= 0 || q.mantissa % pow10(-q.scale) === 0n;
    if (whole && compare(size, make(1024n, 0, 'BinarySI')) >= 0) return printBinary(q);
  }
  return printDecimal(q);
};

/** A wire form in canonical text: `1000m` becomes `1`, `0.5` becomes `500m`. Throws `QuantityError`. */
export const canonical = (wire: string | number): string => formatQuantity(parseQuantity(wire));
