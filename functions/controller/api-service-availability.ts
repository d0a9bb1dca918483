/**
 * Tells whether the server behind an APIService can be asked, in its condition `Available` (kube-aggregator `pkg/controllers/status`). Looks
 * again for as long as one is registered that another server answers.
 */
import { timestamp } from '../../kinds/environment.ts';
import { isConflict, isNotFound } from '../../kinds/status.ts';
import type { ApiService, EndpointSlice, Service } from '../../kinds/types.ts';
import type { ReplicaEvent } from '../../store/replica.ts';
import { apiServices, type Extension, extensionOf } from '../extensions.ts';
import type { Key, ReconcileContext, Reconciler, Result } from './reconciler.ts';
import { splitKey } from './reconciler.ts';

/** Asks the server; undefined: it answers, otherwise why not. */
export type Probe = (extension: Extension) => Promise<string | undefined>;

const slices = 'endpointslices.discovery.k8s.io';
const serviceLabel = 'kubernetes.io/service-name';
const options = { fieldManager: 'kube-apiserver' };
const failedCheck = 'FailedDiscoveryCheck';
const lookAgain = 30_000;
/** The first pause after a failure; each further one is twice as long. */
const soon = 500;

interface Judgement {
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
}

export const apiServiceAvailability = (probe: Probe): Reconciler => {
  /** How often each was found wanting since it last was well. Only a hint for when to look again. */
  const failures = new Map<Key, number>();
  return {
    name: 'api-service-availability',
    user: 'system:apiserver',
    watches: [
      { resource: apiServices },
      { resource: 'services', keys: ({ entry }, replica) => behind(entry.namespace, entry.name, replica) },
      {
        resource: slices,
        keys: ({ entry }: ReplicaEvent, replica) => behind(entry.namespace, entry.object.metadata.labels?.[serviceLabel] ?? '', replica),
      },
    ],
    async reconcile(key, context) {
      const service = await current(key, context);
      if (!service) {
        failures.delete(key);
        return undefined;
      }
      const extension = extensionOf(service, context.clock.now());
      const judgement = extension ? await judge(extension, probe, context) : local;
      try {
        await write(service, judgement, context);
      } catch (error) {
        // Changed or gone meanwhile: its event brings it here again.
        if (!isConflict(error) && !isNotFound(error)) throw error;
      }
      if (!extension) return undefined;
      return next(key, judgement, failures);
    },
  };
};

/** All but the server's own answer comes with a change of what is watched. */
const next = (key: Key, { reason }: Judgement, failures: Map<Key, number>): Result => {
  if (reason !== failedCheck) {
    failures.delete(key);
    return { after: lookAgain };
  }
  const count = failures.get(key) ?? 0;
  failures.set(key, count + 1);
  return { after: Math.min(lookAgain, soon * 2 ** Math.min(count, 10)) };
};

/** The APIServices that lead to a Service. */
const behind = (namespace: string, name: string, replica: ReconcileContext['replica']): Key[] =>
  name === ''
    ? []
    : replica(apiServices)
        .list()
        .filter(({ object }) => {
          const { service } = (object as ApiService).spec ?? {};
          return service?.name === name && service.namespace === namespace;
        })
        .map(entry => `/${entry.name}`);

const current = async (key: Key, context: ReconcileContext): Promise<ApiService | undefined> => {
  const replica = context.replica(apiServices);
  await replica.sync();
  return replica.get('', splitKey(key).name)?.object as ApiService | undefined;
};

const local: Judgement = { status: 'True', reason: 'Local', message: 'Local APIServices are always available' };
const unavailable = (reason: string, message: string): Judgement => ({ status: 'False', reason, message });

const judge = async (extension: Extension, probe: Probe, context: ReconcileContext): Promise<Judgement> => {
  const { namespace, name, port } = extension.service;
  const which = `service/${name} in "${namespace}"`;
  const found = context.replica('services').get(namespace, name)?.object as Service | undefined;
  if (!found) return unavailable('ServiceNotFound', `${which} is not present`);
  if ((found.spec?.type ?? 'ClusterIP') === 'ClusterIP') {
    const servicePort = found.spec?.ports?.find(one => one.port === port);
    if (!servicePort) return unavailable('ServicePortError', `${which} is not listening on port ${port}`);
    const endpoints = context.replica(slices).list({ namespace, labels: { [serviceLabel]: name } });
    if (endpoints.length === 0) return unavailable('EndpointsNotFound', `cannot find endpointslices for ${which}`);
    const portName = servicePort.name ?? '';
    if (!endpoints.some(({ object }) => isReady(object as EndpointSlice, portName)))
      return unavailable('MissingEndpoints', `endpointslices for ${which} have no addresses with port name "${portName}"`);
  }
  const failure = await probe(extension);
  if (failure !== undefined) return unavailable(failedCheck, failure);
  return { status: 'True', reason: 'Passed', message: 'all checks passed' };
};

const isReady = ({ endpoints = [], ports = [] }: EndpointSlice, portName: string): boolean =>
  endpoints.some(({ conditions }) => conditions?.ready !== false) &&
  ports.some(({ name = '', port }) => name === portName && port !== undefined);

const write = async (service: ApiService, judgement: Judgement, { client, clock }: ReconcileContext): Promise<void> => {
  const conditions = service.status?.conditions ?? [];
  const before = conditions.find(({ type }) => type === 'Available');
  const { status, reason, message } = judgement;
  if (before?.status === status && before.reason === reason && before.message === message) return;
  const lastTransitionTime = before?.status === status ? before.lastTransitionTime : timestamp(clock.now());
  const condition = { type: 'Available', status, ...(lastTransitionTime ? { lastTransitionTime } : {}), reason, message };
  const others = conditions.filter(one => one !== before);
  await client.update(
    apiServices,
    { ...service, status: { ...service.status, conditions: [...others, condition] } },
    { ...options, subresource: 'status' },
  );
};
