import type { CelInput, CelValue } from '@bufbuild/cel';
import { add, compare, formatQuantity, isQuantity, parseQuantity, type Quantity, quantityOf, sign, sub, toNumber } from '../../quantity.ts';
import { type Declare, isOpaque, opaque, stringOf, textOf } from '../library.ts';
import { compareSemver } from './versions.ts';

const made = (quantity: Quantity): CelInput => opaque('quantity', formatQuantity(quantity));
const of = (value: CelValue): Quantity => {
  if (typeof value === 'bigint') return quantityOf(value);
  return parseQuantity(textOf('quantity', value));
};

/** A text with a sign, digits and a suffix; unlike in objects, numbers do not count. */
const valid = (text: string): boolean => text !== '' && isQuantity(text);

export const quantities = ({ func, method }: Declare): void => {
  func('isQuantity', 1, text => valid(stringOf(text)));
  func('quantity', 1, text => {
    if (!valid(stringOf(text)))
      throw new Error("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
    return made(parseQuantity(stringOf(text)));
  });
  const whole = (quantity: Quantity): boolean => Number.isInteger(toNumber(quantity));
  method('sign', 'map', 0, target => BigInt(sign(of(target))));
  method('isInteger', 'map', 0, target => whole(of(target)));
  method('asInteger', 'map', 0, target => {
    if (!whole(of(target))) throw new Error('cannot convert value to integer');
    return BigInt(toNumber(of(target)));
  });
  method('asApproximateFloat', 'map', 0, target => toNumber(of(target)));
  method('add', 'map', 1, (target, other = null) => made(add(of(target), of(other))));
  method('sub', 'map', 1, (target, other = null) => made(sub(of(target), of(other))));
  // Of versions, too: the evaluator tells apart no two kinds of maps.
  const order = (target: CelValue, other: CelValue): number =>
    isOpaque('semver', target) ? compareSemver(target, other) : compare(of(target), of(other));
  method('isLessThan', 'map', 1, (target, other = null) => order(target, other) < 0);
  method('isGreaterThan', 'map', 1, (target, other = null) => order(target, other) > 0);
  method('compareTo', 'map', 1, (target, other = null) => BigInt(order(target, other)));
  func('sign', 1, (target = null) => BigInt(sign(of(target))));
};
