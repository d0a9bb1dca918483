/** One rule for each type of PersistentVolume, in upstream's order: the first type found is the one that counts. */
import { check, optionalOneOf } from '../checks.ts';
import { forbidden, invalid, type Path, required } from '../field.ts';
import { isDns1123Label, isDns1123Subdomain, rangeText } from '../metadata.ts';
import { checkSharedSource } from '../pod-spec/volume-sources.ts';
import type { FieldError } from '../status.ts';
import { validateDriverName } from './csi.ts';

type Source = Readonly<Record<string, unknown>>;
type SourceRule = (source: Source, field: Path) => FieldError[];
const text = (value: unknown): string => (typeof value === 'string' ? value : '');

const hostPathTypes = ['', 'BlockDevice', 'CharDevice', 'Directory', 'DirectoryOrCreate', 'File', 'FileOrCreate', 'Socket'];
const withoutBacksteps: SourceRule = (source, field) => {
  const path = text(source['path']);
  if (!path) return [required(field.child('path'))];
  return path.split('/').includes('..') ? [invalid(field.child('path'), path, "must not contain '..'")] : [];
};
/** Nothing but fields that must be there. */
const present =
  (...names: readonly string[]): SourceRule =>
  (source, field) =>
    names.filter(name => !source[name]).map(name => required(field.child(name)));
/** As in a pod. */
const shared =
  (type: Parameters<typeof checkSharedSource>[0]): SourceRule =>
  (source, field) => {
    const errors: FieldError[] = [];
    checkSharedSource(type, source, field, errors);
    return errors;
  };
const monitored: SourceRule = (source, field) => {
  const { monitors } = source;
  return Array.isArray(monitors) && monitors.length ? [] : [required(field.child('monitors'))];
};
const disk =
  (name: string): SourceRule =>
  (source, field) => {
    const { partition } = source;
    const errors = present(name)(source, field);
    if (typeof partition === 'number' && (partition < 0 || partition > 255))
      errors.push(invalid(field.child('partition'), partition, rangeText(1, 255)));
    return errors;
  };
/** A secret in whatever namespace: both parts are needed. */
const secret =
  (name: string): SourceRule =>
  (source, field) => {
    const reference = source[name] as Source | undefined;
    return reference ? present('name', 'namespace')(reference, field.child(name)) : [];
  };
const checkedSecret: SourceRule = (reference, field) => {
  const name = text(reference['name']);
  const namespace = text(reference['namespace']);
  return [
    ...(name ? check(isDns1123Subdomain, name, field.child('name')) : [required(field.child('name'))]),
    ...(namespace ? check(isDns1123Label, namespace, field.child('namespace')) : [required(field.child('namespace'))]),
  ];
};

const initiators: Record<string, RegExp> = {
  iqn: /iqn\.\d{4}-\d{2}\.([A-Za-z0-9\-.]+)(:[^,;*&$|\s]+)$/,
  eui: /^eui.[A-Za-z0-9]{16}$/,
  naa: /^naa.[A-Za-z0-9]{32}$/,
};
const initiator = (name: string, field: Path): FieldError[] =>
  initiators[name.slice(0, 3)]?.test(name) ? [] : [invalid(field, name, 'must be valid format')];
