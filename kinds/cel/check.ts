/**
 * The type of an expression, or all that is wrong with it, in the words of cel-go (`checker/checker.go`, `checker/types.go`).
 * Types are held against the overloads of functions by unification; what cannot be told is `dyn`, and goes with everything.
 */
import type { Call, Fold, Node, Problem, Select } from './ast.ts';
import type { Declarations, Overload } from './declarations.ts';
import { bool, bytes, double, dyn, error, int, listOf, mapOf, nameOf, nullType, optionalOf, string, type Type, uint } from './types.ts';

export type Variables = ReadonlyMap<string, Type>;

/** Messages that expressions may make, by name. */
export type Messages = (name: string) => Type | undefined;

/** A call's function by its whole name, and those of its overloads that may be meant. */
export interface Resolved {
  readonly name: string;
  readonly overloads: readonly Overload[];
}

export interface Checked {
  readonly type: Type;
  readonly types: ReadonlyMap<Node, Type>;
  readonly calls: ReadonlyMap<Node, Resolved>;
  readonly problems: readonly Problem[];
}

type Substitutions = Map<string, Type>;

const typeNames: ReadonlySet<string> = new Set([
  ...['bool', 'int', 'uint', 'double', 'string', 'bytes', 'list', 'map', 'null_type', 'type', 'optional_type'],
  ...['google.protobuf.Timestamp', 'google.protobuf.Duration'],
]);

const isDyn = ({ kind }: Type): boolean => kind === 'dyn' || kind === 'error';
const nullable: ReadonlySet<Type['kind']> = new Set(['null', 'object', 'opaque', 'optional', 'timestamp', 'duration']);

const partsOf = (type: Type): readonly Type[] => {
  if (type.kind === 'list' || type.kind === 'optional') return [type.of];
  return type.kind === 'map' ? [type.key, type.of] : [];
};
const sameHead = (a: Type, b: Type): boolean => {
  if (a.kind !== b.kind) return false;
  if (a.kind === 'object' && b.kind === 'object') return a.identity === b.identity;
  if ((a.kind === 'opaque' && b.kind === 'opaque') || (a.kind === 'parameter' && b.kind === 'parameter')) return a.name === b.name;
  return true;
};
const exactly = (a: Type, b: Type): boolean => {
  const [of, other] = [partsOf(a), partsOf(b)];
  return sameHead(a, b) && of.every((part, i) => exactly(part, other[i] as Type));
};
const lessSpecific = (a: Type, b: Type): boolean => {
  if (a.kind === 'dyn' || a.kind === 'parameter') return true;
  if (b.kind === 'dyn' || b.kind === 'parameter' || a.kind !== b.kind) return false;
  const [of, other] = [partsOf(a), partsOf(b)];
  return of.length > 0 ? of.every((part, i) => lessSpecific(part, other[i] as Type)) : exactly(a, b);
};
const mostGeneral = (a: Type, b: Type): Type => (lessSpecific(a, b) ? a : b);

const substitute = (found: Substitutions, type: Type, toDyn: boolean): Type => {
  switch (type.kind) {
    case 'parameter': {
      const known = found.get(type.name);
      if (known) return substitute(found, known, toDyn);
      return toDyn ? dyn : type;
    }
    case 'list':
      return { ...type, of: substitute(found, type.of, toDyn) };
    case 'optional':
      return optionalOf(substitute(found, type.of, toDyn));
    case 'map':
      return mapOf(substitute(found, type.key, toDyn), substitute(found, type.of, toDyn));
    default:
      return type;
  }
};
const mentions = (found: Substitutions, name: string, type: Type): boolean => {
  if (type.kind === 'parameter') {
    if (type.name === name) return true;
    const known = found.get(type.name);
    return known !== undefined && mentions(found, name, known);
  }
  return partsOf(type).some(part => mentions(found, name, part));
};

