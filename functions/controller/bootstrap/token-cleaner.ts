/** Bootstrap tokens go when their time is over (kubernetes `pkg/controller/bootstrap/tokencleaner.go`). */
import { isNotFound } from '../../../kinds/status.ts';
import type { Secret } from '../../../kinds/types.ts';
import { keyOf, type Reconciler, splitKey } from '../reconciler.ts';
import { bootstrapTokenOf, tokenNamespace } from './token.ts';

const longestTimer = 24 * 3600_000;

export const bootstrapTokenCleaner: Reconciler = {
  name: 'token-cleaner',
  watches: [{ resource: 'secrets', keys: ({ entry }) => (entry.namespace === tokenNamespace ? [keyOf(entry.object)] : []) }],
  async reconcile(key, { replica, client, clock }) {
    const { namespace, name } = splitKey(key);
    const secret = replica('secrets').get(namespace, name)?.object as Secret | undefined;
    const token = secret && bootstrapTokenOf(secret);
    if (!token || token.expires === Number.POSITIVE_INFINITY) return undefined;
    const left = token.expires - clock.now();
    if (left > 0) return { after: Math.min(left, longestTimer) };
    try {
      await client.delete('secrets', namespace, name, { preconditions: { uid: secret.metadata.uid ?? '' } });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    return undefined;
  },
};
