/** Optional values: a list of none or one stands for them. */
import type * as Cel from '@bufbuild/cel';
import type { CelInput, CelList, CelMap, CelValue } from '@bufbuild/cel';
import type { Declare } from '../library.ts';
import { optionalIndex, optionalSelect } from '../syntax.ts';

const some = (value: CelValue): CelInput => [value] as CelInput;
const none = (): CelInput => [] as CelInput;
const first = (value: CelValue): CelValue | undefined => (value as CelList).get(0);

const isZero = (value: CelValue): boolean =>
  value === null ||
  value === '' ||
  value === 0 ||
  value === 0n ||
  value === false ||
  (typeof value === 'object' && 'size' in value && value.size === 0);

export const optionals = ({ func, method }: Declare, { isCelMap, isCelList }: typeof Cel): void => {
  const select = (target: CelValue | undefined, key: CelValue): CelInput => {
    if (target === undefined) return none();
    const found = isCelMap(target)
      ? (target as CelMap).get(key as string)
      : isCelList(target) && typeof key === 'bigint'
        ? target.get(Number(key))
        : undefined;
    return found === undefined ? none() : some(found);
  };
  // Of a map it is the first of a chain, of a list a later one: the optional value of before. Lists themselves are reached by index.
  method(optionalSelect, 'map', 1, (target, key = null) => select(target, key));
  method(optionalSelect, 'list', 1, (target, key = null) => select(first(target), key));
  method(optionalIndex, 'map', 1, (target, key = null) => select(target, key));
  method(optionalIndex, 'list', 1, (target, key = null) => {
    const inner = first(target);
    const chained = inner !== undefined && (target as CelList).size === 1 && (isCelMap(inner) || isCelList(inner));
    return select(chained ? inner : target, key);
  });
  func('optional.of', 1, (value = null) => some(value));
  func('optional.ofNonZeroValue', 1, (value = null) => (isZero(value) ? none() : some(value)));
  func('optional.none', 0, none);
  method('hasValue', 'list', 0, target => (target as CelList).size > 0);
  method('orValue', 'list', 1, (target, other = null) => (first(target) ?? other) as CelInput);
  method('or', 'list', 1, (target, other = null) => ((target as CelList).size > 0 ? target : other) as CelInput);
  method('value', 'list', 0, target => {
    const found = first(target);
    if (found === undefined) throw new Error('optional.none() dereference');
    return found as CelInput;
  });
};
