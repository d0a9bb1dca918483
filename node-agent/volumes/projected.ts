import { writeAtomically } from './atomic-writer.ts';
import { configMapPayload, downwardPayload, secretPayload } from './payloads.ts';
import { defaultMode, type Payload, type VolumeContext, type VolumeType } from './volume.ts';

type Source = NonNullable<NonNullable<Parameters<VolumeType['setUp']>[0]['projected']>['sources']>[number];

const payloadOf = async (source: Source, context: VolumeContext, mode: number): Promise<Payload> => {
  if (source.configMap) return await configMapPayload(source.configMap, context, mode);
  if (source.secret) return await secretPayload(source.secret, context, mode);
  if (source.downwardAPI) return downwardPayload(source.downwardAPI.items ?? [], context, mode);
  if (source.serviceAccountToken) {
    const { path, audience, expirationSeconds = 3600 } = source.serviceAccountToken;
    const token = await context.token(context.pod, audience, expirationSeconds);
    return new Map([[path, { data: Buffer.from(token), mode }]]);
  }
  throw new Error('the projected volume has a source of a kind that this node does not know');
};

export const projected: VolumeType = {
  field: 'projected',
  refreshes: true,
  readOnly: true,
  async setUp({ projected: volume }, context) {
    const parts = await Promise.all((volume?.sources ?? []).map(source => payloadOf(source, context, volume?.defaultMode ?? defaultMode)));
    // A later source replaces an earlier one's file of the same path.
    const payload: Payload = new Map(parts.flatMap(part => [...part]));
    await writeAtomically(context.dir, payload, context.pod.spec.securityContext?.fsGroup);
    return context.dir;
  },
};