const assignable = (found: Substitutions, a: Type, b: Type): boolean => {
  if (b.kind === 'parameter') {
    const { valid, known } = fits(found, a, b);
    if (valid) return true;
    if (known) return false;
  }
  if (a.kind === 'parameter') return fits(found, b, a).valid;
  if (isDyn(a) || isDyn(b)) return true;
  if (a.kind === 'null') return nullable.has(b.kind);
  if (b.kind === 'null') return nullable.has(a.kind);
  const [of, other] = [partsOf(a), partsOf(b)];
  return sameHead(a, b) && of.every((part, i) => assignable(found, part, other[i] as Type));
};
/** Whether the parameter may stand for the type; if so it does from now on. */
const fits = (found: Substitutions, type: Type, parameter: Extract<Type, { kind: 'parameter' }>): { valid: boolean; known: boolean } => {
  if (exactly(type, parameter)) return { valid: true, known: true };
  const before = found.get(parameter.name);
  if (before) {
    if (exactly(type, before)) return { valid: true, known: true };
    if (!assignable(found, type, before)) return { valid: false, known: true };
    const general = mostGeneral(type, before);
    if (!mentions(found, parameter.name, general)) found.set(parameter.name, general);
    return { valid: true, known: true };
  }
  if (mentions(found, parameter.name, type)) return { valid: false, known: false };
  found.set(parameter.name, type);
  return { valid: true, known: false };
};

/** `a.b.c` of names alone. */
export const qualifiedName = (node: Node): string | undefined => {
  if (node.kind === 'ident') return node.name;
  if (node.kind !== 'select' || node.test) return undefined;
  const prefix = qualifiedName(node.operand);
  return prefix === undefined ? undefined : `${prefix}.${node.field}`;
};

class Checker {
  readonly problems: Problem[] = [];
  readonly types = new Map<Node, Type>();
  readonly calls = new Map<Node, Resolved>();
  readonly #functions: Declarations;
  readonly #messages: Messages;
  #found: Substitutions = new Map();
  #fresh = 0;
  /** Within arguments where lists may hold values of different types. */
  #mixed = 0;

  constructor(functions: Declarations, messages: Messages) {
    this.#functions = functions;
    this.#messages = messages;
  }

