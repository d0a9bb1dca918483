/** The scale of a workload: its replicas as an `autoscaling/v1` Scale (kubernetes `pkg/registry/apps/deployment/storage/storage.go`). */
import { serverSideApply } from '../../../kinds/apply/apply.ts';
import { timestamp } from '../../../kinds/environment.ts';
import type { JsonObject, KubeObject, ManagedFieldsEntry } from '../../../kinds/object.ts';
import { apiVersionOf, isCustomResource } from '../../../kinds/resource.ts';
import { conform } from '../../../kinds/schema/decode.ts';
import { badRequest, conflict, internalError, invalid, notFound, pageNotFound } from '../../../kinds/status.ts';
import { decodeObject, targetOf } from '../body.ts';
import { type Answer, type Call, type Exchange, groupResource, objectAnswer, toServed, type WriteOptions } from '../context.ts';
import { renewManagedFields } from '../managed-fields.ts';
import { patchType } from '../negotiate.ts';
import { writeOptions } from '../options.ts';
import type { Draft, Written } from '../store.ts';
import { readEntry } from '../verbs/get.ts';
import { applyChange, type Patch, readPatch } from '../verbs/patch.ts';
import { copyJson } from '../wire.ts';
import { updateObject } from '../write.ts';

const target = () => targetOf('autoscaling', 'v1', 'Scale');

interface Scale extends KubeObject {
  spec?: { replicas?: number };
}

const dig = (value: unknown, path: readonly string[]): unknown => {
  let at = value;
  for (const key of path) at = typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[key] : undefined;
  return at;
};

const rules = (call: Call) => {
  const { scale } = call.resource.strategy;
  if (!scale) throw pageNotFound();
  return scale;
};

export const scaleOf = (call: Call, object: KubeObject): Scale => {
  const { specReplicas, statusReplicas, selector } = rules(call);
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const value = {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: dig(object, specReplicas) ?? 0 },
    status: { replicas: dig(object, statusReplicas) ?? 0, selector: selector(object) },
  };
  const made = conform(target().schema, copyJson(value), { strict: false }).object;
  return { ...made, kind: value.kind, apiVersion: value.apiVersion } as Scale;
};

const checkScale = (call: Call, scale: Scale): number => {
  const replicas = scale.spec?.replicas ?? 0;
  if (replicas < 0 && rules(call).ownField === undefined)
    throw invalid({ group: 'autoscaling', kind: 'Scale' }, call.name, [
      { type: 'Invalid', field: 'spec.replicas', message: `Invalid value: ${replicas}: must be greater than or equal to 0` },
    ]);
  return replicas;
};

const setReplicas = (call: Call, object: KubeObject, replicas: number): void => {
  const path = rules(call).specReplicas;
  let at = object as Record<string, unknown>;
  for (const key of path.slice(0, -1)) {
    at[key] ??= {};
    at = at[key] as Record<string, unknown>;
  }
  const last = path.at(-1);
  if (last) at[last] = replicas;
};

/** What a scale says of one object: the replicas, and through which door they were set. */
interface Change {
  readonly scale: Scale;
  readonly applied: boolean;
}

const write = (call: Call, options: WriteOptions, changeFor: (previous: NonNullable<Draft['previous']>) => Change): Promise<Written> =>
  updateObject(call, options, previous => {
    const { resource, name } = call;
    if (!previous) throw notFound(groupResource(resource), name);
    const { scale, applied } = changeFor(previous);
    checkMetadata(call, scale, previous.object);
    const next = copyJson(previous.object);
    setReplicas(call, next, checkScale(call, scale));
    if (scale.metadata.resourceVersion) next.metadata.resourceVersion = scale.metadata.resourceVersion;
    renewManagedFields(call, options, next, previous.object);
    ownReplicas(call, options, next, previous.object, applied);
    return next;
  });

