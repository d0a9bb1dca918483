/** From the text of an expression to a function. Errors are in the words of cel-go, as far as they can be. */
import type { CelEnv, CelInput, CelValue } from '@bufbuild/cel';
import { RE2JS } from 're2js';
import { childrenOf, type Node, type Problem } from './ast.ts';
import { check, type Messages, type Resolved, type Variables } from './check.ts';
import { declarations } from './declarations.ts';
import { library } from './library.ts';
import { literalProblems } from './literals.ts';
import { evaluator } from './load.ts';
import { lower } from './lower.ts';
import { parse } from './parse.ts';
import { dyn, objectOf, opaque, string, type Type } from './types.ts';

/** An expression that does not compile; `message` shows where. */
export class CompilationError extends Error {}

export type Result = { readonly value: CelValue } | { readonly error: string };

export interface Program {
  readonly type: Type;
  readonly node: Node;
  /** Of each part of it. */
  readonly types: ReadonlyMap<Node, Type>;
  readonly calls: ReadonlyMap<Node, Resolved>;
  /** Names of variables that it uses. */
  readonly uses: ReadonlySet<string>;
  /** How many comprehensions stand within each other: the exponent of its cost. */
  readonly nesting: number;
  /** Parts of it. */
  readonly size: number;
  run(bindings: Readonly<Record<string, CelInput>>): Result;
}

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

/** Columns are counted in code points. */
const located = (source: string, { at, text }: Problem): string => {
  if (source === '') return `ERROR: <input>:1:0: ${text}`;
  const before = source.slice(0, at).split('\n');
  const line = source.split('\n')[before.length - 1] ?? '';
  const passed = [...(before.at(-1) ?? '')];
  // What is not ASCII is taken to be wide.
  const wide = (char: string | undefined): boolean => char !== undefined && Buffer.byteLength(char) > 1;
  const dots = passed.map(char => (wide(char) ? '．' : '.')).join('');
  const pointer = wide([...line][passed.length]) ? '＾' : '^';
  return `ERROR: <input>:${before.length}:${passed.length + 1}: ${text}\n | ${line.replaceAll('\t', ' ')}\n | ${dots}${pointer}`;
};
const refuse = (source: string, problems: readonly Problem[]): never => {
  const inOrder = [...problems].sort((a, b) => a.at - b.at);
  throw new CompilationError(inOrder.map(problem => located(source, problem)).join('\n'));
};

interface Survey {
  readonly uses: Set<string>;
  size: number;
  nesting: number;
}
const survey = (node: Node, found: Survey, depth: number): void => {
  found.size++;
  const inner = node.kind === 'fold' ? depth + 1 : depth;
  found.nesting = Math.max(found.nesting, inner);
  if (node.kind === 'ident') found.uses.add(node.name);
  for (const child of childrenOf(node)) survey(child, found, inner);
};

const patchFields = objectOf('JSONPatch', { op: string, path: string, from: string, value: dyn });
/** Of a field that is none, upstream knows only that nothing fits it. */
const patchType: Type =
  patchFields.kind === 'object' ? { ...patchFields, field: name => patchFields.field(name) ?? opaque('') } : patchFields;
const partTypes = new Map<string, Type>();
/** `JSONPatch{...}` and `Object.spec{...}`, as policies that change objects write them. */
const changes: Messages = name => {
  if (name === 'JSONPatch') return patchType;
  if (name !== 'Object' && !name.startsWith('Object.')) return undefined;
  const known = partTypes.get(name) ?? { kind: 'object', name, identity: name, field: () => dyn };
  if (partTypes.size < 1000) partTypes.set(name, known);
  return known;
};

const rewordings: readonly (readonly [RegExp, string])[] = [
  [/^Cannot convert .* to a BigInt$/s, "type conversion error from 'string' to 'int'"],
  [/^Failed to parse duration.*$/s, "type conversion error from 'string' to 'google.protobuf.Duration'"],
  [/^Failed to parse timestamp.*$/s, "type conversion error from 'string' to 'google.protobuf.Timestamp'"],
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
  const parsed = parse(source);
  if ('problems' in parsed) return refuse(source, parsed.problems);
  const { node } = parsed;
  const functions = declarations(initializers);
  const { type, types, calls, problems } = check(node, variables, functions, initializers ? changes : undefined);
  if (problems.length > 0) refuse(source, problems);
  const wrong = literalProblems(node);
  if (wrong.length > 0) refuse(source, wrong);
  const found: Survey = { uses: new Set(), size: 0, nesting: 0 };
  survey(node, found, 0);
  let planned: ReturnType<typeof cel.plan> | undefined;
  return {
    ...found,
    type,
    node,
    types,
    calls,
    run(bindings) {
      try {
        planned ??= cel.plan(environmentOf(), lower(node, { types, functions }));
        const value = planned(bindings);
        return cel.isCelError(value) ? { error: reworded(value.message) } : { value };
      } catch (error) {
        return { error: reworded((error as Error).message) };
      }
    },
  };
};
