/**
 * Keeps a local APIService for every served version of a custom resource's group (kubernetes `crdregistration`, kube-aggregator
 * `autoregister`). Those of built-in groups are there from the start. What does not carry the label is somebody else's and stays.
 */
import type { Definition } from '../../kinds/custom-resources/definition.ts';
import { isAlreadyExists, isConflict, isNotFound } from '../../kinds/status.ts';
import type { ApiService } from '../../kinds/types.ts';
import { apiServices } from '../extensions.ts';
import { definitions } from '../served.ts';
import type { Key, ReconcileContext, Reconciler, Result } from './reconciler.ts';
import { splitKey } from './reconciler.ts';

const managed = 'kube-aggregator.kubernetes.io/automanaged';
const options = { fieldManager: 'kube-apiserver' };

const keysOf = (definition: Definition): Key[] => definition.spec.versions.map(({ name }) => `/${name}.${definition.spec.group}`);

/** Runs beside every API, as the server itself. */
export const apiServiceRegistration: Reconciler = {
  name: 'api-service-registration',
  user: 'system:apiserver',
  watches: [
    { resource: apiServices },
    {
      resource: definitions,
      keys: ({ entry, previous }) => [...keysOf(entry.object as Definition), ...(previous ? keysOf(previous.object as Definition) : [])],
    },
  ],
  async reconcile(key, context) {
    const { name } = splitKey(key);
    const [found, wanted] = await Promise.all([stored(name, context), desired(name, context)]);
    try {
      await settle(found, wanted, context);
    } catch (error) {
      // Another copy was faster, or somebody changed it: its event brings it here again.
      if (!isAlreadyExists(error) && !isConflict(error) && !isNotFound(error)) throw error;
    }
    return undefined satisfies Result;
  },
};

const stored = async (name: string, { replica }: ReconcileContext): Promise<ApiService | undefined> => {
  const services = replica(apiServices);
  await services.sync();
  return services.get('', name)?.object as ApiService | undefined;
};

const desired = async (name: string, { replica }: ReconcileContext): Promise<ApiService | undefined> => {
  const known = replica(definitions);
  await known.sync();
  const dot = name.indexOf('.');
  const version = name.slice(0, dot);
  const group = name.slice(dot + 1);
  const isServed = known.list().some(({ object }) => {
    const { spec } = object as Definition;
    return spec.group === group && spec.versions.some(one => one.name === version && one.served);
  });
  if (!isServed) return undefined;
  return {
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name, labels: { [managed]: 'true' } },
    spec: { group, version, groupPriorityMinimum: 1000, versionPriority: 100 },
  };
};

const settle = async (found: ApiService | undefined, wanted: ApiService | undefined, { client }: ReconcileContext): Promise<void> => {
  if (!found) {
    if (wanted) await client.create(apiServices, wanted, options);
    return;
  }
  const { name, uid = '', labels } = found.metadata;
  if (labels?.[managed] !== 'true') return;
  if (!wanted?.spec) return client.delete(apiServices, '', name, { preconditions: { uid } });
  const { spec } = found;
  const same =
    !spec?.service &&
    spec?.groupPriorityMinimum === wanted.spec.groupPriorityMinimum &&
    spec.versionPriority === wanted.spec.versionPriority;
  if (!same) await client.update(apiServices, { ...found, spec: wanted.spec }, options);
};
