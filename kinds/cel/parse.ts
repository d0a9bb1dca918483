/**
 * From text to an expression. The evaluator's own parser knows neither optional fields nor macros over two variables, and says what is wrong
 * in words of its own; this one says it as cel-go does, as far as ANTLR's recovery can be foreseen.
 */
import type { Call, Entry, Node, Problem } from './ast.ts';
import { expandMacro, type MacroContext } from './macros.ts';
import { literalNumber, literalText, type Token, type TokenKind, tokenize } from './tokens.ts';

const reserved: ReadonlySet<string> = new Set([
  ...['as', 'break', 'const', 'continue', 'else', 'false', 'for', 'function', 'if', 'import', 'in', 'let', 'loop', 'package', 'namespace'],
  ...['null', 'return', 'true', 'var', 'void', 'while'],
]);
const longest = 100_000;
const deepest = 250;
/** Nested further than any rule, but not further than the stack. */
const deepestBrackets = 200;

const values = "'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";
const beginnings = `{'[', '{', '(', '.', '-', '!', ${values}`;
/** Of an index, which may be optional, and of arguments, which may be none. */
const beginningsOfIndex = `{'[', '{', '(', '.', '-', '!', '?', ${values}`;
const beginningsOfArguments = `{'[', '{', '(', ')', '.', '-', '!', ${values}`;
const begins = ({ kind, text }: Token): boolean =>
  kind === 'word' ? ['[', '{', '(', '.', '-', '!', 'true', 'false', 'null'].includes(text) : kind !== 'EOF' && kind !== 'ESC_IDENTIFIER';
const relations: ReadonlySet<string> = new Set(['<', '<=', '>=', '>', '==', '!=', 'in']);
const names: Readonly<Record<string, string>> = { in: '@in' };

class Stop extends Error {}

class Parser implements MacroContext {
  readonly problems: Problem[] = [];
  readonly #tokens: readonly Token[];
  readonly #source: string;
  #next = 0;
  /** What could stand where an expression begins, for messages. */
  #expected = beginnings;
  #depth = 0;

  constructor(source: string) {
    this.#source = source;
    this.#tokens = tokenize(source, (at, text) => this.problem(at, text));
  }

