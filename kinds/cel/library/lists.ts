import type * as Cel from '@bufbuild/cel';
import type { CelInput, CelList, CelValue } from '@bufbuild/cel';
import type { Declare } from '../library.ts';
import { mergeItems, sameItems } from '../lower.ts';

const items = (value: CelValue): CelValue[] => [...(value as CelList)];

const compare = (a: CelValue, b: CelValue): number => {
  if ((typeof a === 'bigint' || typeof a === 'number') && (typeof b === 'bigint' || typeof b === 'number'))
    return a < b ? -1 : a > b ? 1 : 0;
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : a > b ? 1 : 0;
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b);
  const seconds = (value: CelValue): bigint => {
    const message = (value as { message?: { seconds?: bigint; nanos?: number } } | null)?.message;
    if (message?.seconds === undefined) throw new Error('no such overload');
    return message.seconds * 1_000_000_000n + BigInt(message.nanos ?? 0);
  };
  const [one, other] = [seconds(a), seconds(b)];
  return one < other ? -1 : one > other ? 1 : 0;
};

export const lists = ({ func, method }: Declare, { isCelList, isCelMap }: typeof Cel): void => {
  const equal = (a: CelValue, b: CelValue): boolean => {
    if (isCelList(a) && isCelList(b)) {
      const others = items(b);
      return a.size === b.size && items(a).every((item, i) => equal(item, others[i] ?? null));
    }
    if (isCelMap(a) && isCelMap(b)) {
      if (a.size !== b.size) return false;
      for (const [key, value] of a) if (!b.has(key) || !equal(value, b.get(key) ?? null)) return false;
      return true;
    }
    try {
      return a === b || compare(a, b) === 0;
    } catch {
      // Values of different types are just not equal.
      return false;
    }
  };
  // Lists whose order means nothing, as schemas have them.
  func(sameItems, 2, (list = null, other = null) => {
    const [all, others] = [items(list), items(other)];
    return all.length === others.length && all.every(item => others.some(one => equal(one, item)));
  });
  func(mergeItems, 3, (list = null, other = null, keys = null) => {
    const made = items(list);
    const names = items(keys) as string[];
    const get = (item: CelValue, name: string): CelValue => (isCelMap(item) ? (item.get(name) ?? null) : null);
    const same = (a: CelValue, b: CelValue): boolean =>
      names.length === 0 ? equal(a, b) : names.every(name => equal(get(a, name), get(b, name)));
    for (const item of items(other)) {
      const at = made.findIndex(one => same(one, item));
      if (at < 0) made.push(item);
      else made[at] = item;
    }
    return made as CelInput;
  });
  const find = (list: CelValue, item: CelValue): number => items(list).findIndex(one => equal(one, item));

  method('isSorted', 'list', 0, target => items(target).every((item, i, all) => i === 0 || compare(all[i - 1] ?? null, item) <= 0));
  method('sum', 'list', 0, target => {
    const all = items(target);
    if (typeof all[0] === 'number') return all.reduce<number>((sum, item) => sum + Number(item), 0);
    return all.reduce<bigint>((sum, item) => {
      if (typeof item !== 'bigint') throw new Error('no such overload');
      return sum + item;
    }, 0n);
  });
  const extreme = (name: 'min' | 'max', sign: number): void =>
    method(name, 'list', 0, target => {
      const all = items(target);
      if (all.length === 0) throw new Error(`${name} called on empty list`);
      return all.reduce((best, item) => (compare(item, best) * sign > 0 ? item : best)) as CelInput;
    });
  extreme('min', -1);
  extreme('max', 1);
  method('indexOf', 'list', 1, (target, item = null) => BigInt(find(target, item)));
  method('lastIndexOf', 'list', 1, (target, item = null) => BigInt(items(target).findLastIndex(one => equal(one, item))));
  method('slice', 'list', 2, (target, from = 0n, to = 0n) => {
    const all = items(target);
    const [start, end] = [Number(from), Number(to)];
    if (start < 0 || end < 0) throw new Error(`cannot slice(${start}, ${end}), negative indexes not supported`);
    if (start > end) throw new Error(`cannot slice(${start}, ${end}), start index must be less than or equal to end index`);
    if (end > all.length) throw new Error(`cannot slice(${start}, ${end}), list is length ${all.length}`);
    return all.slice(start, end) as CelInput;
  });
  method('distinct', 'list', 0, target => items(target).filter((item, i, all) => all.findIndex(one => equal(one, item)) === i) as CelInput);
  method('reverse', 'list', 0, target => items(target).reverse() as CelInput);
  method('sort', 'list', 0, target => items(target).sort(compare) as CelInput);
  method('@sortByAssociatedKeys', 'list', 1, (target, keys = null) => {
    const by = items(keys);
    const order = by.map((_, i) => i).sort((a, b) => compare(by[a] ?? null, by[b] ?? null));
    const all = items(target);
    return order.map(i => all[i] ?? null) as CelInput;
  });
  const flat = (list: CelValue, depth: bigint): CelValue[] =>
    items(list).flatMap(item => (isCelList(item) && depth > 0n ? flat(item, depth - 1n) : [item]));
  method('flatten', 'list', 0, target => flat(target, 1n) as CelInput);
  method('flatten', 'list', 1, (target, depth = 1n) => flat(target, depth as bigint) as CelInput);
  func('lists.range', 1, size => Array.from({ length: Math.min(Number(size), 10_000) }, (_, i) => BigInt(i)));
  const holdsAll = (list: CelValue, wanted: CelValue): boolean => items(wanted).every(item => find(list, item) >= 0);
  func('sets.contains', 2, (list = null, wanted = null) => holdsAll(list, wanted));
  func('sets.equivalent', 2, (list = null, other = null) => holdsAll(list, other) && holdsAll(other, list));
  func('sets.intersects', 2, (list = null, other = null) => items(other).some(item => find(list, item) >= 0));
};
