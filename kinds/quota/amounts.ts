/** Amounts of named resources, exactly (apiserver `pkg/quota/v1/resources.go`). */
import { compare, formatQuantity, isZero, parseQuantity, add as plus, type Quantity, sub, zero } from '../quantity.ts';

/** As on the wire. */
export type Amounts = Readonly<Record<string, string>>;
export type Usage = ReadonlyMap<string, Quantity>;

export const parseAmounts = (amounts: Amounts | undefined): Map<string, Quantity> =>
  new Map(Object.entries(amounts ?? {}).map(([name, wire]) => [name, parseQuantity(wire)]));
export const formatAmounts = (usage: Usage): Record<string, string> =>
  Object.fromEntries([...usage].map(([name, quantity]) => [name, formatQuantity(quantity)]));

export const addTo = (target: Map<string, Quantity>, more: Usage): void => {
  for (const [name, quantity] of more) {
    const before = target.get(name);
    target.set(name, before ? plus(before, quantity) : quantity);
  }
};
export const raiseTo = (target: Map<string, Quantity>, other: Usage): void => {
  for (const [name, quantity] of other) {
    const before = target.get(name);
    if (!before || compare(quantity, before) > 0) target.set(name, quantity);
  }
};
/** What `next` has more; never less than nothing. */
export const increase = (next: Usage, previous: Usage): Map<string, Quantity> =>
  new Map(
    [...next].map(([name, quantity]) => {
      const before = previous.get(name);
      const more = before ? sub(quantity, before) : quantity;
      return [name, compare(more, zero) > 0 ? more : zero];
    }),
  );
export const mask = (usage: Usage, keep: (name: string) => boolean): Map<string, Quantity> =>
  new Map([...usage].filter(([name]) => keep(name)));
export const withoutZeros = (usage: Usage): Map<string, Quantity> => new Map([...usage].filter(([, quantity]) => !isZero(quantity)));
export const sameAmounts = (one: Usage, other: Usage): boolean =>
  one.size === other.size &&
  [...one].every(([name, quantity]) => {
    const there = other.get(name);
    return there !== undefined && compare(quantity, there) === 0;
  });
/** `cpu=1,pods=2`, sorted by name. */
export const show = (usage: Usage): string =>
  [...usage]
    .map(([name, quantity]) => [name, formatQuantity(quantity)] as const)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, text]) => `${name}=${text}`)
    .join(',');
