/** Pods stay five minutes on a node that is not ready or not reachable, unless they say otherwise. */
import type { Pod, Toleration } from '../../../kinds/types.ts';
import type { AdmissionPlugin } from '../admission.ts';

const keys = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];
const seconds = 300;

const covers = ({ key, effect }: Toleration, taint: string): boolean => (key === taint || !key) && (effect === 'NoExecute' || !effect);

export const defaultTolerationSeconds = (): AdmissionPlugin => ({
  name: 'DefaultTolerationSeconds',
  async admit({ resource, subresource, operation, object }) {
    if (resource.storage.name !== 'pods' || subresource !== '' || (operation !== 'CREATE' && operation !== 'UPDATE')) return;
    const spec = (object as Pod | undefined)?.spec;
    if (!spec) return;
    const present = spec.tolerations ?? [];
    const missing = keys.filter(key => !present.some(toleration => covers(toleration, key)));
    if (missing.length === 0) return;
    const added = missing.map(key => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: seconds }));
    spec.tolerations = [...present, ...added];
  },
});
