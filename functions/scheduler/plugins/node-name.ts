import type { Plugin } from '../plugin.ts';

export const nodeName: Plugin = {
  name: 'NodeName',
  judge: pod => {
    const wanted = pod.spec?.nodeName;
    if (!wanted) return undefined;
    return {
      filter: ({ name }) => (name === wanted ? undefined : { reasons: ["node(s) didn't match the requested node name"], final: true }),
    };
  },
};
