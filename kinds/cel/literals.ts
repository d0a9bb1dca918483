/** Literals that could never be what a function wants of them (cel-go `cel/validator.go`). */
import { RE2JS } from 're2js';
import { childrenOf, type Node, type Problem } from './ast.ts';

const duration = /^[+-]?(?:0|(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/;
const time = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;

const compiles = (pattern: string): boolean => {
  try {
    RE2JS.compile(pattern);
    return true;
  } catch {
    // Which is what was asked.
    return false;
  }
};
const checks: Readonly<Record<string, (text: string) => boolean>> = {
  duration: text => duration.test(text),
  timestamp: text => time.test(text) && !Number.isNaN(Date.parse(text)),
  matches: compiles,
};

export const literalProblems = (node: Node): Problem[] => {
  const problems: Problem[] = [];
  const visit = (one: Node): void => {
    if (one.kind === 'call') {
      const holds = Object.hasOwn(checks, one.name) ? checks[one.name] : undefined;
      const argument = one.args.at(one.name === 'matches' ? -1 : 0);
      if (holds && argument?.kind === 'const' && typeof argument.value === 'string' && !holds(argument.value))
        problems.push({ at: argument.at, text: `invalid ${one.name} argument` });
    }
    for (const child of childrenOf(one)) visit(child);
  };
  visit(node);
  return problems;
};
