/** VolumeAttachment. */
import type * as generated from '@kubernetes/client-node';
import { check } from '../checks.ts';
import { forbidden, invalid, type Path, required, root, tooLong } from '../field.ts';
import { isDns1123Subdomain, longerThan, rangeText, validateImmutable } from '../metadata.ts';
import type { FieldError } from '../status.ts';
import type { Strategy } from '../strategy.ts';
import { age } from '../table/age.ts';
import type { Kind, Wire } from '../types.ts';
import { validateDriverName } from './csi.ts';
import { whole } from './metadata-checks.ts';
import { validateVolumeSpec } from './persistent-volume.ts';
import { strictStatus } from './status-update.ts';

type VolumeAttachment = Kind<generated.V1VolumeAttachment>;
const specField = root('spec');
const sourceField = specField.child('source');
const statusField = root('status');
const metadataLimit = 256 * 1024;

const validateError = (error: Wire<generated.V1VolumeError> | undefined, field: Path): FieldError[] => [
  ...(error?.message && longerThan(error.message, 1024) ? [tooLong(field.child('message'), metadataLimit)] : []),
  ...(error?.errorCode !== undefined && error.errorCode < 0
    ? [invalid(field.child('errorCode'), error.errorCode, rangeText(0, 2 ** 31 - 1))]
    : []),
];
const validateSource = ({ inlineVolumeSpec, persistentVolumeName }: VolumeAttachment['spec']['source']): FieldError[] => {
  const exactlyOne = 'must specify exactly one of inlineVolumeSpec and persistentVolumeName';
  if (inlineVolumeSpec) {
    return persistentVolumeName === undefined
      ? validateVolumeSpec(inlineVolumeSpec, true, sourceField.child('inlineVolumeSpec'))
      : [forbidden(sourceField, exactlyOne)];
  }
  if (persistentVolumeName === undefined) return [required(sourceField, exactlyOne)];
  return persistentVolumeName ? [] : [required(sourceField.child('persistentVolumeName'), 'must specify non empty persistentVolumeName')];
};
const validateStatus = ({ status }: VolumeAttachment): FieldError[] => {
  const size = Object.entries(status?.attachmentMetadata ?? {}).reduce((sum, [key, text]) => sum + key.length + text.length, 0);
  return [
    ...(size > metadataLimit ? [tooLong(statusField.child('attachmentMetadata'), metadataLimit)] : []),
    ...validateError(status?.attachError, statusField.child('attachError')),
    ...validateError(status?.detachError, statusField.child('detachError')),
  ];
};

export const volumeAttachment: Strategy<VolumeAttachment> = {
  metadataChecks: whole,
  allowUnconditionalUpdate: false,
  defaults(object) {
    const inline = object.spec?.source?.inlineVolumeSpec;
    if (inline?.hostPath) inline.hostPath.type ??= '';
  },
  validate(object) {
    const { attacher, source = {}, nodeName } = object.spec ?? {};
    const name = source.persistentVolumeName;
    return [
      ...validateDriverName(attacher, specField.child('attacher')),
      ...validateSource(source),
      ...check(isDns1123Subdomain, nodeName ?? '', specField.child('nodeName')),
      ...validateStatus(object),
      ...(name === undefined ? [] : check(isDns1123Subdomain, name, 'spec.source.persistentVolumeName')),
    ];
  },
  validateUpdate: (next, previous) => validateImmutable(next.spec, previous.spec, specField, 'storage.v1.VolumeAttachmentSpec'),
  subresources: { status: { ...strictStatus, validateUpdate: validateStatus } },
  cells: ({ metadata, spec, status }, now) => [
    metadata.name,
    spec.attacher,
    spec.source.persistentVolumeName ?? '',
    spec.nodeName,
    status?.attached ?? false,
    age(metadata.creationTimestamp, now),
  ],
};
