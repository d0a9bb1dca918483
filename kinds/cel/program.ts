/** From the text of an expression to a function. Errors are in the words of cel-go, as far as they can be. */
import type { CelEnv, CelInput, CelValue } from '@bufbuild/cel';
import type { Expr } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import { RE2JS } from 're2js';
import { check, type Problem, type Variables } from './check.ts';
import { library } from './library.ts';
import { evaluator } from './load.ts';
import { withoutOptionals } from './syntax.ts';
import type { Type } from './types.ts';

/** An expression that does not compile; `message` shows where. */
export class CompilationError extends Error {}

export type Result = { readonly value: CelValue } | { readonly error: string };

export interface Program {
  readonly type: Type;
  /** Names of variables that it uses. */
  readonly uses: ReadonlySet<string>;
  /** How many comprehensions stand within each other: the exponent of its cost. */
  readonly nesting: number;
  /** Parts of it. */
  readonly size: number;
  run(bindings: Readonly<Record<string, CelInput>>): Result;
}

/** Longer ones are no rules. */
const longest = 64 * 1024;

let environment: CelEnv | undefined;
const environmentOf = (): CelEnv => {
  if (!environment) {
    const parts = evaluator();
    const re2 = {
      compile: (pattern: string) => {
        const compiled = RE2JS.compile(pattern);
        return { test: (text: string) => compiled.matcher(text).find() };
      },
    };
    environment = parts.cel.celEnv({ funcs: library(parts), re2 });
  }
  return environment;
};

const located = (text: string, source: string, offset: number): string => {
  const before = source.slice(0, offset).split('\n');
  const line = source.split('\n')[before.length - 1] ?? '';
  const column = before.at(-1)?.length ?? 0;
  return `ERROR: <input>:${before.length}:${column + 1}: ${text}\n | ${line}\n | ${'.'.repeat(column)}^`;
};

/** `cel.bind(name, value, expression)` in terms of a comprehension over nothing, as cel-go's macro has it. */
const expandBind = (expr: Expr): void => {
  if (expr.exprKind.case !== 'callExpr') return;
  const { function: name, target, args } = expr.exprKind.value;
  const [variable, init, result] = args;
  if (name !== 'bind' || target?.exprKind.case !== 'identExpr' || target.exprKind.value.name !== 'cel' || args.length !== 3) return;
  if (variable?.exprKind.case !== 'identExpr' || !init || !result) return;
  const { id } = expr;
  const make = (exprKind: Expr['exprKind']): Expr => ({ $typeName: 'cel.expr.Expr', id, exprKind });
  expr.exprKind = {
    case: 'comprehensionExpr',
    value: {
      $typeName: 'cel.expr.Expr.Comprehension',
      iterVar: '#unused',
      iterVar2: '',
      iterRange: make({ case: 'listExpr', value: { $typeName: 'cel.expr.Expr.CreateList', elements: [], optionalIndices: [] } }),
      accuVar: variable.exprKind.value.name,
      accuInit: init,
      loopCondition: make({
        case: 'constExpr',
        value: { $typeName: 'cel.expr.Constant', constantKind: { case: 'boolValue', value: false } },
      }),
      loopStep: variable,
      result,
    },
  };
};

/**
 * `JSONPatch{...}` and `Object.spec{...}`, as policies that change objects write them, in terms of maps by the fields' names;
 * `jsonpatch.escapeKey(key)` in terms of replacements.
 */
const expandInitializer = (expr: Expr): void => {
  const { exprKind: kind, id } = expr;
  const text = (value: string): Expr => ({
    $typeName: 'cel.expr.Expr',
    id,
    exprKind: { case: 'constExpr', value: { $typeName: 'cel.expr.Constant', constantKind: { case: 'stringValue', value } } },
  });
  if (kind.case === 'structExpr' && /^(?:JSONPatch|Object(?:\..*)?)$/s.test(kind.value.messageName)) {
    kind.value.messageName = '';
    for (const entry of kind.value.entries)
      if (entry.keyKind.case === 'fieldKey') entry.keyKind = { case: 'mapKey', value: text(entry.keyKind.value) };
    return;
  }
  if (kind.case !== 'callExpr' || kind.value.function !== 'escapeKey' || kind.value.args.length !== 1) return;
  const { target, args } = kind.value;
  if (target?.exprKind.case !== 'identExpr' || target.exprKind.value.name !== 'jsonpatch') return;
  const replace = (on: Expr | undefined, from: string, to: string): Expr['exprKind'] => ({
    case: 'callExpr',
    value: { $typeName: 'cel.expr.Expr.Call', function: 'replace', ...(on ? { target: on } : {}), args: [text(from), text(to)] },
  });
  expr.exprKind = replace({ $typeName: 'cel.expr.Expr', id, exprKind: replace(args[0], '~', '~0') }, '/', '~1');
};

