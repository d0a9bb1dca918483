/** Every pod runs as a service account that exists, and finds its token at the usual place (kubernetes `plugin/pkg/admission/serviceaccount`). */
import { type Random, randomSuffix } from '../../../kinds/environment.ts';
import { quote } from '../../../kinds/field.ts';
import { isPathSegment } from '../../../kinds/names.ts';
import { bareError } from '../../../kinds/patch/errors.ts';
import { isNotFound, notFound, StatusError } from '../../../kinds/status.ts';
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

const enforced = 'kubernetes.io/enforce-mountable-secrets';
const isTrue = new Set(['1', 't', 'T', 'TRUE', 'true', 'True']);

/** Which secrets a container reads although its account does not list them. */
const unlisted = (containers: readonly Container[] | undefined, listed: ReadonlySet<string>, what: string, account: string) => {
  const why = (secret: string) =>
    `referencing secret.secretName="${secret}" is not allowed because service account ${account} does not reference that secret`;
  for (const { name, env, envFrom } of containers ?? []) {
    for (const variable of env ?? []) {
      const secret = variable.valueFrom?.secretKeyRef && (variable.valueFrom.secretKeyRef.name ?? '');
      if (secret !== undefined && !listed.has(secret)) return `${what} ${name} with envVar ${variable.name} ${why(secret)}`;
    }
    for (const { secretRef } of envFrom ?? [])
      if (secretRef && !listed.has(secretRef.name ?? '')) return `${what} ${name} with envFrom ${why(secretRef.name ?? '')}`;
  }
  return undefined;
};
const mountable = ({ secrets }: ServiceAccount): ReadonlySet<string> => new Set(secrets?.map(({ name = '' }) => name));

/** Accounts may ask that their pods use no other secrets than those they list. */
const unlistedSecret = (
  account: ServiceAccount,
  { volumes, initContainers, containers, imagePullSecrets }: PodSpec,
): string | undefined => {
  const listed = mountable(account);
  const { name } = account.metadata;
  for (const { secret } of volumes ?? []) {
    if (secret && !listed.has(secret.secretName ?? ''))
      return `volume with secret.secretName="${secret.secretName ?? ''}" is not allowed because service account ${name} does not reference that secret`;
  }
  const read = unlisted(initContainers, listed, 'init container', name) ?? unlisted(containers, listed, 'container', name);
  if (read) return read;
  const known = new Set(account.imagePullSecrets?.map(secret => secret.name ?? ''));
  const at = imagePullSecrets?.findIndex(secret => !known.has(secret.name ?? '')) ?? -1;
  if (at < 0) return undefined;
  return `imagePullSecrets[${at}].name="${imagePullSecrets?.[at]?.name ?? ''}" is not allowed because service account ${name} does not reference that imagePullSecret`;
};

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
    const problems = isPathSegment(name);
    if (problems.length) throw new StatusError(404, 'NotFound', `invalid resource name ${quote(name)}: [${problems.join(' ')}]`);
    const replica = replicas.loaded('serviceaccounts') ?? (await replicas.open('serviceaccounts'));
    let entry = replica.get(namespace, name);
    if (!entry) {
      await replica.sync();
      entry = replica.get(namespace, name);
    }
    if (!entry) throw notFound({ group: '', resource: 'serviceaccount' }, name);
    return entry.object as ServiceAccount;
  };
  const accountOf = (request: AdmissionRequest, name: string): Promise<ServiceAccount> =>
    find(request.namespace, name).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
      throw refused(request, `error looking up service account ${request.namespace}/${name}: ${error.message}`);
    });
  const isEnforced = ({ metadata }: ServiceAccount): boolean => isTrue.has(metadata.annotations?.[enforced] ?? '');
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
      const account = await accountOf(request, name);
      if (spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true) mountToken(spec, random);
      if (!spec.imagePullSecrets?.length && account.imagePullSecrets?.length)
        spec.imagePullSecrets = account.imagePullSecrets.map(secret => ({ ...(secret.name ? { name: secret.name } : {}) }));
    },
    async validate(request) {
      const { resource, subresource } = request;
      const { spec, metadata } = (request.object ?? {}) as Partial<Pod>;
      if (!spec || resource.storage.name !== 'pods' || metadata?.annotations?.[mirror] !== undefined) return;
      const debugging = request.operation === 'UPDATE' && subresource === 'ephemeralcontainers';
      if (!debugging && !isNewPod(request)) return;
      const account = await accountOf(request, spec.serviceAccountName ?? '');
      if (!isEnforced(account)) return;
      if (debugging) {
        const containers = spec.ephemeralContainers as Container[] | undefined;
        const why = unlisted(containers, mountable(account), 'ephemeral container', account.metadata.name);
        if (why) throw bareError(why);
        return;
      }
      const why = unlistedSecret(account, spec);
      if (why) throw refused(request, why);
    },
  };
};
