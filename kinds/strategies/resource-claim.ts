/**
 * ResourceClaim, ResourceClaimTemplate and DeviceClass (upstream: `pkg/apis/resource/validation`). Selectors are not
 * compiled here, only seen to be there.
 */
import type * as generated from '@kubernetes/client-node';
import { check, optionalOneOf } from '../checks.ts';
import { semanticEqual } from '../equality.ts';
import { duplicate, invalid, notSupported, type Path, required, root, tooLong, tooMany } from '../field.ts';
import { internalForm } from '../internal-form.ts';
import {
  immutableText,
  isDns1123Label,
  isDns1123Subdomain,
  isLabelValue,
  isQualifiedName,
  longerThan,
  validateConditions,
  validateImmutable,
} from '../metadata.ts';
import type { Json, KubeObject } from '../object.ts';
import type { FieldError } from '../status.ts';
import type { Strategy } from '../strategy.ts';
import { age } from '../table/age.ts';
import type { Kind, Wire } from '../types.ts';
import { validateDriverName } from './csi.ts';
import { wholeAndChange } from './metadata-checks.ts';
import { strictStatus } from './status-update.ts';

type Claim = Kind<generated.ResourceV1ResourceClaim>;
type Template = Kind<generated.V1ResourceClaimTemplate>;
type DeviceClass = Kind<generated.V1DeviceClass>;
type ClaimSpec = Wire<generated.V1ResourceClaimSpec>;
type Request = Wire<generated.V1DeviceRequest>;
type Exact = Partial<Wire<generated.V1ExactDeviceRequest>> & Pick<Partial<Wire<generated.V1DeviceSubRequest>>, 'name'>;
type Selector = Wire<generated.V1DeviceSelector>;
type Toleration = Wire<generated.V1DeviceToleration>;
type Opaque = Wire<generated.V1OpaqueDeviceConfiguration>;
type Constraint = Wire<generated.V1DeviceConstraint>;

const specField = root('spec');
const limit = 32;

/** A list of bounded length, each item judged. */
export const each = <T>(
  list: readonly T[] | null | undefined,
  most: number,
  field: Path,
  judge: (item: T, at: Path) => FieldError[],
): FieldError[] => {
  if (!list) return [];
  const errors = list.length > most ? [tooMany(field, list.length, most)] : [];
  return [...errors, ...list.flatMap((item, i) => judge(item, field.index(i)))];
};
/** The same, where no two may have the same key. */
export const eachUnique = <T>(
  list: readonly T[] | null | undefined,
  most: number,
  field: Path,
  key: (item: T) => string,
  judge: (item: T, at: Path) => FieldError[],
): FieldError[] => {
  const seen = new Set<string>();
  return each(list, most, field, (item, at) => {
    const errors = judge(item, at);
    const id = key(item);
    if (seen.has(id)) errors.push(duplicate(typeof item === 'string' ? at : at.child('name'), id));
    seen.add(id);
    return errors;
  });
};

const validateSelector = ({ cel }: Selector, field: Path): FieldError[] => {
  if (!cel) return [required(field.child('cel'))];
  if (!cel.expression) return [required(field.child('cel', 'expression'))];
  return longerThan(cel.expression, 10 * 1024) ? [tooLong(field.child('cel', 'expression'), 10 * 1024)] : [];
};
const validateToleration = (toleration: Toleration, field: Path): FieldError[] => {
  const errors: FieldError[] = toleration.key ? check(isQualifiedName, toleration.key, field.child('key')) : [];
  const { key = '', operator, value = '', effect } = toleration;
  if (operator === 'Exists') {
    if (value) errors.push(invalid(field.child('value'), value, 'must be empty for operator `Exists`'));
  } else if (operator === 'Equal') {
    if (!key)
      errors.push(
        invalid(
          field.child('operator'),
          operator,
          'operator must be Exists when `key` is empty, which means "match all values and all keys"',
        ),
      );
    errors.push(...check(isLabelValue, value, field.child('value')));
  } else errors.push(notSupported(field.child('operator'), operator ?? '', ['Equal', 'Exists']));
  return [...errors, ...optionalOneOf(effect || undefined, ['NoExecute', 'NoSchedule', 'None'], field.child('effect'))];
};
const validateExact = (request: Exact, field: Path): FieldError[] => {
  const { deviceClassName: name, allocationMode: mode, count = 0 } = request;
  const errors: FieldError[] = name
    ? check(isDns1123Subdomain, name, field.child('deviceClassName'))
    : [required(field.child('deviceClassName'))];
  errors.push(...each(request.selectors, limit, field.child('selectors'), validateSelector));
  if (mode === 'All') {
    if (count !== 0) errors.push(invalid(field.child('count'), count, "must not be specified when allocationMode is 'All'"));
  } else if (mode === 'ExactCount') {
    if (count <= 0) errors.push(invalid(field.child('count'), count, 'must be greater than zero'));
  } else errors.push(notSupported(field.child('allocationMode'), mode ?? '', ['All', 'ExactCount']));
  return [
    ...errors,
    ...(request.tolerations ?? []).flatMap((toleration, i) => validateToleration(toleration, field.child('tolerations').index(i))),
  ];
};
const validateRequest = (request: Request, field: Path): FieldError[] => {
  const errors = check(isDns1123Label, request.name ?? '', field.child('name'));
  const { exactly, firstAvailable } = request;
  const either = 'exactly one of `exactly` or `firstAvailable` is required';
  if (!exactly && !firstAvailable?.length) errors.push(required(field, either));
  else if (exactly && firstAvailable?.length) errors.push(invalid(field, null, `${either}, but multiple fields are set`));
  else if (exactly) errors.push(...validateExact(exactly, field.child('exactly')));
  else
    errors.push(
      ...eachUnique(
        firstAvailable,
        8,
        field.child('firstAvailable'),
        ({ name }) => name,
        (sub, at) => [...check(isDns1123Label, sub.name ?? '', at.child('name')), ...validateExact(sub, at)],
      ),
    );
  return errors;
};

