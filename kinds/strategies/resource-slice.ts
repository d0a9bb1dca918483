/** ResourceSlice: devices that a driver offers, on one node or many. */
import type * as generated from '@kubernetes/client-node';
import { check } from '../checks.ts';
import { invalid, type Path, required, root, tooLongCharacters, tooMany } from '../field.ts';
import { isCIdentifier, isDns1123Label, isDns1123Subdomain, longerThan, validateImmutable } from '../metadata.ts';
import { checkNodeSelector } from '../pod-spec/affinity.ts';
import type { FieldError } from '../status.ts';
import type { Strategy } from '../strategy.ts';
import { age } from '../table/age.ts';
import type { Kind, Wire } from '../types.ts';
import { validateDriverName } from './csi.ts';
import { eachUnique, validatePoolName } from './resource-claim.ts';

type Slice = Kind<generated.V1ResourceSlice>;
type Spec = NonNullable<Slice['spec']>;
type Device = Wire<generated.V1Device>;
type Attribute = Wire<generated.V1DeviceAttribute>;
const specField = root('spec');

const validateName = (name: string, field: Path): FieldError[] => {
  const [domain = '', id, ...rest] = name.includes('/') ? name.split('/') : ['', name];
  if (rest.length) return [invalid(field, name, 'a qualified name must have at most one slash')];
  const errors: FieldError[] = [];
  if (name.includes('/'))
    errors.push(...(domain ? check(isDns1123Subdomain, domain, field) : [required(field, 'the domain must not be empty')]));
  return [...errors, ...(id ? check(isCIdentifier, id, field) : [required(field, 'the name must not be empty')])];
};

