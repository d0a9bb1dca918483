/** LimitRange. */
import { check } from '../checks.ts';
import { duplicate, forbidden, invalid, type Path, required, root } from '../field.ts';
import { isQualifiedName } from '../metadata.ts';
import type { KubeObject } from '../object.ts';
import { compare, isQuantity, milliValue, parseQuantity, type Quantity, quantityOf, value } from '../quantity.ts';
import { isOvercommitAllowed, validateContainerResourceName, validateResourceName } from '../resource-names.ts';
import type { FieldError } from '../status.ts';
import type { Strategy } from '../strategy.ts';
import { whole } from './metadata-checks.ts';

type Amounts = Record<string, string>;
interface Limit {
  type: string;
  max?: Amounts;
  min?: Amounts;
  default?: Amounts;
  defaultRequest?: Amounts;
  maxLimitRequestRatio?: Amounts;
}
interface LimitRange extends KubeObject {
  spec?: { limits?: Limit[] };
}
const largestInThousandths = Number((2n ** 63n - 1n) / 1000n);
const limitsField = root('spec', 'limits');
const parts = ['max', 'min', 'default', 'defaultRequest', 'maxLimitRequestRatio'] as const;

const amount = (amounts: Amounts | undefined, name: string): Quantity | undefined => {
  const text = amounts && Object.hasOwn(amounts, name) ? amounts[name] : undefined;
  return isQuantity(text) ? parseQuantity(text ?? '0') : undefined;
};
const isMore = (one: Quantity | undefined, other: Quantity | undefined): boolean => Boolean(one && other && compare(one, other) > 0);

const validateAmounts = (limit: Limit, name: string, field: Path): FieldError[] => {
  const errors: FieldError[] = [];
  const [max, min, preset, request, ratio] = parts.map(part => amount(limit[part], name));
  const text = (part: (typeof parts)[number]) => limit[part]?.[name] ?? '';
  const path = (part: string) => field.child(part).key(name);
  if (isMore(min, max)) errors.push(invalid(path('min'), text('min'), `min value ${text('min')} is greater than max value ${text('max')}`));
  const asked = text('defaultRequest');
  if (isMore(min, request))
    errors.push(invalid(path('defaultRequest'), asked, `min value ${text('min')} is greater than default request value ${asked}`));
  if (isMore(request, max))
    errors.push(invalid(path('defaultRequest'), asked, `default request value ${asked} is greater than max value ${text('max')}`));
  if (isMore(request, preset))
    errors.push(
      invalid(path('defaultRequest'), asked, `default request value ${asked} is greater than default limit value ${text('default')}`),
    );
  if (isMore(min, preset))
    errors.push(invalid(path('default'), text('min'), `min value ${text('min')} is greater than default value ${text('default')}`));
  if (isMore(preset, max))
    errors.push(invalid(path('default'), text('max'), `default value ${text('default')} is greater than max value ${text('max')}`));
  const share = text('maxLimitRequestRatio');
  if (isMore(quantityOf(1), ratio)) errors.push(invalid(path('maxLimitRequestRatio'), share, `ratio ${share} is less than 1`));
  if (ratio && min && max) {
    // In thousandths, unless one of them has too many for 64 bits.
    const amountOf = [ratio, min, max].every(each => value(each) < largestInThousandths) ? milliValue : value;
    const bound = amountOf(max) / amountOf(min);
    if (amountOf(ratio) / (amountOf === milliValue ? 1000 : 1) > bound)
      errors.push(invalid(path('maxLimitRequestRatio'), share, `ratio ${share} is greater than max/min = ${bound.toFixed(6)}`));
  }
  if (!isOvercommitAllowed(name) && preset && request && compare(preset, request) !== 0)
    errors.push(
      invalid(path('defaultRequest'), asked, `default value ${text('default')} must equal to defaultRequest value ${asked} in ${name}`),
    );
  return errors;
};

const types = ['Pod', 'Container', 'PersistentVolumeClaim'];
const validateLimit = (limit: Limit, field: Path): FieldError[] => {
  const { type = '' } = limit;
  const errors = check(isQualifiedName, type, field.child('type'));
  if (errors.length === 0 && !type.includes('/') && !types.includes(type))
    errors.push(invalid(field.child('type'), type, 'must be a standard limit type or fully qualified'));
  const nameRule = type === 'Pod' || type === 'Container' ? validateContainerResourceName : validateResourceName;
  const names = new Set<string>();
  for (const part of parts) {
    const given = Object.keys(limit[part] ?? {});
    if (type === 'Pod' && (part === 'default' || part === 'defaultRequest')) {
      if (given.length) errors.push(forbidden(field.child(part), "may not be specified when `type` is 'Pod'"));
      continue;
    }
    for (const name of given) {
      errors.push(...nameRule(name, field.child(part).key(name)));
      names.add(name);
    }
  }
  if (type === 'PersistentVolumeClaim' && limit.min?.['storage'] === undefined && limit.max?.['storage'] === undefined)
    errors.push(required(field.child('limits'), 'either minimum or maximum storage value is required, but neither was provided'));
  const judged = type === 'Pod' ? { type, ...pick(limit, 'max', 'min', 'maxLimitRequestRatio') } : limit;
  for (const name of names) errors.push(...validateAmounts(judged, name, field));
  return errors;
};
const pick = (limit: Limit, ...kept: (typeof parts)[number][]): Partial<Limit> =>
  Object.fromEntries(kept.flatMap(part => (limit[part] ? [[part, limit[part]]] : [])));

export const limitRange: Strategy<LimitRange> = {
  metadataChecks: whole,
  allowCreateOnUpdate: true,
  defaults({ spec }) {
    for (const limit of spec?.limits ?? []) {
      if (limit.type !== 'Container') continue;
      // A limit that is not given is the most there may be; a request not given is the limit, or the least there must be.
      const preset = { ...limit.max, ...limit.default };
      const request = { ...limit.min, ...preset, ...limit.defaultRequest };
      if (Object.keys(preset).length) limit.default = preset;
      if (Object.keys(request).length) limit.defaultRequest = request;
    }
  },
  prepareForCreate({ metadata }, { random }) {
    metadata.name ||= random.uuid();
  },
  validate({ spec }) {
    const seen = new Set<string>();
    return (spec?.limits ?? []).flatMap((limit, i) => {
      const field = limitsField.index(i);
      const errors = validateLimit(limit, field);
      if (seen.has(limit.type)) errors.push(duplicate(field.child('type'), limit.type));
      seen.add(limit.type);
      return errors;
    });
  },
  cells: object => [object.metadata.name, object.metadata.creationTimestamp ?? null],
};
