/** Which labels a requirement accepts, and the two forms requirements come from and go to: LabelSelector objects and texts. */
import { badRequest } from '../status.ts';
import type { LabelSelector } from '../types.ts';
import { checked, type LabelOperator, type LabelRequirement, type LabelRequirements, parseInteger, sorted } from './label-requirement.ts';

export { parseLabelSelector } from './label-parser.ts';
export type { LabelOperator, LabelRequirement, LabelRequirements } from './label-requirement.ts';

export const everything: LabelRequirements = [];
/** What an absent LabelSelector means: no object at all. */
export const nothing: LabelRequirements = [{ key: '', operator: 'never', values: [] }];

const operators: Readonly<Record<string, LabelOperator>> = { In: 'in', NotIn: 'notin', Exists: 'exists', DoesNotExist: '!' };

/** The requirements of a LabelSelector object: an empty one selects everything, an absent one nothing. */
export const fromLabelSelector = (selector: LabelSelector | null | undefined): LabelRequirements => {
  if (!selector) return nothing;
  const requirements: LabelRequirement[] = [];
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) {
    requirements.push(checked({ key, operator: '=', values: [value] }));
  }
  for (const { key, operator: name, values } of selector.matchExpressions ?? []) {
    const operator = Object.hasOwn(operators, name) ? operators[name] : undefined;
    if (!operator) throw badRequest(`${JSON.stringify(name)} is not a valid label selector operator`);
    requirements.push(checked({ key, operator, values: values ?? [] }));
  }
  return requirements.length ? sorted(requirements) : everything;
};

const matches = ({ key, operator, values }: LabelRequirement, labels: Readonly<Record<string, string>> | undefined): boolean => {
  // Own fields only: a label may well be called `constructor`.
  const value = labels && Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case '=':
    case '==':
    case 'in':
      return value !== undefined && values.includes(value);
    case '!=':
    case 'notin':
      return value === undefined || !values.includes(value);
    case 'exists':
      return value !== undefined;
    case '!':
      return value === undefined;
    case 'gt':
    case 'lt': {
      const actual = value === undefined ? undefined : parseInteger(value);
      const bound = parseInteger(values[0] ?? '');
      if (actual === undefined || bound === undefined) return false;
      return operator === 'gt' ? actual > bound : actual < bound;
    }
    case 'never':
      return false;
  }
};

export const matchesLabels = (requirements: LabelRequirements, labels: Readonly<Record<string, string>> | undefined): boolean => {
  for (const requirement of requirements) if (!matches(requirement, labels)) return false;
  return true;
};

const format = ({ key, operator, values }: LabelRequirement): string => {
  const list = values.length > 1 ? [...values].sort().join(',') : (values[0] ?? '');
  switch (operator) {
    case '=':
    case '==':
    case '!=':
      return key + operator + list;
    case 'in':
    case 'notin':
      return `${key} ${operator} (${list})`;
    case 'exists':
      return key;
    case '!':
      return `!${key}`;
    case 'gt':
      return `${key}>${list}`;
    case 'lt':
      return `${key}<${list}`;
    case 'never':
      return '';
  }
};

/** The text form, as in a scale's `status.selector`. Both `everything` and `nothing` are the empty text. */
export const formatLabelSelector = (requirements: LabelRequirements): string => requirements.map(format).join(',');

/** The labels that every match carries, for a lookup by index before the full match. */
export const equalities = (requirements: LabelRequirements): Record<string, string> => {
  const found: Record<string, string> = {};
  for (const { key, operator, values } of requirements) {
    const [only] = values;
    if ((operator === '=' || operator === '==' || operator === 'in') && values.length === 1 && only !== undefined) found[key] = only;
  }
  return found;
};
