/** Sets of completion indexes in their short form: `1,3-5,7`, in order, below the number of completions. */
import { quote } from '../field.ts';

export class IndexesError extends Error {
  override readonly name = 'IndexesError';
}
const decimal = /^[+-]?[0-9]{1,18}$/;
const readIndex = (text: string, completions: number): number => {
  if (!decimal.test(text)) throw new IndexesError(`cannot convert string to integer for index: ${quote(text)}`);
  const index = Number(text);
  if (index >= completions) throw new IndexesError(`too large index: ${quote(text)}`);
  return index;
};
interface Interval {
  readonly from: number;
  readonly to: number;
}
const readInterval = (text: string, completions: number): Interval => {
  const [first = '', last, ...more] = text.split('-');
  if (more.length)
    throw new IndexesError(
      `the fragment ${quote(text)} violates the requirement that an index interval can have at most two parts separated by '-'`,
    );
  const from = readIndex(first, completions);
  if (last === undefined) return { from, to: from };
  const to = readIndex(last, completions);
  if (from >= to) throw new IndexesError(`non-increasing order, previous: ${from}, current: ${to}`);
  return { from, to };
};

/** How many indexes `text` names. Throws `IndexesError`. */
export const countIndexes = (text: string, completions: number): number => {
  if (!text) return 0;
  let total = 0;
  let last: number | undefined;
  for (const part of text.split(',')) {
    const { from, to } = readInterval(part, completions);
    if (last !== undefined && last >= from) throw new IndexesError(`non-increasing order, previous: ${last}, current: ${from}`);
    total += to - from + 1;
    last = to;
  }
  return total;
};
/** Why `text` is no set of indexes below `completions`; undefined where it is one. */
export const indexesProblem = (text: string, completions: number): string | undefined => {
  try {
    countIndexes(text, completions);
    return undefined;
  } catch (error) {
    if (error instanceof IndexesError) return error.message;
    throw error;
  }
};

const readable = (text: string, completions: number): Interval[] =>
  text.split(',').flatMap(part => {
    try {
      return [readInterval(part, completions)];
    } catch (error) {
      if (error instanceof IndexesError) return [];
      throw error;
    }
  });
/** The first index that both sets have; what cannot be read is passed over. */
export const firstCommonIndex = (one: string, other: string, completions: number): number | undefined => {
  if (!one || !other) return undefined;
  const left = readable(one, completions);
  const right = readable(other, completions);
  for (let i = 0, j = 0; i < left.length && j < right.length; ) {
    const a = left[i] as Interval;
    const b = right[j] as Interval;
    if (a.from <= b.to && b.from <= a.to) return Math.max(a.from, b.from);
    if (a.from <= b.from) i++;
    else j++;
  }
  return undefined;
};