const requestNames = ({ devices }: Partial<ClaimSpec>): Set<string> => {
  const names = new Set<string>();
  for (const { name, firstAvailable } of devices?.requests ?? []) {
    names.add(name);
    for (const sub of firstAvailable ?? []) names.add(`${name}/${sub.name}`);
  }
  return names;
};
const validateReference = (name: string, known: ReadonlySet<string>, field: Path): FieldError[] => {
  const parts = name.split('/');
  if (parts.length > 2)
    return [invalid(field, name, "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'")];
  const errors = parts.flatMap(part => check(isDns1123Label, part, field));
  if (!known.has(name))
    errors.push(
      invalid(field, name, "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"),
    );
  return errors;
};
const attribute = /^([A-Za-z_][A-Za-z0-9_]*)$/;
const validateAttributeName = (name: string, field: Path): FieldError[] => {
  const slash = name.indexOf('/');
  if (slash < 0) return [invalid(field, name, 'must include a domain')];
  const errors = check(isDns1123Subdomain, name.slice(0, slash), field);
  const id = name.slice(slash + 1);
  if (longerThan(name.slice(0, slash), 63)) errors.push(tooLong(field, 63));
  if (!attribute.test(id))
    errors.push(
      invalid(
        field,
        id,
        "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is '[A-Za-z_][A-Za-z0-9_]*')",
      ),
    );
  return errors;
};
const validateConstraint = ({ requests, matchAttribute }: Constraint, known: ReadonlySet<string>, field: Path): FieldError[] => {
  const errors = eachUnique(requests, limit, field.child('requests'), String, (name, at) => validateReference(name, known, at));
  if (matchAttribute === undefined) errors.push(required(field.child('matchAttribute')));
  else errors.push(...validateAttributeName(matchAttribute, field.child('matchAttribute')));
  return errors;
};
const validateOpaque = (opaque: Opaque | undefined, field: Path): FieldError[] => {
  if (!opaque) return [required(field)];
  const errors = validateDriverName(opaque.driver, field.child('driver'));
  const { parameters } = opaque as { parameters?: unknown };
  const path = field.child('parameters');
  if (parameters === undefined || parameters === null) errors.push(required(path));
  else if (typeof parameters !== 'object' || Array.isArray(parameters))
    errors.push(invalid(path, '<value omitted>', 'parameters must be a valid JSON object'));
  else if (JSON.stringify(parameters).length > 10 * 1024) errors.push(tooLong(path, 10 * 1024));
  return errors;
};

const validateClaimSpec = (spec: Partial<ClaimSpec>, field: Path): FieldError[] => {
  const devices = field.child('devices');
  const known = requestNames(spec);
  const { requests, constraints, config } = spec.devices ?? {};
  return [
    ...eachUnique(requests, limit, devices.child('requests'), ({ name }) => name ?? '', validateRequest),
    ...each(constraints, limit, devices.child('constraints'), (constraint, at) => validateConstraint(constraint, known, at)),
    ...each(config, limit, devices.child('config'), (item, at) => [
      ...eachUnique(item.requests, limit, at.child('requests'), String, (name, path) => validateReference(name, known, path)),
      ...validateOpaque(item.opaque, at.child('opaque')),
    ]),
  ];
};

const defaultClaimSpec = (spec: Partial<ClaimSpec> | undefined): void => {
  for (const { exactly, firstAvailable } of spec?.devices?.requests ?? []) {
    for (const request of [...(exactly ? [exactly] : []), ...(firstAvailable ?? [])]) {
      request.allocationMode ||= 'ExactCount';
      if (request.allocationMode === 'ExactCount' && !request.count) request.count = 1;
      for (const toleration of request.tolerations ?? []) toleration.operator ||= 'Equal';
    }
  }
};

