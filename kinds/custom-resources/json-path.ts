/**
 * The JSONPath of printer columns and selectable fields (client-go `util/jsonpath`, without templates): `.spec.a`, `['a']`, `[0]`, `[-1]`,
 * `[1:3]`, `[*]`, `..name`, `[?(@.type=="Ready")]`, `\.` in names. What does not parse finds nothing.
 */
type Step =
  | { readonly type: 'field'; readonly name: string }
  | { readonly type: 'index'; readonly at: number }
  | { readonly type: 'slice'; readonly from: number | undefined; readonly to: number | undefined; readonly by: number }
  | { readonly type: 'all' }
  | { readonly type: 'deep' }
  | { readonly type: 'filter'; readonly left: Operand; readonly operator: string; readonly right: Operand };
type Operand = { readonly type: 'path'; readonly steps: readonly Step[] } | { readonly type: 'literal'; readonly value: unknown };

export type JsonPath = (value: unknown) => readonly unknown[];

/** Of one search; a path of many `..` would else look at the same things without end. */
const mostResults = 10_000;

const name = /^(?:\\.|[^.[\]\\ ])+/;
const filterForm = /^\?\(\s*(.*?)\s*(?:(==|!=|<=|>=|<|>)\s*(.*?)\s*)?\)$/s;

const literal = (text: string): unknown => {
  const quoted = /^(?:'((?:\\.|[^'\\])*)'|"((?:\\.|[^"\\])*)")$/s.exec(text);
  if (quoted) return (quoted[1] ?? quoted[2] ?? '').replace(/\\(.)/gs, '$1');
  if (text === 'true' || text === 'false') return text === 'true';
  return text !== '' && !Number.isNaN(Number(text)) ? Number(text) : undefined;
};

const operand = (text: string): Operand | undefined => {
  if (text.startsWith('@')) {
    const steps = parse(text.slice(1));
    return steps && { type: 'path', steps };
  }
  const value = literal(text);
  return value === undefined ? undefined : { type: 'literal', value };
};

const bracket = (inside: string): Step | undefined => {
  const text = inside.trim();
  if (text === '*') return { type: 'all' };
  if (/^-?\d+$/.test(text)) return { type: 'index', at: Number(text) };
  const slice = /^(-?\d*):(-?\d*)(?::(\d+))?$/.exec(text);
  if (slice) {
    const [, from, to, by] = slice;
    return { type: 'slice', from: from ? Number(from) : undefined, to: to ? Number(to) : undefined, by: Number(by ?? 1) || 1 };
  }
  const filter = filterForm.exec(text);
  if (filter) {
    const left = operand(filter[1] ?? '');
    const right = filter[2] ? operand(filter[3] ?? '') : ({ type: 'literal', value: undefined } as const);
    return left && right ? { type: 'filter', left, operator: filter[2] ?? 'exists', right } : undefined;
  }
  const key = literal(text);
  return typeof key === 'string' ? { type: 'field', name: key } : undefined;
};

/** The end of the bracket that opens at `start`, quotes minded. */
const closing = (text: string, start: number): number => {
  let depth = 0;
  let quote = '';
  for (let i = start; i < text.length; i++) {
    const char = text[i] ?? '';
    if (quote) {
      if (char === '\\') i++;
      else if (char === quote) quote = '';
    } else if (char === '"' || char === "'") quote = char;
    else if (char === '[') depth++;
    else if (char === ']' && --depth === 0) return i;
  }
  return -1;
};

function parse(text: string): Step[] | undefined {
  const steps: Step[] = [];
  let at = text.startsWith('$') ? 1 : 0;
  while (at < text.length) {
    if (text[at] === '[') {
      const end = closing(text, at);
      const step = end < 0 ? undefined : bracket(text.slice(at + 1, end));
      if (!step) return undefined;
      steps.push(step);
      at = end + 1;
      continue;
    }
    if (text[at] === '.') {
      at++;
      if (text[at] === '.') {
        steps.push({ type: 'deep' });
        at++;
      }
      if (at >= text.length || text[at] === '[') continue;
    } else if (at > 0) return undefined;
    const found = name.exec(text.slice(at))?.[0];
    if (!found) return undefined;
    steps.push(found === '*' ? { type: 'all' } : { type: 'field', name: found.replace(/\\(.)/g, '$1') });
    at += found.length;
  }
  return steps;
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
const children = (value: unknown): unknown[] => (Array.isArray(value) ? value : isObject(value) ? Object.values(value) : []);

const deep = (value: unknown, found: unknown[]): void => {
  if (found.length >= mostResults) return;
  found.push(value);
  for (const child of children(value)) if (typeof child === 'object' && child !== null) deep(child, found);
};

const compare = (left: unknown, operator: string, right: unknown): boolean => {
  if (operator === '==') return left === right;
  if (operator === '!=') return left !== right;
  if (typeof left !== typeof right || (typeof left !== 'number' && typeof left !== 'string')) return false;
  const [a, b] = [left, right as typeof left];
  if (operator === '<') return a < b;
  if (operator === '>') return a > b;
  return operator === '<=' ? a <= b : a >= b;
};

const resultOf = (of: Operand, item: unknown): readonly unknown[] => (of.type === 'literal' ? [of.value] : run(of.steps, item));

const take = (step: Step, value: unknown): readonly unknown[] => {
  switch (step.type) {
    case 'field':
      return isObject(value) && Object.hasOwn(value, step.name) ? [value[step.name]] : [];
    case 'index': {
      if (!Array.isArray(value)) return [];
      const at = step.at < 0 ? value.length + step.at : step.at;
      return at >= 0 && at < value.length ? [value[at]] : [];
    }
    case 'slice':
      return Array.isArray(value) ? value.slice(step.from, step.to).filter((_, i) => i % step.by === 0) : [];
    case 'all':
      return children(value);
    case 'deep': {
      const found: unknown[] = [];
      deep(value, found);
      return found;
    }
    case 'filter':
      return children(value).filter(item => {
        const left = resultOf(step.left, item);
        if (step.operator === 'exists') return left.length > 0;
        const right = resultOf(step.right, item);
        return left.length > 0 && right.length > 0 && compare(left[0], step.operator, right[0]);
      });
  }
};

function run(steps: readonly Step[], value: unknown): readonly unknown[] {
  let found: readonly unknown[] = [value];
  for (const step of steps) found = found.flatMap(one => take(step, one)).slice(0, mostResults);
  return found;
}

export const jsonPath = (text: string): JsonPath => {
  const steps = parse(text);
  return steps ? value => run(steps, value) : () => [];
};
