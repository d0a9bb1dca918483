/**
 * One rule for each type of volume. The order is upstream's, because the first type found in a volume is the one that
 * counts; so are the misnamed paths.
 */
import { forbidden, invalid, notSupported, type Path, required } from '../field.ts';
import { isDns1123Label, isDns1123Subdomain, rangeText } from '../metadata.ts';
import { check, checkChoice, checkOneOf, checkPresent, type Errors } from './check.ts';
import { checkClaimTemplate } from './claim.ts';
import { checkDescendingPath, checkMode, checkNoBacksteps, checkRange } from './paths.ts';
import { checkDownwardFile, checkItems, checkProjected } from './projected.ts';
import { quantity } from './resources.ts';
import type { TemplateMeta, Volume } from './types.ts';

export interface VolumePlace {
  /** The volume's own path; some rules report there. */
  readonly path: Path;
  readonly name: string;
  /** Metadata of the pod; absent in templates. */
  readonly pod?: TemplateMeta;
}
type Source<Field extends keyof Volume> = NonNullable<Volume[Field]>;
type SourceRule<Field extends keyof Volume> = (source: Source<Field>, path: Path, errors: Errors, at: VolumePlace) => void;
export type SourceField = Exclude<keyof Volume, 'name'>;

const hostPathTypes = ['', 'BlockDevice', 'CharDevice', 'Directory', 'DirectoryOrCreate', 'File', 'FileOrCreate', 'Socket'];

