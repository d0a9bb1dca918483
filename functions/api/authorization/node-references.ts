/** What a node gets to see because of the objects that lead to it. Source: kubernetes `plugin/pkg/auth/authorizer/node/graph.go`. */
import type { KubeObject } from '../../../kinds/object.ts';
import type { Container, PersistentVolume, Pod, Volume } from '../../../kinds/types.ts';

/** Names that a pod refers to, by resource; all in the pod's namespace. */
export interface References {
  readonly secrets: ReadonlySet<string>;
  readonly configmaps: ReadonlySet<string>;
  readonly persistentvolumeclaims: ReadonlySet<string>;
  readonly resourceclaims: ReadonlySet<string>;
  readonly serviceaccounts: ReadonlySet<string>;
}

const nothing: References = {
  secrets: new Set(),
  configmaps: new Set(),
  persistentvolumeclaims: new Set(),
  resourceclaims: new Set(),
  serviceaccounts: new Set(),
};
const mirror = 'kubernetes.io/config.mirror';
const known = new WeakMap<KubeObject, References>();

/** A node may create mirror pods, so these must not lead to anything. */
export const referencesOf = (object: KubeObject): References => {
  let found = known.get(object);
  if (!found) {
    found = object.metadata.annotations?.[mirror] === undefined ? collect(object as unknown as Pod) : nothing;
    known.set(object, found);
  }
  return found;
};

const named = (names: readonly (string | undefined)[]): Set<string> => new Set(names.filter(name => name !== undefined));

const collect = (pod: Pod): References => {
  const { spec, status } = pod;
  const volumes = spec?.volumes ?? [];
  const sources = volumes.flatMap(({ projected }) => projected?.sources ?? []);
  const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? []), ...((spec?.ephemeralContainers ?? []) as Container[])];
  const env = containers.flatMap(container => container.env ?? []);
  const envFrom = containers.flatMap(container => container.envFrom ?? []);
  return {
    secrets: named([
      ...(spec?.imagePullSecrets ?? []).map(({ name }) => name),
      ...env.map(({ valueFrom }) => valueFrom?.secretKeyRef?.name),
      ...envFrom.map(({ secretRef }) => secretRef?.name),
      ...volumes.flatMap(secretsOfVolume),
      ...sources.map(({ secret }) => secret?.name),
    ]),
    configmaps: named([
      ...env.map(({ valueFrom }) => valueFrom?.configMapKeyRef?.name),
      ...envFrom.map(({ configMapRef }) => configMapRef?.name),
      ...volumes.map(({ configMap }) => configMap?.name),
      ...sources.map(({ configMap }) => configMap?.name),
    ]),
    persistentvolumeclaims: named(
      volumes.map(({ name, persistentVolumeClaim, ephemeral }) =>
        ephemeral ? `${pod.metadata.name}-${name}` : persistentVolumeClaim?.claimName,
      ),
    ),
    resourceclaims: named([
      ...(spec?.resourceClaims ?? []).map(({ resourceClaimName }) => resourceClaimName),
      ...(status?.resourceClaimStatuses ?? []).map(({ resourceClaimName }) => resourceClaimName),
      status?.extendedResourceClaimStatus?.resourceClaimName,
    ]),
    serviceaccounts: named([spec?.serviceAccountName]),
  };
};

/** Volumes of every kind that name secrets do so in one of these forms. */
interface SecretSource {
  secretName?: string;
  secretRef?: { name?: string; namespace?: string };
}
const secretsOfVolume = ({ secret, azureFile, csi, ...others }: Volume): (string | undefined)[] => [
  secret?.secretName,
  azureFile?.secretName,
  csi?.nodePublishSecretRef?.name,
  ...Object.values(others as Record<string, SecretSource | undefined>).map(source => source?.secretRef?.name),
];

/** The secrets that a node needs to mount a volume. */
export const secretsOfPersistentVolume = (volume: PersistentVolume): { namespace: string; name: string }[] => {
  const { claimRef, azureFile, csi, ...others } = volume.spec ?? {};
  const home = claimRef?.namespace ?? '';
  const found = [
    ...(azureFile ? [{ namespace: azureFile.secretNamespace || home, name: azureFile.secretName }] : []),
    ...[csi?.nodePublishSecretRef, csi?.nodeStageSecretRef, csi?.nodeExpandSecretRef].map(ref => ({
      namespace: ref?.namespace ?? '',
      name: ref?.name ?? '',
    })),
    ...Object.values(others as Record<string, SecretSource | undefined>).map(source => ({
      namespace: source?.secretRef?.namespace || home,
      name: source?.secretRef?.name ?? '',
    })),
  ];
  return found.filter(({ name }) => name);
};