const statusField = root('status');
const validateStatus = (next: Claim, previous: Claim): FieldError[] => {
  const errors: FieldError[] = [];
  const { allocation, reservedFor, devices } = next.status ?? {};
  const reserved = statusField.child('reservedFor');
  const uids = new Set<string>();
  errors.push(
    ...each(reservedFor, 256, reserved, ({ resource, name, uid }, at) => {
      const found: FieldError[] = [];
      for (const [part, value] of Object.entries({ resource, name, uid })) if (!value) found.push(required(at.child(part)));
      if (uids.has(uid)) found.push(duplicate(at.child('uid'), uid));
      uids.add(uid);
      return found;
    }),
  );
  if (reservedFor?.length && !allocation)
    errors.push({ type: 'Forbidden', field: String(reserved), message: 'Forbidden: may not be specified when `allocated` is not set' });
  if (next.metadata.deletionTimestamp) {
    const before = new Set((previous.status?.reservedFor ?? []).map(({ uid }) => uid));
    if (reservedFor?.some(({ uid }) => !before.has(uid)))
      errors.push({
        type: 'Forbidden',
        field: String(reserved),
        message: 'Forbidden: new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set',
      });
  }
  if (previous.status?.allocation && allocation)
    errors.push(...validateImmutable(allocation, previous.status.allocation, statusField.child('allocation')));
  const known = requestNames(next.spec ?? {});
  const results = statusField.child('allocation', 'devices', 'results');
  errors.push(
    ...each(allocation?.devices?.results, limit, results, (result, at) => [
      ...validateReference(result.request, known, at.child('request')),
      ...validateDriverName(result.driver, at.child('driver')),
      ...validatePoolName(result.pool, at.child('pool')),
      ...check(isDns1123Label, result.device ?? '', at.child('device')),
    ]),
  );
  devices?.forEach((device, i) => {
    const at = statusField.child('devices').index(i);
    errors.push(...validateConditions(device.conditions, at.child('conditions')));
  });
  return errors;
};
export const validatePoolName = (name: string | undefined, field: Path): FieldError[] => {
  if (!name) return [required(field)];
  return [
    ...(longerThan(name, 253) ? [tooLong(field, 253)] : []),
    ...name.split('/').flatMap(part => check(isDns1123Subdomain, part, field)),
  ];
};

const fixedSpec = (type: string, next: unknown, previous: unknown): FieldError[] =>
  semanticEqual(next, previous) ? [] : [invalid(specField, internalForm(`resource.v1.${type}`, next ?? {}), immutableText)];

const nameAndAge = (object: KubeObject, now: number): Json[] => [object.metadata.name, age(object.metadata.creationTimestamp, now)];

export const resourceClaim: Strategy<Claim> = {
  metadataChecks: wholeAndChange,
  defaults: object => defaultClaimSpec(object.spec),
  validate: object => (object.metadata.resourceVersion ? [] : validateClaimSpec(object.spec ?? {}, specField)),
  validateUpdate: (next, previous) => fixedSpec('ResourceClaimSpec', next.spec, previous.spec),
  subresources: { status: { ...strictStatus, validateUpdate: (next, previous) => validateStatus(next as Claim, previous as Claim) } },
  cells(object, now) {
    const { allocation, reservedFor } = object.status ?? {};
    const deleted = object.metadata.deletionTimestamp ? ['deleted'] : [];
    const states = allocation ? ['allocated', ...(reservedFor?.length ? ['reserved'] : [])] : deleted.length ? [] : ['pending'];
    return [object.metadata.name, [...deleted, ...states].join(','), age(object.metadata.creationTimestamp, now)];
  },
};

export const resourceClaimTemplate: Strategy<Template> = {
  metadataChecks: wholeAndChange,
  defaults: object => defaultClaimSpec(object.spec?.spec),
  validate: object => (object.metadata.resourceVersion ? [] : validateClaimSpec(object.spec?.spec ?? {}, specField.child('spec'))),
  validateUpdate: (next, previous) => fixedSpec('ResourceClaimTemplateSpec', next.spec, previous.spec),
  cells: nameAndAge,
};

export const deviceClass: Strategy<DeviceClass> = {
  metadataChecks: wholeAndChange,
  generation: true,
  validate({ spec }) {
    const errors = each(spec?.selectors, limit, specField.child('selectors'), validateSelector);
    errors.push(...each(spec?.config, limit, specField.child('config'), (item, at) => validateOpaque(item.opaque, at.child('opaque'))));
    return errors;
  },
  cells: nameAndAge,
};