const checkMetadata = (call: Call, { metadata }: Scale, { metadata: stored }: KubeObject): void => {
  const { resource, name } = call;
  if (!metadata.name) throw badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`);
  if (metadata.name !== name) throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`);
  if (metadata.namespace && metadata.namespace !== call.namespace)
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  const { uid = '' } = stored;
  if (metadata.uid && metadata.uid !== uid)
    throw conflict(groupResource(resource), name, `Precondition failed: UID in precondition: ${metadata.uid}, UID in object meta: ${uid}`);
};

/**
 * Who sets replicas through the scale owns them in the workload, in an entry that carries no time unless it had one before
 * (apimachinery `pkg/util/managedfields/scalehandler.go`).
 */
const ownReplicas = (call: Call, options: WriteOptions, next: KubeObject, previous: KubeObject, applied: boolean): void => {
  const isOwn = (entry: ManagedFieldsEntry): boolean => entry.subresource === 'scale' && entry.manager === options.manager;
  const entries = next.metadata.managedFields ?? [];
  const before = previous.metadata.managedFields?.find(isOwn);
  if (applied && !entries.some(isOwn)) {
    const fieldsV1: JsonObject = {};
    let at = fieldsV1;
    for (const key of rules(call).specReplicas) {
      const inner: JsonObject = {};
      at[`f:${key}`] = inner;
      at = inner;
    }
    entries.push({
      manager: options.manager,
      operation: 'Apply',
      apiVersion: apiVersionOf(call.resource),
      fieldsType: 'FieldsV1',
      fieldsV1,
      subresource: 'scale',
    });
  }
  for (const entry of entries) {
    if (!isOwn(entry)) continue;
    if (applied) entry.operation = 'Apply';
    if (before?.time) entry.time = before.time;
    else delete entry.time;
  }
  if (entries.length > 0) next.metadata.managedFields = entries;
};

const answer = (call: Call, { object }: Written): Answer => objectAnswer(200, scaleOf(call, object));

export const getScale = async (exchange: Exchange): Promise<Answer> => {
  rules(exchange);
  const entry = await readEntry(exchange);
  const object = toServed(exchange.resource, entry.object);
  const { ownField, specReplicas } = rules(exchange);
  if (ownField !== undefined && dig(object, specReplicas) === undefined)
    throw internalError(`the spec replicas field ${JSON.stringify(ownField)} does not exist`);
  return objectAnswer(200, scaleOf(exchange, object));
};

export const replaceScale = async (call: Call, scale: KubeObject, options: WriteOptions): Promise<KubeObject> =>
  scaleOf(call, (await write(call, options, () => ({ scale: scale as Scale, applied: false }))).object);

export const updateScale = async (exchange: Exchange): Promise<Answer> => {
  rules(exchange);
  const options = writeOptions('UpdateOptions', exchange.info.query, exchange.request.headers.get('user-agent'));
  const scale = (await decodeObject(exchange, target(), options.fieldValidation)) as Scale;
  return answer(exchange, await write(exchange, options, () => ({ scale, applied: false })));
};

export const patchScale = async (exchange: Exchange): Promise<Answer> => {
  rules(exchange);
  const type = patchType(exchange.request.headers.get('content-type'), isCustomResource(exchange.resource));
  const options = writeOptions('PatchOptions', exchange.info.query, exchange.request.headers.get('user-agent'), type);
  const change = await readPatch(exchange, options, type);
  return answer(exchange, await patchScaleBy(exchange, change, options));
};

const patchScaleBy = (call: Call, change: Patch, options: WriteOptions): Promise<Written> =>
  write(call, options, ({ object }) => {
    const current = scaleOf(call, object);
    const applied = change.type === 'apply';
    const value = applied ? applyScale(call, current, change, options) : applyChange(call, target().schema, current, change, options);
    return { scale: { ...value, apiVersion: current.apiVersion, kind: current.kind } as Scale, applied };
  });

const applyScale = (call: Call, live: Scale, change: Patch, options: WriteOptions): KubeObject =>
  serverSideApply({
    schema: target().schema,
    live,
    applied: change.value as KubeObject,
    manager: options.manager,
    force: options.force,
    apiVersion: live.apiVersion,
    subresource: 'scale',
    time: timestamp(call.services.clock.now()),
  });
