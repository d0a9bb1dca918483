import type { Clock } from '../../kinds/environment.ts';
import { isNotFound, notFound } from '../../kinds/status.ts';
import type { ConfigMap, Secret } from '../../kinds/types.ts';
import { type ApiClient, coreV1 } from '../api-client.ts';
import type { Sources } from './environment.ts';
import { type BoundPod, namespaceOf, uidOf } from './pod.ts';

/**
 * ConfigMaps, Secrets and tokens that pods refer to. `fresh` asks the API every time, for what starts; `recent` may answer what was
 * seen within the last few seconds, for the periodic refresh of many pods with the same objects.
 */
export interface References {
  fresh: Sources;
  recent: Sources;
  token(pod: BoundPod, audience: string | undefined, seconds: number): Promise<string>;
  /** Tokens and objects of a pod that is gone need not be kept. */
  forget(uid: string): void;
}

interface Token {
  token: string;
  /** When to ask for the next one. */
  renewAt: number;
}

const recently = 10_000;
const day = 86_400_000;

export const createReferences = ({ client, clock }: { client: Pick<ApiClient, 'get' | 'create'>; clock: Clock }): References => {
  const seen = new Map<string, { at: number; object: ConfigMap | Secret }>();
  const tokens = new Map<string, Token>();

  const get = async <T extends ConfigMap | Secret>(resource: string, namespace: string, name: string): Promise<T> => {
    const path = coreV1(`${resource}s`, namespace, name);
    try {
      const object = await client.get<T>(path);
      seen.delete(path);
      seen.set(path, { at: clock.now(), object });
      for (const [key, { at }] of seen) {
        if (clock.now() - at <= 4 * recently) break;
        seen.delete(key);
      }
      return object;
    } catch (error) {
      seen.delete(path);
      // Kubelet names the kind in the singular, and people search for its text.
      throw isNotFound(error) ? notFound({ group: '', resource }, name) : error;
    }
  };
  const getRecent = async <T extends ConfigMap | Secret>(resource: string, namespace: string, name: string): Promise<T> => {
    const known = seen.get(coreV1(`${resource}s`, namespace, name));
    return known && clock.now() - known.at < recently ? (known.object as T) : await get<T>(resource, namespace, name);
  };

  return {
    fresh: {
      configMap: (namespace, name) => get<ConfigMap>('configmap', namespace, name),
      secret: (namespace, name) => get<Secret>('secret', namespace, name),
    },
    recent: {
      configMap: (namespace, name) => getRecent<ConfigMap>('configmap', namespace, name),
      secret: (namespace, name) => getRecent<Secret>('secret', namespace, name),
    },
    async token(pod, audience, seconds) {
      const key = `${uidOf(pod)} ${audience ?? ''} ${seconds}`;
      const known = tokens.get(key);
      if (known && clock.now() < known.renewAt) return known.token;
      const account = pod.spec.serviceAccountName || 'default';
      const answer = await client.create<{ status: { token: string; expirationTimestamp: string } }>(
        coreV1('serviceaccounts', namespaceOf(pod), account, 'token'),
        {
          apiVersion: 'authentication.k8s.io/v1',
          kind: 'TokenRequest',
          spec: {
            audiences: audience ? [audience] : [],
            expirationSeconds: seconds,
            boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: pod.metadata.name, uid: uidOf(pod) },
          },
        },
      );
      const { token, expirationTimestamp } = answer.status;
      // Kubelet's rule: after 80 % of its life, or after a day.
      const life = Math.max(0, Date.parse(expirationTimestamp) - clock.now());
      tokens.set(key, { token, renewAt: clock.now() + Math.min(life * 0.8, day) });
      return token;
    },
    forget(uid) {
      for (const key of tokens.keys()) if (key.startsWith(`${uid} `)) tokens.delete(key);
    },
  };
};
