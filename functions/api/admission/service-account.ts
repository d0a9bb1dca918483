/** Every pod runs as a service account that exists, and finds its token at the usual place (kubernetes `plugin/pkg/admission/serviceaccount`). */
import { type Random, randomSuffix } from '../../../kinds/environment.ts';
import { isNotFound, notFound } from '../../../kinds/status.ts';
import type { Container, Pod, PodSpec, ServiceAccount, Volume } from '../../../kinds/types.ts';
import type { Replicas } from '../../../store/replica.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';
import { refused } from './forbidden.ts';

const mirror = 'kubernetes.io/config.mirror';
const volumePrefix = 'kube-api-access-';
const mountPath = '/var/run/secrets/kubernetes.io/serviceaccount';

const tokenVolume = (name: string): Volume => ({
  name,
  projected: {
    defaultMode: 420,
    sources: [
      // A little over an hour marks tokens that old clients may go on using for a year (serviceaccount.WarnOnlyBoundTokenExpirationSeconds).
      { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
      { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      { downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] } },
    ],
  },
});

/** Adds the mount where nothing is mounted there yet; true if any container needed it. */
const mountIn = (containers: Container[] | undefined, volume: string): boolean => {
  let needed = false;
  for (const container of containers ?? []) {
    if (container.volumeMounts?.some(mount => mount.mountPath === mountPath)) continue;
    container.volumeMounts = [...(container.volumeMounts ?? []), { name: volume, readOnly: true, mountPath }];
    needed = true;
  }
  return needed;
};

const mountToken = (spec: PodSpec, random: Random): void => {
  const own = spec.volumes?.find(({ name }) => name.startsWith(volumePrefix));
  const name = own?.name ?? `${volumePrefix}${randomSuffix(random)}`;
  const inInit = mountIn(spec.initContainers, name);
  const inMain = mountIn(spec.containers, name);
  if (!own && (inInit || inMain)) spec.volumes = [...(spec.volumes ?? []), tokenVolume(name)];
};

const isNewPod = ({ resource, subresource, operation }: AdmissionRequest): boolean =>
  resource.storage.name === 'pods' && subresource === '' && operation === 'CREATE';

const refusedMirror = (pod: Pod): string | undefined => {
  const { spec } = pod;
  if (spec?.serviceAccountName) return 'a mirror pod may not reference service accounts';
  const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
  const secrets =
    spec?.imagePullSecrets?.length ||
    spec?.volumes?.some(({ secret, projected }) => secret || projected?.sources?.some(source => source.secret)) ||
    containers.some(({ env, envFrom }) => env?.some(e => e.valueFrom?.secretKeyRef) || envFrom?.some(e => e.secretRef));
  if (secrets) return 'a mirror pod may not reference secrets';
  if (spec?.volumes?.some(({ projected }) => projected?.sources?.some(source => source.serviceAccountToken)))
    return 'a mirror pod may not use ServiceAccountToken volume projections';
  return undefined;
};

export const serviceAccount = (replicas: Replicas, random: Random): AdmissionPlugin => {
  const find = async (namespace: string, name: string): Promise<ServiceAccount> => {
    const replica = replicas.loaded('serviceaccounts') ?? (await replicas.open('serviceaccounts'));
    let entry = replica.get(namespace, name);
    if (!entry) {
      await replica.sync();
      entry = replica.get(namespace, name);
    }
    if (!entry) throw notFound({ group: '', resource: 'serviceaccount' }, name);
    return entry.object as ServiceAccount;
  };
  return {
    name: 'ServiceAccount',
    async admit(request) {
      if (!isNewPod(request)) return;
      const pod = request.object as Pod | undefined;
      const spec = pod?.spec;
      if (!pod || !spec) return;
      if (pod.metadata.annotations?.[mirror] !== undefined) {
        const why = refusedMirror(pod);
        if (why) throw refused(request, why);
        return;
      }
      spec.serviceAccountName ||= 'default';
      // The old name of the field says the same.
      spec.serviceAccount = spec.serviceAccountName;
      const name = spec.serviceAccountName;
      const account = await find(request.namespace, name).catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
        throw refused(request, `error looking up service account ${request.namespace}/${name}: ${error.message}`);
      });
      if (spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true) mountToken(spec, random);
      if (!spec.imagePullSecrets?.length && account.imagePullSecrets?.length)
        spec.imagePullSecrets = account.imagePullSecrets.map(secret => ({ ...(secret.name ? { name: secret.name } : {}) }));
    },
  };
};
