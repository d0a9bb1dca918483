/** PersistentVolume. */

import type * as generated from '@kubernetes/client-node';
import { check, optionalOneOf } from '../checks.ts';
import { selectorWarnings } from '../deprecated-labels.ts';
import { difference } from '../diff.ts';
import { timestamp } from '../environment.ts';
import { semanticEqual } from '../equality.ts';
import { forbidden, invalid, notSupported, type Path, required, root } from '../field.ts';
import { internalForm } from '../internal-form.ts';
import { isDns1123Subdomain, validateImmutable } from '../metadata.ts';
import { checkNodeSelector } from '../pod-spec/affinity.ts';
import { isQuantity, parseQuantity, sign, value } from '../quantity.ts';
import type { FieldError } from '../status.ts';
import type { Strategy } from '../strategy.ts';
import { age } from '../table/age.ts';
import type { Kind, Wire } from '../types.ts';
import { sourceFields, validateVolumeSource } from './persistent-volume-sources.ts';
import { keepAllButStatus } from './status-update.ts';

export type PersistentVolume = Kind<generated.V1PersistentVolume>;
export type PersistentVolumeSpec = Wire<generated.V1PersistentVolumeSpec>;

const specField = root('spec');
export const accessModes = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];
/** The annotation that named a storage class before there was a field. */
export const classAnnotation = 'volume.beta.kubernetes.io/storage-class';
const abbreviations = [
  ['ReadWriteOnce', 'RWO'],
  ['ReadOnlyMany', 'ROX'],
  ['ReadWriteMany', 'RWX'],
  ['ReadWriteOncePod', 'RWOP'],
] as const;
export const shortModes = (modes: readonly string[] | undefined): string =>
  abbreviations.flatMap(([mode, short]) => (modes?.includes(mode) ? [short] : [])).join(',');

const validateModes = (modes: readonly string[], field: Path): FieldError[] => {
  if (modes.length === 0) return [required(field)];
  const errors = modes.filter(mode => !accessModes.includes(mode)).map(mode => notSupported(field, mode, accessModes));
  if (modes.includes('ReadWriteOncePod') && modes.some(mode => mode !== 'ReadWriteOncePod' && accessModes.includes(mode)))
    errors.push(forbidden(field, 'may not use ReadWriteOncePod with other access modes'));
  return errors;
};

const validateCapacity = (capacity: Readonly<Record<string, string>> = {}, field: Path): FieldError[] => {
  const names = Object.keys(capacity).sort();
  const errors: FieldError[] = names.length ? [] : [required(field)];
  if (names.length !== 1 || names[0] !== 'storage')
    errors.push(notSupported(field, names.length ? Object.fromEntries(names.map(name => [name, capacity[name]])) : null, ['storage']));
  for (const name of names) {
    const text = capacity[name] ?? '';
    if (!isQuantity(text)) continue;
    const amount = parseQuantity(text);
    if (sign(amount) < 0) errors.push(invalid(field.key(name), value(amount), 'must be a valid resource quantity'));
    if (sign(amount) <= 0) errors.push(invalid(field.key(name), text, 'must be greater than zero'));
  }
  return errors;
};

const validateClassNames = (spec: PersistentVolumeSpec, inline: boolean, field: Path): FieldError[] => {
  const errors: FieldError[] = [];
  if (spec.storageClassName) {
    const path = field.child('storageClassName');
    if (inline) errors.push(forbidden(path, 'may not be specified in the context of inline volumes'));
    else errors.push(...check(isDns1123Subdomain, spec.storageClassName, path));
  }
  if (spec.volumeMode !== undefined) {
    const path = field.child('volumeMode');
    if (!inline) errors.push(...optionalOneOf(spec.volumeMode, ['Block', 'Filesystem'], path));
    else if (spec.volumeMode !== 'Filesystem')
      errors.push(forbidden(path, 'may not specify volumeMode other than Filesystem in the context of inline volumes'));
  }
  // Inline volumes know nothing of attribute classes.
  if (spec.volumeAttributesClassName === undefined || inline) return errors;
  const path = field.child('volumeAttributesClassName');
  if (!spec.volumeAttributesClassName) errors.push(required(path, 'an empty string is disallowed'));
  else errors.push(...check(isDns1123Subdomain, spec.volumeAttributesClassName, path));
  if (!spec.csi) errors.push(required(field.child('csi'), 'has to be specified when using volumeAttributesClassName'));
  return errors;
};

