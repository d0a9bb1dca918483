/** Ingresses that name no class get the default one (kubernetes `plugin/pkg/admission/network/defaultingressclass`). */
import type { Replicas } from '../../../store/replica.ts';
import type { AdmissionPlugin } from '../admission.ts';
import { defaultClassName } from './default-class.ts';

const classes = 'ingressclasses.networking.k8s.io';
const mark = 'ingressclass.kubernetes.io/is-default-class';
const oldClassAnnotation = 'kubernetes.io/ingress.class';

export const defaultIngressClass = (replicas: Replicas): AdmissionPlugin => ({
  name: 'DefaultIngressClass',
  async admit({ resource, subresource, operation, object }) {
    if (resource.storage.name !== 'ingresses.networking.k8s.io' || subresource !== '' || operation !== 'CREATE' || !object) return;
    const spec = object['spec'] as { ingressClassName?: string } | undefined;
    if (!spec || spec.ingressClassName !== undefined || object.metadata.annotations?.[oldClassAnnotation] !== undefined) return;
    const chosen = await defaultClassName(replicas, classes, [mark]);
    if (chosen !== undefined) spec.ingressClassName = chosen;
  },
});
