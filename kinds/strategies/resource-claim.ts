/** ResourceClaim, ResourceClaimTemplate and DeviceClass (upstream: `pkg/apis/resource/validation`, `pkg/registry/resource`). */
import type * as generated from '@kubernetes/client-node';
import { check } from '../checks.ts';
import { semanticEqual } from '../equality.ts';
import { forbidden, invalid, notSupported, type Path, required, root, tooLong, tooMany } from '../field.ts';
import { internalForm } from '../internal-form.ts';
import { parseBlock } from '../ip.ts';
import {
  immutableText,
  isDns1123Label,
  isLongName,
  longerThan,
  validateAnnotations,
  validateConditions,
  validateLabels,
} from '../metadata.ts';
import type { Json, KubeObject } from '../object.ts';
import { checkNodeSelector } from '../pod-spec/affinity.ts';
import { isExtendedResource } from '../resource-names.ts';
import type { FieldError } from '../status.ts';
import type { Strategy } from '../strategy.ts';
import { age } from '../table/age.ts';
import type { Kind, Wire } from '../types.ts';
import { validateDriverName } from './csi.ts';
import {
  defaultClaimSpec,
  each,
  eachUnique,
  limit,
  requestNames,
  validateBinding,
  validateClaimSpec,
  validateConfiguration,
  validateJson,
  validatePoolName,
  validateReference,
  validateReferences,
  validateSelectors,
} from './device-requests.ts';
import { wholeAndChange } from './metadata-checks.ts';
import { strictStatus } from './status-update.ts';

type Claim = Kind<generated.ResourceV1ResourceClaim>;
type Template = Kind<generated.V1ResourceClaimTemplate>;
type DeviceClass = Kind<generated.V1DeviceClass>;
type Status = NonNullable<Claim['status']>;
type Allocation = NonNullable<Status['allocation']>;
type Consumer = NonNullable<Status['reservedFor']>[number];
type DeviceStatus = NonNullable<Status['devices']>[number];
type Place = Pick<Wire<generated.V1AllocatedDeviceStatus>, 'driver' | 'pool' | 'device'> & { shareID?: string };

const specField = root('spec');
const statusField = root('status');
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const uuidLike = /^(?:urn:uuid:)?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$|^[0-9a-f]{32}$/i;

const validateShare = (id: string | undefined, field: Path): FieldError[] => {
  if (id === undefined || uuid.test(id)) return [];
  const text = 'uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal characters';
  if (uuidLike.test(id)) return [invalid(field, id, text)];
  const why = [32, 36, 38, 45].includes(id.length) ? 'invalid UUID format' : `invalid UUID length: ${id.length}`;
  return [invalid(field, id, `error validating uid: ${why}`)];
};
const validateConsumer = ({ resource, name, uid }: Consumer, field: Path): FieldError[] =>
  Object.entries({ resource, name, uid }).flatMap(([part, value]) => (value ? [] : [required(field.child(part))]));

/** As upstream's structured identity of a device writes itself. */
const identity = ({ driver = '', pool = '', device = '', shareID }: Partial<Place>): Json => ({
  Driver: driver,
  Pool: pool,
  Device: device,
  ShareID: shareID ?? '',
});

const validateAllocation = (allocation: Allocation, known: ReadonlySet<string>, field: Path): FieldError[] => {
  const devices = field.child('devices');
  const { results, config } = allocation.devices ?? {};
  const errors = each(results, limit, devices.child('results'), (result, at) => [
    ...validateReference(result.request ?? '', known, at.child('request')),
    ...validateDriverName(result.driver, at.child('driver')),
    ...validatePoolName(result.pool, at.child('pool')),
    ...check(isDns1123Label, result.device ?? '', at.child('device')),
    ...validateBinding(result, at),
    ...validateShare(result.shareID, at.child('shareID')),
  ]);
  errors.push(
    ...each(config, 2 * limit, devices.child('config'), (item, at) => [
      ...(item.source
        ? ['FromClaim', 'FromClass'].includes(item.source)
          ? []
          : [notSupported(at.child('source'), item.source, ['FromClaim', 'FromClass'])]
        : [required(at.child('source'))]),
      ...validateReferences(item.requests, known, at.child('requests')),
      ...validateConfiguration(item, at),
    ]),
  );
  if (allocation.nodeSelector) checkNodeSelector(allocation.nodeSelector, field.child('nodeSelector'), errors);
  return errors;
};

const validateNetwork = (network: DeviceStatus['networkData'], field: Path): FieldError[] => {
  if (!network) return [];
  const errors: FieldError[] = [];
  if (longerThan(network.interfaceName ?? '', 256)) errors.push(tooLong(field.child('interfaceName'), 256));
  if (longerThan(network.hardwareAddress ?? '', 128)) errors.push(tooLong(field.child('hardwareAddress'), 128));
  errors.push(
    ...eachUnique(
      network.ips,
      16,
      field.child('ips'),
      ip => ip,
      (ip, at) => (parseBlock(ip) ? [] : [invalid(at, ip, 'must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)')]),
    ),
  );
  return errors;
};
const validateDevice = (device: DeviceStatus, allocated: ReadonlySet<string>, field: Path): FieldError[] => {
  const errors = [
    ...validateDriverName(device.driver, field.child('driver')),
    ...validatePoolName(device.pool, field.child('pool')),
    ...check(isDns1123Label, device.device ?? '', field.child('device')),
    ...validateShare(device.shareID, field.child('shareID')),
  ];
  const id = identity(device);
  if (!allocated.has(JSON.stringify(id))) errors.push(invalid(field, id, 'must be an allocated device in the claim'));
  const { conditions } = device;
  if (conditions && conditions.length > 8) errors.push(tooMany(field.child('conditions'), conditions.length, 8));
  errors.push(...validateConditions(conditions, field.child('conditions')));
  if (device.data !== undefined) errors.push(...validateJson(device.data, field.child('data')));
  return [...errors, ...validateNetwork(device.networkData, field.child('networkData'))];
};

