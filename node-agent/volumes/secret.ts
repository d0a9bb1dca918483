import { writeAtomically } from './atomic-writer.ts';
import { secretPayload } from './payloads.ts';
import type { VolumeType } from './volume.ts';

export const secret: VolumeType = {
  field: 'secret',
  refreshes: true,
  readOnly: true,
  async setUp({ secret: source = {} }, context) {
    const { secretName, ...rest } = source;
    const payload = await secretPayload(
      { ...rest, ...(secretName === undefined ? {} : { name: secretName }) },
      context,
      source.defaultMode,
    );
    await writeAtomically(context.dir, payload, context.pod.spec.securityContext?.fsGroup);
    return context.dir;
  },
};
