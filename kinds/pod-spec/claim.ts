/** The claim that an ephemeral volume or a StatefulSet makes for each pod. */
import { forbidden, invalid, notSupported, type Path, required } from '../field.ts';
import { isDns1123Label, isDns1123Subdomain, validateAnnotations, validateLabelSelector, validateLabels } from '../metadata.ts';
import { formatQuantity, sign } from '../quantity.ts';
import { emptiesOf } from '../schema/given.ts';
import { check, type Errors } from './check.ts';
import { quantity } from './resources.ts';
import type { PersistentVolumeClaimSpec, Volume } from './types.ts';

const accessModes = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];

interface SourceReference {
  apiGroup?: string;
  kind: string;
  name: string;
  namespace?: string;
}
const checkSource = (source: SourceReference, path: Path, errors: Errors): void => {
  if (!source.name) errors.push(required(path.child('name')));
  if (!source.kind) errors.push(required(path.child('kind')));
  if (!source.apiGroup) {
    if (source.kind !== 'PersistentVolumeClaim')
      errors.push(invalid(path, source.kind ?? '', "must be 'PersistentVolumeClaim' when referencing the default apiGroup"));
  } else check(isDns1123Subdomain, source.apiGroup, path.child('apiGroup'), errors);
  if (source.namespace) check(isDns1123Label, source.namespace, path.child('namespace'), errors);
};

export const checkClaimSpec = (spec: PersistentVolumeClaimSpec, path: Path, errors: Errors): void => {
  const modes = spec.accessModes ?? [];
  const modesPath = path.child('accessModes');
  if (modes.length === 0) errors.push(required(modesPath, 'at least 1 access mode is required'));
  if (spec.selector) errors.push(...validateLabelSelector(spec.selector, path.child('selector')));
  for (const mode of modes) if (!accessModes.includes(mode)) errors.push(notSupported(modesPath, mode, accessModes));
  if (modes.includes('ReadWriteOncePod') && modes.some(mode => mode !== 'ReadWriteOncePod' && accessModes.includes(mode)))
    errors.push(forbidden(modesPath, 'may not use ReadWriteOncePod with other access modes'));
  const storage = quantity(spec.resources?.requests?.['storage']);
  const storagePath = path.child('resources').key('storage');
  if (!storage) errors.push(required(storagePath));
  else if (sign(storage) <= 0) errors.push(invalid(storagePath, formatQuantity(storage), 'must be greater than zero'));
  if (spec.storageClassName) check(isDns1123Subdomain, spec.storageClassName, path.child('storageClassName'), errors);
  if (spec.volumeMode !== undefined && spec.volumeMode !== 'Block' && spec.volumeMode !== 'Filesystem')
    errors.push(notSupported(path.child('volumeMode'), spec.volumeMode, ['Block', 'Filesystem']));
  const { dataSource, dataSourceRef } = spec;
  if (dataSource) checkSource(dataSource, path.child('dataSource'), errors);
  if (dataSourceRef) checkSource(dataSourceRef, path.child('dataSourceRef'), errors);
  if (dataSource && dataSourceRef) {
    // Upstream shows the path object itself, which has no fields of its own.
    const shown = {};
    if (dataSourceRef.namespace) errors.push(invalid(path, shown, 'may not be specified when dataSourceRef.namespace is specified'));
    else if (
      dataSource.apiGroup !== dataSourceRef.apiGroup ||
      dataSource.kind !== dataSourceRef.kind ||
      dataSource.name !== dataSourceRef.name
    )
      errors.push(invalid(path, shown, 'must match dataSourceRef'));
  }
  if (spec.volumeAttributesClassName)
    check(isDns1123Subdomain, spec.volumeAttributesClassName, path.child('volumeAttributesClassName'), errors);
};

type ClaimTemplate = NonNullable<NonNullable<Volume['ephemeral']>['volumeClaimTemplate']>;
const metadataOfTemplates = new Set(['annotations', 'labels']);
export const checkClaimTemplate = (template: ClaimTemplate, path: Path, errors: Errors): void => {
  const metadata = template.metadata ?? {};
  const at = path.child('metadata');
  errors.push(
    ...validateAnnotations(metadata.annotations, at.child('annotations')),
    ...validateLabels(metadata.labels, at.child('labels')),
  );
  for (const field of Object.keys(metadata)) {
    const value = metadata[field as keyof typeof metadata];
    if (!metadataOfTemplates.has(field) && value !== '' && value !== null && value !== undefined)
      errors.push(forbidden(at.child(field === 'uid' ? 'uID' : field), 'cannot be set'));
  }
  for (const field of emptiesOf(metadata)) if (!metadataOfTemplates.has(field)) errors.push(forbidden(at.child(field), 'cannot be set'));
  checkClaimSpec(template.spec ?? {}, path.child('spec'), errors);
};
