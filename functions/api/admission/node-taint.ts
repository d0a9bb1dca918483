/** A node takes no pods until it has been seen ready: it starts with the taint that its life-cycle controller removes. */
import type { Node } from '../../../kinds/types.ts';
import type { AdmissionPlugin } from '../admission.ts';

const key = 'node.kubernetes.io/not-ready';
const effect = 'NoSchedule';

export const nodeTaint = (): AdmissionPlugin => ({
  name: 'TaintNodesByCondition',
  async admit({ resource, subresource, operation, object }) {
    if (resource.storage.name !== 'nodes' || subresource !== '' || operation !== 'CREATE' || !object) return;
    const node = object as Node;
    node.spec ??= {};
    const present = node.spec.taints ?? [];
    if (!present.some(taint => taint.key === key && taint.effect === effect)) node.spec.taints = [...present, { key, effect }];
  },
});
