/** What `has`, `all`, `map` and their like stand for (cel-go `parser/macro.go`, `ext/comprehensions.go`, `cel/library.go`). */
import type { Call, Fold, Node } from './ast.ts';

export interface MacroContext {
  problem(at: number, text: string): void;
}

const accumulator = '@result';

interface Parts {
  readonly call: Call;
  readonly variable: string;
  readonly second?: string | undefined;
  readonly context: MacroContext;
}
/** The parts of a fold, all standing where the macro is called. */
const maker = ({ call, variable, second }: Parts) => {
  const { at } = call;
  const bool = (value: boolean): Node => ({ kind: 'const', value, at });
  const int = (value: bigint): Node => ({ kind: 'const', value, at });
  const so: Node = { kind: 'ident', name: accumulator, at };
  const apply = (name: string, ...args: Node[]): Node => ({ kind: 'call', name, args, at });
  const list = (...elements: Node[]): Node => ({ kind: 'list', elements, optional: new Set(), at });
  const fold = (start: Node, condition: Node, step: Node, result: Node = so): Fold => ({
    kind: 'fold',
    range: call.target as Node,
    variable,
    ...(second === undefined ? {} : { second }),
    accumulator,
    start,
    condition,
    step,
    result,
    at,
  });
  return { bool, int, so, apply, list, fold };
};

type Expand = (parts: Parts, args: readonly Node[]) => Node;

const existsOne: Expand = (parts, [predicate]) => {
  const { bool, int, so, apply, fold } = maker(parts);
  const step = apply('_?_:_', predicate as Node, apply('_+_', so, int(1n)), so);
  return fold(int(0n), bool(true), step, apply('_==_', so, int(1n)));
};
const quantifiers: Readonly<Record<string, Expand>> = {
  all(parts, [predicate]) {
    const { bool, so, apply, fold } = maker(parts);
    return fold(bool(true), apply('@not_strictly_false', so), apply('_&&_', so, predicate as Node));
  },
  exists(parts, [predicate]) {
    const { bool, so, apply, fold } = maker(parts);
    return fold(bool(false), apply('@not_strictly_false', apply('!_', so)), apply('_||_', so, predicate as Node));
  },
  exists_one: existsOne,
};

/** Of one variable; the last argument is what is made, one before it a condition. */
const filtered = (parts: Parts, args: readonly Node[], make: (value: Node, tools: ReturnType<typeof maker>) => Node, start: Node): Node => {
  const tools = maker(parts);
  const [condition, value] = args.length === 2 ? args : [undefined, args[0]];
  const made = make(value as Node, tools);
  const step = condition ? tools.apply('_?_:_', condition, made, tools.so) : made;
  return tools.fold(start, tools.bool(true), step);
};
const appended = (value: Node, { apply, list, so }: ReturnType<typeof maker>): Node => apply('_+_', so, list(value));
const emptyList = ({ call }: Parts): Node => ({ kind: 'list', elements: [], optional: new Set(), at: call.at });
const emptyMap = ({ call }: Parts): Node => ({ kind: 'map', entries: [], at: call.at });

const makers: Readonly<Record<string, Expand>> = {
  map: (parts, args) => filtered(parts, args, appended, emptyList(parts)),
  filter(parts, [predicate]) {
    const { at } = parts.call;
    return filtered(parts, [predicate as Node, { kind: 'ident', name: parts.variable, at }], appended, emptyList(parts));
  },
};
const ofTwo: Readonly<Record<string, Expand>> = {
  existsOne,
  transformList: (parts, args) => filtered(parts, args, appended, emptyList(parts)),
  transformMap: (parts, args) =>
    filtered(
      parts,
      args,
      (value, { apply, so }) => apply('cel.@mapInsert', so, { kind: 'ident', name: parts.variable, at: parts.call.at }, value),
      emptyMap(parts),
    ),
  transformMapEntry: (parts, args) => filtered(parts, args, (value, { apply, so }) => apply('cel.@mapInsert', so, value), emptyMap(parts)),
};

