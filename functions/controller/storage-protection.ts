/**
 * Takes the protection finalizers of storage objects away once they are being deleted and nobody uses them: a claim while a pod that has not ended
 * mounts it, a volume while a claim is bound to it. Source: kubernetes `pkg/controller/volume/pvcprotection`, `pvprotection`, `vacprotection`.
 */

import type { KubeObject } from '../../kinds/object.ts';
import { isNotFound } from '../../kinds/status.ts';
import type { Pod } from '../../kinds/types.ts';
import type { Replica } from '../../store/replica.ts';
import { type Key, type ReconcileContext, type Reconciler, splitKey, type Watch } from './reconciler.ts';

interface Protection {
  readonly name: string;
  readonly resource: string;
  readonly finalizer: string;
  /** What changes when somebody stops using one. */
  readonly watches: readonly Watch[];
  readonly reads: readonly string[];
  inUse(object: KubeObject, replica: (resource: string) => Replica): boolean;
}

const claims = 'persistentvolumeclaims';
const volumes = 'persistentvolumes';
const classes = 'volumeattributesclasses.storage.k8s.io';

interface ClaimView {
  readonly spec?: { readonly volumeName?: string; readonly volumeAttributesClassName?: string };
  readonly status?: { readonly phase?: string; readonly currentVolumeAttributesClassName?: string };
}
const claimView = (object: KubeObject): ClaimView => object as unknown as ClaimView;

const claimNames = (pod: Pod): string[] =>
  (pod.spec?.volumes ?? []).flatMap(volume => {
    if (volume.persistentVolumeClaim) return [volume.persistentVolumeClaim.claimName];
    return volume.ephemeral ? [`${pod.metadata.name}-${volume.name}`] : [];
  });

const protections: readonly Protection[] = [
  {
    name: 'pvc-protection-controller',
    resource: claims,
    finalizer: 'kubernetes.io/pvc-protection',
    watches: [{ resource: 'pods', keys: ({ entry }) => claimNames(entry.object as Pod).map(name => `${entry.namespace}/${name}`) }],
    reads: [],
    inUse: ({ metadata }, replica) =>
      replica('pods')
        .list({ namespace: metadata.namespace ?? '' })
        .some(({ object }) => {
          const pod = object as Pod;
          const ended = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
          return !ended && pod.spec?.nodeName !== undefined && claimNames(pod).includes(metadata.name);
        }),
  },
  {
    name: 'pv-protection-controller',
    resource: volumes,
    finalizer: 'kubernetes.io/pv-protection',
    watches: [],
    reads: [],
    inUse: ({ status }) => (status as { phase?: string } | undefined)?.phase === 'Bound',
  },
  {
    name: 'volumeattributesclass-protection-controller',
    resource: classes,
    finalizer: 'kubernetes.io/vac-protection',
    watches: [
      {
        resource: claims,
        keys: ({ entry }) => {
          const { spec, status } = claimView(entry.object);
          return [spec?.volumeAttributesClassName, status?.currentVolumeAttributesClassName].flatMap(name => (name ? [`/${name}`] : []));
        },
      },
    ],
    reads: [volumes],
    inUse: ({ metadata: { name } }, replica) =>
      replica(claims)
        .list()
        .some(({ object }) => {
          const { spec, status } = claimView(object);
          return spec?.volumeAttributesClassName === name || status?.currentVolumeAttributesClassName === name;
        }) ||
      replica(volumes)
        .list()
        .some(({ object }) => claimView(object).spec?.volumeAttributesClassName === name),
  },
];

export const storageProtectionReconcilers: readonly Reconciler[] = protections.map(protection => ({
  name: protection.name,
  watches: [{ resource: protection.resource }, ...protection.watches],
  reads: protection.reads,
  reconcile: (key, context) => release(protection, key, context),
}));

async function release({ resource, finalizer, inUse }: Protection, key: Key, context: ReconcileContext): Promise<undefined> {
  const { namespace, name } = splitKey(key);
  const object = context.replica(resource).get(namespace, name)?.object;
  if (!object?.metadata.deletionTimestamp || !object.metadata.finalizers?.includes(finalizer)) return undefined;
  if (inUse(object, one => context.replica(one))) return undefined;
  const finalizers = object.metadata.finalizers.filter(one => one !== finalizer);
  try {
    await context.client.update(resource, { ...object, metadata: { ...object.metadata, finalizers } });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  return undefined;
}