const childrenOf = ({ exprKind: kind }: Expr): (Expr | undefined)[] => {
  switch (kind.case) {
    case 'selectExpr':
      return [kind.value.operand];
    case 'callExpr':
      return [kind.value.target, ...kind.value.args];
    case 'listExpr':
      return kind.value.elements;
    case 'structExpr':
      return kind.value.entries.flatMap(({ keyKind, value }) => [keyKind.case === 'mapKey' ? keyKind.value : undefined, value]);
    case 'comprehensionExpr':
      return [kind.value.iterRange, kind.value.accuInit, kind.value.loopCondition, kind.value.loopStep, kind.value.result];
    default:
      return [];
  }
};

interface Survey {
  readonly uses: Set<string>;
  size: number;
  nesting: number;
}

const survey = (expr: Expr, found: Survey, depth: number, initializers: boolean): void => {
  expandBind(expr);
  if (initializers) expandInitializer(expr);
  found.size++;
  const inner = expr.exprKind.case === 'comprehensionExpr' ? depth + 1 : depth;
  found.nesting = Math.max(found.nesting, inner);
  if (expr.exprKind.case === 'identExpr') found.uses.add(expr.exprKind.value.name);
  for (const child of childrenOf(expr)) if (child) survey(child, found, inner, initializers);
};

const rewordings: readonly (readonly [RegExp, string])[] = [
  [/^field not found: (.*)$/s, 'no such key: $1'],
  [/^index (-?\d+) out of bounds.*$/s, 'index out of bounds: $1'],
  [/^(?:int|uint) divide by zero$/, 'division by zero'],
  [/^(?:int|uint) modul(?:us|o) by zero$/, 'modulus by zero'],
  [/^.*overflow.*$/s, 'integer overflow'],
  [/^found no matching overload.*$/s, 'no such overload'],
];
const reworded = (message: string): string => {
  for (const [form, words] of rewordings) if (form.test(message)) return message.replace(form, words);
  return message;
};

/** Throws `CompilationError`. `initializers`: the expression may make objects and patches. */
export const compile = (source: string, variables: Variables, initializers = false): Program => {
  const { cel } = evaluator();
  if (source.length > longest) throw new CompilationError(located('expression is too long', source.slice(0, 80), 0));
  const text = withoutOptionals(source);
  let parsed: ReturnType<typeof cel.parse>;
  try {
    parsed = cel.parse(text);
  } catch (error) {
    const { rawMessage, location } = error as { rawMessage?: string; location?: { start: { offset: number } } };
    throw new CompilationError(located(`Syntax error: ${rawMessage ?? (error as Error).message}`, source, location?.start.offset ?? 0));
  }
  const { expr } = parsed;
  if (!expr) throw new CompilationError(located('Syntax error: no expression', source, 0));
  const found: Survey = { uses: new Set(), size: 0, nesting: 0 };
  survey(expr, found, 0, initializers);
  const env = environmentOf();
  const type = check(expr, variables, name => env.funcs.find(name) !== undefined || internal.has(name));
  if (isProblem(type)) {
    const offset = (parsed.sourceInfo?.positions as Record<string, number> | undefined)?.[String(type.id)] ?? 0;
    throw new CompilationError(located(type.text, text, type.call ? Math.max(text.indexOf('(', offset), offset) : offset));
  }
  const planned = cel.plan(env, expr);
  return {
    ...found,
    type,
    run(bindings) {
      try {
        const value = planned(bindings);
        return cel.isCelError(value) ? { error: reworded(value.message) } : { value };
      } catch (error) {
        return { error: reworded((error as Error).message) };
      }
    },
  };
};

/** Operators that the evaluator plans itself. */
const internal: ReadonlySet<string> = new Set(['_?_:_', '_&&_', '_||_', '_[_]', '@not_strictly_false', '_==_', '_!=_', 'dyn', '_!_']);
const isProblem = (found: Type | Problem): found is Problem => 'text' in found;
