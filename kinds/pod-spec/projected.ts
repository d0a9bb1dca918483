/** Files made of keys, fields and tokens: ConfigMap, Secret, downward API and projected volumes. */
import { forbidden, invalid, type Path, required } from '../field.ts';
import type { Errors } from './check.ts';
import { checkFieldRef, checkResourceField } from './field-ref.ts';
import { checkFilePath, checkMode } from './paths.ts';
import type { DownwardAPIVolumeFile, KeyToPath, ProjectedVolumeSource, VolumeProjection } from './types.ts';

const checkItem = (item: KeyToPath, path: Path, errors: Errors): void => {
  if (!item.key) errors.push(required(path.child('key')));
  if (!item.path) errors.push(required(path.child('path')));
  checkFilePath(item.path ?? '', path.child('path'), errors);
  checkMode(item.mode, path.child('mode'), errors);
};
export const checkItems = (items: readonly KeyToPath[] | undefined, path: Path, errors: Errors): void => {
  items?.forEach((item, i) => {
    checkItem(item, path.index(i), errors);
  });
};

/** Upstream reports these at the volume, not at the item. */
export const checkDownwardFile = (file: DownwardAPIVolumeFile, path: Path, errors: Errors): void => {
  if (!file.path) errors.push(required(path.child('path')));
  checkFilePath(file.path ?? '', path.child('path'), errors);
  if (file.fieldRef) {
    checkFieldRef(file.fieldRef, 'volume', path.child('fieldRef'), errors);
    if (file.resourceFieldRef) errors.push(invalid(path, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously'));
  } else if (file.resourceFieldRef) checkResourceField(file.resourceFieldRef, true, path.child('resourceFieldRef'), errors);
  else errors.push(required(path, 'one of fieldRef and resourceFieldRef is required'));
  checkMode(file.mode, path.child('mode'), errors);
};

type TokenProjection = NonNullable<VolumeProjection['serviceAccountToken']>;
const checkToken = (token: TokenProjection, path: Path, at: Path, errors: Errors): void => {
  const seconds = token.expirationSeconds ?? 0;
  if (seconds < 600) errors.push(invalid(at.child('expirationSeconds'), seconds, 'may not specify a duration less than 10 minutes'));
  if (seconds > 2 ** 32)
    errors.push(invalid(at.child('expirationSeconds'), seconds, 'may not specify a duration larger than 2^32 seconds'));
  if (!token.path) errors.push(required(path.child('path')));
  else checkFilePath(token.path, path.child('path'), errors);
};

/** Projections of cluster trust bundles and pod certificates are dropped before validation (their feature gates are off). */
export const checkProjected = (projected: ProjectedVolumeSource, path: Path, errors: Errors): void => {
  checkMode(projected.defaultMode, path.child('defaultMode'), errors);
  const taken = new Set<string>();
  const take = (file: string | undefined, shown: string): void => {
    if (!file) return;
    if (taken.has(file)) errors.push(invalid(path, shown, 'conflicting duplicate paths'));
    taken.add(file);
  };
  projected.sources?.forEach(({ secret, configMap, downwardAPI, serviceAccountToken }, i) => {
    const at = path.child('sources').index(i);
    let sources = 0;
    for (const [field, source] of [['secret', secret] as const, ['configMap', configMap] as const]) {
      if (!source) continue;
      sources++;
      if (!source.name) errors.push(required(at.child(field, 'name')));
      source.items?.forEach((item, j) => {
        checkItem(item, at.child(field, 'items').index(j), errors);
        take(item.path, source.name ?? '');
      });
    }
    if (downwardAPI) {
      sources++;
      for (const file of downwardAPI.items ?? []) {
        checkDownwardFile(file, at.child('downwardAPI'), errors);
        take(file.path, file.path);
      }
    }
    if (serviceAccountToken) {
      sources++;
      checkToken(serviceAccountToken, path, at.child('serviceAccountToken'), errors);
    }
    if (sources > 1) errors.push(forbidden(at, 'may not specify more than 1 volume type per source'));
  });
};

/** Drops what is behind feature gates that are off by default in 1.36. */
export const dropGatedProjections = (projected: ProjectedVolumeSource): void => {
  for (const source of projected.sources ?? []) {
    delete source.clusterTrustBundle;
    delete source.podCertificate;
  }
};
