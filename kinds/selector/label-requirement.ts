/** One condition on labels, and what makes one invalid: in the words of apimachinery `labels.NewRequirement`. */
import { badRequest } from '../status.ts';
import { labelKeyProblems, labelValueProblems } from './label-syntax.ts';

export type LabelOperator = '=' | '==' | '!=' | 'in' | 'notin' | 'exists' | '!' | 'gt' | 'lt' | 'never';

export interface LabelRequirement {
  readonly key: string;
  readonly operator: LabelOperator;
  readonly values: readonly string[];
}

/** All must hold. Sorted by key. */
export type LabelRequirements = readonly LabelRequirement[];

const integer = /^[+-]?[0-9]{1,25}$/;
/** A 64-bit integer, or undefined. */
export const parseInteger = (text: string): bigint | undefined => {
  if (!integer.test(text)) return undefined;
  const number = BigInt(text.replace('+', ''));
  return number === BigInt.asIntN(64, number) ? number : undefined;
};

const badValue = (path: string, value: string | readonly string[], why: string): string =>
  `${path}: Invalid value: ${JSON.stringify(value)}: ${why}`;

/** What is wrong with one requirement, in the order and words of apimachinery `labels.NewRequirement`. */
const problemsOf = ({ key, operator, values }: LabelRequirement): string[] => {
  const problems: string[] = [];
  const wrongKey = labelKeyProblems(key);
  if (wrongKey.length) problems.push(badValue('key', key, wrongKey.join('; ')));
  if ((operator === 'in' || operator === 'notin') && values.length === 0) {
    problems.push(badValue('values', values, "for 'in', 'notin' operators, values set can't be empty"));
  } else if ((operator === 'exists' || operator === '!') && values.length > 0) {
    problems.push(badValue('values', values, 'values set must be empty for exists and does not exist'));
  } else if (operator === 'gt' || operator === 'lt') {
    values.forEach((value, i) => {
      if (parseInteger(value) === undefined) {
        problems.push(badValue(`values[${i}]`, value, "for 'Gt', 'Lt' operators, the value must be an integer"));
      }
    });
  }
  values.forEach((value, i) => {
    const wrongValue = labelValueProblems(value);
    if (wrongValue.length) problems.push(badValue(`values[${i}][${key}]`, value, wrongValue.join('; ')));
  });
  return problems;
};

/** Throws the text of all problems as one, as Go's aggregate errors print. */
export const checked = (requirement: LabelRequirement, prefix = ''): LabelRequirement => {
  const problems = [...new Set(problemsOf(requirement))];
  if (problems.length === 0) return requirement;
  throw badRequest(prefix + (problems.length === 1 ? problems[0] : `[${problems.join(', ')}]`));
};

const byKey = (a: LabelRequirement, b: LabelRequirement): number => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
export const sorted = (requirements: LabelRequirement[]): LabelRequirements => requirements.sort(byKey);
