/**
 * The strategy stage: what holds for every object of a kind, in the order of apiserver `pkg/registry/rest/{create,update}.go` — system
 * metadata, what this writer may not change, the kind's own preparation, validation, warnings.
 */
import { randomSuffix, timestamp } from '../../kinds/environment.ts';
import { quote } from '../../kinds/field.ts';
import { validateBareMetadata, validateMetadata, validateMetadataUpdate } from '../../kinds/metadata.ts';
import type { KubeObject } from '../../kinds/object.ts';
import { apiVersionOf, isCustomResource, type Resource } from '../../kinds/resource.ts';
import { conform } from '../../kinds/schema/decode.ts';
import { applySchemaDefaults } from '../../kinds/schema/defaults.ts';
import { badRequest, conflict, type FieldError, invalid, optimisticLock, StatusError } from '../../kinds/status.ts';
import type { StrategyContext } from '../../kinds/strategy.ts';
import { type Call, groupResource } from './context.ts';
import { copyJson, sameJson } from './wire.ts';

const strategyContext = ({ services, user, warnings }: Call): StrategyContext => ({
  clock: services.clock,
  random: services.random,
  user,
  warn: text => warnings.push(text),
});

/** Defaults of the schema tables, then those only the kind knows. */
export const applyDefaults = (resource: Resource, object: KubeObject): void => {
  applySchemaDefaults(resource.schema, object);
  resource.strategy.defaults?.(object);
};

export const hasStatus = (resource: Resource): boolean => resource.subresources.some(({ name }) => name === 'status');

const blankStatuses = new WeakMap<Resource, { readonly status: unknown }>();
/** What Go's zero value of the kind's status looks like; undefined where it is left out. */
const blankStatus = (resource: Resource): unknown => {
  let blank = blankStatuses.get(resource);
  if (!blank) {
    const { object } = conform(
      resource.schema,
      { apiVersion: apiVersionOf(resource), kind: resource.kind, metadata: {} },
      { strict: false },
    );
    blank = { status: object['status'] };
    blankStatuses.set(resource, blank);
  }
  return blank.status;
};

const setStatus = (object: KubeObject, status: unknown): void => {
  if (status === undefined) delete object['status'];
  else object['status'] = copyJson(status);
};

/** A new object's status belongs to nobody yet, whatever the client sent. */
export const resetStatus = (resource: Resource, object: KubeObject): void => {
  if (hasStatus(resource) && !resource.strategy.statusOnCreation) setStatus(object, blankStatus(resource));
};

/** Writes of the main object leave the status as it is; writes of a subresource leave the rest. */
export const keepForeignParts = (call: Call, next: KubeObject, previous: KubeObject): void => {
  const { resource, subresource } = call;
  if (subresource === '') {
    if (hasStatus(resource)) setStatus(next, previous['status']);
    return;
  }
  const own = resource.strategy.subresources?.[subresource];
  if (own?.prepareForUpdate) own.prepareForUpdate(next, previous, strategyContext(call));
  else if (subresource === 'status') keepAllButStatus(next, previous);
};

const keepAllButStatus = (next: KubeObject, previous: KubeObject): void => {
  const { resourceVersion, managedFields, uid } = next.metadata;
  for (const key of Object.keys(next)) if (key !== 'status' && !Object.hasOwn(previous, key)) delete next[key];
  for (const key of Object.keys(previous)) if (key !== 'status') next[key] = copyJson(previous[key]);
  if (resourceVersion === undefined) delete next.metadata.resourceVersion;
  else next.metadata.resourceVersion = resourceVersion;
  if (uid !== undefined) next.metadata.uid = uid;
  if (managedFields === undefined) delete next.metadata.managedFields;
  else next.metadata.managedFields = managedFields;
};

/** Puts in the namespace of the request where the object names none. */
export const ensureNamespace = (call: Call, object: KubeObject): void => {
  const { metadata } = object;
  if (!call.resource.namespaced) {
    delete metadata.namespace;
    return;
  }
  if (metadata.namespace && metadata.namespace !== call.namespace)
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  metadata.namespace = call.namespace;
};

/** The same owner named twice counts once. */
export const dedupOwners = (call: Call, object: KubeObject): void => {
  const owners = object.metadata.ownerReferences;
  if (!owners || owners.length < 2) return;
  const kept = owners.filter((owner, i) => !owners.some((other, at) => at < i && sameJson(owner, other)));
  if (kept.length === owners.length) return;
  const names = [...new Set(owners.filter((owner, i) => owners.some((other, at) => at < i && sameJson(owner, other))).map(o => o.uid))];
  call.warnings.push(
    `.metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${names.join(', ')}`,
  );
  object.metadata.ownerReferences = kept;
};

/** What a client may not set on a new object. */
export const wipeSystemMetadata = ({ metadata }: KubeObject): void => {
  delete metadata.uid;
  delete metadata.creationTimestamp;
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete (metadata as { selfLink?: unknown }).selfLink;
};

const longestGeneratedBase = 58;
const generate = (call: Call, base: string): string => {
  const { services, resource, namespace } = call;
  const replica = services.replicas.loaded(resource.storage.name);
  let name = '';
  // Names seen to be taken are passed over; the commit still decides.
  for (let attempt = 0; attempt < 8; attempt++) {
    name = base.slice(0, longestGeneratedBase) + randomSuffix(services.random);
    if (!replica?.get(namespace, name)) break;
  }
  return name;
};

