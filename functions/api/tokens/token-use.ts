/** When a token that lies in a Secret was last used stands on the Secret, by the day, so that unused ones can be found. */
import { type Logger, timestamp } from '../../../kinds/environment.ts';
import type { KubeObject } from '../../../kinds/object.ts';
import type { Api } from '../api.ts';

const label = 'kubernetes.io/legacy-token-last-used';
const day = 24 * 3600 * 1000;
const dayOf = (time: number): string => timestamp(time).slice(0, 10);

/** Never rejects: nobody's request depends on it. A clock that is ahead elsewhere may have written tomorrow. */
export const noteTokenUse = async (api: Pick<Api, 'clients'>, { metadata }: KubeObject, now: number, logger: Logger): Promise<void> => {
  const last = metadata.labels?.[label];
  if (last === dayOf(now) || last === dayOf(now + day)) return;
  const { uid = '', name, namespace = '' } = metadata;
  try {
    await api.clients
      .asUser('system:apiserver', ['system:masters'])
      .patch('secrets', namespace, name, 'merge', { metadata: { uid, labels: { [label]: dayOf(now) } } });
  } catch (error) {
    logger.warn('the last use of a token could not be noted', { namespace, name, error: String(error) });
  }
};
