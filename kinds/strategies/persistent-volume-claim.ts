/** PersistentVolumeClaim. */
import type * as generated from '@kubernetes/client-node';
import { check } from '../checks.ts';
import { difference } from '../diff.ts';
import { semanticEqual } from '../equality.ts';
import { forbidden, invalid, notSupported, required, root } from '../field.ts';
import { isQualifiedName, validateImmutable } from '../metadata.ts';
import { checkClaimSpec } from '../pod-spec/claim.ts';
import { compare, isQuantity, parseQuantity, sign, value, zero } from '../quantity.ts';
import { isNativeResource, validateResourceAmount } from '../resource-names.ts';
import type { FieldError } from '../status.ts';
import type { Strategy } from '../strategy.ts';
import { age } from '../table/age.ts';
import type { Kind, Wire } from '../types.ts';
import { wholeAndChange } from './metadata-checks.ts';
import { classAnnotation, shortModes } from './persistent-volume.ts';
import { keepAllButStatus } from './status-update.ts';

type Claim = Kind<generated.V1PersistentVolumeClaim>;
type Spec = Wire<generated.V1PersistentVolumeClaimSpec>;
const specField = root('spec');

const amount = (text: string | undefined) => (isQuantity(text) ? parseQuantity(text ?? '0') : zero);

/** `dataSource` is the older name of `dataSourceRef`; each follows the other. */
const pairDataSources = (spec: Spec, previous?: Spec): void => {
  // Sources of other namespaces are a feature that is off.
  if (spec.dataSourceRef?.namespace && !previous?.dataSourceRef) delete spec.dataSourceRef;
  if (!previous?.dataSource && !previous?.dataSourceRef && !spec.dataSourceRef && spec.dataSource) {
    const { kind } = spec.dataSource;
    const apiGroup = spec.dataSource.apiGroup ?? '';
    const known =
      (kind === 'PersistentVolumeClaim' && apiGroup === '') || (kind === 'VolumeSnapshot' && apiGroup === 'snapshot.storage.k8s.io');
    // What old servers did not understand they ignored, and clients rely on it.
    if (!known) delete spec.dataSource;
  }
  if (spec.dataSource && !spec.dataSourceRef) spec.dataSourceRef = { ...spec.dataSource };
  else if (spec.dataSourceRef && !spec.dataSource && !spec.dataSourceRef.namespace) {
    const { kind, name, apiGroup } = spec.dataSourceRef;
    spec.dataSource = { kind, name, ...(apiGroup === undefined ? {} : { apiGroup }) };
  }
};

/** The spec with what may change in a claim put back to what it was. */
const comparable = (next: Claim, previous: Claim): { after: Spec; before: Spec } => {
  const after: Spec = structuredClone(next.spec ?? {});
  const before: Spec = structuredClone(previous.spec ?? {});
  if (!before.volumeName && after.volumeName) before.volumeName = after.volumeName;
  const annotated = previous.metadata.annotations?.[classAnnotation];
  if (before.storageClassName === undefined && after.storageClassName !== undefined) {
    if (annotated === undefined || annotated === after.storageClassName) delete after.storageClassName;
  }
  if (next.status?.phase === 'Bound') {
    const size = before.resources?.requests?.['storage'];
    if (after.resources?.requests && size !== undefined) after.resources.requests['storage'] = size;
    if (before.volumeAttributesClassName === undefined) delete after.volumeAttributesClassName;
    else after.volumeAttributesClassName = before.volumeAttributesClassName;
  }
  return { after, before };
};

const validateChange = (next: Claim, previous: Claim): FieldError[] => {
  const errors: FieldError[] = [];
  const { after, before } = comparable(next, previous);
  const annotation = (object: Claim) => object.metadata.annotations?.[classAnnotation] ?? '';
  if (annotation(next) !== annotation(previous) && !(annotation(next) === '' && next.spec?.storageClassName === annotation(previous)))
    errors.push(...validateImmutable(annotation(next), annotation(previous), root('metadata', 'annotations').key(classAnnotation)));
  if (!semanticEqual(after, before))
    errors.push(
      forbidden(
        specField,
        `spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n${difference(before, after)}`,
      ),
    );
  const size = amount(next.spec?.resources?.requests?.['storage']);
  if (
    compare(size, amount(previous.spec?.resources?.requests?.['storage'])) < 0 &&
    compare(size, amount(previous.status?.capacity?.['storage'])) <= 0
  )
    errors.push(forbidden(specField.child('resources', 'requests', 'storage'), 'field can not be less than status.capacity'));
  errors.push(...validateImmutable(next.spec?.volumeMode, previous.spec?.volumeMode, 'volumeMode'));
  const attributes = next.spec?.volumeAttributesClassName;
  if (
    attributes !== previous.spec?.volumeAttributesClassName &&
    previous.status?.currentVolumeAttributesClassName !== undefined &&
    !attributes
  )
    errors.push(
      forbidden(
        specField.child('volumeAttributesClassName'),
        `update to ${attributes === undefined ? 'nil' : 'empty string'} is forbidden when status.currentVolumeAttributesClassName is not nil`,
      ),
    );
  return errors;
};

