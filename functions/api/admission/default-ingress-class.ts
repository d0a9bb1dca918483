/** Ingresses that name no class get the default one (kubernetes `plugin/pkg/admission/network/defaultingressclass`). */
import type { KubeObject } from '../../../kinds/object.ts';
import type { Replicas } from '../../../store/replica.ts';
import type { AdmissionPlugin } from '../admission.ts';

const classes = 'ingressclasses.networking.k8s.io';
const mark = 'ingressclass.kubernetes.io/is-default-class';
const oldClassAnnotation = 'kubernetes.io/ingress.class';

export const defaultIngressClass = (replicas: Replicas): AdmissionPlugin => ({
  name: 'DefaultIngressClass',
  async admit({ resource, subresource, operation, object }) {
    if (resource.storage.name !== 'ingresses.networking.k8s.io' || subresource !== '' || operation !== 'CREATE' || !object) return;
    const spec = object['spec'] as { ingressClassName?: string } | undefined;
    if (!spec || spec.ingressClassName !== undefined || object.metadata.annotations?.[oldClassAnnotation] !== undefined) return;
    const replica = replicas.loaded(classes) ?? (await replicas.open(classes));
    await replica.sync();
    const created = (one: KubeObject): string => one.metadata.creationTimestamp ?? '';
    const [chosen] = replica
      .list()
      .map(entry => entry.object)
      .filter(({ metadata }) => metadata.annotations?.[mark] === 'true')
      .sort((one, other) => (created(one) < created(other) ? 1 : created(one) > created(other) ? -1 : 0));
    if (chosen) spec.ingressClassName = chosen.metadata.name;
  },
});