const iqn = /iqn\.\d{4}-\d{2}\.([A-Za-z0-9\-.]+)(:[^,;*&$|\s]+)$/;
const eui = /^eui.[A-Za-z0-9]{16}$/;
const naa = /^naa.[A-Za-z0-9]{32}$/;
const checkInitiator = (name: string, path: Path, errors: Errors): void => {
  const family = name.slice(0, 3);
  const shape = family === 'iqn' ? iqn : family === 'eui' ? eui : family === 'naa' ? naa : undefined;
  if (!shape) errors.push(invalid(path, name, 'must be valid format starting with iqn, eui, or naa'));
  else if (!shape.test(name)) errors.push(invalid(path, name, 'must be valid format'));
};
const checkIscsi: SourceRule<'iscsi'> = (iscsi, path, errors, at) => {
  checkPresent(iscsi.targetPortal ?? '', path.child('targetPortal'), errors);
  if (iscsi.iqn) checkInitiator(iscsi.iqn, path.child('iqn'), errors);
  else errors.push(required(path.child('iqn')));
  checkRange(iscsi.lun, 0, 255, path.child('lun'), errors);
  if ((iscsi.chapAuthDiscovery || iscsi.chapAuthSession) && !iscsi.secretRef) errors.push(required(path.child('secretRef')));
  if (iscsi.initiatorName === undefined) return;
  checkInitiator(iscsi.initiatorName, path.child('initiatorname'), errors);
  if (at.name.length + 1 + iscsi.targetPortal.length > 64)
    errors.push(
      invalid(
        at.path.child('name'),
        at.name,
        'Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.',
      ),
    );
};
const hostPort = /^(?:\[[^\]]*\]|[^:[\]]*):[^:[\]]*$/;
const checkQuobyte: SourceRule<'quobyte'> = (quobyte, path, errors) => {
  const text = 'must be a host:port pair or multiple pairs separated by commas';
  if (!quobyte.registry) errors.push(required(path.child('registry'), text));
  else if ((quobyte.tenant ?? '').length >= 65)
    errors.push(required(path.child('tenant'), 'must be a UUID and may not exceed a length of 64 characters'));
  else
    for (const pair of quobyte.registry.split(','))
      if (!hostPort.test(pair)) errors.push(invalid(path.child('registry'), quobyte.registry, text));
  checkPresent(quobyte.volume ?? '', path.child('volume'), errors);
};
const checkFc: SourceRule<'fc'> = (fc, path, errors) => {
  const targets = fc.targetWWNs ?? [];
  const ids = fc.wwids ?? [];
  const at = path.child('targetWWNs');
  if (targets.length === 0 && ids.length === 0) errors.push(required(at, 'must specify either targetWWNs or wwids, but not both'));
  if (targets.length && ids.length) errors.push(invalid(at, targets, 'targetWWNs and wwids can not be specified simultaneously'));
  if (targets.length === 0) return;
  if (fc.lun === undefined) errors.push(required(path.child('lun'), 'lun is required if targetWWNs is specified'));
  else checkRange(fc.lun, 0, 255, path.child('lun'), errors);
};
const checkAzureDisk: SourceRule<'azureDisk'> = (disk, path, errors) => {
  checkPresent(disk.diskName ?? '', path.child('diskName'), errors);
  checkPresent(disk.diskURI ?? '', path.child('diskURI'), errors);
  checkOneOf(disk.cachingMode, ['None', 'ReadOnly', 'ReadWrite'], path.child('cachingMode'), errors);
  checkOneOf(disk.kind, ['Dedicated', 'Managed', 'Shared'], path.child('kind'), errors);
  const uri = disk.diskURI ?? '';
  const managed = '/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}';
  const blob = 'https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd';
  if (disk.kind === 'Managed' && !uri.startsWith('/subscriptions/')) errors.push(notSupported(path.child('diskURI'), uri, [managed]));
  if (disk.kind !== undefined && disk.kind !== 'Managed' && !uri.startsWith('https://'))
    errors.push(notSupported(path.child('diskURI'), uri, [blob]));
};
const checkStorageOS: SourceRule<'storageos'> = (storage, path, errors) => {
  if (!storage.volumeName) errors.push(required(path.child('volumeName')));
  else check(isDns1123Label, storage.volumeName, path.child('volumeName'), errors);
  if (storage.volumeNamespace) check(isDns1123Label, storage.volumeNamespace, path.child('volumeNamespace'), errors);
  if (storage.secretRef && !storage.secretRef.name) errors.push(required(path.child('secretRef', 'name')));
};
const checkFlocker: SourceRule<'flocker'> = ({ datasetName = '', datasetUUID = '' }, path, errors) => {
  if (!datasetName && !datasetUUID) errors.push(required(path, 'one of datasetName and datasetUUID is required'));
  if (datasetName && datasetUUID) errors.push(invalid(path, 'resource', 'datasetName and datasetUUID can not be specified simultaneously'));
  if (datasetName.includes('/')) errors.push(invalid(path.child('datasetName'), datasetName, "must not contain '/'"));
};
const checkFlex: SourceRule<'flexVolume'> = (flex, path, errors) => {
  checkPresent(flex.driver ?? '', path.child('driver'), errors);
  for (const key in flex.options) {
    const namespace = `.${(key.split('/', 1)[0] ?? '').toLowerCase()}`;
    if (namespace.endsWith('.kubernetes.io') || namespace.endsWith('.k8s.io'))
      errors.push(invalid(path.child('options').key(key), key, 'kubernetes.io and k8s.io namespaces are reserved'));
  }
};
const csiDriver = (name: string, path: Path, errors: Errors): void => {
  if (!name) {
    errors.push(required(path));
    return;
  }
  if (Buffer.byteLength(name) > 63)
    errors.push({ type: 'TooLong', field: String(path), message: 'Too long: may not be more than 63 bytes' });
  for (const text of isDns1123Subdomain(name.toLowerCase())) errors.push(invalid(path, name, text));
};
const checkCsi: SourceRule<'csi'> = (csi, path, errors) => {
  csiDriver(csi.driver ?? '', path.child('driver'), errors);
  const secret = csi.nodePublishSecretRef;
  if (!secret) return;
  if (!secret.name) errors.push(required(path.child('nodePublishSecretRef', 'name')));
  else check(isDns1123Subdomain, secret.name, path.child('name'), errors);
};
const checkEphemeral: SourceRule<'ephemeral'> = (ephemeral, path, errors, at) => {
  if (!ephemeral.volumeClaimTemplate) errors.push(required(path.child('volumeClaimTemplate')));
  else checkClaimTemplate(ephemeral.volumeClaimTemplate, path.child('volumeClaimTemplate'), errors);
  if (!at.pod?.name || !at.name) return;
  const claim = `${at.pod.name}-${at.name}`;
  for (const text of isDns1123Subdomain(claim)) errors.push(invalid(at.path.child('name'), at.name, `PVC name "${claim}": ${text}`));
};
const disk =
  (field: string): ((source: object, path: Path, errors: Errors) => void) =>
  (source, path, errors) => {
    const { [field]: id, partition } = source as Record<string, unknown>;
    if (!id) errors.push(required(path.child(field)));
    if (typeof partition === 'number' && (partition < 0 || partition > 255))
      errors.push(invalid(path.child('partition'), partition, rangeText(1, 255)));
  };
/** Nothing but fields that must be there. */
const fields =
  (...names: string[]): ((source: object, path: Path, errors: Errors) => void) =>
  (source, path, errors) => {
    for (const name of names) if (!(source as Record<string, unknown>)[name]) errors.push(required(path.child(name)));
  };
const monitors = (source: { monitors?: string[] }, path: Path, errors: Errors): void => {
  if (!source.monitors?.length) errors.push(required(path.child('monitors')));
};

