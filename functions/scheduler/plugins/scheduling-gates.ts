import type { Plugin } from '../plugin.ts';

/** The scheduler never starts on a gated pod; the plugin states it for whoever asks. */
export const schedulingGates: Plugin = {
  name: 'SchedulingGates',
  judge: pod => {
    const gates = pod.spec?.schedulingGates ?? [];
    if (gates.length === 0) return undefined;
    const reasons = [`waiting for scheduling gates: [${gates.map(gate => gate.name).join(' ')}]`];
    return { filter: () => ({ reasons, final: true }) };
  },
};
