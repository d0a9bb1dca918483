/**
 * The text form of label selectors: `x in (a,b),y,!z,n>3,tier!=db`. Grammar and error texts: apimachinery
 * `pkg/labels/selector.go`.
 */
import { badRequest } from '../status.ts';
import { checked, type LabelOperator, type LabelRequirement, type LabelRequirements, sorted } from './label-requirement.ts';
import { labelKeyProblems } from './label-syntax.ts';

type Kind = 'identifier' | 'end' | 'error' | ')' | '(' | ',' | '!' | '==' | '=' | '>' | '<' | '!=' | 'in' | 'notin';
interface Token {
  readonly kind: Kind;
  readonly text: string;
}

const symbols: ReadonlySet<string> = new Set<Kind>([')', ',', '!', '==', '=', '>', '<', '!=', '(']);
const isSymbol = (character: string): boolean => '=!(),><'.includes(character);
const isSpace = (character: string): boolean => character === ' ' || character === '\t' || character === '\r' || character === '\n';

const tokenize = (text: string): Token[] => {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const first = text.charAt(at);
    if (isSpace(first)) {
      at++;
    } else if (isSymbol(first)) {
      // The longest symbol; a character that belongs to none (a lone continuation) cannot occur, all are symbols themselves.
      const two = text.slice(at, at + 2);
      const symbol = symbols.has(two) ? two : first;
      tokens.push({ kind: symbol as Kind, text: symbol });
      at += symbol.length;
    } else {
      const start = at;
      while (at < text.length && !isSymbol(text.charAt(at)) && !isSpace(text.charAt(at))) at++;
      const word = text.slice(start, at);
      tokens.push({ kind: word === 'in' || word === 'notin' ? word : 'identifier', text: word });
    }
  }
  tokens.push({ kind: 'end', text: '' });
  return tokens;
};

const operatorOf: Partial<Record<Kind, LabelOperator>> = {
  in: 'in',
  notin: 'notin',
  '=': '=',
  '==': '==',
  '!=': '!=',
  '>': 'gt',
  '<': 'lt',
};
const endToken: Token = { kind: 'end', text: '' };

class Parser {
  private readonly tokens: Token[];
  private position = 0;

  constructor(text: string) {
    this.tokens = tokenize(text);
  }

  /** The next token where `in` and `notin` are words like any other. */
  private peek(): Token {
    const token = this.tokens[this.position] ?? endToken;
    return token.kind === 'in' || token.kind === 'notin' ? { kind: 'identifier', text: token.text } : token;
  }
  private take(): Token {
    const token = this.peek();
    this.position++;
    return token;
  }
  private takeOperator(): Token {
    const token = this.tokens[this.position] ?? endToken;
    this.position++;
    return token;
  }

  parse(): LabelRequirement[] {
    const requirements: LabelRequirement[] = [];
    for (;;) {
      const next = this.peek();
      if (next.kind === 'end') return requirements;
      if (next.kind !== 'identifier' && next.kind !== '!') {
        throw badRequest(`found '${next.text}', expected: !, identifier, or 'end of string'`);
      }
      requirements.push(this.requirement());
      const after = this.take();
      if (after.kind === 'end') return requirements;
      if (after.kind !== ',') throw badRequest(`found '${after.text}', expected: ',' or 'end of string'`);
      const following = this.peek();
      if (following.kind !== 'identifier' && following.kind !== '!') {
        throw badRequest(`found '${following.text}', expected: identifier after ','`);
      }
    }
  }

  private fail(found: Token, expected: string): never {
    throw badRequest(`unable to parse requirement: found '${found.text}'${expected}`);
  }

  private requirement(): LabelRequirement {
    let first = this.take();
    const negated = first.kind === '!';
    if (negated) first = this.take();
    if (first.kind !== 'identifier') this.fail(first, ', expected: identifier');
    const key = first.text;
    const wrong = labelKeyProblems(key);
    if (wrong.length) throw badRequest(`unable to parse requirement: <nil>: Invalid value: ${JSON.stringify(key)}: ${wrong.join('; ')}`);
    const after = this.peek();
    if (negated || after.kind === 'end' || after.kind === ',') return { key, operator: negated ? '!' : 'exists', values: [] };

    const token = this.takeOperator();
    const operator = operatorOf[token.kind];
    if (!operator) this.fail(token, ', expected: in, notin, =, ==, !=, gt, lt');
    const values = operator === 'in' || operator === 'notin' ? this.valueSet() : [this.exactValue()];
    return checked({ key, operator, values }, 'unable to parse requirement: ');
  }

  private exactValue(): string {
    const next = this.peek();
    if (next.kind === 'end' || next.kind === ',') return '';
    const token = this.take();
    if (token.kind !== 'identifier') this.fail(token, ', expected: identifier');
    return token.text;
  }

  /** `(a,b)`, `()`, `(,a)`: empty places are the empty value. */
  private valueSet(): string[] {
    const open = this.take();
    if (open.kind !== '(') this.fail(open, " expected: '('");
    const first = this.peek();
    if (first.kind === ')') {
      this.take();
      return [''];
    }
    if (first.kind !== 'identifier' && first.kind !== ',') this.fail(first, ", expected: ',', ')' or identifier");
    const values = new Set<string>();
    for (;;) {
      const token = this.take();
      const next = this.peek();
      if (token.kind === 'identifier') {
        values.add(token.text);
        if (next.kind !== ',' && next.kind !== ')') this.fail(next, ", expected: ',' or ')'");
        if (next.kind === ')') break;
      } else if (token.kind === ',') {
        if (values.size === 0 || next.kind === ',' || next.kind === ')') values.add('');
        if (next.kind === ')') break;
      } else {
        this.fail(token, ", expected: ',', or identifier");
      }
    }
    this.take();
    return [...values].sort();
  }
}

/** Requirements of a text, sorted by key. Throws 400 with the API server's text. */
export const parseLabelSelector = (text: string): LabelRequirements => sorted(new Parser(text).parse());
