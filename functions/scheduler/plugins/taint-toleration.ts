import { tolerates, untolerated } from '../../controller/tolerations.ts';
import { normalized, type Plugin } from '../plugin.ts';

export const taintToleration: Plugin = {
  name: 'TaintToleration',
  weight: 3,
  judge: pod => {
    const tolerations = pod.spec?.tolerations ?? [];
    const soft = tolerations.filter(toleration => !toleration.effect || toleration.effect === 'PreferNoSchedule');
    return {
      filter: ({ node }) =>
        untolerated(node.spec?.taints, tolerations, ['NoSchedule', 'NoExecute'])
          ? { reasons: ['node(s) had untolerated taint(s)'], final: true }
          : undefined,
      score: ({ node }) =>
        (node.spec?.taints ?? []).filter(
          taint => taint.effect === 'PreferNoSchedule' && !soft.some(toleration => tolerates(toleration, taint)),
        ).length,
      normalize: scores => normalized(scores, true),
    };
  },
};
