/**
 * A checked expression in the form that the evaluator plans. It knows neither optional values (a list of none or one stands for them) nor
 * loops over two variables nor objects of given fields (maps stand for these).
 */
import type { Expr } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import type { Constant, Fold, Node } from './ast.ts';
import { qualifiedName } from './check.ts';
import type { Declarations } from './declarations.ts';
import type { Type } from './types.ts';

/** Functions of ours that stand for what the evaluator lacks. */
export const optionalSelect = 'optionalSelect_';
export const optionalIndex = 'optionalIndex_';
export const optionalOfOptional = 'optionalOfOptional_';
export const keysOf = 'keysOf_';
export const itemAt = 'itemAt_';
export const mapInsert = 'mapInsert_';
export const mapInsertOptional = 'mapInsertOptional_';
export const sameItems = 'sameItems_';
export const mergeItems = 'mergeItems_';

export interface LowerOptions {
  readonly types: ReadonlyMap<Node, Type>;
  readonly functions: Declarations;
}

class Lowering {
  #id = 0n;
  readonly #options: LowerOptions;
  constructor(options: LowerOptions) {
    this.#options = options;
  }

  #expr(exprKind: Expr['exprKind']): Expr {
    return { $typeName: 'cel.expr.Expr', id: ++this.#id, exprKind };
  }
  #const(value: Constant): Expr {
    return this.#expr({ case: 'constExpr', value: { $typeName: 'cel.expr.Constant', constantKind: constantKind(value) } });
  }
  #ident(name: string): Expr {
    return this.#expr({ case: 'identExpr', value: { $typeName: 'cel.expr.Expr.Ident', name } });
  }
  #call(name: string, args: Expr[], target?: Expr): Expr {
    return this.#expr({
      case: 'callExpr',
      value: { $typeName: 'cel.expr.Expr.Call', function: name, args, ...(target ? { target } : {}) },
    });
  }
  #list(elements: Expr[]): Expr {
    return this.#expr({ case: 'listExpr', value: { $typeName: 'cel.expr.Expr.CreateList', elements, optionalIndices: [] } });
  }
  #map(entries: readonly (readonly [Expr, Expr])[]): Expr {
    return this.#expr({
      case: 'structExpr',
      value: {
        $typeName: 'cel.expr.Expr.CreateStruct',
        messageName: '',
        entries: entries.map(([key, value]) => ({
          $typeName: 'cel.expr.Expr.CreateStruct.Entry',
          id: ++this.#id,
          keyKind: { case: 'mapKey', value: key },
          value,
          optionalEntry: false,
        })),
      },
    });
  }
  #fold(parts: { range: Expr; variable: string; accumulator: string; start: Expr; condition: Expr; step: Expr; result: Expr }): Expr {
    return this.#expr({
      case: 'comprehensionExpr',
      value: {
        $typeName: 'cel.expr.Expr.Comprehension',
        iterVar: parts.variable,
        iterVar2: '',
        iterRange: parts.range,
        accuVar: parts.accumulator,
        accuInit: parts.start,
        loopCondition: parts.condition,
        loopStep: parts.step,
        result: parts.result,
      },
    });
  }
  #bind(name: string, value: Expr, body: Expr): Expr {
    const [range, condition, step] = [this.#list([]), this.#const(false), this.#ident(name)];
    return this.#fold({ range, variable: '#unused', accumulator: name, start: value, condition, step, result: body });
  }

  #isOptional(node: Node): boolean {
    return this.#options.types.get(node)?.kind === 'optional';
  }

  /** Of a list whose order means nothing; undefined where it does. */
  #keysOf(node: Node): Expr | undefined {
    const type = this.#options.types.get(node);
    return type?.kind === 'list' && type.keys ? this.#list(type.keys.map(key => this.#const(key))) : undefined;
  }

  lower(node: Node): Expr {
    switch (node.kind) {
      case 'const':
        return this.#const(node.value);
      case 'ident':
        return this.#ident(node.name);
      case 'select': {
        const { operand, field, test } = node;
        if (this.#options.types.has(operand) && this.#isOptional(operand)) {
          const found = this.#call(optionalOfOptional, [this.lower(operand), this.#const(field)]);
          return test ? this.#call('hasValue', [], found) : found;
        }
        return this.#expr({
          case: 'selectExpr',
          value: { $typeName: 'cel.expr.Expr.Select', operand: this.lower(operand), field, testOnly: test },
        });
      }
      case 'call':
        return this.#lowerCall(node);
      case 'list': {
        const elements = node.elements.map(element => this.lower(element));
        if (node.optional.size === 0) return this.#list(elements);
        const parts = elements.map((element, i) => (node.optional.has(i) ? element : this.#list([element])));
        return parts.reduce((list, part) => this.#call('_+_', [list, part]), this.#list([]));
      }
      case 'map':
      case 'struct': {
        const plain = node.entries.filter(({ optional }) => !optional);
        const start = this.#map(plain.map(({ key, value }) => [this.lower(key), this.lower(value)]));
        return node.entries
          .filter(({ optional }) => optional)
          .reduce((map, { key, value }) => this.#call(mapInsertOptional, [map, this.lower(key), this.lower(value)]), start);
      }
      case 'fold':
        return this.#lowerFold(node);
    }
  }

  #lowerCall(node: Extract<Node, { kind: 'call' }>): Expr {
    const { name, target, args } = node;
    const [first] = args;
    const lowered = args.map(argument => this.lower(argument));
    if (first && (name === '_?._' || name === '_[?_]'))
      return this.#call(this.#isOptional(first) ? optionalOfOptional : name === '_?._' ? optionalSelect : optionalIndex, lowered);
    if (first && name === '_[_]' && this.#isOptional(first)) return this.#call(optionalOfOptional, lowered);
    if (name === 'cel.@mapInsert') return this.#call(mapInsert, lowered);
    const unordered = first && this.#keysOf(first);
    if (unordered && name === '_+_') return this.#call(mergeItems, [...lowered, unordered]);
    if (unordered && (name === '_==_' || name === '_!=_')) {
      const same = this.#call(sameItems, lowered);
      return name === '_==_' ? same : this.#call('!_', [same]);
    }
    if (!target) return this.#call(name.replace(/^\./, ''), lowered);
    const prefix = qualifiedName(target);
    if (prefix === undefined || !this.#options.functions.has(`${prefix}.${name}`) || this.#options.types.has(target))
      return this.#call(name, lowered, this.lower(target));
    return this.#call(`${prefix}.${name}`, lowered);
  }

  #lowerFold(node: Fold): Expr {
    const { variable, second, accumulator } = node;
    const range = this.lower(node.range);
    const start = this.lower(node.start);
    const condition = this.lower(node.condition);
    const step = this.lower(node.step);
    const result = this.lower(node.result);
    if (second === undefined) return this.#fold({ range, variable, accumulator, start, condition, step, result });
    const whole = `@range${++this.#id}`;
    const item = this.#call(itemAt, [this.#ident(whole), this.#ident(variable)]);
    return this.#bind(
      whole,
      range,
      this.#fold({
        range: this.#call(keysOf, [this.#ident(whole)]),
        variable,
        accumulator,
        start,
        condition,
        step: this.#bind(second, item, step),
        result,
      }),
    );
  }
}

type ConstantKind = Extract<Expr['exprKind'], { case: 'constExpr' }>['value']['constantKind'];
const constantKind = (value: Constant): ConstantKind => {
  if (value === null) return { case: 'nullValue', value: 0 };
  if (value instanceof Uint8Array) return { case: 'bytesValue', value: value as Uint8Array<ArrayBuffer> };
  switch (typeof value) {
    case 'boolean':
      return { case: 'boolValue', value };
    case 'bigint':
      return { case: 'int64Value', value };
    case 'number':
      return { case: 'doubleValue', value };
    case 'string':
      return { case: 'stringValue', value };
    default:
      return { case: 'uint64Value', value: (value as { uint: bigint }).uint };
  }
};

export const lower = (node: Node, options: LowerOptions): Expr => new Lowering(options).lower(node);
