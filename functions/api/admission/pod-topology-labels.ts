/** A pod that gets a node can read off itself where it runs (kubernetes `plugin/pkg/admission/podtopologylabels`). */
import type { KubeObject } from '../../../kinds/object.ts';
import type { Replicas } from '../../../store/replica.ts';
import type { AdmissionPlugin } from '../admission.ts';

interface Placed extends KubeObject {
  spec?: { nodeName?: string };
  target?: { kind?: string; name?: string };
}

const keys = ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region'];

/** Of a binding the labels go to the pod with it. */
const nodeOf = (subresource: string, { spec, target }: Placed): string | undefined => {
  if (subresource === '') return spec?.nodeName;
  return subresource === 'binding' && target?.kind === 'Node' ? target.name : undefined;
};

export const podTopologyLabels = (replicas: Replicas): AdmissionPlugin => ({
  name: 'PodTopologyLabels',
  async admit({ resource, subresource, operation, object }) {
    if (resource.storage.name !== 'pods' || operation !== 'CREATE' || !object) return;
    const name = nodeOf(subresource, object as Placed);
    if (!name) return;
    const nodes = replicas.loaded('nodes') ?? (await replicas.open('nodes'));
    const labels = nodes.get('', name)?.object.metadata.labels ?? {};
    const own = keys.flatMap(key => (labels[key] === undefined ? [] : [[key, labels[key]] as const]));
    if (own.length > 0) object.metadata.labels = { ...object.metadata.labels, ...Object.fromEntries(own) };
  },
});
