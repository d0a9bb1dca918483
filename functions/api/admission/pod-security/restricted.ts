/** The checks that the level `restricted` adds to the baseline: what a hardened pod says of itself. */
import type { Container } from '../../../../kinds/types.ts';
import { procMount, seccomp } from './baseline.ts';
import { type Check, type CheckPod, distinct, listed, plural, quoted, setters, unlessUserNamespace, unlessWindows } from './check.ts';

const allowPrivilegeEscalation: CheckPod = ({ containers }) => {
  const bad = containers.filter(({ securityContext }) => securityContext?.allowPrivilegeEscalation !== false);
  if (bad.length === 0) return undefined;
  return {
    reason: 'allowPrivilegeEscalation != false',
    detail: `${listed(bad)} must set securityContext.allowPrivilegeEscalation=false`,
  };
};

const added = ({ securityContext }: Container): string[] =>
  (securityContext?.capabilities?.add ?? []).filter(capability => capability !== 'NET_BIND_SERVICE');
const capabilities: CheckPod = ({ containers }) => {
  const keeping = containers.filter(({ securityContext }) => !securityContext?.capabilities?.drop?.includes('ALL'));
  const adding = containers.filter(container => added(container).length > 0);
  const details = [
    ...(keeping.length > 0 ? [`${listed(keeping)} must set securityContext.capabilities.drop=["ALL"]`] : []),
    ...(adding.length > 0
      ? [`${listed(adding)} must not include ${quoted(distinct(adding.flatMap(added)))} in securityContext.capabilities.add`]
      : []),
  ];
  return details.length > 0 ? { reason: 'unrestricted capabilities', detail: details.join('; ') } : undefined;
};

const allowedVolumes = 'configMap csi downwardAPI emptyDir ephemeral image persistentVolumeClaim projected secret'.split(
  ' ',
) as readonly string[];
const knownVolumes: readonly string[] =
  'hostPath gcePersistentDisk awsElasticBlockStore gitRepo nfs iscsi glusterfs rbd flexVolume cinder cephfs flocker fc azureFile vsphereVolume quobyte azureDisk photonPersistentDisk portworxVolume scaleIO storageos'.split(
    ' ',
  );
const volumes: CheckPod = ({ spec }) => {
  const bad = (spec.volumes ?? []).filter(volume => !allowedVolumes.some(type => Object.hasOwn(volume, type)));
  if (bad.length === 0) return undefined;
  const types = distinct(bad.map(volume => knownVolumes.find(type => Object.hasOwn(volume, type)) ?? 'unknown'));
  const who = `${plural('volume', 'volumes', bad.length)} ${quoted(bad.map(({ name }) => name))}`;
  const what = plural('restricted volume type', 'restricted volume types', types.length);
  return { reason: 'restricted volume types', detail: `${who} ${plural('uses', 'use', bad.length)} ${what} ${quoted(types)}` };
};

const runAsNonRoot: CheckPod = ({ spec, containers }) => {
  const ofPod = spec.securityContext?.runAsNonRoot;
  const reason = 'runAsNonRoot != true';
  const who = setters(
    ofPod === false,
    containers.filter(({ securityContext }) => securityContext?.runAsNonRoot === false),
  );
  if (who) return { reason, detail: `${who} must not set securityContext.runAsNonRoot=false` };
  const silent = ofPod ? [] : containers.filter(({ securityContext }) => securityContext?.runAsNonRoot === undefined);
  return silent.length > 0 ? { reason, detail: `pod or ${listed(silent)} must set securityContext.runAsNonRoot=true` } : undefined;
};

const runAsUser: CheckPod = ({ spec, containers }) => {
  const who = setters(
    spec.securityContext?.runAsUser === 0,
    containers.filter(({ securityContext }) => securityContext?.runAsUser === 0),
  );
  return who ? { reason: 'runAsUser=0', detail: `${who} must not set runAsUser=0` } : undefined;
};

const seccompRestricted: CheckPod = candidate => {
  const named = seccomp(candidate);
  if (named || candidate.spec.securityContext?.seccompProfile) return named;
  const silent = candidate.containers.filter(({ securityContext }) => !securityContext?.seccompProfile);
  if (silent.length === 0) return undefined;
  return {
    reason: 'seccompProfile',
    detail: `pod or ${listed(silent)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`,
  };
};

export const restricted: readonly Check[] = [
  {
    id: 'allowPrivilegeEscalation',
    versions: [
      { since: 8, check: allowPrivilegeEscalation },
      { since: 25, check: unlessWindows(allowPrivilegeEscalation) },
    ],
  },
  {
    id: 'capabilities_restricted',
    versions: [
      { since: 22, check: capabilities, overrides: ['capabilities_baseline'] },
      { since: 25, check: unlessWindows(capabilities), overrides: ['capabilities_baseline'] },
    ],
  },
  { id: 'procMount_restricted', versions: [{ since: 35, check: procMount, overrides: ['procMount'] }] },
  { id: 'restrictedVolumes', versions: [{ since: 0, check: volumes, overrides: ['hostPathVolumes'] }] },
  {
    id: 'runAsNonRoot',
    versions: [
      { since: 0, check: runAsNonRoot },
      { since: 35, check: unlessUserNamespace(runAsNonRoot) },
    ],
  },
  {
    id: 'runAsUser',
    versions: [
      { since: 23, check: runAsUser },
      { since: 35, check: unlessUserNamespace(runAsUser) },
    ],
  },
  {
    id: 'seccompProfile_restricted',
    versions: [
      { since: 19, check: seccompRestricted, overrides: ['seccompProfile_baseline'] },
      { since: 25, check: unlessWindows(seccompRestricted), overrides: ['seccompProfile_baseline'] },
    ],
  },
];
