import { allowsNode, matchesTerm } from '../node-selection.ts';
import { normalized, type Plugin } from '../plugin.ts';

export const nodeAffinity: Plugin = {
  name: 'NodeAffinity',
  weight: 2,
  judge: pod => {
    const preferred = pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
    return {
      filter: ({ node }) =>
        allowsNode(pod.spec, node) ? undefined : { reasons: ["node(s) didn't match Pod's node affinity/selector"], final: true },
      ...(preferred.length > 0
        ? {
            scores: candidates =>
              normalized(
                candidates.map(({ node }) =>
                  preferred.reduce((sum, { weight, preference }) => sum + (matchesTerm(preference, node) ? weight : 0), 0),
                ),
              ),
          }
        : {}),
    };
  },
};
