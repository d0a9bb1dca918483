/** A pod of a runtime class gets the class's overhead and scheduling (kubernetes `plugin/pkg/admission/runtimeclass`). */
import type { KubeObject } from '../../../kinds/object.ts';
import type { Pod, Toleration } from '../../../kinds/types.ts';
import type { Replicas } from '../../../store/replica.ts';
import type { AdmissionPlugin } from '../admission.ts';
import { sameJson } from '../wire.ts';
import { refused } from './forbidden.ts';

interface RuntimeClass extends KubeObject {
  overhead?: { podFixed?: Record<string, string> };
  scheduling?: { nodeSelector?: Record<string, string>; tolerations?: Toleration[] };
}

const classes = 'runtimeclasses.node.k8s.io';

export const runtimeClass = (replicas: Replicas): AdmissionPlugin => ({
  name: 'RuntimeClass',
  async admit(request) {
    const { resource, subresource, operation, object } = request;
    if (resource.storage.name !== 'pods' || subresource !== '' || operation !== 'CREATE') return;
    const spec = (object as Pod | undefined)?.spec;
    if (!spec) return;
    if (!spec.runtimeClassName) {
      if (spec.overhead && Object.keys(spec.overhead).length > 0)
        throw refused(request, 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead');
      return;
    }
    const replica = replicas.loaded(classes) ?? (await replicas.open(classes));
    await replica.sync();
    const found = replica.get('', spec.runtimeClassName)?.object as RuntimeClass | undefined;
    if (!found) throw refused(request, `pod rejected: RuntimeClass ${JSON.stringify(spec.runtimeClassName)} not found`);
    const overhead = found.overhead?.podFixed;
    if (overhead) {
      if (spec.overhead && !sameJson(spec.overhead, overhead))
        throw refused(request, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");
      spec.overhead = { ...overhead };
    }
    for (const [key, value] of Object.entries(found.scheduling?.nodeSelector ?? {})) {
      const own = spec.nodeSelector?.[key];
      if (own !== undefined && own !== value)
        throw refused(request, `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${own}`);
      spec.nodeSelector = { ...spec.nodeSelector, [key]: value };
    }
    const present = spec.tolerations ?? [];
    const added = (found.scheduling?.tolerations ?? []).filter(toleration => !present.some(one => sameJson(one, toleration)));
    if (added.length > 0) spec.tolerations = [...present, ...added.map(toleration => ({ ...toleration }))];
  },
});
