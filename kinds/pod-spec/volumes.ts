/** The volumes of a pod, and how containers mount them. */
import { duplicate, forbidden, invalid, notFound, notSupported, type Path, required } from '../field.ts';
import { isDns1123Label } from '../metadata.ts';
import { check, type Errors } from './check.ts';
import { checkDescendingPath, hasBackstep } from './paths.ts';
import type { AnyContainer, TemplateMeta, Volume, VolumeMount } from './types.ts';
import { checkVolumeSource } from './volume-sources.ts';

export type KnownVolumes = ReadonlyMap<string, Volume>;
const none: KnownVolumes = new Map();

/** Answers the sound volumes by name: a mount of an unsound one is reported as not found, too. */
export const checkVolumes = (
  volumes: readonly Volume[] | undefined,
  pod: TemplateMeta | undefined,
  path: Path,
  errors: Errors,
): KnownVolumes => {
  if (!volumes?.length) return none;
  const known = new Map<string, Volume>();
  const created = new Set<string>();
  if (pod?.name) for (const volume of volumes) if (volume.ephemeral) created.add(`${pod.name}-${volume.name}`);
  volumes.forEach((volume, i) => {
    const at = path.index(i);
    const name = volume.name ?? '';
    const before = errors.length;
    checkVolumeSource(volume, { path: at, name, ...(pod ? { pod } : {}) }, errors);
    if (!name) errors.push(required(at.child('name')));
    else check(isDns1123Label, name, at.child('name'), errors);
    if (known.has(name)) errors.push(duplicate(at.child('name'), name));
    if (errors.length === before) known.set(name, volume);
    const claim = volume.persistentVolumeClaim?.claimName;
    if (claim && created.has(claim))
      errors.push(
        invalid(
          at.child('persistentVolumeClaim', 'claimName'),
          claim,
          'must not reference a PVC that gets created for an ephemeral volume',
        ),
      );
  });
  return known;
};

const propagations = ['Bidirectional', 'HostToContainer', 'None'];
const recursive = ['Disabled', 'Enabled', 'IfPossible'];
const checkRecursive = (mount: VolumeMount, path: Path, errors: Errors): void => {
  const mode = mount.recursiveReadOnly;
  if (mode === undefined || mode === 'Disabled') return;
  if (!recursive.includes(mode)) {
    errors.push(notSupported(path, mode, recursive));
    return;
  }
  if (!mount.readOnly) errors.push(forbidden(path, 'may only be specified when readOnly is true'));
  if (mount.mountPropagation !== undefined && mount.mountPropagation !== 'None')
    errors.push(forbidden(path, 'may only be specified when mountPropagation is None or not specified'));
};
const checkPropagation = (mode: string | undefined, container: AnyContainer, path: Path, errors: Errors): void => {
  if (mode === undefined) return;
  if (!propagations.includes(mode)) errors.push(notSupported(path, mode, propagations));
  if (mode === 'Bidirectional' && !container.securityContext?.privileged)
    errors.push(forbidden(path, 'Bidirectional mount propagation is available only to privileged containers'));
};

export const checkMounts = (container: AnyContainer, volumes: KnownVolumes, containerPath: Path, errors: Errors): void => {
  if (!container.volumeMounts?.length) return;
  const path = containerPath.child('volumeMounts');
  const devices = container.volumeDevices ?? [];
  const taken = new Set<string>();
  container.volumeMounts.forEach((mount, i) => {
    const at = path.index(i);
    const { name = '', mountPath = '', subPath, subPathExpr } = mount;
    if (!name) errors.push(required(at.child('name')));
    if (!volumes.has(name)) errors.push(notFound(at.child('name'), name));
    if (!mountPath) errors.push(required(at.child('mountPath')));
    if (taken.has(mountPath)) errors.push(invalid(at.child('mountPath'), mountPath, 'must be unique'));
    taken.add(mountPath);
    if (devices.some(device => device.name === name))
      errors.push(invalid(at.child('name'), name, 'must not already exist in volumeDevices'));
    if (devices.some(device => device.devicePath === mountPath))
      errors.push(invalid(at.child('mountPath'), mountPath, 'must not already exist as a path in volumeDevices'));
    if (subPath) checkDescendingPath(subPath, path.child('subPath'), errors);
    if (subPathExpr) {
      if (subPath) errors.push(invalid(at.child('subPathExpr'), subPathExpr, 'subPathExpr and subPath are mutually exclusive'));
      checkDescendingPath(subPathExpr, path.child('subPathExpr'), errors);
    }
    checkPropagation(mount.mountPropagation, container, path.child('mountPropagation'), errors);
    checkRecursive(mount, path.child('recursiveReadOnly'), errors);
  });
};

export const checkDevices = (container: AnyContainer, volumes: KnownVolumes, containerPath: Path, errors: Errors): void => {
  if (!container.volumeDevices?.length) return;
  const path = containerPath.child('volumeDevices');
  const mounts = container.volumeMounts ?? [];
  const names = new Set<string>();
  const paths = new Set<string>();
  container.volumeDevices.forEach(({ name = '', devicePath = '' }, i) => {
    const at = path.index(i);
    const volume = volumes.get(name);
    if (!name) errors.push(required(at.child('name')));
    if (names.has(name)) errors.push(invalid(at.child('name'), name, 'must be unique'));
    if (volume && !volume.persistentVolumeClaim && !volume.ephemeral)
      errors.push(invalid(at.child('name'), name, 'can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode'));
    if (!volume) errors.push(notFound(at.child('name'), name));
    if (!devicePath) errors.push(required(at.child('devicePath')));
    if (paths.has(devicePath)) errors.push(invalid(at.child('devicePath'), devicePath, 'must be unique'));
    if (devicePath && hasBackstep(devicePath)) errors.push(invalid(at.child('devicePath'), devicePath, "can not contain backsteps ('..')"));
    else paths.add(devicePath);
    if (mounts.some(mount => mount.name === name)) errors.push(invalid(at.child('name'), name, 'must not already exist in volumeMounts'));
    if (mounts.some(mount => mount.mountPath === devicePath))
      errors.push(invalid(at.child('devicePath'), devicePath, 'must not already exist as a path in volumeMounts'));
    if (name) names.add(name);
  });
};
