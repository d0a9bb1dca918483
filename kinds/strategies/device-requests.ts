/**
 * What ResourceClaims ask for and how the devices are configured (upstream `pkg/apis/resource/validation/validation.go`).
 * Also the checks that classes, slices and allocations share with them.
 */
import type * as generated from '@kubernetes/client-node';
import type { Variables } from '../cel/check.ts';
import { CompilationError, compile } from '../cel/program.ts';
import { bool, dyn, mapOf, nameOf, objectOf, opaque, string, type Type } from '../cel/types.ts';
import { check } from '../checks.ts';
import { duplicate, type Field, invalid, notSupported, type Path, required, tooLong, tooMany } from '../field.ts';
import { isCIdentifier, isDns1123Label, isDns1123Subdomain, isLabelValue, longerThan, validateLabelName } from '../metadata.ts';
import type { FieldError } from '../status.ts';
import type { Wire } from '../types.ts';
import { validateDriverName } from './csi.ts';

export type ClaimSpec = Wire<generated.V1ResourceClaimSpec>;
type Request = Wire<generated.V1DeviceRequest>;
type Exact = Partial<Wire<generated.V1ExactDeviceRequest>> & Pick<Partial<Wire<generated.V1DeviceSubRequest>>, 'name'>;
type Selector = Wire<generated.V1DeviceSelector>;
type Toleration = Wire<generated.V1DeviceToleration>;
type Opaque = Wire<generated.V1OpaqueDeviceConfiguration>;
type Constraint = Wire<generated.V1DeviceConstraint>;
type Taint = Wire<generated.V1DeviceTaint>;

export const limit = 32;
const jsonLimit = 10 * 1024;

/** A list of bounded length, each item judged; of one that is too long, nothing else is told. */
export const each = <T>(
  list: readonly T[] | null | undefined,
  most: number,
  field: Path,
  judge: (item: T, at: Path) => FieldError[],
): FieldError[] => {
  if (!list) return [];
  return list.length > most ? [tooMany(field, list.length, most)] : list.flatMap((item, i) => judge(item, field.index(i)));
};
/** The same, where no two may have the same key. */
export const eachUnique = <T>(
  list: readonly T[] | null | undefined,
  most: number,
  field: Path,
  key: (item: T) => unknown,
  judge: (item: T, at: Path) => FieldError[],
): FieldError[] => {
  const seen = new Set<string>();
  return each(list, most, field, (item, at) => {
    const errors = judge(item, at);
    const value = key(item);
    const id = JSON.stringify(value);
    if (seen.has(id)) errors.push(duplicate(at, value));
    seen.add(id);
    return errors;
  });
};
const sameText = (text: string): string => text;

/** Values are of many types; what is asked for is known when it is looked up. */
const perDomain = (of: Type): Type => mapOf(string, mapOf(string, of));
const device = objectOf('kubernetes.DRADevice', {
  driver: string,
  allowMultipleAllocations: bool,
  attributes: perDomain(dyn),
  capacity: perDomain(opaque('kubernetes.Quantity')),
});
const variables: Variables = new Map([['device', device]]);
const expressionLimit = 10 * 1024;
const validateSelector = ({ cel }: Selector, field: Path): FieldError[] => {
  if (!cel) return [required(field.child('cel'))];
  const { expression = '' } = cel;
  const at = field.child('cel', 'expression');
  if (longerThan(expression, expressionLimit)) return [tooLong(at, expressionLimit)];
  try {
    const { type } = compile(expression, variables);
    return type.kind === bool.kind || type.kind === dyn.kind
      ? []
      : [invalid(at, expression, `must evaluate to bool or the unknown type, not ${nameOf(type)}`)];
  } catch (error) {
    if (!(error instanceof CompilationError)) throw error;
    return [invalid(at, expression, `compilation failed: ${error.message}`)];
  }
};
export const validateSelectors = (selectors: readonly Selector[] | undefined, field: Path): FieldError[] =>
  each(selectors, limit, field, validateSelector);

