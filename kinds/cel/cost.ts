/**
 * What an expression may cost at most to evaluate, of values as large as their schemas let them be (cel-go `checker/cost.go`).
 * Clients see the outcome: rules that may cost too much are refused, so the count must be upstream's to the unit.
 */
import type { Call, Fold, MapLiteral, Node } from './ast.ts';
import { costOfCall, type Estimate } from './call-costs.ts';
import type { Overload } from './declarations.ts';
import type { Extent } from './extents.ts';
import type { Program } from './program.ts';
import { either, exactly, plus, type Range, times, unknown } from './ranges.ts';
import { dyn, type Type } from './types.ts';

/** Where a value stands, from its variable on. Paths share their memory as upstream's slices do: a sibling may overwrite the end of one. */
interface Path {
  readonly cells: string[];
  readonly length: number;
  readonly room: number;
}
const nowhere: Path = { cells: [], length: 0, room: 0 };
const below = ({ cells, length, room }: Path, step: string): Path => {
  if (length < room) {
    cells[length] = step;
    return { cells, length: length + 1, room };
  }
  return { cells: [...cells.slice(0, length), step], length: length + 1, room: Math.max(1, room * 2) };
};

/** Of the keys and values of a list or map. */
interface Items {
  readonly map: boolean;
  readonly key: Range;
  readonly value: Range;
}
const joined = (a: Items | undefined, b: Items | undefined): Items | undefined =>
  a && b && { map: a.map, key: either(a.key, b.key), value: either(a.value, b.value) };

interface Local {
  readonly path: Path;
  readonly size: Range | undefined;
  readonly items: Items | undefined;
}

const fixedSize: ReadonlySet<Type['kind']> = new Set(['bool', 'double', 'duration', 'int', 'timestamp', 'uint']);
const isFixed = (type: Type): boolean => fixedSize.has(type.kind) || (type.kind === 'optional' && isFixed(type.of));
const statedSize = (node: Node): Range | undefined => {
  switch (node.kind) {
    case 'const':
      if (typeof node.value === 'string') return exactly([...node.value].length);
      return exactly(node.value instanceof Uint8Array ? node.value.length : 1);
    case 'list':
      return exactly(node.elements.length);
    case 'map':
      return exactly(node.entries.length);
    default:
      return undefined;
  }
};

const nothing = exactly(0);
const one = exactly(1);
const noItems: Range = { min: Number.POSITIVE_INFINITY, max: 0 };
const spread = (count: number): Range => (count === 0 ? nothing : noItems);
const newObject = 40;
const newMap = 30;
const newList = 10;

/** `cel.bind` and its like: no loop, a name for a value. */
const isBinding = ({ range, condition }: Fold): boolean =>
  range.kind === 'list' && range.elements.length === 0 && condition.kind === 'const' && condition.value === false;

class Estimator {
  readonly #program: Pick<Program, 'types' | 'calls'>;
  readonly #variable: (name: string) => Extent | undefined;
  readonly #paths = new Map<Node, Path>();
  readonly #sizes = new Map<Node, Range>();
  readonly #items = new Map<Node, Items>();
  readonly #locals = new Map<string, Local[]>();

  constructor(program: Pick<Program, 'types' | 'calls'>, variable: (name: string) => Extent | undefined) {
    this.#program = program;
    this.#variable = variable;
  }