type Rules = { readonly [Field in SourceField]: SourceRule<Field> };
const rules: Rules = {
  emptyDir: ({ sizeLimit }, path, errors) => {
    if ((quantity(sizeLimit)?.mantissa ?? 0n) < 0n)
      errors.push(forbidden(path.child('sizeLimit'), 'SizeLimit field must be a valid resource quantity'));
  },
  hostPath: (source, path, errors) => {
    if (!source.path) errors.push(required(path.child('path')));
    else {
      checkNoBacksteps(source.path, path.child('path'), errors);
      checkOneOf(source.type, hostPathTypes, path.child('type'), errors);
    }
  },
  gitRepo: (source, path, errors) => {
    checkPresent(source.repository ?? '', path.child('repository'), errors);
    checkDescendingPath(source.directory ?? '', path.child('directory'), errors);
  },
  gcePersistentDisk: (source, _path, errors, at) => disk('pdName')(source, at.path.child('persistentDisk'), errors),
  awsElasticBlockStore: disk('volumeID'),
  secret: (source, path, errors) => {
    checkPresent(source.secretName ?? '', path.child('secretName'), errors);
    checkMode(source.defaultMode, path.child('defaultMode'), errors);
    checkItems(source.items, path.child('items'), errors);
  },
  nfs: (source, path, errors) => {
    fields('server', 'path')(source, path, errors);
    if (!source.path?.startsWith('/')) errors.push(invalid(path.child('path'), source.path ?? '', 'must be an absolute path'));
  },
  iscsi: checkIscsi,
  glusterfs: fields('endpoints', 'path'),
  flocker: checkFlocker,
  persistentVolumeClaim: fields('claimName'),
  rbd: (source, path, errors) => {
    monitors(source, path, errors);
    fields('image')(source, path, errors);
  },
  cinder: (source, path, errors) => {
    fields('volumeID')(source, path, errors);
    if (source.secretRef && !source.secretRef.name) errors.push(required(path.child('secretRef', 'name')));
  },
  cephfs: monitors,
  quobyte: checkQuobyte,
  downwardAPI: (source, path, errors) => {
    checkMode(source.defaultMode, path.child('defaultMode'), errors);
    for (const file of source.items ?? []) checkDownwardFile(file, path, errors);
  },
  fc: checkFc,
  flexVolume: checkFlex,
  configMap: (source, path, errors) => {
    checkPresent(source.name ?? '', path.child('name'), errors);
    checkMode(source.defaultMode, path.child('defaultMode'), errors);
    checkItems(source.items, path.child('items'), errors);
  },
  azureFile: fields('secretName', 'shareName'),
  vsphereVolume: fields('volumePath'),
  photonPersistentDisk: fields('pdID'),
  portworxVolume: fields('volumeID'),
  azureDisk: checkAzureDisk,
  storageos: checkStorageOS,
  projected: checkProjected,
  scaleIO: fields('gateway', 'system', 'volumeName'),
  csi: checkCsi,
  ephemeral: checkEphemeral,
  image: (source, path, errors, at) => {
    if (at.pod && !source.reference) errors.push(required(path.child('reference')));
    checkChoice(source.pullPolicy, ['Always', 'IfNotPresent', 'Never'], path.child('pullPolicy'), errors);
  },
};
const order = Object.keys(rules) as SourceField[];
/** Upstream's own spelling of where a second type of volume is refused. */
const misspelled: Partial<Record<SourceField, string>> = { downwardAPI: 'downwarAPI', cephfs: 'cephFS' };

/** Types whose rules do not depend on where the volume stands; PersistentVolumes share them. */
const shared = { quobyte: checkQuobyte, fc: checkFc, flocker: checkFlocker, azureDisk: checkAzureDisk } as const;
export const checkSharedSource = (type: keyof typeof shared, source: unknown, path: Path, errors: Errors): void =>
  (shared[type] as (source: unknown, path: Path, errors: Errors) => void)(source, path, errors);

/** Exactly one type of volume, and that one sound. */
export const checkVolumeSource = (volume: Volume, at: VolumePlace, errors: Errors): void => {
  let found = false;
  for (const field of order) {
    const source = volume[field];
    if (!source) continue;
    if (found) errors.push(forbidden(at.path.child(misspelled[field] ?? field), 'may not specify more than 1 volume type'));
    else (rules[field] as (source: unknown, path: Path, errors: Errors, at: VolumePlace) => void)(source, at.path.child(field), errors, at);
    found = true;
  }
  if (!found) errors.push(required(at.path, 'must specify a volume type'));
};
