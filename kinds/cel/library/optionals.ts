/** Optional values: a list of none or one stands for them. */
import type * as Cel from '@bufbuild/cel';
import type { CelInput, CelList, CelMap, CelValue } from '@bufbuild/cel';
import type { Declare } from '../library.ts';
import { optionalIndex, optionalOfOptional, optionalSelect } from '../lower.ts';

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
  func(optionalSelect, 2, (target = null, key = null) => select(target, key));
  func(optionalIndex, 2, (target = null, key = null) => select(target, key));
  func(optionalOfOptional, 2, (target = null, key = null) => select(first(target), key));
  func('optional.of', 1, (value = null) => some(value));
  func('optional.ofNonZeroValue', 1, (value = null) => (isZero(value) ? none() : some(value)));
  func('optional.none', 0, none);
  method('hasValue', 'list', 0, target => (target as CelList).size > 0);
  method('orValue', 'list', 1, (target, other = null) => (first(target) ?? other) as CelInput);
  method('or', 'list', 1, (target, other = null) => ((target as CelList).size > 0 ? target : other) as CelInput);
  func('optional.unwrap', 1, (list = null) => [...(list as CelList)].flatMap(one => [...(one as CelList)]) as CelInput);
  method('unwrapOpt', 'list', 0, list => [...(list as CelList)].flatMap(one => [...(one as CelList)]) as CelInput);
  method('first', 'list', 0, target => ((target as CelList).size > 0 ? some((target as CelList).get(0) ?? null) : none()));
  method('last', 'list', 0, target => {
    const { size } = target as CelList;
    return size > 0 ? some((target as CelList).get(size - 1) ?? null) : none();
  });
  method('value', 'list', 0, target => {
    const found = first(target);
    if (found === undefined) throw new Error('optional.none() dereference');
    return found as CelInput;
  });
};