  cost(node: Node): Range {
    switch (node.kind) {
      case 'const':
        return nothing;
      case 'ident':
        this.#paths.set(node, this.#local(node.name)?.path ?? { cells: [node.name], length: 1, room: 1 });
        return one;
      case 'select': {
        if (!this.#program.types.has(node.operand)) return one;
        const operand = this.cost(node.operand);
        if (node.test) return operand;
        this.#paths.set(node, below(this.#pathOf(node.operand), node.field));
        const { kind } = this.#typeOf(node.operand);
        return kind === 'map' || kind === 'object' ? plus(operand, one) : operand;
      }
      case 'call':
        return this.#call(node);
      case 'list': {
        const sum = node.elements.reduce((so, element) => plus(so, this.cost(element)), nothing);
        const value = node.elements.reduce((so, element) => either(so, this.#sizeOr(element)), spread(node.elements.length));
        this.#items.set(node, { map: false, key: one, value });
        return plus(sum, exactly(newList));
      }
      case 'map':
        return this.#map(node);
      case 'struct':
        return node.entries.reduce((so, { value }) => plus(so, this.cost(value)), exactly(newObject));
      case 'fold':
        return isBinding(node) ? this.#binding(node) : this.#fold(node);
    }
  }

  #map(node: MapLiteral): Range {
    const { entries } = node;
    let sum = exactly(newMap);
    let key = spread(entries.length);
    let value = key;
    for (const entry of entries) {
      sum = plus(plus(sum, this.cost(entry.key)), this.cost(entry.value));
      key = either(key, this.#sizeOr(entry.key));
      value = either(value, this.#sizeOr(entry.value));
    }
    this.#items.set(node, { map: true, key, value });
    return sum;
  }

  #call(node: Call): Range {
    const { args } = node;
    const [first, second] = args;
    if (node.name === 'dyn' && first) {
      const cost = plus(one, this.cost(first));
      this.#copy(node, first);
      return cost;
    }
    const costs = args.map(argument => {
      const cost = this.cost(argument);
      this.#sizeOf(argument);
      return cost;
    });
    const { name, overloads } = this.#program.calls.get(node) ?? { name: node.name, overloads: [undefined] };
    const target = overloads[0]?.method ? node.target : undefined;
    const base = target ? this.cost(target) : nothing;
    if (target) this.#sizeOf(target);
    let cost = noItems;
    let size: Range | undefined;
    for (const overload of overloads) {
      const estimate = this.#overload(node, name, overload, target, costs);
      cost = either(cost, estimate.cost);
      if (estimate.size) size = size ? either(size, estimate.size) : estimate.size;
      const kind = overload?.args[0]?.kind;
      if (name === '_[_]' && first && (kind === 'list' || kind === 'map')) {
        size = this.#itemsOf(first)?.value;
        this.#paths.set(node, below(this.#pathOf(first), kind === 'list' ? '@items' : '@values'));
      }
      size ??= this.#sizeOf(node);
    }
    if (size) this.#sizes.set(node, size);
    const [left, right] = name === '_?_:_' ? [second, args[2]] : name === '_+_' ? [first, second] : [];
    const items = left && right && joined(this.#itemsOf(left), this.#itemsOf(right));
    if (items) this.#items.set(node, items);
    return plus(base, cost);
  }

  #overload(node: Call, name: string, overload: Overload | undefined, target: Node | undefined, costs: readonly Range[]): Estimate {
    const [first = nothing, second = nothing, third = nothing] = costs;
    if (name === '_&&_' || name === '_||_') return { cost: { min: first.min, max: first.max + second.max } };
    const estimate = costOfCall(name, {
      overload,
      target,
      args: node.args,
      typeOf: part => this.#typeOf(part),
      size: part => this.#sizeOr(part),
      knownSize: part => this.#sizeOf(part),
      itemSize: list => this.#extentSize(below({ ...this.#pathOf(list), room: 0 }, '@items'), this.#pathOf(list).length > 0) ?? unknown,
    });
    const given = name === '_?_:_' ? plus(first, either(second, third)) : costs.reduce(plus, nothing);
    return { ...estimate, cost: plus(estimate.cost, given) };
  }

  #fold(node: Fold): Range {
    const { range, variable, second, accumulator, start, condition, step, result } = node;
    let sum = plus(this.cost(range), this.cost(start));
    this.#bind(accumulator, start);
    const items = this.#itemsOf(range);
    const overMap = items ? items.map : this.#typeOf(range).kind !== 'list';
    const path = this.#pathOf(range);
    const keys = (): Local => ({ path: below(path, overMap ? '@keys' : '@indices'), size: items?.key, items: undefined });
    const values = (): Local => ({ path: below(path, overMap ? '@values' : '@items'), size: items?.value, items: undefined });
    this.#push(variable, second !== undefined || overMap ? keys() : values());
    if (second !== undefined) this.#push(second, values());
    const once = plus(this.cost(condition), this.cost(step));
    this.#pop(variable);
    if (second !== undefined) this.#pop(second);
    sum = plus(sum, this.cost(result));
    this.#pop(accumulator);
    const count = this.#sizeOr(range);
    if (start.kind === 'const') this.#sizes.set(node, statedSize(start) ?? one);
    else if (start.kind === 'list' || start.kind === 'map') {
      this.#sizes.set(node, count);
      const made = this.#itemsOf(step);
      if (made) this.#items.set(node, made);
    }
    return plus(sum, times(count, once));
  }

  #binding(node: Fold): Range {
    const before = plus(this.cost(node.range), this.cost(node.start));
    this.#bind(node.accumulator, node.start);
    const cost = plus(before, this.cost(node.result));
    this.#pop(node.accumulator);
    this.#copy(node, node.result);
    return cost;
  }

  #bind(name: string, value: Node): void {
    this.#push(name, { path: this.#pathOf(value), size: this.#sizeOf(value), items: this.#itemsOf(value) });
  }
  #push(name: string, local: Local): void {
    const stack = this.#locals.get(name);
    if (stack) stack.push(local);
    else this.#locals.set(name, [local]);
  }
  #pop(name: string): void {
    this.#locals.get(name)?.pop();
  }
  #local(name: string): Local | undefined {
    return this.#locals.get(name)?.at(-1);
  }
  #copy(to: Node, source: Node): void {
    const size = this.#sizeOf(source);
    const items = this.#itemsOf(source);
    if (size) this.#sizes.set(to, size);
    if (items) this.#items.set(to, items);
  }

  #typeOf(node: Node): Type {
    return this.#program.types.get(node) ?? dyn;
  }
  #pathOf(node: Node): Path {
    return (node.kind === 'ident' ? this.#local(node.name)?.path : undefined) ?? this.#paths.get(node) ?? nowhere;
  }
  #itemsOf(node: Node): Items | undefined {
    return this.#items.get(node) ?? (node.kind === 'ident' ? this.#local(node.name)?.items : undefined);
  }
  #sizeOr(node: Node): Range {
    return this.#sizeOf(node) ?? unknown;
  }
  #sizeOf(node: Node): Range | undefined {
    const known = this.#sizes.get(node) ?? statedSize(node);
    if (known) return known;
    const path = this.#pathOf(node);
    const extent = this.#extentSize(path, path.length > 0);
    if (extent) {
      this.#sizes.set(node, extent);
      return extent;
    }
    if (isFixed(this.#typeOf(node))) return one;
    return node.kind === 'ident' ? this.#local(node.name)?.size : undefined;
  }
  #extentSize({ cells, length }: Path, known: boolean): Range | undefined {
    let extent = known ? this.#variable(cells[0] ?? '') : undefined;
    for (let i = 1; i < length && extent; i++) extent = extent.step(cells[i] ?? '');
    return extent && { min: 0, max: extent.most };
  }
}

/** `variable`: how large the value of a variable may be. */
export const estimateCost = (program: Pick<Program, 'node' | 'types' | 'calls'>, variable: (name: string) => Extent | undefined): number =>
  new Estimator(program, variable).cost(program.node).max;
