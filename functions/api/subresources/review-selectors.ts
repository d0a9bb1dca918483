/** Selectors in questions about access (kubernetes `pkg/apis/authorization/validation`). */
import { forbidden, invalid, type Path, required, root } from '../../../kinds/field.ts';
import { validateLabelName } from '../../../kinds/metadata.ts';
import { isLabelValue } from '../../../kinds/names.ts';
import { type FieldRequirement, parseFieldSelector } from '../../../kinds/selector/field-selector.ts';
import { parseLabelSelector } from '../../../kinds/selector/label-selector.ts';
import { type FieldError, StatusError } from '../../../kinds/status.ts';

interface Requirement {
  key?: string;
  operator?: string;
  values?: string[];
}
export interface Selector {
  rawSelector?: string;
  requirements?: Requirement[];
}

/** Operators that are not known are let pass: clients may be newer than the server. */
const checkRequirement = ({ operator = '', values = [] }: Requirement, field: Path): FieldError[] => {
  if (['In', 'NotIn'].includes(operator) && values.length === 0)
    return [required(field.child('values'), "must be specified when `operator` is 'In' or 'NotIn'")];
  if (['Exists', 'DoesNotExist'].includes(operator) && values.length > 0)
    return [forbidden(field.child('values'), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")];
  return [];
};

const checkSelector = (selector: Selector | undefined, field: Path, checkKey: (key: string, field: Path) => FieldError[]): FieldError[] => {
  if (!selector) return [];
  const { rawSelector = '', requirements = [] } = selector;
  const errors: FieldError[] = [];
  if (rawSelector && requirements.length > 0)
    errors.push(invalid(field.child('rawSelector'), rawSelector, 'may not specified at the same time as requirements'));
  if (!rawSelector && requirements.length === 0)
    errors.push(required(field.child('requirements'), `when ${field} is specified, requirements or rawSelector is required`));
  requirements.forEach((requirement, at) => {
    const one = field.child('requirements').index(at);
    errors.push(...checkKey(requirement.key ?? '', one.child('key')), ...checkRequirement(requirement, one));
  });
  return errors;
};

const mustBeThere = (key: string, field: Path): FieldError[] => (key ? [] : [required(field, 'must be specified')]);

export const checkSelectors = ({ fieldSelector, labelSelector }: { fieldSelector?: Selector; labelSelector?: Selector }): FieldError[] => {
  const field = root('spec', 'resourceAttributes');
  return [
    ...checkSelector(fieldSelector, field.child('fieldSelector'), mustBeThere),
    ...checkSelector(labelSelector, field.child('labelSelector'), validateLabelName),
  ];
};

/** What a field selector asks for, and whether a part of it cannot be understood. */
export const fieldRequirements = ({
  rawSelector = '',
  requirements = [],
}: Selector): { requirements: FieldRequirement[]; broken: boolean } => {
  if (requirements.length === 0) {
    try {
      return { requirements: parseFieldSelector(rawSelector), broken: false };
    } catch (error) {
      if (error instanceof StatusError) return { requirements: [], broken: true };
      throw error;
    }
  }
  const found = requirements.flatMap(({ key = '', operator = '', values = [] }): FieldRequirement[] => {
    const [value, ...more] = values;
    if (value === undefined || more.length > 0 || (operator !== 'In' && operator !== 'NotIn')) return [];
    return [{ field: key, operator: operator === 'In' ? '=' : '!=', value }];
  });
  return { requirements: found, broken: found.length < requirements.length };
};

/** Nothing here decides by labels, so it is only said whether all or a part of them cannot be understood. */
export const labelProblem = ({ rawSelector = '', requirements = [] }: Selector): 'wholly' | 'partly' | undefined => {
  const isGood = (read: () => unknown): boolean => {
    try {
      read();
      return true;
    } catch (error) {
      if (error instanceof StatusError) return false;
      throw error;
    }
  };
  if (requirements.length === 0) return isGood(() => parseLabelSelector(rawSelector)) ? undefined : 'wholly';
  const good = requirements.filter(
    ({ key = '', operator = '', values = [] }) =>
      ['In', 'NotIn', 'Exists', 'DoesNotExist'].includes(operator) &&
      validateLabelName(key, root('key')).length === 0 &&
      values.every(value => isLabelValue(value).length === 0),
  );
  if (good.length === requirements.length) return undefined;
  return good.length > 0 ? 'partly' : 'wholly';
};
