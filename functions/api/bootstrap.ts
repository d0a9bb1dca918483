/**
 * The objects that a fresh cluster starts with (`kinds/facts/bootstrap.json`): namespaces, roles and bindings, priority classes, flow schemas, API
 * services, the `kubernetes` Service. Only what is missing is made, and of roles and bindings what they have lost, so any number of copies may do
 * it at once, at every start.
 */
import { serverSideApply } from '../../kinds/apply/apply.ts';
import { trackUpdate } from '../../kinds/apply/managed-fields.ts';
import { copyJson } from '../../kinds/copy.ts';
import { type Clock, type Random, timestamp } from '../../kinds/environment.ts';
import type { Json, KubeObject, ManagedFieldsEntry } from '../../kinds/object.ts';
import type { Registry } from '../../kinds/resource.ts';
import type { Log, Mutation, ObjectKey } from '../../store/log.ts';
import { reconciled } from './bootstrap-rbac.ts';

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
    .map(fact => complete(place(fact, options.addresses) as unknown as KubeObject, options.clock))
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
    if (!stored) continue;
    if (isOwnEndpoint(object)) await followAddress(log, key, object, stored);
    else await restore(object, key, stored, options);
  }
}

interface Stored {
  readonly revision: number;
  readonly value: Uint8Array;
}
const decode = ({ value }: Stored): KubeObject => JSON.parse(Buffer.from(value).toString()) as KubeObject;

/** Lost to another writer: that was another copy, or somebody whose change is looked at with the next start. */
async function restore(object: KubeObject, key: ObjectKey, stored: Stored, options: BootstrapOptions): Promise<void> {
  const existing = decode(stored);
  const outcome = reconciled(existing, object);
  if (outcome.type === 'same') return;
  if (outcome.type === 'replaced') {
    const gone: Mutation = {
      type: 'delete',
      key,
      expected: stored.revision,
      value: revision => encode(existing, { ...existing.metadata, resourceVersion: String(revision) }),
    };
    if ((await options.log.commit([gone])).committed) await options.log.commit([creation(object, key, options)]);
    return;
  }
  const { object: next } = outcome;
  const managedFields = track(options, next, { previous: existing, manager: server });
  const put = (revision: number): Uint8Array => encode(next, { ...next.metadata, managedFields, resourceVersion: String(revision) });
  await options.log.commit([{ type: 'put', key, expected: stored.revision, value: put }]);
}

/** A copy that was faster with one of them makes the whole commit fail: then each goes alone, and what exists is as wanted. */
async function createAll(log: Log, mutations: readonly Mutation[]): Promise<void> {
  if ((await log.commit(mutations)).committed) return;
  for (const mutation of mutations) await log.commit([mutation]);
}

function creation(object: KubeObject, key: ObjectKey, options: BootstrapOptions): Mutation {
  const { clock, random } = options;
  const creationTimestamp = timestamp(clock.now());
  const managedFields = fieldsOfNew(object, options);
  const metadata = { ...object.metadata, uid: random.uuid(), creationTimestamp, managedFields };
  return { type: 'put', key, expected: 0, value: revision => encode(object, { ...metadata, resourceVersion: String(revision) }) };
}

/** Who upstream's server says it is. */
const server = 'kube-apiserver';
/** Parts of it that speak for themselves, by kind: of the object, and of a status they apply. */
const writers: ReadonlyMap<string, { readonly manager?: string; readonly status?: string }> = new Map([
  ['FlowSchema', { manager: 'api-priority-and-fairness-config-producer-v1', status: 'api-priority-and-fairness-config-consumer-v1' }],
  ['PriorityLevelConfiguration', { manager: 'api-priority-and-fairness-config-producer-v1' }],
  ['ServiceCIDR', { status: 'kubernetes-service-cidr-controller' }],
]);

/** What the server's parts said when they made the object; what the API added to it is nobody's. */
const fieldsOfNew = (object: KubeObject, options: BootstrapOptions): ManagedFieldsEntry[] => {
  const { manager = server, status } = writers.get(object.kind) ?? {};
  const said = copyJson(object);
  delete said['status'];
  for (const field of added.get(object.kind) ?? []) delete (said['spec'] as Record<string, unknown>)[field];
  const main = track(options, said, { manager });
  if (!status) return main;
  const { apiVersion, kind, metadata } = object;
  const resource = options.registry.findKind(apiVersion, kind);
  if (!resource) return main;
  const applied = serverSideApply({
    schema: resource.schema,
    apiVersion,
    manager: status,
    subresource: 'status',
    time: timestamp(options.clock.now()),
    live: { ...said, metadata: { ...metadata, managedFields: main } },
    applied: { apiVersion, kind, metadata: { name: metadata.name }, status: object['status'] ?? {} },
    force: true,
  });
  return applied.metadata.managedFields ?? main;
};
const added: ReadonlyMap<string, readonly string[]> = new Map([
  ['Namespace', ['finalizers']],
  ['Service', ['clusterIPs', 'ipFamilies']],
]);

interface Writing {
  readonly manager: string;
  readonly previous?: KubeObject;
  readonly subresource?: string;
}

const track = (
  { registry, clock }: BootstrapOptions,
  next: KubeObject,
  { previous, manager, subresource }: Writing,
): ManagedFieldsEntry[] => {
  const { apiVersion, kind } = next;
  const resource = registry.findKind(apiVersion, kind);
  if (!resource) return [];
  const time = timestamp(clock.now());
  return trackUpdate({ schema: resource.schema, previous, next, manager, apiVersion, subresource, time });
};

const encode = ({ apiVersion, kind, ...rest }: KubeObject, metadata: KubeObject['metadata']): Uint8Array =>
  Buffer.from(JSON.stringify({ apiVersion, kind, ...rest, metadata }));

/** The endpoints of the API's own Service: a server that moved writes its new address. */
const isOwnEndpoint = ({ kind, metadata }: KubeObject): boolean =>
  (kind === 'Endpoints' || kind === 'EndpointSlice') && metadata.name === 'kubernetes' && metadata.namespace === 'default';

async function followAddress(log: Log, key: ObjectKey, wanted: KubeObject, stored: Stored): Promise<void> {
  const current = decode(stored);
  const fields = wanted.kind === 'Endpoints' ? ['subsets'] : ['endpoints', 'ports'];
  if (fields.every(field => JSON.stringify(current[field]) === JSON.stringify(wanted[field]))) return;
  const next: KubeObject = { ...current };
  for (const field of fields) next[field] = wanted[field];
  const put = (revision: number): Uint8Array => encode(next, { ...next.metadata, resourceVersion: String(revision) });
  // Lost to another copy: it has written an address of its own, which is as good.
  await log.commit([{ type: 'put', key, expected: stored.revision, value: put }]);
}

/** Since when the use of tokens in Secrets is noted: the day this cluster began. */
const tracking = 'kube-apiserver-legacy-service-account-token-tracking';
const complete = (object: KubeObject, clock: Clock): KubeObject => {
  const now = timestamp(clock.now());
  if (object.metadata.name === tracking) return { ...object, data: { since: now.slice(0, 10) } };
  const status = object['status'] as { conditions?: Record<string, unknown>[] } | undefined;
  if (!status?.conditions) return object;
  return { ...object, status: { ...status, conditions: status.conditions.map(condition => ({ lastTransitionTime: now, ...condition })) } };
};

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
