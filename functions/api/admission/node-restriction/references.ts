/** What a pod would make its node read from the API (kubernetes `pkg/api/pod/util.go`, HasAPIObjectReference). */
import type { Container, Pod, Volume } from '../../../../kinds/types.ts';

type Reads = (volume: Volume) => unknown;
/** In the order they are told in. */
const volumes: readonly (readonly [Reads, string])[] = [
  [({ configMap }) => configMap, 'configmaps (via configmap volumes)'],
  [({ secret }) => secret, 'secrets (via secret volumes)'],
  [({ csi }) => csi, 'csidrivers (via CSI volumes)'],
  [({ glusterfs }) => glusterfs, 'endpoints (via glusterFS volumes)'],
  [({ persistentVolumeClaim }) => persistentVolumeClaim, 'persistentvolumeclaims'],
  [({ ephemeral }) => ephemeral, 'persistentvolumeclaims (via ephemeral volumes)'],
  [({ azureFile }) => azureFile, 'secrets (via azureFile volumes)'],
];
type Source = NonNullable<NonNullable<Volume['projected']>['sources']>[number];
const sources: readonly (readonly [(source: Source) => unknown, string])[] = [
  [({ configMap }) => configMap, 'configmaps (via projected volumes)'],
  [({ secret }) => secret, 'secrets (via projected volumes)'],
  [({ serviceAccountToken }) => serviceAccountToken, 'serviceaccounts (via projected volumes)'],
  [({ clusterTrustBundle }) => clusterTrustBundle, 'clustertrustbundles'],
  [({ podCertificate }) => podCertificate, 'podcertificates'],
];

const envOf = (containers: readonly Container[], key: 'secretKeyRef' | 'configMapKeyRef', from: 'secretRef' | 'configMapRef'): boolean =>
  containers.some(({ env, envFrom }) => env?.some(({ valueFrom }) => valueFrom?.[key]) || envFrom?.some(source => source[from]));
/** Volumes of older kinds that name a secret somewhere inside. */
const secretVolume = ({ cephfs, flexVolume, iscsi, rbd, scaleIO, storageos, cinder }: Volume): unknown =>
  [cephfs, flexVolume, iscsi, rbd, scaleIO, storageos, cinder].some(volume => volume?.secretRef);

export const referencedResource = ({ spec }: Pod): string | undefined => {
  if (!spec) return undefined;
  if (spec.serviceAccountName) return 'serviceaccounts';
  const containers = [...(spec.initContainers ?? []), ...spec.containers, ...((spec.ephemeralContainers ?? []) as Container[])];
  const all = spec.volumes ?? [];
  const projected = all.flatMap(volume => volume.projected?.sources ?? []);
  if (
    spec.imagePullSecrets?.length ||
    envOf(containers, 'secretKeyRef', 'secretRef') ||
    all.some(volume => volume.secret || volume.azureFile || secretVolume(volume)) ||
    projected.some(({ secret }) => secret)
  )
    return 'secrets';
  if (
    envOf(containers, 'configMapKeyRef', 'configMapRef') ||
    all.some(({ configMap }) => configMap) ||
    projected.some(({ configMap }) => configMap)
  )
    return 'configmaps';
  if (spec.resourceClaims?.length) return 'resourceclaims';
  for (const volume of all) {
    const found = volumes.find(([reads]) => reads(volume));
    if (found) return found[1];
    for (const source of volume.projected?.sources ?? []) {
      const inside = sources.find(([reads]) => reads(source));
      if (inside) return inside[1];
    }
  }
  return undefined;
};