const iscsi: SourceRule = (source, field) => {
  const errors = present('targetPortal', 'iqn')(source, field);
  const { lun, initiatorName, secretRef } = source;
  if (source['iqn']) errors.push(...initiator(text(source['iqn']), field.child('iqn')));
  if (typeof lun === 'number' && (lun < 0 || lun > 255)) errors.push(invalid(field.child('lun'), lun, rangeText(0, 255)));
  if ((source['chapAuthDiscovery'] || source['chapAuthSession']) && !secretRef) errors.push(required(field.child('secretRef')));
  if (secretRef) errors.push(...present('name')(secretRef as Source, field.child('secretRef')));
  if (initiatorName !== undefined) errors.push(...initiator(text(initiatorName), field.child('initiatorname')));
  return errors;
};
const flexVolume: SourceRule = (source, field) => {
  const errors = present('driver')(source, field);
  for (const key of Object.keys((source['options'] as Source | undefined) ?? {})) {
    const namespace = `.${(key.split('/', 1)[0] ?? '').toLowerCase()}`;
    if (namespace.endsWith('.kubernetes.io') || namespace.endsWith('.k8s.io'))
      errors.push(invalid(field.child('options').key(key), key, 'kubernetes.io and k8s.io namespaces are reserved'));
  }
  return errors;
};
const glusterfs: SourceRule = (source, field) => {
  const errors = present('endpoints', 'path')(source, field);
  const { endpointsNamespace: namespace } = source;
  const path = field.child('endpointsNamespace');
  if (namespace === '') errors.push(invalid(path, namespace, 'if the endpointnamespace is set, it must be a valid namespace name'));
  else if (namespace !== undefined) errors.push(...check(isDns1123Label, text(namespace), path));
  return errors;
};
const csiSecrets = ['controllerPublishSecretRef', 'controllerExpandSecretRef', 'nodePublishSecretRef', 'nodeExpandSecretRef'];
const csi: SourceRule = (source, field) => [
  ...validateDriverName(text(source['driver']), field.child('driver')),
  ...present('volumeHandle')(source, field),
  ...csiSecrets.flatMap(name => (source[name] ? checkedSecret(source[name] as Source, field.child(name)) : [])),
];

const rules: readonly (readonly [field: string, rule: SourceRule])[] = [
  [
    'hostPath',
    (source, field) => {
      const errors = withoutBacksteps(source, field);
      return source['path']
        ? [...errors, ...optionalOneOf(source['type'] as string | undefined, hostPathTypes, field.child('type'))]
        : errors;
    },
  ],
  ['gcePersistentDisk', disk('pdName')],
  ['awsElasticBlockStore', disk('volumeID')],
  ['glusterfs', glusterfs],
  ['flocker', shared('flocker')],
  [
    'nfs',
    (source, field) => [
      ...present('server', 'path')(source, field),
      ...(text(source['path']).startsWith('/') ? [] : [invalid(field.child('path'), text(source['path']), 'must be an absolute path')]),
    ],
  ],
  ['rbd', (source, field) => [...monitored(source, field), ...present('image')(source, field)]],
  ['quobyte', shared('quobyte')],
  ['cephfs', monitored],
  ['iscsi', iscsi],
  ['cinder', (source, field) => [...present('volumeID')(source, field), ...secret('secretRef')(source, field)]],
  ['fc', shared('fc')],
  ['flexVolume', flexVolume],
  [
    'azureFile',
    (source, field) => [
      ...present('secretName', 'shareName')(source, field),
      ...(source['secretNamespace'] === '' ? [required(field.child('secretNamespace'))] : []),
    ],
  ],
  ['vsphereVolume', present('volumePath')],
  ['photonPersistentDisk', present('pdID')],
  ['portworxVolume', present('volumeID')],
  ['azureDisk', shared('azureDisk')],
  ['scaleIO', present('gateway', 'system', 'volumeName')],
  ['local', withoutBacksteps],
  [
    'storageos',
    (source, field) => {
      const name = text(source['volumeName']);
      const namespace = text(source['volumeNamespace']);
      return [
        ...(name ? check(isDns1123Label, name, field.child('volumeName')) : [required(field.child('volumeName'))]),
        ...(namespace ? check(isDns1123Label, namespace, field.child('volumeNamespace')) : []),
        ...secret('secretRef')(source, field),
      ];
    },
  ],
  ['csi', csi],
];
/** Upstream's own spelling of two paths. */
const pathOf: Readonly<Record<string, string>> = { gcePersistentDisk: 'persistentDisk' };

export const sourceFields: readonly string[] = rules.map(([field]) => field);

/** Exactly one type of volume, and that one sound. */
export const validateVolumeSource = (spec: object, field: Path): FieldError[] => {
  const errors: FieldError[] = [];
  let found = false;
  for (const [name, rule] of rules) {
    const source = (spec as Source)[name] as Source | undefined;
    if (!source) continue;
    if (found && name !== 'flexVolume')
      errors.push(forbidden(field.child(name === 'cephfs' ? 'cephFS' : name), 'may not specify more than 1 volume type'));
    else errors.push(...rule(source, field.child(pathOf[name] ?? name)));
    found = true;
  }
  return found ? errors : [required(field, 'must specify a volume type')];
};
