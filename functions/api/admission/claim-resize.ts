/** A claim grows only where its class knows how to (kubernetes `plugin/pkg/admission/storage/persistentvolume/resize`). */
import type { KubeObject } from '../../../kinds/object.ts';
import { compare, parseQuantity } from '../../../kinds/quantity.ts';
import type { Replicas } from '../../../store/replica.ts';
import type { AdmissionPlugin } from '../admission.ts';
import { refused } from './forbidden.ts';

interface Claim extends KubeObject {
  spec?: { storageClassName?: string; resources?: { requests?: Record<string, string> } };
  status?: { phase?: string };
}

const classes = 'storageclasses.storage.k8s.io';
const sizeOf = ({ spec }: Claim) => parseQuantity(spec?.resources?.requests?.['storage'] ?? '0');
const classOf = ({ metadata, spec }: Claim): string =>
  metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? spec?.storageClassName ?? '';

export const claimResize = (replicas: Replicas): AdmissionPlugin => ({
  name: 'PersistentVolumeClaimResize',
  async validate(request) {
    const { resource, subresource, operation } = request;
    if (resource.storage.name !== 'persistentvolumeclaims' || subresource !== '' || operation !== 'UPDATE') return;
    const [next, previous] = [request.object as Claim | undefined, request.previous as Claim | undefined];
    if (!next || !previous || compare(sizeOf(next), sizeOf(previous)) <= 0) return;
    if (previous.status?.phase !== 'Bound') throw refused(request, 'Only bound persistent volume claims can be expanded');
    const name = classOf(next);
    const replica = replicas.loaded(classes) ?? (await replicas.open(classes));
    await replica.sync();
    const found = name && name === classOf(previous) ? replica.get('', name)?.object : undefined;
    if (found?.['allowVolumeExpansion'] !== true)
      throw refused(
        request,
        'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
      );
  },
});
