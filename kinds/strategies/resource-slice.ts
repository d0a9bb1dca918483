/** ResourceSlice: devices that a driver offers, on one node or many (upstream `pkg/apis/resource/validation/validation.go`). */
import type * as generated from '@kubernetes/client-node';
import { check } from '../checks.ts';
import { semanticEqual } from '../equality.ts';
import { forbidden, invalid, type Path, required, root, tooLong, tooMany } from '../field.ts';
import { internalForm } from '../internal-form.ts';
import { isDns1123Label, isDns1123Subdomain, longerThan, validateImmutable } from '../metadata.ts';
import { checkNodeSelector } from '../pod-spec/affinity.ts';
import { add, compare, formatQuantity, parseQuantity, type Quantity, scaledValue } from '../quantity.ts';
import type { FieldError } from '../status.ts';
import type { Strategy } from '../strategy.ts';
import { age } from '../table/age.ts';
import type { Kind, Wire } from '../types.ts';
import { validateDriverName } from './csi.ts';
import { each, eachUnique, validateBinding, validatePoolName, validateQualifiedName, validateTaint } from './device-requests.ts';

type Slice = Kind<generated.V1ResourceSlice>;
type Spec = NonNullable<Slice['spec']>;
type Device = Wire<generated.V1Device>;
interface Attribute {
  readonly bool?: boolean;
  readonly int?: number;
  readonly string?: string;
  readonly version?: string;
}
interface Range {
  readonly min?: string | null;
  readonly max?: string;
  readonly step?: string;
}
interface Capacity {
  readonly value: string;
  readonly requestPolicy?: { readonly default?: string; readonly validValues?: readonly string[]; readonly validRange?: Range };
}
type Counters = Readonly<Record<string, Wire<generated.V1Counter>>>;
type Place = Partial<Pick<Spec, 'nodeName' | 'nodeSelector' | 'allNodes'>>;
const specField = root('spec');

/** A map of bounded size: its keys are judged at the map, its values at their own places. */
const eachEntry = <T>(
  map: Readonly<Record<string, T>> | null | undefined,
  most: number,
  field: Path,
  judgeKey: (key: string, at: Path) => FieldError[],
  judge: (value: T, at: Path) => FieldError[],
): FieldError[] => {
  const entries = Object.entries(map ?? {});
  if (entries.length > most) return [tooMany(field, entries.length, most)];
  return entries.flatMap(([key, value]) => [...judgeKey(key, field), ...judge(value, field.key(shortened(key)))]);
};
const longestKey = 63 + 1 + 32;
const shortened = (key: string): string => {
  if (key.length <= longestKey) return key;
  const rest = longestKey - 3;
  return `${key.slice(0, Math.floor((rest + 1) / 2))}...${key.slice(key.length - Math.floor(rest / 2))}`;
};
const unbounded = Number.POSITIVE_INFINITY;
const nothing = (): FieldError[] => [];

