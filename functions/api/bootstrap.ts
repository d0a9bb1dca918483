/**
 * The objects that a fresh cluster starts with (`kinds/facts/bootstrap.json`): namespaces, roles and bindings, priority classes, flow schemas, API
 * services, the `kubernetes` Service. Only what is missing is made, so any number of copies may do it at once, at every start.
 */
import { type Clock, type Random, timestamp } from '../../kinds/environment.ts';
import type { Json, KubeObject } from '../../kinds/object.ts';
import type { Registry } from '../../kinds/resource.ts';
import type { Log, Mutation, ObjectKey } from '../../store/log.ts';

export interface ClusterAddresses {
  /** `10.96.0.0/16` */
  readonly serviceCidr: string;
  /** The first address of it, which the `kubernetes` Service has. */
  readonly apiServiceIp: string;
  /** Where pods reach the API. */
  readonly advertise: { readonly host: string; readonly port: number };
}

export interface BootstrapOptions {
  readonly log: Log;
  readonly registry: Registry;
  readonly facts: readonly KubeObject[];
  readonly addresses: ClusterAddresses;
  readonly clock: Clock;
  readonly random: Random;
}

/** As the facts were recorded. */
const recorded = { serviceCidr: '10.96.0.0/16', apiServiceIp: '10.96.0.1', host: '192.0.2.10', port: 17443 };
const commitSize = 50;

export async function bootstrap(options: BootstrapOptions): Promise<void> {
  const { log } = options;
  const wanted = options.facts
    .map(fact => place(fact, options.addresses) as unknown as KubeObject)
    .filter(object => !object.metadata.name.includes('*'));
  const rows = await Promise.all(
    wanted.map(async object => {
      const key = keyOf(object, options.registry);
      return { object, key, stored: await log.get(key) };
    }),
  );

  const missing = rows.filter(row => row.stored === undefined).map(({ object, key }) => creation(object, key, options));
  for (let start = 0; start < missing.length; start += commitSize) await createAll(log, missing.slice(start, start + commitSize));

  for (const { object, key, stored } of rows) {
    if (stored && isOwnEndpoint(object)) await followAddress(log, key, object, stored);
  }
}

/** A copy that was faster with one of them makes the whole commit fail: then each goes alone, and what exists is as wanted. */
async function createAll(log: Log, mutations: readonly Mutation[]): Promise<void> {
  if ((await log.commit(mutations)).committed) return;
  for (const mutation of mutations) await log.commit([mutation]);
}

function creation(object: KubeObject, key: ObjectKey, { clock, random }: BootstrapOptions): Mutation {
  const creationTimestamp = timestamp(clock.now());
  const metadata = { ...object.metadata, uid: random.uuid(), creationTimestamp };
  const timed = withTransitionTime(object, creationTimestamp);
  return { type: 'put', key, expected: 0, value: revision => encode(timed, { ...metadata, resourceVersion: String(revision) }) };
}

/** Conditions hold since now. */
const withTransitionTime = (object: KubeObject, lastTransitionTime: string): KubeObject => {
  const { status } = object as KubeObject & { status?: { conditions?: object[] } };
  if (!status?.conditions) return object;
  return { ...object, status: { ...status, conditions: status.conditions.map(one => ({ ...one, lastTransitionTime })) } };
};

const encode = ({ apiVersion, kind, ...rest }: KubeObject, metadata: KubeObject['metadata']): Uint8Array =>
  Buffer.from(JSON.stringify({ apiVersion, kind, ...rest, metadata }));

/** The endpoints of the API's own Service: a server that moved writes its new address. */
const isOwnEndpoint = ({ kind, metadata }: KubeObject): boolean =>
  (kind === 'Endpoints' || kind === 'EndpointSlice') && metadata.name === 'kubernetes' && metadata.namespace === 'default';

async function followAddress(log: Log, key: ObjectKey, wanted: KubeObject, stored: { revision: number; value: Uint8Array }): Promise<void> {
  const current = JSON.parse(Buffer.from(stored.value).toString()) as KubeObject;
  const fields = wanted.kind === 'Endpoints' ? ['subsets'] : ['endpoints', 'ports'];
  if (fields.every(field => JSON.stringify(current[field]) === JSON.stringify(wanted[field]))) return;
  const next: KubeObject = { ...current };
  for (const field of fields) next[field] = wanted[field];
  // Lost to another copy: it has written an address of its own, which is as good.
  await log.commit([
    {
      type: 'put',
      key,
      expected: stored.revision,
      value: revision => encode(next, { ...next.metadata, resourceVersion: String(revision) }),
    },
  ]);
}

function keyOf(object: KubeObject, registry: Registry): ObjectKey {
  const resource = registry.findKind(object.apiVersion, object.kind);
  if (!resource) throw new Error(`bootstrap: nothing serves ${object.apiVersion} ${object.kind}`);
  return { resource: resource.storage.name, namespace: object.metadata.namespace ?? '', name: object.metadata.name };
}

/** Puts this cluster's addresses in the place of the recorded ones. */
function place(object: KubeObject, { serviceCidr, apiServiceIp, advertise }: ClusterAddresses): KubeObject {
  const replace = (one: Json): Json => {
    if (one === recorded.serviceCidr) return serviceCidr;
    if (one === recorded.apiServiceIp) return apiServiceIp;
    if (one === recorded.host) return advertise.host;
    if (one === recorded.port) return advertise.port;
    if (Array.isArray(one)) return one.map(replace);
    if (one !== null && typeof one === 'object')
      return Object.fromEntries(Object.entries(one).map(([field, inner]) => [field, replace(inner)]));
    return one;
  };
  return replace(object as unknown as Json) as unknown as KubeObject;
}
