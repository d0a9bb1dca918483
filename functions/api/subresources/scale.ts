/** The scale of a workload: its replicas as an `autoscaling/v1` Scale (kubernetes `pkg/registry/apps/deployment/storage/storage.go`). */
import { serverSideApply } from '../../../kinds/apply/apply.ts';
import { trackUpdate } from '../../../kinds/apply/managed-fields.ts';
import { ownersOfParent, ownersOfScale, scaleVersion } from '../../../kinds/apply/scale-owners.ts';
import { timestamp } from '../../../kinds/environment.ts';
import type { KubeObject } from '../../../kinds/object.ts';
import { apiVersionOf, isCustomResource } from '../../../kinds/resource.ts';
import { conform } from '../../../kinds/schema/decode.ts';
import { badRequest, internalError, invalid, notFound, pageNotFound } from '../../../kinds/status.ts';
import { decodeObject, targetOf } from '../body.ts';
import { type Answer, type Call, type Exchange, groupResource, objectAnswer, toServed, type WriteOptions } from '../context.ts';
import { patchType } from '../negotiate.ts';
import { writeOptions } from '../options.ts';
import { wrongIdentity } from '../precondition.ts';
import type { Written } from '../store.ts';
import { readEntry } from '../verbs/get.ts';
import { applyChange, type Patch, readPatch } from '../verbs/patch.ts';
import { checkName } from '../verbs/update.ts';
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

/** What becomes of a workload's scale, managed fields included. Both are the call's own. */
type Change = (scale: Scale) => Scale;

const write = (call: Call, options: WriteOptions, change: Change): Promise<Written> =>
  updateObject(call, options, previous => {
    const { resource, name } = call;
    if (!previous) throw notFound(groupResource(resource), name);
    const { specReplicas } = rules(call);
    const { managedFields } = previous.object.metadata;
    const current = scaleOf(call, previous.object);
    const owners = ownersOfScale(managedFields, specReplicas);
    if (owners.length > 0) current.metadata.managedFields = owners;
    const scale = change(current);
    checkMetadata(call, options, scale, previous.object);
    const next = copyJson(previous.object);
    setReplicas(call, next, checkScale(call, scale));
    if (scale.metadata.resourceVersion) next.metadata.resourceVersion = scale.metadata.resourceVersion;
    const entries = ownersOfParent(managedFields, scale.metadata.managedFields, specReplicas, apiVersionOf(resource));
    if (entries.length > 0) next.metadata.managedFields = entries;
    else delete next.metadata.managedFields;
    return next;
  });

const tracked = (call: Call, options: WriteOptions, scale: Scale, previous: Scale): Scale => {
  const { services } = call;
  const managedFields = trackUpdate({ ...writer(call, options), previous, next: scale, time: timestamp(services.clock.now()) });
  return { ...scale, metadata: { ...scale.metadata, managedFields } };
};
const writer = ({ subresource }: Call, { manager }: WriteOptions) => ({
  schema: target().schema,
  manager,
  apiVersion: scaleVersion,
  subresource: subresource || 'scale',
});

const checkMetadata = (call: Call, options: WriteOptions, scale: Scale, { metadata: stored }: KubeObject): void => {
  const { metadata } = scale;
  checkName(call, scale);
  if (metadata.namespace && metadata.namespace !== call.namespace)
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  const { uid = '' } = stored;
  if (metadata.uid && metadata.uid !== uid) throw wrongIdentity(call, metadata.uid, uid, options.dryRun);
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
  scaleOf(call, (await write(call, options, current => tracked(call, options, scale as Scale, current))).object);

export const updateScale = async (exchange: Exchange): Promise<Answer> => {
  rules(exchange);
  const options = writeOptions('UpdateOptions', exchange.info.query, exchange.request.headers.get('user-agent'));
  const scale = (await decodeObject(exchange, target(), options.fieldValidation)) as Scale;
  checkName(exchange, scale);
  return answer(exchange, await write(exchange, options, current => tracked(exchange, options, scale, current)));
};

export const patchScale = async (exchange: Exchange): Promise<Answer> => {
  rules(exchange);
  const type = patchType(exchange.request.headers.get('content-type'), isCustomResource(exchange.resource));
  const options = writeOptions('PatchOptions', exchange.info.query, exchange.request.headers.get('user-agent'), type);
  const change = await readPatch(exchange, options, type);
  return answer(exchange, await patchScaleBy(exchange, change, options));
};

const patchScaleBy = (call: Call, change: Patch, options: WriteOptions): Promise<Written> =>
  write(call, options, current => {
    const own = { apiVersion: current.apiVersion, kind: current.kind };
    if (change.type === 'apply') return { ...applyScale(call, current, change, options), ...own };
    return tracked(call, options, { ...applyChange(call, target().schema, current, change, options), ...own }, current);
  });

const applyScale = (call: Call, live: Scale, change: Patch, options: WriteOptions): KubeObject =>
  serverSideApply({
    ...writer(call, options),
    live,
    applied: change.value as KubeObject,
    force: options.force,
    time: timestamp(call.services.clock.now()),
  });