/** `inline`: the spec stands in a VolumeAttachment, without a volume of its own. */
export const validateVolumeSpec = (spec: PersistentVolumeSpec, inline: boolean, field: Path): FieldError[] => {
  const errors: FieldError[] = [];
  const notInline = 'may not be specified in the context of inline volumes';
  if (inline) {
    if (spec.claimRef) errors.push(forbidden(field.child('claimRef'), notInline));
    if (Object.keys(spec.capacity ?? {}).length) errors.push(forbidden(field.child('capacity'), notInline));
    if (!spec.csi) errors.push(required(field.child('csi'), 'has to be specified in the context of inline volumes'));
  }
  errors.push(...validateModes(spec.accessModes ?? [], field.child('accessModes')));
  if (!inline) errors.push(...validateCapacity(spec.capacity, field.child('capacity')));
  const policy = spec.persistentVolumeReclaimPolicy;
  const policyField = field.child('persistentVolumeReclaimPolicy');
  if (policy && !inline) errors.push(...optionalOneOf(policy, ['Delete', 'Recycle', 'Retain'], policyField));
  if (policy && inline && policy !== 'Retain') errors.push(forbidden(policyField, 'may only be Retain in the context of inline volumes'));
  if (spec.nodeAffinity) {
    const path = field.child('nodeAffinity');
    if (inline) errors.push(forbidden(path, notInline));
    else if (!spec.nodeAffinity.required) errors.push(required(path.child('required'), 'must specify required node constraints'));
    else checkNodeSelector(spec.nodeAffinity.required, path.child('required'), errors);
  }
  errors.push(...validateVolumeSource(spec, field));
  // Only of the type that counts.
  if (spec.local && sourceFields.find(name => (spec as Record<string, unknown>)[name]) === 'local' && (!spec.nodeAffinity || inline))
    errors.push(required(field.child('nodeAffinity'), 'Local volume requires node affinity'));
  if (policy === 'Recycle' && spec.hostPath?.path && /^\/+(\.?\/+)*\.?$/.test(spec.hostPath.path))
    errors.push(forbidden(policyField, "may not be 'recycle' for a hostPath mount of '/'"));
  return [...errors, ...validateClassNames(spec, inline, field)];
};

const mountOptions = 'volume.beta.kubernetes.io/mount-options';
const mountable = [
  ...['gcePersistentDisk', 'awsElasticBlockStore', 'glusterfs', 'nfs', 'rbd', 'quobyte', 'iscsi', 'cinder', 'cephfs'],
  ...['azureFile', 'vsphereVolume', 'azureDisk', 'photonPersistentDisk'],
];
const sourceOf = (spec: PersistentVolumeSpec | undefined): Record<string, unknown> => {
  const all = (spec ?? {}) as Record<string, unknown>;
  return Object.fromEntries(sourceFields.filter(field => all[field] !== undefined).map(field => [field, all[field]]));
};

const retired: readonly (readonly [string, string])[] = [
  ['cephfs', 'cephfs: deprecated in v1.28, non-functional in v1.31+'],
  ['photonPersistentDisk', 'photonPersistentDisk: deprecated in v1.11, non-functional in v1.16+'],
  ['scaleIO', 'scaleIO: deprecated in v1.16, non-functional in v1.22+'],
  ['storageos', 'storageOS: deprecated in v1.22, non-functional in v1.25+'],
  ['glusterfs', 'glusterfs: deprecated in v1.25, non-functional in v1.26+'],
  ['rbd', 'rbd: deprecated in v1.28, non-functional in v1.31+'],
];

