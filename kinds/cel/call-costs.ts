/** What calls cost beside their arguments, by function (cel-go `checker/cost.go`, `ext/{lists,sets}.go`; apiserver `pkg/cel/library/cost.go`). */
import type { Node } from './ast.ts';
import type { Overload } from './declarations.ts';
import { either, exactly, plus, type Range, scaled, times, unknown } from './ranges.ts';
import type { Type } from './types.ts';

export interface Estimate {
  readonly cost: Range;
  /** Of what it gives, where that is known. */
  readonly size?: Range;
}

/** A call as it is judged for one of its overloads. */
export interface CallView {
  readonly overload: Overload | undefined;
  readonly target: Node | undefined;
  readonly args: readonly Node[];
  typeOf(node: Node): Type;
  /** Infinite where it is not known. */
  size(node: Node): Range;
  knownSize(node: Node): Range | undefined;
  /** Of the items of a list. */
  itemSize(list: Node): Range;
}
type Judge = (call: CallView) => Estimate | undefined;

/** Of a character to walk past, and of one of a pattern. */
const perCharacter = 0.1;
const perPatternCharacter = 0.25;
const longestFormatPattern = 128;
const longestFormat = 64;
const newList = 10;

const nominal: Judge = () => ({ cost: exactly(1) });
const isText = ({ kind }: Type): boolean => kind === 'string' || kind === 'bytes';
const onTarget =
  (judge: (target: Node, call: CallView) => Estimate): Judge =>
  call =>
    call.target && judge(call.target, call);
const onFirst =
  (judge: (first: Node, call: CallView) => Estimate | undefined): Judge =>
  call =>
    call.args[0] && judge(call.args[0], call);

/** The argument is read `often` times. */
const reads = (often = 1): Judge => onFirst((first, { size }) => ({ cost: scaled(size(first), often * perCharacter) }));
/** And gives as much. */
const keeps = (sized: Range): Estimate => ({ cost: scaled(sized, perCharacter), size: sized });

const overItems = onTarget((target, { typeOf, size, itemSize }) => {
  const type = typeOf(target);
  if (type.kind !== 'list') return { cost: scaled(size(target), perCharacter) };
  const each = isText(type.of) ? plus(exactly(1), scaled(itemSize(target), perCharacter)) : exactly(1);
  return { cost: times(size(target), each) };
});

/** How often a text is replaced, and what is left of it: at the least or the most. */
const replaced = (whole: number, from: number, to: number, shorter: boolean): number => {
  if (from === 0) return (whole + 1) * (to || 0) + whole;
  if (shorter) return whole;
  return to === 0 ? 0 : Math.ceil(whole / from) * to;
};
const replace = onTarget((target, { args, size }) => {
  const [from, to] = args;
  if (!from || !to) return { cost: exactly(1) };
  const [whole, old, fresh] = [size(target), size(from), size(to)];
  return {
    cost: scaled(whole, 2 * perCharacter),
    size: {
      max: replaced(whole.max, old.min, fresh.max, fresh.max <= old.min),
      min: replaced(whole.min, old.max, fresh.min, old.max <= fresh.min),
    },
  };
});

const wholeNumber = (node: Node | undefined, otherwise: number): number =>
  node?.kind === 'const' && typeof node.value === 'bigint' && node.value >= 0n ? Number(node.value) : otherwise;

const split = onTarget((target, { args, size }) => {
  const sized = size(target);
  return { cost: scaled(sized, 2 * perCharacter), size: { min: 0, max: wholeNumber(args[1], sized.max) } };
});
const join = onTarget((target, { args, size, itemSize }) => {
  const count = size(target);
  let sized = times(count, itemSize(target));
  const between = { min: Math.max(0, count.min - 1), max: Math.max(0, count.max - 1) };
  if (args[0]) sized = plus(sized, times(size(args[0]), between));
  return keeps(sized);
});

/** One is added to the length: an empty text does not make a pattern free. */
const matched = (text: Range, pattern: Range): Range =>
  times(scaled(plus(text, exactly(1)), perCharacter), scaled(pattern, perPatternCharacter));
const find: Judge = ({ target, args: [pattern], size }) =>
  target && pattern && { cost: matched(size(target), size(pattern)), size: { min: 0, max: size(target).max } };

const address: Range = { min: 4, max: 16 };
const compared = scaled(plus(address, address), perCharacter);
const parsed = (first: Node, { typeOf, size }: CallView): Range =>
  typeOf(first).kind === 'opaque' ? exactly(0) : scaled(size(first), perCharacter);
const containsAddress = onFirst((first, call) => ({ cost: plus(compared, parsed(first, call)) }));
const containsRange = onFirst((first, call) => {
  const masked = plus(scaled(address, perCharacter), exactly(1));
  return { cost: plus(plus(compared, masked), parsed(first, call)) };
});

const newListOf = (factor: number, sized: Range): Estimate => ({ cost: plus(scaled(sized, factor), exactly(1 + newList)), size: sized });
const sorted = (list: Node, { size, overload }: CallView): Estimate => {
  // By the keys where there are any; the target comes first.
  const keys = overload?.args.at(-1);
  const ofTexts = keys?.kind === 'list' && isText(keys.of);
  return newListOf(ofTexts ? 2 + perCharacter : 2, times(size(list), size(list)));
};
const sets = (factor: number): Judge =>
  onFirst((first, { args, size }) => (args[1] ? { cost: plus(scaled(times(size(first), size(args[1])), factor), exactly(1)) } : undefined));