const version =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(\.(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?$/;
const kinds = ['bool', 'int', 'string', 'version', 'bools', 'ints', 'strings', 'versions'] as const;
const validateAttribute = (attribute: Attribute, field: Path): FieldError[] => {
  const given = kinds.filter(kind => (attribute as Record<string, unknown>)[kind] !== undefined);
  if (given.length === 0) return [required(field, 'exactly one value must be specified')];
  if (given.length > 1) return [invalid(field, attribute, 'exactly one value must be specified')];
  const errors: FieldError[] = [];
  if (attribute.string !== undefined && longerThan(attribute.string, 64)) errors.push(tooLongCharacters(field.child('string'), 64));
  if (attribute.version !== undefined) {
    if (!version.test(attribute.version))
      errors.push(invalid(field.child('version'), attribute.version, 'must be a string compatible with semver.org spec 2.0.0'));
    if (longerThan(attribute.version, 64)) errors.push(tooLongCharacters(field.child('version'), 64));
  }
  return errors;
};

const validatePlace = (spec: Partial<Pick<Spec, 'nodeName' | 'nodeSelector' | 'allNodes'>>, field: Path): FieldError[] => {
  const errors: FieldError[] = [];
  if (spec.nodeName !== undefined)
    errors.push(
      ...(spec.nodeName ? check(isDns1123Subdomain, spec.nodeName, field.child('nodeName')) : [required(field.child('nodeName'))]),
    );
  if (spec.nodeSelector) {
    checkNodeSelector(spec.nodeSelector, field.child('nodeSelector'), errors);
    if (spec.nodeSelector.nodeSelectorTerms?.length !== 1)
      errors.push(
        invalid(
          field.child('nodeSelector', 'nodeSelectorTerms'),
          spec.nodeSelector.nodeSelectorTerms ?? null,
          'must have exactly one node selector term',
        ),
      );
  }
  if (spec.allNodes === false) errors.push(invalid(field.child('allNodes'), false, 'must be either unset or set to true'));
  return errors;
};

const validateDevice = (device: Device, perDevice: boolean, field: Path): FieldError[] => {
  const errors = check(isDns1123Label, device.name ?? '', field.child('name'));
  const { attributes = {}, capacity = {} } = device;
  const count = Object.keys(attributes).length + Object.keys(capacity).length;
  if (count > 32) errors.push(invalid(field, count, 'the total number of attributes and capacities must not exceed 32'));
  for (const [name, attribute] of Object.entries(attributes)) {
    const at = field.child('attributes').key(name);
    errors.push(...validateName(name, at), ...validateAttribute(attribute, at));
  }
  for (const name of Object.keys(capacity)) errors.push(...validateName(name, field.child('capacity').key(name)));
  const given = (['nodeName', 'nodeSelector', 'allNodes'] as const).filter(place => device[place] !== undefined);
  if (!perDevice) {
    if (given.length)
      errors.push(
        invalid(
          field,
          null,
          '`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec',
        ),
      );
  } else if (given.length === 0)
    errors.push(
      required(
        field,
        'exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec',
      ),
    );
  return [...errors, ...validatePlace(device, field)];
};

export const resourceSlice: Strategy<Slice> = {
  generation: true,
  validate({ spec }) {
    const errors = validateDriverName(spec?.driver, specField.child('driver'));
    const pool = specField.child('pool');
    errors.push(...validatePoolName(spec?.pool?.name, pool.child('name')));
    const { generation = 0, resourceSliceCount: count = 0 } = spec?.pool ?? {};
    if (count <= 0) errors.push(invalid(pool.child('resourceSliceCount'), count, 'must be greater than zero'));
    if (generation < 0) errors.push(invalid(pool.child('generation'), generation, 'must be greater than or equal to zero'));
    errors.push(...validatePlace(spec ?? {}, specField));
    if (spec?.perDeviceNodeSelection === false)
      errors.push(invalid(specField.child('perDeviceNodeSelection'), false, 'must be either unset or set to true'));
    const given = (['nodeName', 'nodeSelector', 'allNodes', 'perDeviceNodeSelection'] as const).filter(
      place => spec?.[place] !== undefined,
    );
    const one = 'exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required';
    if (given.length === 0) errors.push(required(specField, one));
    else if (given.length > 1)
      errors.push(invalid(specField, `{${given.map(place => `\`${place}\``).join(', ')}}`, `${one}, but multiple fields are set`));
    if (spec?.sharedCounters && spec.devices) errors.push(invalid(specField, '', 'only one of `sharedCounters` or `devices` is allowed'));
    const advanced = spec?.devices?.some(device => device.taints?.length || device.consumesCounters?.length);
    const perDevice = spec?.perDeviceNodeSelection === true;
    errors.push(
      ...eachUnique(
        spec?.devices,
        advanced ? 64 : 128,
        specField.child('devices'),
        ({ name }) => name ?? '',
        (device, at) => validateDevice(device, perDevice, at),
      ),
    );
    const counters = spec?.sharedCounters ?? [];
    if (counters.length > 8) errors.push(tooMany(specField.child('sharedCounters'), counters.length, 8));
    counters.forEach(({ name, counters: set }, i) => {
      const at = specField.child('sharedCounters').index(i);
      errors.push(...(name ? check(isDns1123Label, name, at.child('name')) : [required(at.child('name'))]));
      if (Object.keys(set ?? {}).length === 0) errors.push(required(at.child('counters')));
    });
    return errors;
  },
  validateUpdate: ({ spec: next }, { spec: previous }) => [
    ...validateImmutable(next?.pool?.name, previous?.pool?.name, specField.child('pool', 'name')),
    ...validateImmutable(next?.driver, previous?.driver, specField.child('driver')),
    ...validateImmutable(next?.nodeName, previous?.nodeName, specField.child('nodeName')),
  ],
  fields: ({ spec }) => ({ 'spec.nodeName': spec?.nodeName ?? '', 'spec.driver': spec?.driver ?? '' }),
  cells: ({ metadata, spec }, now) => [
    metadata.name,
    spec?.nodeName ?? '',
    spec?.driver ?? '',
    spec?.pool?.name ?? '',
    age(metadata.creationTimestamp, now),
  ],
};