const nameIn = (node: Node | undefined, context: MacroContext, complaint: string): string => {
  if (node?.kind === 'ident') return node.name;
  context.problem(node?.at ?? 0, complaint);
  return '@wrong';
};

const has = ({ args, at }: Call, context: MacroContext): Node | undefined => {
  const [argument] = args;
  if (argument?.kind === 'select' && !argument.test) return { ...argument, test: true, at };
  context.problem(argument?.at ?? at, 'invalid argument to has() macro');
  return undefined;
};

/** `optMap(x, f)`: f of its value, if it has one. */
const optional = (call: Call, context: MacroContext): Node | undefined => {
  const { target, args, name, at } = call;
  const [variable, body] = args;
  if (!target || !body) return undefined;
  const bound = nameIn(variable, context, `${name}() variable name must be a simple identifier`);
  const value: Node = { kind: 'call', name: 'value', target, args: [], at };
  const inner: Fold = {
    kind: 'fold',
    range: { kind: 'list', elements: [], optional: new Set(), at },
    variable: '#unused',
    accumulator: bound,
    start: value,
    condition: { kind: 'const', value: false, at },
    step: { kind: 'ident', name: bound, at },
    result: body,
    at,
  };
  const made: Node = name === 'optMap' ? { kind: 'call', name: 'optional.of', args: [inner], at } : inner;
  const none: Node = { kind: 'call', name: 'optional.none', args: [], at };
  return { kind: 'call', name: '_?_:_', args: [{ kind: 'call', name: 'hasValue', target, args: [], at }, made, none], at };
};

const sortInput = '@__sortBy_input__';
/** `sortBy(x, key)`: the keys are made first, then the list is sorted by them. */
const sortBy = (call: Call, context: MacroContext): Node => {
  const { target, args, at } = call;
  const variable = nameIn(args[0], context, 'argument must be a simple identifier');
  const input: Node = { kind: 'ident', name: sortInput, at };
  const keys = makers['map']?.({ call: { ...call, target: input }, variable, context }, args.slice(1)) as Node;
  return {
    kind: 'fold',
    range: { kind: 'list', elements: [], optional: new Set(), at },
    variable: '#unused',
    accumulator: sortInput,
    start: target as Node,
    condition: { kind: 'const', value: false, at },
    step: input,
    result: { kind: 'call', name: '@sortByAssociatedKeys', target: input, args: [keys], at },
    at,
  };
};

/** Undefined where the call is no macro. */
export const expandMacro = (call: Call, context: MacroContext): Node | undefined => {
  const { name, target, args } = call;
  if (!target) return name === 'has' && args.length === 1 ? has(call, context) : undefined;
  if ((name === 'optMap' || name === 'optFlatMap') && args.length === 2) return optional(call, context);
  if (name === 'sortBy' && args.length === 2) return sortBy(call, context);
  const quantifier = Object.hasOwn(quantifiers, name) ? quantifiers[name] : undefined;
  const single = quantifier ?? (Object.hasOwn(makers, name) ? makers[name] : undefined);
  if (single && (args.length === 2 || (name === 'map' && args.length === 3))) {
    const complaint = quantifier ? 'argument must be a simple name' : 'argument is not an identifier';
    return single({ call, variable: nameIn(args[0], context, complaint), context }, args.slice(1));
  }
  const double = quantifier && args.length === 3 ? quantifier : Object.hasOwn(ofTwo, name) && args.length >= 3 ? ofTwo[name] : undefined;
  if (double === existsOne && args.length > 3) return undefined;
  if (!double || args.length > 4) return undefined;
  const complaint = 'argument must be a simple name';
  const variable = nameIn(args[0], context, complaint);
  const second = nameIn(args[1], context, complaint);
  if (variable === second) context.problem(args[1]?.at ?? 0, `duplicate variable name: ${variable}`);
  return double({ call, variable, second, context }, args.slice(2));
};