export const fillSystemMetadata = (call: Call, { metadata }: KubeObject): void => {
  metadata.uid ??= call.services.random.uuid();
  metadata.creationTimestamp ??= timestamp(call.services.clock.now());
  if (!metadata.name && metadata.generateName) metadata.name = generate(call, metadata.generateName);
};

const throwIfInvalid = (call: Call, object: KubeObject, errors: FieldError[]): void => {
  if (errors.length === 0) return;
  const { resource } = call;
  // A custom object may say that it is something else, and is called that.
  const own = isCustomResource(resource)
    ? { group: object.apiVersion.includes('/') ? (object.apiVersion.split('/')[0] ?? '') : '', kind: object.kind }
    : { group: resource.storage.group, kind: resource.kind };
  throw invalid(own, object.metadata.name ?? '', errors);
};

const warn = (call: Call, next: KubeObject, previous: KubeObject | undefined): void => {
  const { strategy } = call.resource;
  if (call.subresource === 'status') {
    if (previous) call.warnings.push(...(strategy.subresources?.['status']?.warnings?.(next, previous) ?? []));
  } else if (strategy.warnings) call.warnings.push(...strategy.warnings(next, previous));
};

export const beforeCreate = (call: Call, object: KubeObject): void => {
  const { resource } = call;
  const { strategy } = resource;
  if (strategy.generation) object.metadata.generation = 1;
  strategy.prepareForCreate?.(object, strategyContext(call));
  const looked = strategy.metadataChecks?.create ?? true;
  throwIfInvalid(call, object, [
    ...(looked ? validateMetadata(object, resource) : []),
    ...(strategy.validate?.(object) ?? []),
    ...(strategy.validateCreate?.(object) ?? []),
  ]);
  // Kinds with a rule of their own for names may let pass what no path can hold.
  if (!looked || typeof strategy.nameRule === 'function') throwIfInvalid(call, object, validateBareMetadata(object, resource));
  strategy.canonicalize?.(object);
  warn(call, object, undefined);
};

/** The revision a writer says it saw must be the one that is replaced. */
export const matchRevision = (call: Call, next: KubeObject, previous: KubeObject): void => {
  const { resource } = call;
  const seen = next.metadata.resourceVersion;
  const stored = previous.metadata.resourceVersion ?? '';
  if (!seen || seen === '0') {
    if (resource.strategy.allowUnconditionalUpdate ?? true) {
      next.metadata.resourceVersion = stored;
      return;
    }
    throw invalid({ group: resource.group, kind: resource.resource }, previous.metadata.name, [
      { type: 'Invalid', field: 'metadata.resourceVersion', message: 'Invalid value: 0: must be specified for an update' },
    ]);
  }
  // Upstream's versions are numbers of 64 bits, and it is Go's reading of them that fails.
  if (!/^\d+$/.test(seen)) throw new StatusError(500, '', `strconv.ParseUint: parsing ${quote(seen)}: invalid syntax`);
  if (BigInt(seen) >= 1n << 64n) throw new StatusError(500, '', `strconv.ParseUint: parsing ${quote(seen)}: value out of range`);
  if (seen !== stored) throw conflict(groupResource(resource), previous.metadata.name, optimisticLock);
};

/** What a writer cannot change, whatever it sends. */
const keepSystemMetadata = (next: KubeObject, previous: KubeObject): void => {
  const after = next.metadata;
  const before = previous.metadata;
  after.uid ||= before.uid ?? '';
  if (before.generation === undefined) delete after.generation;
  else after.generation = before.generation;
  if (before.creationTimestamp) after.creationTimestamp = before.creationTimestamp;
  if (before.deletionTimestamp) after.deletionTimestamp = before.deletionTimestamp;
  if (before.deletionGracePeriodSeconds !== undefined) after.deletionGracePeriodSeconds ??= before.deletionGracePeriodSeconds;
};

const notDesired = new Set(['apiVersion', 'kind', 'metadata', 'status']);
const desiredChanged = (resource: Resource, next: KubeObject, previous: KubeObject): boolean => {
  // A status that anybody writes with the rest is like the rest.
  const counts = (key: string): boolean => !notDesired.has(key) || (key === 'status' && !hasStatus(resource));
  for (const key of Object.keys(next)) if (counts(key) && !sameJson(next[key], previous[key])) return true;
  for (const key of Object.keys(previous)) if (counts(key) && !Object.hasOwn(next, key)) return true;
  return false;
};

export const beforeUpdate = (call: Call, next: KubeObject, previous: KubeObject): void => {
  const { resource, subresource } = call;
  const { strategy } = resource;
  keepSystemMetadata(next, previous);
  const own = subresource ? strategy.subresources?.[subresource] : undefined;
  if (subresource) keepForeignParts(call, next, previous);
  else strategy.prepareForUpdate?.(next, previous, strategyContext(call));
  const { metadata } = next;
  const { generation } = previous.metadata;
  if (strategy.generation && subresource !== 'status' && metadata.generation === generation && desiredChanged(resource, next, previous))
    metadata.generation = (generation ?? 0) + 1;
  // Kinds that count changes from the first one on have none before it.
  if (metadata.generation === 0) delete metadata.generation;
  const errors = validateMetadataUpdate(next, previous, resource, own?.metadataChecks);
  if (own?.validateUpdate) errors.push(...own.validateUpdate(next, previous));
  else if (subresource !== 'status')
    errors.push(...(strategy.validate?.(next, previous) ?? []), ...(strategy.validateUpdate?.(next, previous) ?? []));
  throwIfInvalid(call, next, errors);
  strategy.canonicalize?.(next);
  warn(call, next, previous);
};
