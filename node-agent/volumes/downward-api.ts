import { writeAtomically } from './atomic-writer.ts';
import { downwardPayload } from './payloads.ts';
import type { VolumeType } from './volume.ts';

export const downwardApi: VolumeType = {
  field: 'downwardAPI',
  refreshes: true,
  readOnly: true,
  async setUp({ downwardAPI: source = {} }, context) {
    const payload = downwardPayload(source.items ?? [], context, source.defaultMode);
    await writeAtomically(context.dir, payload, context.pod.spec.securityContext?.fsGroup);
    return context.dir;
  },
};