  problem(at: number, text: string): void {
    this.problems.push({ at, text });
  }
  get #token(): Token {
    return this.#tokens[this.#next] as Token;
  }
  #is(text: string): boolean {
    const { kind } = this.#token;
    return kind === 'word' && this.#token.text === text;
  }
  #take(): Token {
    const token = this.#token;
    if (token.kind !== 'EOF') this.#next++;
    return token;
  }
  #accept(text: string): Token | undefined {
    return this.#is(text) ? this.#take() : undefined;
  }
  #expect(text: string): Token {
    const found = this.#accept(text);
    if (found) return found;
    return this.#mismatched(`'${text}'`);
  }
  #mismatched(expected: string): never {
    const { at, text } = this.#token;
    this.problem(at, `Syntax error: mismatched input '${text}' expecting ${expected}`);
    throw new Stop();
  }
  #noViable(from: Token): never {
    const { at, text, kind } = this.#token;
    const shown = kind === 'EOF' ? this.#source.slice(from.at).trimEnd() : this.#source.slice(from.at, at + text.length);
    this.problem(at, `Syntax error: no viable alternative at input '${shown}'`);
    throw new Stop();
  }

  parse(): Node | undefined {
    try {
      const node = this.#expression();
      if (this.#token.kind !== 'EOF') {
        const { at, text } = this.#token;
        const last = this.#tokens[this.#next + 1]?.kind === 'EOF';
        this.problem(at, `Syntax error: ${last ? 'extraneous' : 'mismatched'} input '${text}' expecting <EOF>`);
      }
      return node;
    } catch (error) {
      if (!(error instanceof Stop)) throw error;
      return undefined;
    }
  }

  #expression(): Node {
    if (++this.#depth > deepest) {
      this.problem(0, `expression recursion limit exceeded: ${deepest}`);
      throw new Stop();
    }
    const condition = this.#chain('||', '_||_', () => this.#chain('&&', '_&&_', () => this.#relation()));
    const question = this.#accept('?');
    let node = condition;
    if (question) {
      const yes = this.#chain('||', '_||_', () => this.#chain('&&', '_&&_', () => this.#relation()));
      this.#expect(':');
      const no = this.#expression();
      node = { kind: 'call', name: '_?_:_', args: [condition, yes, no], at: question.at };
    }
    this.#depth--;
    return node;
  }

  /** A chain of one logical operator, as a tree that is no deeper than it must be. */
  #chain(operator: string, name: string, part: () => Node): Node {
    const terms = [part()];
    const operators: number[] = [];
    for (let token = this.#accept(operator); token; token = this.#accept(operator)) {
      operators.push(token.at);
      terms.push(part());
    }
    const tree = (low: number, high: number): Node => {
      const middle = Math.floor((low + high + 1) / 2);
      const left = middle === low ? (terms[middle] as Node) : tree(low, middle - 1);
      const right = middle === high ? (terms[middle + 1] as Node) : tree(middle + 1, high);
      return { kind: 'call', name, args: [left, right], at: operators[middle] ?? 0 };
    };
    return operators.length > 0 ? tree(0, operators.length - 1) : (terms[0] as Node);
  }

  #binary(operators: ReadonlySet<string>, part: () => Node): Node {
    let left = part();
    let length = 0;
    while (this.#token.kind === 'word' && operators.has(this.#token.text)) {
      if (++length > deepest) {
        this.problem(0, `expression recursion limit exceeded: ${deepest}`);
        throw new Stop();
      }
      const { text, at } = this.#take();
      left = { kind: 'call', name: names[text] ?? `_${text}_`, args: [left, part()], at };
    }
    return left;
  }
  #relation(): Node {
    return this.#binary(relations, () => this.#binary(sums, () => this.#binary(products, () => this.#unary())));
  }

  #unary(): Node {
    const first = this.#token;
    const sign = this.#is('!') ? '!' : this.#is('-') ? '-' : undefined;
    if (!sign) return this.#member();
    let times = 0;
    while (this.#is(sign)) {
      times++;
      this.#take();
    }
    const number = sign === '-' && times === 1 && ['NUM_INT', 'NUM_FLOAT'].includes(this.#token.kind);
    if (number) return this.#rest(this.#number(this.#take(), first));
    const operand = this.#member();
    return times % 2 === 0 ? operand : { kind: 'call', name: `${sign}_`, args: [operand], at: first.at };
  }

  #member(): Node {
    return this.#rest(this.#primary());
  }
  /** Selections, calls and indexes that follow. */
  #rest(start: Node): Node {
    let node = start;
    for (let length = 0; ; length++) {
      if (length > deepest) {
        this.problem(0, `expression recursion limit exceeded: ${deepest}`);
        throw new Stop();
      }
      const dot = this.#accept('.');
      if (dot) {
        const optional = this.#accept('?');
        const name = this.#token;
        if (name.kind !== 'IDENTIFIER' && name.kind !== 'ESC_IDENTIFIER') {
          if (!optional) this.#noViable(dot);
          this.problem(name.at, `Syntax error: mismatched input '${name.text}' expecting {IDENTIFIER, ESC_IDENTIFIER}`);
          this.problem(name.at, 'unsupported ident kind');
          throw new Stop();
        }
        if (name.kind === 'ESC_IDENTIFIER') this.problem(name.at, "unsupported syntax: '`'");
        this.#take();
        const text = name.kind === 'ESC_IDENTIFIER' ? name.text.slice(1, -1) : name.text;
        const open = optional || name.kind === 'ESC_IDENTIFIER' ? undefined : this.#accept('(');
        if (open) node = this.#call({ kind: 'call', name: text, target: node, args: this.#arguments(')'), at: open.at });
        else if (optional) node = { kind: 'call', name: '_?._', args: [node, { kind: 'const', value: text, at: name.at }], at: dot.at };
        else node = { kind: 'select', operand: node, field: text, test: false, at: dot.at };
        continue;
      }
      const bracket = this.#accept('[');
      if (!bracket) return node;
      const optional = this.#accept('?');
      const index = this.#first(optional ? beginnings : beginningsOfIndex);
      this.#close(']');
      node = { kind: 'call', name: optional ? '_[?_]' : '_[_]', args: [node, index], at: bracket.at };
    }
  }

  #call(call: Call): Node {
    return expandMacro(call, this) ?? call;
  }

  #arguments(close: string): Node[] {
    const args: Node[] = [];
    if (this.#accept(close)) return args;
    args.push(this.#first(beginningsOfArguments));
    while (this.#accept(',')) args.push(this.#expression());
    this.#expect(close);
    return args;
  }

  #primary(): Node {
    const token = this.#token;
    const { at } = token;
    switch (token.kind) {
      case 'NUM_INT':
      case 'NUM_UINT':
      case 'NUM_FLOAT':
        return this.#number(this.#take(), undefined);
      case 'STRING':
      case 'BYTES': {
        this.#take();
        const value = literalText(token);
        if (value === undefined) this.problem(at, `invalid ${token.kind === 'BYTES' ? 'bytes' : 'string'} literal`);
        return { kind: 'const', value: value ?? '', at };
      }
      case 'IDENTIFIER':
        return this.#named(this.#take(), '');
    }
    if (this.#accept('true')) return { kind: 'const', value: true, at };
    if (this.#accept('false')) return { kind: 'const', value: false, at };
    if (this.#accept('null')) return { kind: 'const', value: null, at };
    if (this.#accept('.')) {
      const name = this.#token;
      if (name.kind !== 'IDENTIFIER') this.#noViable(token);
      return this.#named(this.#take(), '.');
    }
    if (this.#accept('(')) {
      const inner = this.#expression();
      this.#close(')');
      return inner;
    }
    if (this.#accept('[')) return this.#list(at);
    if (this.#accept('{')) return { kind: 'map', entries: this.#entries(() => this.#expression()), at };
    if (this.#is('-') && ['NUM_INT', 'NUM_FLOAT'].includes(this.#tokens[this.#next + 1]?.kind ?? '')) {
      this.#take();
      return this.#number(this.#take(), token);
    }
    const after = this.#tokens[this.#next + 1];
    if (!after || !begins(after) || token.kind === 'EOF') return this.#mismatched(this.#expected);
    // One sign too many is passed over.
    this.problem(at, `Syntax error: extraneous input '${token.text}' expecting ${this.#expected}`);
    this.#take();
    return this.#primary();
  }
  /** An expression where `expected` could stand. */
  #first(expected: string): Node {
    this.#expected = begins(this.#token) ? beginnings : expected;
    const node = this.#expression();
    this.#expected = beginnings;
    return node;
  }
  #close(text: string): void {
    if (this.#accept(text)) return;
    if (this.#token.kind !== 'EOF') this.#mismatched(`'${text}'`);
    this.problem(this.#token.at, `Syntax error: missing '${text}' at '<EOF>'`);
    throw new Stop();
  }

  #number(token: Token, sign: Token | undefined): Node {
    const value = literalNumber(token, sign !== undefined);
    const kinds: Partial<Record<TokenKind, string>> = { NUM_INT: 'int', NUM_UINT: 'uint', NUM_FLOAT: 'double' };
    const at = sign?.at ?? token.at;
    if (value === undefined) this.problem(at, `invalid ${kinds[token.kind]} literal`);
    return { kind: 'const', value: value ?? 0n, at };
  }

  /** A variable, a function, or a message where a brace follows a path of names. */
  #named(first: Token, dot: string): Node {
    const { at, text } = first;
    if (reserved.has(text)) this.problem(at, `reserved identifier: ${text}`);
    const brace = this.#struct();
    if (brace !== undefined) {
      let name = dot + text;
      for (let i = 0; i < brace; i++) name += this.#take().text;
      const open = this.#take();
      const entries = this.#entries(() => {
        const field = this.#token;
        if (field.kind !== 'IDENTIFIER' && field.kind !== 'ESC_IDENTIFIER') this.#mismatched("{'}', ',', '?', IDENTIFIER, ESC_IDENTIFIER}");
        this.#take();
        return { kind: 'const', value: field.kind === 'ESC_IDENTIFIER' ? field.text.slice(1, -1) : field.text, at: field.at };
      });
      return { kind: 'struct', name, entries, at: open.at };
    }
    const open = this.#accept('(');
    if (!open) return { kind: 'ident', name: dot + text, at };
    return this.#call({ kind: 'call', name: dot + text, args: this.#arguments(')'), at: open.at });
  }
  /** How many tokens of a path come before an opening brace; undefined where there is none. */
  #struct(): number | undefined {
    let i = 0;
    for (;;) {
      const token = this.#tokens[this.#next + i];
      if (token?.kind === 'word' && token.text === '{') return i;
      if (token?.text !== '.' || this.#tokens[this.#next + i + 1]?.kind !== 'IDENTIFIER') return undefined;
      i += 2;
    }
  }

  #list(at: number): Node {
    const elements: Node[] = [];
    const optional = new Set<number>();
    if (this.#accept(',')) this.#expect(']');
    else
      while (!this.#accept(']')) {
        if (elements.length > 0 && this.#is(',')) this.#mismatched("']'");
        if (this.#accept('?')) optional.add(elements.length);
        elements.push(this.#expression());
        if (this.#accept(',')) continue;
        if (!this.#accept(']')) this.#mismatched("{']', ','}");
        break;
      }
    return { kind: 'list', elements, optional, at };
  }
  #entries(key: () => Node): Entry[] {
    const entries: Entry[] = [];
    if (this.#accept(',')) this.#expect('}');
    else
      while (!this.#accept('}')) {
        const optional = this.#accept('?') !== undefined;
        const name = key();
        const { at } = this.#expect(':');
        entries.push({ key: name, value: this.#expression(), optional, at });
        if (this.#accept(',')) continue;
        if (!this.#accept('}')) this.#mismatched("{'}', ','}");
        break;
      }
    return entries;
  }
}

const sums: ReadonlySet<string> = new Set(['+', '-']);
const products: ReadonlySet<string> = new Set(['*', '/', '%']);

/** Brackets that are open at the same time; strings do not count for much here. */
const nesting = (source: string): number => {
  let depth = 0;
  let most = 0;
  for (const char of source) {
    if (char === '(' || char === '[' || char === '{') most = Math.max(most, ++depth);
    else if (char === ')' || char === ']' || char === '}') depth--;
  }
  return most;
};

export const parse = (source: string): { readonly node: Node } | { readonly problems: readonly Problem[] } => {
  const size = [...source].length;
  if (size > longest) return { problems: [{ at: 0, text: `expression code point size exceeds limit: size: ${size}, limit ${longest}` }] };
  if (nesting(source) > deepestBrackets) return { problems: [{ at: 0, text: `expression recursion limit exceeded: ${deepest}` }] };
  const parser = new Parser(source);
  const node = parser.parse();
  return node && parser.problems.length === 0 ? { node } : { problems: parser.problems };
};
