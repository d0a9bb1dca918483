import { writeAtomically } from './atomic-writer.ts';
import { configMapPayload } from './payloads.ts';
import type { VolumeType } from './volume.ts';

export const configMap: VolumeType = {
  field: 'configMap',
  refreshes: true,
  readOnly: true,
  async setUp({ configMap: source = {} }, context) {
    const payload = await configMapPayload(source, context, source.defaultMode);
    await writeAtomically(context.dir, payload, context.pod.spec.securityContext?.fsGroup);
    return context.dir;
  },
};