const validateStatus = (next: Claim, previous: Claim): FieldError[] => {
  const { allocation, reservedFor, devices } = next.status ?? {};
  const before = previous.status ?? {};
  const reserved = statusField.child('reservedFor');
  const errors = eachUnique(reservedFor, 256, reserved, ({ uid = '' }) => uid, validateConsumer);
  const allocated = new Set((allocation?.devices?.results ?? []).map(result => JSON.stringify(identity(result))));
  const most = Number.POSITIVE_INFINITY;
  errors.push(...eachUnique(devices, most, statusField.child('devices'), identity, (device, at) => validateDevice(device, allocated, at)));
  if (reservedFor?.length && !allocation) errors.push(forbidden(reserved, 'may not be specified when `allocated` is not set'));
  else if (next.metadata.deletionTimestamp && reservedFor?.some(item => !before.reservedFor?.some(old => semanticEqual(old, item))))
    errors.push(forbidden(reserved, 'new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set'));
  const field = statusField.child('allocation');
  if (!allocation) return errors;
  if (!before.allocation) errors.push(...validateAllocation(allocation, requestNames(next.spec ?? {}), field));
  else if (!semanticEqual(allocation, before.allocation))
    errors.push(invalid(field, internalForm('resource.v1.AllocationResult', allocation), immutableText));
  return errors;
};

/** What is told of a device that is no longer allocated goes with it. */
const dropDeallocated = (next: Claim, previous: Claim): void => {
  const { status } = next;
  if (!status?.devices) return;
  const placed = (of: Claim): Set<string> =>
    new Set((of.status?.allocation?.devices?.results ?? []).map(result => JSON.stringify(identity(result))));
  const before = placed(previous);
  const now = placed(next);
  status.devices = status.devices.filter(device => {
    const id = JSON.stringify(identity(device));
    return !before.has(id) || now.has(id);
  });
  if (status.devices.length === 0) delete status.devices;
};

const fixedSpec = (type: string, next: unknown, previous: unknown): FieldError[] =>
  semanticEqual(next, previous) ? [] : [invalid(specField, internalForm(`resource.v1.${type}`, next ?? {}), immutableText)];
const nameAndAge = (object: KubeObject, now: number): Json[] => [object.metadata.name, age(object.metadata.creationTimestamp, now)];

export const resourceClaim: Strategy<Claim> = {
  metadataChecks: wholeAndChange,
  defaults: object => defaultClaimSpec(object.spec),
  validateCreate: object => validateClaimSpec(object.spec ?? {}, specField),
  validateUpdate: (next, previous) => fixedSpec('ResourceClaimSpec', next.spec, previous.spec),
  subresources: {
    status: {
      prepareForUpdate(next, previous, context) {
        strictStatus.prepareForUpdate?.(next, previous, context);
        dropDeallocated(next, previous);
      },
      validateUpdate: validateStatus,
    },
  },
  cells(object, now) {
    const { allocation, reservedFor } = object.status ?? {};
    const deleted = object.metadata.deletionTimestamp ? ['deleted'] : [];
    const states = allocation ? ['allocated', ...(reservedFor?.length ? ['reserved'] : [])] : deleted.length ? [] : ['pending'];
    return [object.metadata.name, [...deleted, ...states].join(','), age(object.metadata.creationTimestamp, now)];
  },
};

/** Only labels and annotations of a template's metadata reach the claims. */
const validateTemplateMetadata = (metadata: Record<string, unknown> | undefined, field: Path): FieldError[] => {
  const { labels, annotations, ...others } = metadata ?? {};
  return [
    ...validateAnnotations(annotations as Record<string, string> | undefined, field.child('annotations')),
    ...validateLabels(labels as Record<string, string> | undefined, field.child('labels')),
    ...Object.keys(others).map(name => forbidden(field.child(name === 'uid' ? 'uID' : name), 'cannot be set')),
  ];
};

export const resourceClaimTemplate: Strategy<Template> = {
  metadataChecks: wholeAndChange,
  defaults: object => defaultClaimSpec(object.spec?.spec),
  validate: ({ spec }) => [
    ...validateTemplateMetadata(spec?.metadata as Record<string, unknown> | undefined, specField.child('metadata')),
    ...validateClaimSpec(spec?.spec ?? {}, specField.child('spec')),
  ],
  validateUpdate: (next, previous) => fixedSpec('ResourceClaimTemplateSpec', next.spec, previous.spec),
  cells: nameAndAge,
};

export const deviceClass: Strategy<DeviceClass> = {
  nameRule: isLongName,
  metadataChecks: { ...wholeAndChange, generateName: false },
  generation: true,
  validate({ spec }) {
    const name = spec?.extendedResourceName;
    return [
      ...validateSelectors(spec?.selectors, specField.child('selectors')),
      ...each(spec?.config, limit, specField.child('config'), validateConfiguration),
      ...(name !== undefined && !isExtendedResource(name)
        ? [invalid(specField.child('extendedResourceName'), name, 'must be a valid extended resource name')]
        : []),
    ];
  },
  cells: nameAndAge,
};
