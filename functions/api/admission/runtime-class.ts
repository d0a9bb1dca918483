/** A pod of a runtime class gets the class's overhead and scheduling (kubernetes `plugin/pkg/admission/runtimeclass`). */
import { quote } from '../../../kinds/field.ts';
import type { KubeObject } from '../../../kinds/object.ts';
import { bareError } from '../../../kinds/patch/errors.ts';
import { emptyAsGiven } from '../../../kinds/schema/given.ts';
import type { Pod, PodSpec, Toleration } from '../../../kinds/types.ts';
import type { Replicas } from '../../../store/replica.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';
import { sameJson } from '../wire.ts';
import { refused } from './forbidden.ts';

interface RuntimeClass extends KubeObject {
  overhead?: { podFixed?: Record<string, string> };
  scheduling?: { nodeSelector?: Record<string, string>; tolerations?: Toleration[] };
}

const classes = 'runtimeclasses.node.k8s.io';
const otherOverhead = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead";

const newPod = ({ resource, subresource, operation, object }: AdmissionRequest): Pod['spec'] =>
  resource.storage.name === 'pods' && subresource === '' && operation === 'CREATE' ? (object as Pod | undefined)?.spec : undefined;

export const runtimeClass = (replicas: Replicas): AdmissionPlugin => {
  const classOf = async (request: AdmissionRequest, { runtimeClassName: name }: PodSpec): Promise<RuntimeClass | undefined> => {
    if (name === undefined || name === null) return undefined;
    // Upstream asks for it by way of a client, which sends no such request.
    if (!name) throw bareError('resource name may not be empty');
    const replica = replicas.loaded(classes) ?? (await replicas.open(classes));
    await replica.sync();
    const found = replica.get('', name)?.object as RuntimeClass | undefined;
    if (!found) throw refused(request, `pod rejected: RuntimeClass ${quote(name)} not found`);
    return found;
  };
  return {
    name: 'RuntimeClass',
    async admit(request) {
      const spec = newPod(request);
      const found = spec && (await classOf(request, spec));
      if (!spec || !found) return;
      const overhead = found.overhead?.podFixed;
      if (overhead) {
        if (spec.overhead && !sameJson(spec.overhead, overhead)) throw refused(request, otherOverhead);
        spec.overhead = { ...overhead };
      }
      for (const [key, value] of Object.entries(found.scheduling?.nodeSelector ?? {})) {
        const own = spec.nodeSelector?.[key];
        if (own !== undefined && own !== value)
          throw refused(
            request,
            `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${own}`,
          );
        spec.nodeSelector = { ...spec.nodeSelector, [key]: value };
      }
      const present = spec.tolerations ?? [];
      const added = (found.scheduling?.tolerations ?? []).filter(toleration => !present.some(one => sameJson(one, toleration)));
      if (added.length > 0) spec.tolerations = [...present, ...added.map(toleration => ({ ...toleration }))];
    },
    async validate(request) {
      const spec = newPod(request);
      if (!spec) return;
      const overhead = (await classOf(request, spec))?.overhead;
      if (!overhead) {
        if (spec.overhead ?? emptyAsGiven(spec, 'overhead'))
          throw refused(request, 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead');
      } else if (!sameJson(spec.overhead ?? {}, overhead.podFixed ?? {})) throw refused(request, otherOverhead);
    },
  };
};