const effects = ['NoExecute', 'NoSchedule', 'None'];
const validateToleration = ({ key = '', operator, value = '', effect }: Toleration, field: Path): FieldError[] => {
  const errors = key ? validateLabelName(key, field.child('key')) : [];
  if (operator === 'Exists') {
    if (value) errors.push(invalid(field.child('value'), value, 'must be empty for operator `Exists`'));
  } else if (operator === 'Equal') errors.push(...check(isLabelValue, value, field.child('value')));
  else if (!operator) errors.push(required(field.child('operator')));
  else errors.push(notSupported(field.child('operator'), operator, ['Equal', 'Exists']));
  if (effect && !effects.includes(effect)) errors.push(notSupported(field.child('effect'), effect, effects));
  return errors;
};
export const validateTaint = ({ key = '', value, effect }: Taint, field: Path): FieldError[] => {
  const errors = validateLabelName(key, field.child('key'));
  if (value) errors.push(...check(isLabelValue, value, field.child('value')));
  if (!effect) errors.push(required(field.child('effect')));
  else if (!effects.includes(effect)) errors.push(notSupported(field.child('effect'), effect, effects));
  return errors;
};

const validateExact = (request: Exact, field: Path): FieldError[] => {
  const { deviceClassName: name, allocationMode: mode, count = 0, tolerations } = request;
  const errors = name ? check(isDns1123Subdomain, name, field.child('deviceClassName')) : [required(field.child('deviceClassName'))];
  errors.push(...validateSelectors(request.selectors, field.child('selectors')));
  if (mode === 'All') {
    if (count !== 0) errors.push(invalid(field.child('count'), count, "must not be specified when allocationMode is 'All'"));
  } else if (mode === 'ExactCount') {
    if (count <= 0) errors.push(invalid(field.child('count'), count, 'must be greater than zero'));
  } else errors.push(notSupported(field.child('allocationMode'), mode ?? '', ['All', 'ExactCount']));
  return [...errors, ...each(tolerations, 16, field.child('tolerations'), validateToleration)];
};
const validateRequest = ({ name = '', exactly, firstAvailable }: Request, field: Path): FieldError[] => {
  const errors = check(isDns1123Label, name, field.child('name'));
  const either = 'exactly one of `exactly` or `firstAvailable` is required';
  const several = (firstAvailable?.length ?? 0) > 0;
  if (!exactly && !several) errors.push(required(field, either));
  else if (exactly && several) errors.push(invalid(field, null, `${either}, but multiple fields are set`));
  else if (exactly) errors.push(...validateExact(exactly, field.child('exactly')));
  else
    errors.push(
      ...eachUnique(
        firstAvailable,
        8,
        field.child('firstAvailable'),
        sub => sub.name ?? '',
        (sub, at) => [...check(isDns1123Label, sub.name ?? '', at.child('name')), ...validateExact(sub, at)],
      ),
    );
  return errors;
};

/** Every name that can stand for a request or a part of one. */
export const requestNames = ({ devices }: Partial<ClaimSpec>): ReadonlySet<string> => {
  const names = new Set<string>();
  for (const { name = '', firstAvailable } of devices?.requests ?? []) {
    names.add(name);
    for (const sub of firstAvailable ?? []) names.add(`${name}/${sub.name ?? ''}`);
  }
  return names;
};
const referenceText = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";
export const validateReference = (name: string, known: ReadonlySet<string>, field: Path): FieldError[] => {
  const parts = name.split('/');
  if (parts.length > 2) return [invalid(field, name, referenceText)];
  const errors = parts.flatMap(part => check(isDns1123Label, part, field));
  return known.has(name) ? errors : [...errors, invalid(field, name, referenceText)];
};
export const validateReferences = (names: readonly string[] | undefined, known: ReadonlySet<string>, field: Path): FieldError[] =>
  eachUnique(names, limit, field, sameText, (name, at) => validateReference(name, known, at));

const idLimit = 32;
const validateIdentifier = (id: string, field: Path): FieldError[] => [
  ...(longerThan(id, idLimit) ? [tooLong(field, idLimit)] : []),
  ...check(isCIdentifier, id, field),
];
/** An identifier, with or without a domain; one with more slashes passes, as upstream. */
export const validateQualifiedName = (name: string, field: Path): FieldError[] => {
  const parts = name.split('/');
  const [first = '', second = ''] = parts;
  if (parts.length === 1) return validateIdentifier(first, field);
  if (parts.length > 2) return [];
  return [
    ...(first ? validateDriverName(first, field) : [invalid(field, '', 'the domain must not be empty')]),
    ...(second ? validateIdentifier(second, field) : [invalid(field, '', 'the name must not be empty')]),
  ];
};
const validateFullName = (name: string, field: Path): FieldError[] => [
  ...validateQualifiedName(name, field),
  ...(name.includes('/') ? [] : [invalid(field, name, 'a fully qualified name must be a domain and a name separated by a slash')]),
];
const validateConstraint = (constraint: Constraint, known: ReadonlySet<string>, field: Path): FieldError[] => {
  const { requests, matchAttribute, distinctAttribute } = constraint;
  const errors = validateReferences(requests, known, field.child('requests'));
  if (matchAttribute !== undefined) errors.push(...validateFullName(matchAttribute, field.child('matchAttribute')));
  else if (distinctAttribute !== undefined) errors.push(...validateFullName(distinctAttribute, field.child('distinctAttribute')));
  else errors.push(required(field, 'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set'));
  return errors;
};