  finish(): Map<Node, Type> {
    for (const [node, type] of this.types) this.types.set(node, substitute(this.#found, type, true));
    return this.types;
  }
  check(node: Node, scope: Variables): Type {
    const type = this.#infer(node, scope);
    this.types.set(node, type);
    return type;
  }

  #problem(at: number, text: string): Type {
    this.problems.push({ at, text });
    return error;
  }
  #undeclared(at: number, name: string): Type {
    return this.#problem(at, `undeclared reference to '${name}' (in container '')`);
  }
  #newParameter(): Type {
    return { kind: 'parameter', name: `_var${this.#fresh++}` };
  }
  #assignable(types: readonly Type[], to: readonly Type[]): boolean {
    const attempt = new Map(this.#found);
    if (types.length !== to.length || !types.every((type, i) => assignable(attempt, type, to[i] as Type))) return false;
    this.#found = attempt;
    return true;
  }
  #shown(type: Type): string {
    return nameOf(substitute(this.#found, type, false));
  }
  #expect(wanted: Type, node: Node): void {
    const type = this.types.get(node) ?? error;
    if (!this.#assignable([wanted], [type]))
      this.#problem(node.at, `expected type '${this.#shown(wanted)}' but found '${this.#shown(type)}'`);
  }

  #infer(node: Node, scope: Variables): Type {
    switch (node.kind) {
      case 'const':
        return constant(node.value);
      case 'ident':
        return this.#variable(node.name, scope) ?? this.#undeclared(node.at, node.name);
      case 'select': {
        const name = qualifiedName(node);
        const known = name === undefined ? undefined : this.#variable(name, scope);
        if (known) return known;
        const type = this.#select(node, this.check(node.operand, scope));
        return node.test ? bool : type;
      }
      case 'call':
        return this.#call(node, scope);
      case 'list': {
        let joined: Type | undefined;
        for (const [i, element] of node.elements.entries()) {
          const type = this.#unwrapped(this.check(element, scope), node.optional.has(i), element.at);
          joined = this.#joined(joined, type, element.at);
        }
        return listOf(joined ?? this.#newParameter());
      }
      case 'map': {
        let keys: Type | undefined;
        let values: Type | undefined;
        for (const { key, value, optional } of node.entries) {
          keys = this.#joined(keys, this.check(key, scope), key.at);
          const type = this.#unwrapped(this.check(value, scope), optional, value.at);
          values = this.#joined(values, type, value.at);
        }
        return mapOf(keys ?? this.#newParameter(), values ?? this.#newParameter());
      }
      case 'struct': {
        const name = node.name.replace(/^\./, '');
        const message = this.#messages(name);
        if (!message) {
          this.#undeclared(node.at, name);
          for (const { value } of node.entries) this.check(value, scope);
          return error;
        }
        for (const { key, value, optional, at } of node.entries) {
          const type = this.#unwrapped(this.check(value, scope), optional, value.at);
          const field = key.kind === 'const' ? String(key.value) : '';
          const wanted = message.kind === 'object' ? message.field(field) : dyn;
          if (!wanted) this.#problem(at, `undefined field '${field}'`);
          else if (!this.#assignable([wanted], [type]))
            this.#problem(at, `expected type of field '${field}' is '${this.#shown(wanted)}' but provided type is '${this.#shown(type)}'`);
        }
        return message;
      }
      case 'fold':
        return this.#fold(node, scope);
    }
  }

  #variable(name: string, scope: Variables): Type | undefined {
    const plain = name.replace(/^\./, '');
    return scope.get(plain) ?? (typeNames.has(plain) ? { kind: 'type' } : undefined);
  }

  #unwrapped(type: Type, optional: boolean, at: number): Type {
    if (!optional) return type;
    const known = substitute(this.#found, type, false);
    if (known.kind === 'optional') return known.of;
    if (!isDyn(known)) this.#problem(at, `expected type '${this.#shown(optionalOf(known))}' but found '${this.#shown(known)}'`);
    return known;
  }
  #joined(before: Type | undefined, type: Type, at: number): Type {
    if (!before) return type;
    if (this.#assignable([before], [type])) return mostGeneral(before, type);
    if (this.#mixed === 0) this.#problem(at, `expected type '${this.#shown(before)}' but found '${this.#shown(type)}'`);
    return dyn;
  }

  #select({ at, field }: Select, given: Type): Type {
    const operand = substitute(this.#found, given, false);
    if (operand.kind === 'optional') return optionalOf(this.#field(at, operand.of, field));
    return this.#field(at, operand, field);
  }
  #field(at: number, given: Type, field: string): Type {
    const operand = substitute(this.#found, given, false);
    switch (operand.kind) {
      case 'map':
        return operand.of;
      case 'object':
        return operand.field(field) ?? this.#problem(at, `undefined field '${field}'`);
      case 'parameter':
        this.#assignable([dyn], [operand]);
        return dyn;
      case 'dyn':
      case 'error':
        return dyn;
      default:
        // Types of Kubernetes' own are objects to upstream, of which it finds no fields.
        if (operand.kind === 'opaque' && operand.name.startsWith('kubernetes.'))
          return this.#problem(at, `unexpected failed resolution of '${operand.name}'`);
        return this.#problem(at, `type '${this.#shown(operand)}' does not support field selection`);
    }
  }

  #call(node: Call, scope: Variables): Type {
    const { name, target, args, at } = node;
    if (name === '_?._') return this.#optionalSelect(node, scope);
    const exempt = name === 'format' && target !== undefined;
    if (exempt) this.#mixed++;
    for (const argument of args) this.check(argument, scope);
    if (exempt) this.#mixed--;
    if (name === '_&&_' || name === '_||_') {
      for (const argument of args) this.#expect(bool, argument);
      return bool;
    }
    if (!target) {
      const plain = name.replace(/^\./, '');
      const overloads = this.#functions.get(plain);
      return overloads ? this.#resolve(node, plain, overloads) : this.#undeclared(at, plain);
    }
    // `sets.contains(...)`: a function with a dot in its name, not a method.
    const prefix = qualifiedName(target);
    const overloads = prefix === undefined ? undefined : this.#functions.get(`${prefix}.${name}`);
    if (overloads) return this.#resolve(node, `${prefix}.${name}`, overloads);
    this.check(target, scope);
    const methods = this.#functions.get(name);
    return methods ? this.#resolve(node, name, methods, target) : this.#undeclared(at, name);
  }

  #optionalSelect({ args, at }: Call, scope: Variables): Type {
    const [operand, key] = args;
    if (!operand || key?.kind !== 'const') return error;
    this.types.set(key, string);
    const given = substitute(this.#found, this.check(operand, scope), false);
    return optionalOf(this.#field(at, given.kind === 'optional' ? given.of : given, String(key.value)));
  }

  #resolve(node: Call, name: string, overloads: readonly Overload[], target?: Node): Type {
    const { args, at } = node;
    const matching: Overload[] = [];
    this.calls.set(node, { name, overloads: matching });
    const types = [...(target ? [target] : []), ...args].map(node => this.types.get(node) ?? error);
    let result: Type | undefined;
    for (const overload of overloads) {
      const { method, args: wanted, result: made, parameters } = overload;
      if (method !== (target !== undefined) || wanted.length !== types.length) continue;
      const fresh: Substitutions = new Map(parameters.map(parameter => [parameter, this.#newParameter()]));
      const instance = (type: Type): Type => (parameters.length > 0 ? substitute(fresh, type, false) : type);
      if (!this.#assignable(types, wanted.map(instance))) continue;
      matching.push(overload);
      const one = substitute(this.#found, instance(made), false);
      if (!result) result = one;
      else if (result.kind !== 'dyn' && !exactly(one, result)) result = dyn;
    }
    if (result) return result;
    const shown = types.map(type => nameOf(substitute(this.#found, type, true)));
    const signature = target ? `${shown[0]}.(${shown.slice(1).join(', ')})` : `(${shown.join(', ')})`;
    return this.#problem(at, `found no matching overload for '${name}' applied to '${signature}'`);
  }

  #fold(node: Fold, scope: Variables): Type {
    const range = substitute(this.#found, this.check(node.range, scope), false);
    const accumulated = this.check(node.start, scope);
    const outer = new Map(scope).set(node.accumulator, accumulated);
    const inner = new Map(outer);
    const [first, second] = this.#items(node, range);
    inner.set(node.variable, first);
    if (node.second !== undefined) inner.set(node.second, second);
    this.check(node.condition, inner);
    this.#expect(bool, node.condition);
    this.check(node.step, inner);
    this.#expect(accumulated, node.step);
    return substitute(this.#found, this.check(node.result, outer), false);
  }
  /** The types of the variables. */
  #items(node: Fold, range: Type): readonly [Type, Type] {
    switch (range.kind) {
      case 'list':
        return node.second === undefined ? [range.of, range.of] : [int, range.of];
      case 'map':
        return [range.key, range.of];
      case 'dyn':
      case 'error':
      case 'parameter':
        this.#assignable([dyn], [range]);
        return [dyn, dyn];
      default:
        this.#problem(
          node.range.at,
          `expression of type '${this.#shown(range)}' cannot be range of a comprehension (must be list, map, or dynamic)`,
        );
        return [error, error];
    }
  }
}

const constant = (value: Extract<Node, { kind: 'const' }>['value']): Type => {
  if (value === null) return nullType;
  if (value instanceof Uint8Array) return bytes;
  switch (typeof value) {
    case 'boolean':
      return bool;
    case 'bigint':
      return int;
    case 'number':
      return double;
    case 'string':
      return string;
    default:
      return uint;
  }
};

export const check = (node: Node, variables: Variables, functions: Declarations, messages: Messages = () => undefined): Checked => {
  const checker = new Checker(functions, messages);
  checker.check(node, variables);
  const types = checker.finish();
  return { type: types.get(node) ?? dyn, types, calls: checker.calls, problems: checker.problems };
};
