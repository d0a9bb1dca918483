/**
 * What is wrong with an expression before it is ever run: fields, names and functions that do not exist, and operands that cannot go together.
 * Not a whole type system: what cannot be told is `dyn`, and passes.
 */
import type { Expr } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import { optionalIndex, optionalSelect } from './syntax.ts';
import { bool, dyn, fieldSchema, int, nameOf, string, type Type, typeOf, unescapeName } from './types.ts';

export interface Problem {
  /** Of the expression's part. */
  readonly id: bigint;
  readonly text: string;
  /** Of a function: it is shown where its arguments begin. */
  readonly call?: boolean;
}

export type Variables = ReadonlyMap<string, Type>;

class CheckError extends Error {
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(problem.text);
    this.problem = problem;
  }
}

const fail = (expr: Expr, text: string): never => {
  const { exprKind: kind } = expr;
  const call = kind.case === 'callExpr' && /^[a-z]/i.test(kind.value.function);
  throw new CheckError({ id: expr.id, text, call });
};

const typeNames: ReadonlySet<string> = new Set([
  'bool',
  'int',
  'uint',
  'double',
  'string',
  'bytes',
  'list',
  'map',
  'null_type',
  'type',
  'optional_type',
]);
const scalars: ReadonlySet<string> = new Set(['bool', 'int', 'uint', 'double', 'string', 'bytes', 'timestamp', 'duration']);
const comparisons: ReadonlySet<string> = new Set(['_==_', '_!=_', '_<_', '_<=_', '_>_', '_>=_']);
const logic: ReadonlySet<string> = new Set(['_&&_', '_||_']);
const arithmetic: ReadonlySet<string> = new Set(['_+_', '_-_', '_*_', '_/_', '_%_']);
const results: Readonly<Record<string, Type>> = {
  '!_': bool,
  '@in': bool,
  '@not_strictly_false': bool,
  startsWith: bool,
  endsWith: bool,
  contains: bool,
  matches: bool,
  size: int,
  int,
  uint: { kind: 'uint' },
  double: { kind: 'double' },
  bool,
  string,
  bytes: { kind: 'bytes' },
  type: { kind: 'type' },
  timestamp: { kind: 'timestamp' },
  duration: { kind: 'duration' },
  isQuantity: bool,
  isURL: bool,
  isIP: bool,
  isCIDR: bool,
  isSorted: bool,
  hasValue: bool,
  lowerAscii: string,
  upperAscii: string,
  trim: string,
  replace: string,
  substring: string,
  charAt: string,
  join: string,
  format: string,
  find: string,
  getScheme: string,
  getHost: string,
  getHostname: string,
  getPort: string,
  getEscapedPath: string,
};

class Checker {
  readonly #knows: (name: string) => boolean;
  constructor(knows: (name: string) => boolean) {
    this.#knows = knows;
  }

  infer(expr: Expr | undefined, scope: Variables): Type {
    if (!expr) return dyn;
    const { exprKind: kind } = expr;
    switch (kind.case) {
      case 'constExpr':
        return constant(kind.value.constantKind.case);
      case 'identExpr':
        return this.#name(expr, kind.value.name, scope);
      case 'selectExpr': {
        const operand = this.infer(kind.value.operand, scope);
        const found = select(expr, operand, kind.value.field);
        return kind.value.testOnly ? bool : found;
      }
      case 'listExpr': {
        const types = kind.value.elements.map(element => this.infer(element, scope));
        const [only] = types;
        return { kind: 'list', of: only && types.every(type => nameOf(type) === nameOf(only)) ? only : dyn };
      }
      case 'structExpr':
        for (const { keyKind, value } of kind.value.entries) {
          if (keyKind.case === 'mapKey') this.infer(keyKind.value, scope);
          this.infer(value, scope);
        }
        return kind.value.messageName ? dyn : { kind: 'map', key: dyn, of: dyn };
      case 'comprehensionExpr': {
        const { iterRange, iterVar, accuInit, accuVar, loopCondition, loopStep, result } = kind.value;
        const range = this.infer(iterRange, scope);
        if (scalars.has(range.kind))
          fail(
            iterRange ?? expr,
            `expression of type '${nameOf(range)}' cannot be range of a comprehension (must be list, map, or dynamic)`,
          );
        const item = range.kind === 'list' ? range.of : range.kind === 'map' ? range.key : range.kind === 'object' ? string : dyn;
        const start = this.infer(accuInit, scope);
        const accumulated: Type = start.kind === 'list' ? { kind: 'list', of: dyn } : start;
        const inner = new Map([...scope, [iterVar, item], [accuVar, accumulated]]);
        this.infer(loopCondition, inner);
        this.infer(loopStep, inner);
        return this.infer(result, new Map([...scope, [accuVar, accumulated]]));
      }
      case 'callExpr':
        return this.#call(expr, scope);
      default:
        return dyn;
    }
  }