const version =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(\.(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?$/;
const valueLimit = 64;
const validateText = (text: string, field: Path): FieldError[] => (longerThan(text, valueLimit) ? [tooLong(field, valueLimit)] : []);
const validateVersion = (text: string, field: Path): FieldError[] => [
  ...(version.test(text) ? [] : [invalid(field, text, 'must be a string compatible with semver.org spec 2.0.0')]),
  ...validateText(text, field),
];
const kinds = ['bool', 'int', 'string', 'version'] as const;
const validateAttribute = (attribute: Attribute, field: Path): FieldError[] => {
  const given = kinds.filter(kind => attribute[kind] !== undefined);
  const errors: FieldError[] = [];
  if (attribute.string !== undefined) errors.push(...validateText(attribute.string, field.child('string')));
  if (attribute.version !== undefined) errors.push(...validateVersion(attribute.version, field.child('version')));
  if (given.length === 0) errors.push(invalid(field, '', 'exactly one value must be specified'));
  if (given.length > 1)
    errors.push(invalid(field, internalForm('resource.v1.DeviceAttribute', attribute), 'exactly one value must be specified'));
  return errors;
};

const amount = (text: string | null | undefined): Quantity => parseQuantity(text ?? '0');
/** Whole units; what is beyond them counts as one. */
const ceiling = (text: string | null): bigint => scaledValue(amount(text), 0);
/** A request that falls between two steps. */
const offStep = (value: string, from: string, step: string): boolean => {
  const width = ceiling(step);
  return width !== 0n && (ceiling(value) - ceiling(from)) % width !== 0n;
};
const validateRange = (range: Range, standard: string, capacity: string, field: Path): FieldError[] => {
  const { min, max, step } = range;
  // Written as null when not set.
  if (min === undefined || min === null) return [required(field.child('min'), 'required when validRange is defined')];
  const errors: FieldError[] = [];
  const above = (one: string, other: string): boolean => compare(amount(one), amount(other)) > 0;
  if (above(min, capacity)) errors.push(invalid(field.child('min'), min, `min is larger than capacity value: ${capacity}`));
  if (above(min, standard)) errors.push(invalid(field.child('min'), standard, `default is less than min: ${min}`));
  if (max !== undefined) {
    if (above(min, max)) errors.push(invalid(field.child('max'), min, `min is larger than max: ${max}`));
    if (above(max, capacity)) errors.push(invalid(field.child('max'), max, `max is larger than capacity value: ${capacity}`));
    if (above(standard, max)) errors.push(invalid(field.child('max'), standard, `default is more than max: ${max}`));
  }
  if (step === undefined) return errors;
  const at = field.child('step');
  const first = add(amount(min), amount(step));
  if (compare(first, amount(capacity)) > 0)
    errors.push(invalid(at, step, `one step ${formatQuantity(first)} is larger than capacity value: ${capacity}`));
  for (const value of [standard, ...(max === undefined ? [] : [max])])
    if (offStep(value, min, step)) errors.push(invalid(at, value, `value is not a multiple of a given step (${step}) from (${min})`));
  return errors;
};
const validateValues = (values: readonly string[], standard: string, capacity: string, field: Path): FieldError[] => {
  const errors: FieldError[] = [];
  values.forEach((value, i) => {
    const next = values[i + 1];
    if (next !== undefined && compare(amount(value), amount(next)) > 0)
      errors.push(invalid(field.index(i + 1), next, 'values must be sorted in ascending order'));
  });
  errors.push(
    ...eachUnique(
      values,
      10,
      field,
      value => String(ceiling(value)),
      (value, at) =>
        compare(amount(value), amount(capacity)) > 0 ? [invalid(at, value, `option is larger than capacity value: ${capacity}`)] : [],
    ),
  );
  if (!values.some(value => compare(amount(value), amount(standard)) === 0))
    errors.push(invalid(field, standard, 'default value is not valid according to the requestPolicy'));
  return errors;
};
/** How much of a capacity one request may take. */
const validatePolicy = ({ value: capacity, requestPolicy: policy }: Capacity, shared: boolean, field: Path): FieldError[] => {
  if (!policy) return [];
  const at = field.child('requestPolicy');
  if (!shared) return [forbidden(at, 'allowMultipleAllocations must be true')];
  const { default: standard, validValues: values = [], validRange: range } = policy;
  if (values.length > 0 && range)
    return [forbidden(at, 'exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time')];
  const way = values.length > 0 ? 'validValues' : range ? 'validRange' : undefined;
  if (!way) return [];
  if (standard === undefined) return [required(at.child('default'), `required when ${way} is defined`)];
  return range
    ? validateRange(range, standard, capacity, at.child('validRange'))
    : validateValues(values, standard, capacity, at.child('validValues'));
};

const validateCounters = (set: Counters | undefined, field: Path): FieldError[] =>
  Object.keys(set ?? {}).length === 0
    ? [required(field)]
    : eachEntry(set, 32, field, (name, at) => check(isDns1123Label, name, at), nothing);
const validateSetName = (name: string | undefined, field: Path): FieldError[] =>
  name ? check(isDns1123Label, name, field) : [required(field)];

/** Where devices are; `empty` is told of a node without a name. */
const validatePlace = (place: Place, field: Path, empty: string, most: number): { errors: FieldError[]; given: string[] } => {
  const errors: FieldError[] = [];
  const given: string[] = [];
  if (place.nodeName !== undefined) {
    if (place.nodeName) {
      given.push('`nodeName`');
      errors.push(...check(isDns1123Subdomain, place.nodeName, field.child('nodeName')));
    } else errors.push(invalid(field.child('nodeName'), '', empty));
  }
  if (place.nodeSelector) {
    given.push('`nodeSelector`');
    checkNodeSelector(place.nodeSelector, field.child('nodeSelector'), errors);
    const terms = place.nodeSelector.nodeSelectorTerms ?? [];
    if (terms.length > most || (terms.length !== 1 && most === 1))
      errors.push(
        invalid(
          field.child('nodeSelector', 'nodeSelectorTerms'),
          (internalForm('core.v1.NodeSelector', place.nodeSelector) as { NodeSelectorTerms?: unknown }).NodeSelectorTerms ?? null,
          'must have exactly one node selector term',
        ),
      );
  }
  if (place.allNodes) given.push('`allNodes`');
  else if (place.allNodes === false) errors.push(invalid(field.child('allNodes'), false, 'must be either unset or set to true'));
  return { errors, given };
};

const placeText =
  'exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec';
const validateDevicePlace = (device: Device, perDevice: boolean, field: Path): FieldError[] => {
  if (!perDevice) {
    const text =
      '`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec';
    const any = device.nodeName !== undefined || device.nodeSelector !== undefined || device.allNodes !== undefined;
    return any ? [invalid(field, null, text)] : [];
  }
  const { errors, given } = validatePlace(device, field, 'must not be empty', unbounded);
  if (given.length === 0) errors.push(required(field, placeText));
  else if (given.length > 1) errors.push(invalid(field, `{${given.join(', ')}}`, placeText));
  return errors;
};
const validateDevice = (device: Device, before: Device | undefined, perDevice: boolean, field: Path): FieldError[] => {
  const errors = check(isDns1123Label, device.name ?? '', field.child('name'));
  const { taints } = device;
  const attributes = (device.attributes ?? {}) as Readonly<Record<string, Attribute>>;
  const capacity = (device.capacity ?? {}) as Readonly<Record<string, Capacity>>;
  const count = Object.keys(attributes).length + Object.keys(capacity).length;
  if (count > 32) errors.push(invalid(field, count, 'the total number of attributes and capacities must not exceed 32'));
  if (Object.keys(attributes).length > 48)
    errors.push(invalid(field, Object.keys(attributes).length, 'the total number of attribute values must not exceed 48'));
  const shared = device.allowMultipleAllocations === true;
  errors.push(
    ...eachEntry(attributes, unbounded, field.child('attributes'), validateQualifiedName, validateAttribute),
    ...eachEntry(capacity, unbounded, field.child('capacity'), validateQualifiedName, (one, at) => validatePolicy(one, shared, at)),
  );
  if (!before || !semanticEqual(before.taints, taints)) errors.push(...each(taints, 16, field.child('taints'), validateTaint));
  errors.push(
    ...eachUnique(
      device.consumesCounters,
      2,
      field.child('consumesCounters'),
      ({ counterSet }) => counterSet ?? '',
      ({ counterSet, counters }, at) => [
        ...validateSetName(counterSet, at.child('counterSet')),
        ...validateCounters(counters, at.child('counters')),
      ],
    ),
  );
  return [...errors, ...validateDevicePlace(device, perDevice, field), ...validateBinding(device, field)];
};

const validateSpec = (spec: Partial<Spec>, previous: Partial<Spec> | undefined): FieldError[] => {
  const errors = validateDriverName(spec.driver, specField.child('driver'));
  const pool = specField.child('pool');
  errors.push(...validatePoolName(spec.pool?.name, pool.child('name')));
  const { generation = 0, resourceSliceCount: count = 0 } = spec.pool ?? {};
  if (count <= 0) errors.push(invalid(pool.child('resourceSliceCount'), count, 'must be greater than zero'));
  if (generation < 0) errors.push(invalid(pool.child('generation'), generation, 'must be greater than or equal to zero'));
  if (previous)
    errors.push(
      ...validateImmutable(spec.pool?.name ?? '', previous.pool?.name ?? '', pool.child('name')),
      ...validateImmutable(spec.driver ?? '', previous.driver ?? '', specField.child('driver')),
      ...validateImmutable(spec.nodeName, previous.nodeName, specField.child('nodeName')),
    );
  const { errors: misplaced, given } = validatePlace(spec, specField, 'must be either unset or set to a non-empty string', 1);
  errors.push(...misplaced);
  if (spec.perDeviceNodeSelection) given.push('`perDeviceNodeSelection`');
  else if (spec.perDeviceNodeSelection === false)
    errors.push(invalid(specField.child('perDeviceNodeSelection'), false, 'must be either unset or set to true'));
  const one = 'exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required';
  if (given.length === 0) errors.push(required(specField, one));
  else if (given.length > 1) errors.push(invalid(specField, `{${given.join(', ')}}`, `${one}, but multiple fields are set`));
  if (spec.sharedCounters && spec.devices) errors.push(invalid(specField, '', 'only one of `sharedCounters` or `devices` is allowed'));
  const advanced = spec.devices?.some(device => device.taints?.length || device.consumesCounters?.length);
  const old = new Map((previous?.devices ?? []).map(device => [device.name, device]));
  errors.push(
    ...eachUnique(
      spec.devices,
      advanced ? 64 : 128,
      specField.child('devices'),
      ({ name }) => name ?? '',
      (device, at) => validateDevice(device, old.get(device.name), spec.perDeviceNodeSelection === true, at),
    ),
    ...eachUnique(
      spec.sharedCounters,
      8,
      specField.child('sharedCounters'),
      ({ name }) => name ?? '',
      ({ name, counters }, at) => [...validateSetName(name, at.child('name')), ...validateCounters(counters, at.child('counters'))],
    ),
  );
  return errors;
};

/** Fields of features that are off. */
const lists = ['bools', 'ints', 'strings', 'versions'];
const dropDisabled = ({ spec }: Slice): void => {
  for (const device of spec?.devices ?? []) {
    delete device.nodeAllocatableResourceMappings;
    for (const attribute of Object.values(device.attributes ?? {}) as unknown as Record<string, unknown>[])
      for (const list of lists) delete attribute[list];
  }
};

export const resourceSlice: Strategy<Slice> = {
  generation: true,
  prepareForCreate: dropDisabled,
  prepareForUpdate: dropDisabled,
  validateCreate: ({ spec }) => validateSpec(spec ?? {}, undefined),
  validateUpdate: ({ spec }, { spec: previous }) => validateSpec(spec ?? {}, previous ?? {}),
  fields: ({ spec }) => ({ 'spec.nodeName': spec?.nodeName ?? '', 'spec.driver': spec?.driver ?? '' }),
  cells: ({ metadata, spec }, now) => [
    metadata.name,
    spec?.nodeName ?? '',
    spec?.driver ?? '',
    spec?.pool?.name ?? '',
    age(metadata.creationTimestamp, now),
  ],
};