export const persistentVolume: Strategy<PersistentVolume> = {
  metadataChecks: { update: ['whole', 'whole'] },
  defaults(object) {
    object.spec ??= {};
    const { spec } = object;
    spec.persistentVolumeReclaimPolicy ||= 'Retain';
    spec.volumeMode ??= 'Filesystem';
    if (spec.hostPath) spec.hostPath.type ??= '';
    // A claim by name is of a kind that needs no saying; upstream leaves it empty too.
    object.status = { ...object.status, phase: object.status?.phase || 'Pending' };
  },
  prepareForCreate(object, { clock }) {
    object.status = { phase: 'Pending', lastPhaseTransitionTime: timestamp(clock.now()) };
  },
  validate({ metadata, spec = {} }) {
    const errors = validateVolumeSpec(spec, false, specField);
    if (metadata.annotations?.[mountOptions] !== undefined && !mountable.some(field => (spec as Record<string, unknown>)[field]))
      errors.push(forbidden(root('metadata', 'annotations', mountOptions), 'may not specify mount options for this volume type'));
    return errors;
  },
  validateUpdate(next, previous) {
    const after = sourceOf(next.spec);
    const before = sourceOf(previous.spec);
    const csi = next.spec?.csi;
    // The secret for growing the volume may be added later.
    if (csi?.controllerExpandSecretRef && previous.spec?.csi && !previous.spec.csi.controllerExpandSecretRef) {
      const { controllerExpandSecretRef: _, ...rest } = csi;
      after['csi'] = rest;
    }
    // Upstream judges the whole twice, once as an object and once as a change.
    const errors = validateVolumeSpec(next.spec ?? {}, false, specField);
    if (!semanticEqual(after, before))
      errors.push(
        forbidden(
          specField.child('persistentvolumesource'),
          `spec.persistentvolumesource is immutable after creation\n${difference(before, after)}`,
        ),
      );
    errors.push(...validateImmutable(next.spec?.volumeMode, previous.spec?.volumeMode, 'volumeMode'));
    const affinity = previous.spec?.nodeAffinity;
    if (affinity && !semanticEqual(affinity, next.spec?.nodeAffinity))
      errors.push(
        invalid(
          'nodeAffinity',
          internalForm('core.v1.VolumeNodeAffinity', next.spec?.nodeAffinity) ?? null,
          'field is immutable, except for updating from beta label to GA',
        ),
      );
    if (previous.spec?.volumeAttributesClassName !== undefined && next.spec?.volumeAttributesClassName === undefined)
      errors.push(forbidden(specField.child('volumeAttributesClassName'), 'update from non-nil value to nil is forbidden'));
    return errors;
  },
  warnings({ metadata, spec = {} }) {
    const list: string[] = [];
    if (metadata.annotations?.[classAnnotation] !== undefined)
      list.push(`metadata.annotations[${classAnnotation}]: deprecated since v1.8; use "storageClassName" attribute instead`);
    if (metadata.annotations?.[mountOptions] !== undefined)
      list.push(`metadata.annotations[${mountOptions}]: deprecated since v1.31; use "mountOptions" attribute instead`);
    if (spec.persistentVolumeReclaimPolicy === 'Recycle')
      list.push(
        'spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.',
      );
    spec.nodeAffinity?.required?.nodeSelectorTerms?.forEach((term, i) => {
      list.push(...selectorWarnings(term, specField.child('nodeAffinity', 'required', 'nodeSelectorTerms').index(i)));
    });
    for (const [field, text] of retired) if ((spec as Record<string, unknown>)[field]) list.push(`spec.${text}`);
    return list;
  },
  subresources: {
    status: {
      prepareForUpdate(next, previous, { clock }) {
        keepAllButStatus(next, previous);
        const before = previous.status ?? {};
        next.status ??= {};
        const { status } = next;
        if (status.phase === before.phase) {
          if (before.lastPhaseTransitionTime) status.lastPhaseTransitionTime ??= before.lastPhaseTransitionTime;
        } else if (!status.lastPhaseTransitionTime || status.lastPhaseTransitionTime === before.lastPhaseTransitionTime)
          status.lastPhaseTransitionTime = timestamp(clock.now());
      },
    },
  },
  fields: object => ({ name: object.metadata.name }),
  cells({ metadata, spec = {}, status }, now) {
    const { claimRef } = spec;
    return [
      metadata.name,
      spec.capacity?.['storage'] ?? '0',
      shortModes(spec.accessModes),
      spec.persistentVolumeReclaimPolicy ?? '',
      metadata.deletionTimestamp ? 'Terminating' : (status?.phase ?? ''),
      claimRef ? `${claimRef.namespace ?? ''}/${claimRef.name ?? ''}` : '',
      metadata.annotations?.[classAnnotation] ?? spec.storageClassName ?? '',
      spec.volumeAttributesClassName ?? '<unset>',
      status?.reason ?? '',
      age(metadata.creationTimestamp, now),
      spec.volumeMode ?? '<unset>',
    ];
  },
};
