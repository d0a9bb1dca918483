/** Claims that name no storage class get the default one. */
import type { Replicas } from '../../../store/replica.ts';
import type { AdmissionPlugin } from '../admission.ts';
import { defaultClassName } from './default-class.ts';

const classes = 'storageclasses.storage.k8s.io';
const marks = ['storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class'];
const oldClassAnnotation = 'volume.beta.kubernetes.io/storage-class';

export const defaultStorageClass = (replicas: Replicas): AdmissionPlugin => ({
  name: 'DefaultStorageClass',
  async admit({ resource, subresource, operation, object }) {
    if (resource.storage.name !== 'persistentvolumeclaims' || subresource !== '' || operation !== 'CREATE' || !object) return;
    const spec = object['spec'] as { storageClassName?: string } | undefined;
    if (!spec || spec.storageClassName !== undefined || object.metadata.annotations?.[oldClassAnnotation] !== undefined) return;
    const chosen = await defaultClassName(replicas, classes, marks);
    if (chosen !== undefined) spec.storageClassName = chosen;
  },
});
