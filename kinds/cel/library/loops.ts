/** What loops over two variables are made of. */
import type * as Cel from '@bufbuild/cel';
import type { CelInput, CelList, CelMap, CelValue } from '@bufbuild/cel';
import type { Declare } from '../library.ts';
import { itemAt, keysOf, mapInsert, mapInsertOptional } from '../lower.ts';

export const loops = ({ func }: Declare, { isCelList, isCelMap }: typeof Cel): void => {
  const copyOf = (map: CelValue): Map<unknown, unknown> => new Map(map as unknown as Iterable<[unknown, unknown]>);
  func(keysOf, 1, (range = null) => {
    if (isCelList(range)) return Array.from({ length: range.size }, (_, i) => BigInt(i));
    if (!isCelMap(range)) throw new Error('no such overload');
    return [...range].map(([key]) => key) as CelInput;
  });
  func(itemAt, 2, (range = null, key = null) => {
    const found = isCelList(range) ? (range as CelList).get(Number(key)) : (range as CelMap).get(key as string);
    return (found ?? null) as CelInput;
  });
  const insert = (map: Map<unknown, unknown>, key: unknown, value: unknown): void => {
    if (map.has(key)) throw new Error(`insert failed: key '${String(key)}' already exists`);
    map.set(key, value);
  };
  func(mapInsert, 3, (map = null, key = null, value = null) => {
    const made = copyOf(map);
    insert(made, key, value);
    return made as CelInput;
  });
  func(mapInsert, 2, (map = null, entries = null) => {
    const made = copyOf(map);
    for (const [key, value] of entries as CelMap) insert(made, key, value);
    return made as CelInput;
  });
  func(mapInsertOptional, 3, (map = null, key = null, value = null) => {
    const made = copyOf(map);
    for (const one of value as CelList) insert(made, key, one);
    return made as CelInput;
  });
};
