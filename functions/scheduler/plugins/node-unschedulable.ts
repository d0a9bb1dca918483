import { tolerates } from '../../controller/tolerations.ts';
import type { Plugin } from '../plugin.ts';

const taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };

/** Cordoned nodes take only pods that tolerate it. */
export const nodeUnschedulable: Plugin = {
  name: 'NodeUnschedulable',
  judge: pod => {
    if (pod.spec?.tolerations?.some(toleration => tolerates(toleration, taint))) return undefined;
    return {
      filter: ({ node }) => (node.spec?.unschedulable ? { reasons: ['node(s) were unschedulable'], final: true } : undefined),
    };
  },
};