const comparison: Judge = ({ args: [left, right], size }) => {
  if (!left || !right) return undefined;
  const most = Math.min(size(left).max, size(right).max);
  return { cost: scaled({ min: most > 0 ? 1 : 0, max: most }, perCharacter) };
};
const order: Judge = call => (call.overload?.args[0] && isText(call.overload.args[0]) ? comparison(call) : undefined);
const equality: Judge = call => {
  const [left, right] = call.args.map(call.typeOf);
  if (left?.kind !== 'opaque' || right?.kind !== 'opaque' || left.name !== right.name) return comparison(call);
  if (left.name === 'kubernetes.NamedFormat') return { cost: scaled({ min: 1, max: longestFormat }, perCharacter) };
  const sized = call.args[1] && call.knownSize(call.args[1]);
  return { cost: left.name === 'kubernetes.URL' ? scaled({ min: 1, max: sized?.max ?? 1 }, perCharacter) : exactly(1) };
};

const add: Judge = ({ overload, args: [left, right], size }) => {
  const type = overload?.args[0];
  if (!left || !right || !type || (type.kind !== 'list' && !isText(type))) return undefined;
  const sized = plus(size(left), size(right));
  return type.kind === 'list' ? { cost: exactly(1), size: sized } : keeps(sized);
};

/** Of a conversion from one type only. */
const from = (kind: Type['kind'], sizeOf: (given: Range) => Range): Judge =>
  onFirst((first, { overload, size }) => {
    const given = size(first);
    return overload?.args[0]?.kind === kind ? { cost: scaled(given, perCharacter), size: sizeOf(given) } : undefined;
  });

const all = (names: readonly string[], judge: Judge): [string, Judge][] => names.map(name => [name, judge]);
const judges: ReadonlyMap<string, Judge> = new Map([
  ['check', () => ({ cost: exactly(350_000) })],
  ...all(['fieldSelector', 'labelSelector'], reads()),
  ...all(['isSorted', 'sum', 'max', 'min', 'indexOf', 'lastIndexOf'], overItems),
  ...all(
    ['url', 'jsonpatch.escapeKey'],
    onFirst((first, { size }) => keeps(size(first))),
  ),
  ...all(
    ['lowerAscii', 'upperAscii', 'substring', 'trim'],
    onTarget((target, { size }) => keeps(size(target))),
  ),
  ['replace', replace],
  ['split', split],
  ['join', join],
  ...all(['find', 'findAll'], find),
  ...all(['cidr', 'isIP', 'isCIDR', 'ip', 'quantity', 'isQuantity', 'semver', 'isSemver'], reads()),
  ['ip.isCanonical', reads(2)],
  ['containsIP', containsAddress],
  ['containsCIDR', containsRange],
  [
    'validate',
    onFirst((first, { size }) => ({ cost: scaled(scaled(size(first), perCharacter), longestFormatPattern * perPatternCharacter) })),
  ],
  ['sets.contains', sets(1)],
  ['sets.intersects', sets(1)],
  ['sets.equivalent', sets(2)],
  [
    'slice',
    onTarget((target, { args, size }) => {
      const length = wholeNumber(args[1], size(target).max) - wholeNumber(args[0], 0);
      return newListOf(1, exactly(length < 0 ? Number.POSITIVE_INFINITY : length));
    }),
  ],
  ['lists.range', onFirst(first => newListOf(1, exactly(wholeNumber(first, Number.POSITIVE_INFINITY))))],
  ['reverse', onTarget((target, { size }) => newListOf(1, size(target)))],
  ['flatten', onTarget((target, { args, size }) => newListOf(args[0] ? wholeNumber(args[0], Number.POSITIVE_INFINITY) : 1, size(target)))],
  ['distinct', onTarget((target, { size }) => newListOf(2, times(size(target), size(target))))],
  ['sort', onTarget(sorted)],
  ['@sortByAssociatedKeys', onFirst(sorted)],
  ['format', onTarget((target, { size }) => ({ cost: scaled(size(target), perCharacter) }))],
  // A character may become four bytes.
  ['bytes', from('string', ({ min, max }) => ({ min, max: max * 4 }))],
  ['string', from('bytes', ({ min, max }) => ({ min: Math.floor(min / 4), max }))],
  // Upstream's count of a text without a bound, doubled and two more, runs over to zero.
  ['strings.quote', from('string', ({ min, max }) => ({ min: min + 2, max: Number.isFinite(max) ? max * 2 + 2 : 0 }))],
  ...all(['startsWith', 'endsWith'], reads()),
  [
    '@in',
    ({ overload, args: [, list], size }) => (list && overload?.args[1]?.kind === 'list' ? { cost: scaled(size(list), 1) } : undefined),
  ],
  ['matches', ({ target, args: [pattern], size }) => target && pattern && { cost: matched(size(target), size(pattern)) }],
  [
    'contains',
    ({ target, args: [part], size }) =>
      target && part && { cost: times(scaled(size(target), perCharacter), scaled(size(part), perCharacter)) },
  ],
  ['_+_', add],
  ...all(['_<_', '_<=_', '_>_', '_>=_'], order),
  ['_==_', equality],
  ['_!=_', comparison],
  ['_?_:_', ({ args: [, yes, no], size }) => (yes && no ? { cost: exactly(0), size: either(size(yes), size(no)) } : { cost: unknown })],
]);

export const costOfCall = (name: string, call: CallView): Estimate => judges.get(name)?.(call) ?? (nominal(call) as Estimate);