  #name(expr: Expr, name: string, scope: Variables): Type {
    const known = scope.get(name) ?? scope.get(name.replace(/^\./, ''));
    if (known) return known;
    if (typeNames.has(name)) return { kind: 'type' };
    return fail(expr, `undeclared reference to '${name}' (in container '')`);
  }

  #call(expr: Expr, scope: Variables): Type {
    if (expr.exprKind.case !== 'callExpr') return dyn;
    const { function: name, target, args } = expr.exprKind.value;
    // `sets.contains(...)`: a function with a dot in its name, not a method.
    const qualified = target && !scope.has(qualifier(target)) && this.#knows(`${qualifier(target)}.${name}`);
    const on = target && !qualified ? this.infer(target, scope) : undefined;
    if (!qualified && !this.#knows(name)) fail(expr, `undeclared reference to '${name}' (in container '')`);
    const types = args.map(argument => this.infer(argument, scope));
    const [left = dyn, right = dyn] = types;
    const mismatch = (): never =>
      fail(expr, `found no matching overload for '${name}' applied to '${on ? `${nameOf(on)}.` : ''}(${types.map(nameOf).join(', ')})'`);
    if (qualified) return dyn;
    if (comparisons.has(name)) {
      if (scalars.has(left.kind) && scalars.has(right.kind) && left.kind !== right.kind && !numbers(name, left, right)) mismatch();
      return bool;
    }
    if (logic.has(name)) {
      if (types.some(type => type.kind !== 'bool' && type.kind !== 'dyn')) mismatch();
      return bool;
    }
    if (arithmetic.has(name)) {
      const both = new Set([left.kind, right.kind]);
      if (both.has('timestamp') || both.has('duration'))
        return name === '_-_' && both.size === 1 && both.has('timestamp') ? { kind: 'duration' } : left;
      if (scalars.has(left.kind) && scalars.has(right.kind) && left.kind !== right.kind) mismatch();
      return left.kind === 'dyn' ? right : left;
    }
    switch (name) {
      case '_?_:_':
        return types[1]?.kind === 'dyn' ? (types[2] ?? dyn) : (types[1] ?? dyn);
      case '-_':
        return left;
      case 'dyn':
        return dyn;
      case '_[_]':
        return index(left);
      case 'split':
        return { kind: 'list', of: string };
      case optionalSelect:
      case optionalIndex:
        return dyn;
      case 'orValue':
      case 'value':
        return on?.kind === 'optional' ? on.of : dyn;
      default:
        return Object.hasOwn(results, name) ? (results[name] ?? dyn) : dyn;
    }
  }
}

/** Numbers of different types can be ordered, but not be held equal. */
const numbers = (name: string, left: Type, right: Type): boolean => {
  const number = ({ kind }: Type): boolean => kind === 'int' || kind === 'uint' || kind === 'double';
  return name !== '_==_' && name !== '_!=_' && number(left) && number(right);
};

const qualifier = (expr: Expr): string => {
  const { exprKind: kind } = expr;
  if (kind.case === 'identExpr') return kind.value.name;
  if (kind.case !== 'selectExpr' || !kind.value.operand) return '';
  return `${qualifier(kind.value.operand)}.${kind.value.field}`;
};

const constants: Readonly<Record<string, Type>> = {
  boolValue: bool,
  int64Value: int,
  uint64Value: { kind: 'uint' },
  doubleValue: { kind: 'double' },
  stringValue: string,
  bytesValue: { kind: 'bytes' },
  nullValue: { kind: 'null' },
};
const constant = (name: string | undefined): Type => (name ? (constants[name] ?? dyn) : dyn);

const select = (expr: Expr, operand: Type, field: string): Type => {
  switch (operand.kind) {
    case 'dyn':
    case 'optional':
      return dyn;
    case 'map':
      return operand.of;
    case 'object': {
      const schema = fieldSchema(operand.schema, unescapeName(field), operand.whole);
      const type = schema && typeOf(schema);
      return type ?? fail(expr, `undefined field '${field}'`);
    }
    default:
      return fail(expr, `type '${nameOf(operand)}' does not support field selection`);
  }
};

const index = (operand: Type): Type => (operand.kind === 'list' || operand.kind === 'map' ? operand.of : dyn);

/** The type of the expression, or the first problem of it. */
export const check = (expr: Expr | undefined, variables: Variables, knows: (name: string) => boolean): Type | Problem => {
  try {
    return new Checker(knows).infer(expr, variables);
  } catch (error) {
    if (error instanceof CheckError) return error.problem;
    throw error;
  }
};
