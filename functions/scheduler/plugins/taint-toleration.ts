import { tolerates, untolerated } from '../../controller/tolerations.ts';
import { type NodeState, normalized, type Plugin } from '../plugin.ts';

export const taintToleration: Plugin = {
  name: 'TaintToleration',
  weight: 3,
  judge: pod => {
    const tolerations = pod.spec?.tolerations ?? [];
    const soft = tolerations.filter(toleration => !toleration.effect || toleration.effect === 'PreferNoSchedule');
    const untoleratedPreferences = ({ node }: NodeState): number =>
      (node.spec?.taints ?? []).filter(
        taint => taint.effect === 'PreferNoSchedule' && !soft.some(toleration => tolerates(toleration, taint)),
      ).length;
    return {
      filter: ({ node }) =>
        untolerated(node.spec?.taints, tolerations, ['NoSchedule', 'NoExecute'])
          ? { reasons: ['node(s) had untolerated taint(s)'], final: true }
          : undefined,
      scores: candidates => normalized(candidates.map(untoleratedPreferences), true),
    };
  },
};
