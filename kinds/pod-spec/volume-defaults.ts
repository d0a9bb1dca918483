/** Defaults of a pod's volumes. */
import { defaultFieldRef, defaultResourceField } from './field-ref.ts';
import { defaultPullPolicy } from './image.ts';
import { canonicalizeRequirements, canonicalText } from './quantities.ts';
import type { DownwardAPIVolumeFile, ProjectedVolumeSource, Volume } from './types.ts';

const readableByAll = 0o644;
const hour = 3600;

const defaultFiles = (files: readonly DownwardAPIVolumeFile[] | undefined): void => {
  for (const file of files ?? []) {
    defaultFieldRef(file.fieldRef);
    defaultResourceField(file.resourceFieldRef);
  }
};
const defaultProjected = (projected: ProjectedVolumeSource): void => {
  projected.defaultMode ??= readableByAll;
  for (const source of projected.sources ?? []) {
    defaultFiles(source.downwardAPI?.items);
    if (source.serviceAccountToken) source.serviceAccountToken.expirationSeconds ??= hour;
  }
};
/** Storage plugins that left the tree still have their defaults. */
const defaultLegacy = (volume: Volume): void => {
  if (volume.iscsi) volume.iscsi.iscsiInterface ||= 'default';
  if (volume.rbd) {
    volume.rbd.pool ||= 'rbd';
    volume.rbd.user ||= 'admin';
    volume.rbd.keyring ||= '/etc/ceph/keyring';
  }
  if (volume.azureDisk) {
    volume.azureDisk.cachingMode ??= 'ReadWrite';
    volume.azureDisk.kind ??= 'Shared';
    volume.azureDisk.fsType ??= 'ext4';
    volume.azureDisk.readOnly ??= false;
  }
  if (volume.scaleIO) {
    volume.scaleIO.storageMode ||= 'ThinProvisioned';
    volume.scaleIO.fsType ||= 'xfs';
  }
};
const withoutSource = (volume: Volume): boolean => {
  for (const field in volume) if (field !== 'name') return false;
  return true;
};

export const defaultVolume = (volume: Volume): void => {
  if (withoutSource(volume)) volume.emptyDir = {};
  if (volume.secret) volume.secret.defaultMode ??= readableByAll;
  else if (volume.configMap) volume.configMap.defaultMode ??= readableByAll;
  else if (volume.projected) defaultProjected(volume.projected);
  if (volume.downwardAPI) {
    volume.downwardAPI.defaultMode ??= readableByAll;
    defaultFiles(volume.downwardAPI.items);
  }
  if (volume.emptyDir?.sizeLimit !== undefined) volume.emptyDir.sizeLimit = canonicalText(volume.emptyDir.sizeLimit);
  if (volume.hostPath) volume.hostPath.type ??= '';
  if (volume.image) volume.image.pullPolicy ||= defaultPullPolicy(volume.image.reference);
  const template = volume.ephemeral?.volumeClaimTemplate;
  if (template) {
    template.spec.volumeMode ??= 'Filesystem';
    canonicalizeRequirements(template.spec.resources);
  }
  defaultLegacy(volume);
};
