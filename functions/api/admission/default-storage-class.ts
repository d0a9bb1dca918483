/** Claims that name no storage class get the default one: of several, the newest, then the first by name. */
import type { KubeObject } from '../../../kinds/object.ts';
import type { Replicas } from '../../../store/replica.ts';
import type { AdmissionPlugin } from '../admission.ts';

const classes = 'storageclasses.storage.k8s.io';
const marks = ['storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class'];
const oldClassAnnotation = 'volume.beta.kubernetes.io/storage-class';

const isDefault = ({ metadata }: KubeObject): boolean => marks.some(mark => metadata.annotations?.[mark] === 'true');

export const defaultStorageClass = (replicas: Replicas): AdmissionPlugin => ({
  name: 'DefaultStorageClass',
  async admit({ resource, subresource, operation, object }) {
    if (resource.storage.name !== 'persistentvolumeclaims' || subresource !== '' || operation !== 'CREATE' || !object) return;
    const spec = object['spec'] as { storageClassName?: string } | undefined;
    if (!spec || spec.storageClassName !== undefined || object.metadata.annotations?.[oldClassAnnotation] !== undefined) return;
    const replica = replicas.loaded(classes) ?? (await replicas.open(classes));
    await replica.sync();
    const created = (one: KubeObject): string => one.metadata.creationTimestamp ?? '';
    const [chosen] = replica
      .list()
      .map(entry => entry.object)
      .filter(isDefault)
      // The list is sorted by name, and sorting keeps the order of equals.
      .sort((one, other) => (created(one) < created(other) ? 1 : created(one) > created(other) ? -1 : 0));
    if (chosen) spec.storageClassName = chosen.metadata.name;
  },
});