/** Free-form data: an object, and not too much of it. */
export const validateJson = (value: unknown, field: Path): FieldError[] => {
  if (value === undefined || value === null) return [required(field)];
  if (Buffer.byteLength(JSON.stringify(value)) > jsonLimit) return [tooLong(field, jsonLimit)];
  return typeof value === 'object' && !Array.isArray(value) ? [] : [invalid(field, '<value omitted>', 'must be a valid JSON object')];
};
export const validateConfiguration = ({ opaque }: { opaque?: Opaque }, field: Path): FieldError[] => {
  const at = field.child('opaque');
  if (!opaque) return [required(at)];
  return [
    ...validateDriverName(opaque.driver, at.child('driver')),
    ...validateJson((opaque as { parameters?: unknown }).parameters, at.child('parameters')),
  ];
};

export const validatePoolName = (name: string | undefined, field: Field): FieldError[] => {
  if (!name) return [required(field)];
  const errors = longerThan(name, 253) ? [tooLong(field, 253)] : [];
  return [...errors, ...name.split('/').flatMap(part => check(isDns1123Subdomain, part, field))];
};

interface Binding {
  readonly bindingConditions?: readonly string[];
  readonly bindingFailureConditions?: readonly string[];
}
/** Conditions that binding waits for, and those that end the waiting. */
export const validateBinding = ({ bindingConditions: awaited, bindingFailureConditions: failures }: Binding, field: Path): FieldError[] => {
  const awaitedField = field.child('bindingConditions');
  const failuresField = field.child('bindingFailureConditions');
  const errors = [...each(awaited, 4, awaitedField, validateLabelName), ...each(failures, 4, failuresField, validateLabelName)];
  const repeats = (list: readonly string[] | undefined, at: Path): FieldError[] =>
    (list ?? []).flatMap((item, i) => (list?.indexOf(item) === i ? [] : [duplicate(at.index(i), item)]));
  errors.push(...repeats(awaited, awaitedField), ...repeats(failures, failuresField));
  failures?.forEach((item, i) => {
    if (awaited?.includes(item))
      errors.push(invalid(failuresField.index(i), item, 'bindingFailureConditions must not overlap with bindingConditions'));
  });
  if (!awaited?.length && failures?.length)
    errors.push(invalid(awaitedField, awaited ?? null, 'bindingConditions are required to use bindingFailureConditions'));
  if (!failures?.length && awaited?.length)
    errors.push(invalid(failuresField, failures ?? null, 'bindingFailureConditions are required to use bindingConditions'));
  return errors;
};

export const validateClaimSpec = (spec: Partial<ClaimSpec>, field: Path): FieldError[] => {
  const devices = field.child('devices');
  const known = requestNames(spec);
  const { requests, constraints, config } = spec.devices ?? {};
  return [
    ...eachUnique(requests, limit, devices.child('requests'), ({ name }) => name ?? '', validateRequest),
    ...each(constraints, limit, devices.child('constraints'), (constraint, at) => validateConstraint(constraint, known, at)),
    ...each(config, limit, devices.child('config'), (item, at) => [
      ...validateReferences(item.requests, known, at.child('requests')),
      ...validateConfiguration(item, at),
    ]),
  ];
};

export const defaultClaimSpec = (spec: Partial<ClaimSpec> | undefined): void => {
  for (const { exactly, firstAvailable } of spec?.devices?.requests ?? []) {
    for (const request of [...(exactly ? [exactly] : []), ...(firstAvailable ?? [])]) {
      request.allocationMode ||= 'ExactCount';
      if (request.allocationMode === 'ExactCount' && !request.count) request.count = 1;
      for (const toleration of request.tolerations ?? []) toleration.operator ||= 'Equal';
    }
  }
};
