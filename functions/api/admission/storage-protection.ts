/** Volumes, claims and their classes in use do not vanish: a finalizer keeps them until their controller sees nobody use them. */
import type { AdmissionPlugin } from '../admission.ts';

const finalizers: Readonly<Record<string, string>> = {
  persistentvolumes: 'kubernetes.io/pv-protection',
  persistentvolumeclaims: 'kubernetes.io/pvc-protection',
  'volumeattributesclasses.storage.k8s.io': 'kubernetes.io/vac-protection',
};

export const storageProtection = (): AdmissionPlugin => ({
  name: 'StorageObjectInUseProtection',
  async admit({ resource, subresource, operation, object }) {
    if (operation !== 'CREATE' || subresource !== '' || !object) return;
    const finalizer = finalizers[resource.storage.name];
    if (!finalizer) return;
    const present = object.metadata.finalizers ?? [];
    if (!present.includes(finalizer)) object.metadata.finalizers = [...present, finalizer];
  },
});