const resizeStates = [
  ...['ControllerResizeInProgress', 'ControllerResizeInfeasible', 'NodeResizeInProgress', 'NodeResizeInfeasible', 'NodeResizePending'],
].sort();
const validateStatus = ({ spec, status = {} }: Claim): FieldError[] => {
  const errors: FieldError[] = spec?.accessModes?.length ? [] : [required(root('Spec', 'accessModes'))];
  const negative = (text: string) => isQuantity(text) && sign(parseQuantity(text)) < 0;
  const malformed = 'must be a valid resource quantity';
  for (const [name, text] of Object.entries(status.capacity ?? {}))
    if (negative(text)) errors.push(invalid(root('status', 'capacity').key(name), value(parseQuantity(text)), malformed));
  const keyErrors = (name: string, field: ReturnType<typeof root>): FieldError[] => {
    const found = check(isQualifiedName, name, field);
    return found.length === 0 && isNativeResource(name) && name !== 'storage' ? [notSupported(field, name, ['storage'])] : found;
  };
  for (const [name, state] of Object.entries(status.allocatedResourceStatuses ?? {})) {
    const field = root('status', 'allocatedResourceStatuses');
    errors.push(...keyErrors(name, field));
    if (!resizeStates.includes(state)) errors.push(notSupported(field, name, resizeStates));
  }
  for (const [name, text] of Object.entries(status.allocatedResources ?? {})) {
    const field = root('status', 'allocatedResources');
    const found = keyErrors(name, field);
    if (found.length) errors.push(...found);
    else if (negative(text)) errors.push(invalid(field.key(name), value(parseQuantity(text)), malformed));
    else errors.push(...validateResourceAmount('storage', text, field.key(name)));
  }
  return errors;
};

export const persistentVolumeClaim: Strategy<Claim> = {
  metadataChecks: wholeAndChange,
  defaults(object) {
    object.spec ??= {};
    object.spec.volumeMode ??= 'Filesystem';
    object.status = { ...object.status, phase: object.status?.phase || 'Pending' };
  },
  completeRead: object => (object.status?.phase ? object : { ...object, status: { ...object.status, phase: 'Pending' } }),
  prepareForCreate(object) {
    // Upstream's default for the phase is set before, so what is stored has none, and the first write that follows is a change.
    object.status = {};
    pairDataSources(object.spec ?? {});
  },
  prepareForUpdate(next, previous) {
    pairDataSources(next.spec ?? {}, previous.spec);
  },
  validate({ spec = {} }) {
    const errors: FieldError[] = [];
    checkClaimSpec(spec, specField, errors);
    return errors;
  },
  validateUpdate: validateChange,
  warnings({ metadata, spec = {} }) {
    const list: string[] = [];
    if (metadata.annotations?.[classAnnotation] !== undefined)
      list.push(`metadata.annotations[${classAnnotation}]: deprecated since v1.8; use "storageClassName" attribute instead`);
    for (const kind of ['requests', 'limits'] as const) {
      const text = spec.resources?.[kind]?.['storage'];
      if (text !== undefined && /m$/.test(text))
        list.push(`spec.resources.${kind}[storage]: fractional byte value "${text}" is invalid, must be an integer`);
    }
    return list;
  },
  subresources: { status: { prepareForUpdate: keepAllButStatus, validateUpdate: validateStatus } },
  fields: object => ({ name: object.metadata.name }),
  cells({ metadata, spec = {}, status }, now) {
    const bound = Boolean(spec.volumeName);
    return [
      metadata.name,
      metadata.deletionTimestamp ? 'Terminating' : (status?.phase ?? ''),
      spec.volumeName ?? '',
      bound ? (status?.capacity?.['storage'] ?? '0') : '',
      bound ? shortModes(status?.accessModes) : '',
      metadata.annotations?.[classAnnotation] ?? spec.storageClassName ?? '',
      spec.volumeAttributesClassName ?? '<unset>',
      age(metadata.creationTimestamp, now),
      spec.volumeMode ?? '<unset>',
    ];
  },
};
