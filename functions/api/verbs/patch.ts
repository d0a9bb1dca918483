/** PATCH in its four forms (apiserver `pkg/endpoints/handlers/patch.go`). Each attempt patches what is stored at that moment. */
import { serverSideApply } from '../../../kinds/apply/apply.ts';
import { timestamp } from '../../../kinds/environment.ts';
import type { KubeObject } from '../../../kinds/object.ts';
import { bareError } from '../../../kinds/patch/errors.ts';
import { jsonPatch, mergePatch, strategicMergePatch } from '../../../kinds/patch/index.ts';
import { apiVersionOf, isCustomResource, type Resource } from '../../../kinds/resource.ts';
import { isKnownKind } from '../../../kinds/schema/data.ts';
import { conform, decodeBody, decodeOperations, invalidPatchResult, typeMetaProblem, warningsOf } from '../../../kinds/schema/decode.ts';
import type { Schema } from '../../../kinds/schema/schema.ts';
import { badRequest, conflict, notFound, StatusError } from '../../../kinds/status.ts';
import { readBody } from '../body.ts';
import { type Answer, type Call, type Exchange, groupResource, type WriteOptions } from '../context.ts';
import { inVersions } from '../conversion.ts';
import { renewManagedFields } from '../managed-fields.ts';
import { type PatchType, patchType } from '../negotiate.ts';
import { writeOptions } from '../options.ts';
import type { Draft, Written } from '../store.ts';
import { applyDefaults, dedupOwners, ensureNamespace, keepForeignParts, resetStatus } from '../strategy.ts';
import { copyJson } from '../wire.ts';
import { answerOf, updateObject } from '../write.ts';
import { checkName, creating } from './update.ts';

export interface Patch {
  readonly type: PatchType;
  readonly value: unknown;
  /** What is wrong with the patch's own text: duplicate fields. */
  readonly problems: readonly string[];
}

export const readPatch = async (exchange: Exchange, options: WriteOptions, type: PatchType): Promise<Patch> => {
  const body = await readBody(exchange);
  const change = parsePatch(body, type, options.fieldValidation !== 'Ignore');
  if (exchange.audit?.wants('Request')) exchange.audit.requested(copyJson(change.value));
  return change;
};

export const parsePatch = (body: Uint8Array, type: PatchType, strict: boolean): Patch => {
  if (type === 'json') {
    try {
      const { value, problems } = decodeOperations(body, { strict });
      return { type, value, problems: problems.map(problem => `json patch ${problem}`) };
    } catch (error) {
      throw badRequest(`error decoding patch: ${(error as Error).message}`);
    }
  }
  if (type === 'apply') {
    try {
      const { object, problems } = decodeBody(undefined, body, 'yaml', { strict });
      return { type, value: object, problems };
    } catch (error) {
      const { message } = error as Error;
      const stage = message.startsWith('yaml:') ? 'error converting YAML to JSON' : 'error unmarshaling JSON: while decoding JSON';
      throw badRequest(`error decoding YAML: ${stage}: ${message}`);
    }
  }
  if (type === 'merge' && isNull(body)) return { type, value: null, problems: [] };
  try {
    const { object, problems } = decodeBody(undefined, body, 'json', { strict });
    return { type, value: object, problems };
  } catch (error) {
    throw badRequest(type === 'merge' ? `error decoding patch: ${(error as Error).message}` : (error as Error).message);
  }
};

/** An object's decoder takes null for an empty object. */
const isNull = (body: Uint8Array): boolean => body.byteLength < 100 && Buffer.from(body).toString().trim() === 'null';

export const patch = async (exchange: Exchange): Promise<Answer> => {
  const { request, info } = exchange;
  const type = patchType(request.headers.get('content-type'), isCustomResource(exchange.resource));
  const options = writeOptions('PatchOptions', info.query, request.headers.get('user-agent'), type);
  const change = await readPatch(exchange, options, type);
  return answerOf(exchange, await patchObject(creating(exchange), change, options));
};

export const patchObject = (call: Call, change: Patch, options: WriteOptions): Promise<Written> =>
  updateObject(call, options, async previous => {
    if (change.type !== 'apply') return patched(call, change, options, previous);
    if (!previous) await call.mayCreate?.();
    return applied(call, change, options, previous);
  });

/** The value that a patch makes of another, in the schema's form. `check` refuses what it makes before its fields are looked at. */
export const applyChange = (
  call: Call,
  schema: Schema,
  target: unknown,
  change: Patch,
  options: WriteOptions,
  check?: (made: unknown) => void,
): KubeObject => {
  const value =
    change.type === 'json'
      ? jsonPatch(target as never, change.value as never)
      : change.type === 'merge'
        ? mergePatch(target as never, change.value as never)
        : strategicMergePatch(schema, target as never, change.value as never);
  check?.(value);
  const { object, problems } = conform(schema, value, {
    strict: options.fieldValidation !== 'Ignore',
    restore: change.type === 'strategic',
  });
  // Applied to Go values, unknown fields come sorted; read from JSON, as they stand there.
  const all = [...change.problems, ...(change.type === 'strategic' ? [...problems].sort() : problems)];
  if (all.length > 0) {
    if (options.fieldValidation === 'Strict') throw invalidPatchResult(value, `strict decoding error: ${all.join(', ')}`);
    if (options.fieldValidation === 'Warn') call.warnings.push(...warningsOf(all));
  }
  return object;
};

const patched = (call: Call, change: Patch, options: WriteOptions, previous: Draft['previous']): Promise<KubeObject> | KubeObject => {
  const { resource } = call;
  if (!previous) throw notFound(groupResource(resource), call.name);
  // A strategic merge patch is applied to the typed object, where kind and version are not looked at again.
  const typed = change.type === 'strategic';
  const next = applyChange(call, resource.schema, previous.object, change, options, typed ? undefined : made => checkKind(resource, made));
  next.metadata ??= { name: '' };
  const own = { apiVersion: apiVersionOf(resource), kind: resource.kind };
  if (typed) Object.assign(next, own);
  next.apiVersion ||= own.apiVersion;
  next.kind ||= own.kind;
  return settle(call, next, options, previous, true);
};

/** A patch may not make another kind of it. */
const checkKind = (resource: Resource, made: unknown): void => {
  const { apiVersion, kind } = (made ?? {}) as { apiVersion?: unknown; kind?: unknown };
  const why = typeMetaProblem(apiVersion, kind);
  if (why !== undefined) throw invalidPatchResult(made, why);
  const expected = apiVersionOf(resource);
  const version = typeof apiVersion === 'string' && apiVersion ? apiVersion : expected;
  const name = typeof kind === 'string' && kind ? kind : resource.kind;
  // Those of custom resources are refused with the rest that is wrong with the object.
  if (isCustomResource(resource) || (version === expected && name === resource.kind)) return;
  if (!isKnownKind(version, name))
    throw invalidPatchResult(
      made,
      `no kind ${JSON.stringify(name)} is registered for version ${JSON.stringify(version)} in scheme "pkg/runtime/scheme.go:111"`,
    );
  const own = `${resource.group.split('.')[0] || 'core'}.${resource.kind}`;
  if (name !== resource.kind)
    throw invalidPatchResult(made, `converting (${version.split('/').at(-1)}.${name}) to (${own}): unknown conversion`);
  throw badRequest(`the API version in the data (${version}) does not match the expected API version (${expected})`);
};

const settle = async (
  call: Call,
  next: KubeObject,
  options: WriteOptions,
  previous: NonNullable<Draft['previous']>,
  track: boolean,
): Promise<KubeObject> => {
  applyDefaults(call.resource, next);
  ensureNamespace(call, next);
  checkName(call, next);
  dedupOwners(call, next);
  // A writer owns what it wrote, also where it is put back then; which fields are exempt is a fact of its own.
  if (track) await renewManagedFields(call, options, next, previous.object);
  keepForeignParts(call, next, previous.object);
  return next;
};

const applied = async (call: Call, change: Patch, options: WriteOptions, previous: Draft['previous']): Promise<KubeObject> => {
  const { resource, subresource, services } = call;
  const value = change.value as KubeObject;
  if (!previous && subresource) throw notFound(groupResource(resource), call.name);
  const merged = await inVersions(call, previous?.object, toVersion =>
    serverSideApply({
      toVersion,
      schema: resource.schema,
      live: previous?.object,
      applied: value,
      manager: options.manager,
      force: options.force,
      apiVersion: apiVersionOf(resource),
      kind: resource.kind,
      subresource,
      time: timestamp(services.clock.now()),
    }),
  );
  if (change.problems.length > 0) {
    if (options.fieldValidation === 'Strict')
      throw badRequest(`error strict decoding YAML: error converting YAML to JSON: ${change.problems.join(', ')}`);
    if (options.fieldValidation === 'Warn') call.warnings.push(...warningsOf(change.problems));
  }
  const { managedFields } = merged.metadata;
  const { namespace = '', name } = value.metadata ?? { name: '' };
  const shown = `${resource.group ? '' : '/'}${apiVersionOf(resource)}, Kind=${resource.kind}`;
  const next = conform(resource.schema, merged, {
    strict: false,
    restore: true,
    refuse: why =>
      bareError(
        `failed to convert new object (${namespace}/${name}; ${shown}) to proper version: unable to convert unstructured object to ${shown}: ${why}`,
      ),
  }).object;
  if (managedFields) next.metadata.managedFields = managedFields;
  if (previous) return settle(call, next, options, previous, false);
  if (next.metadata.uid)
    throw conflict(
      groupResource(resource),
      call.name,
      `uid mismatch: the provided object specified uid ${next.metadata.uid}, and no existing object was found`,
    );
  applyDefaults(resource, next);
  ensureNamespace(call, next);
  checkName(call, next);
  delete next.metadata.creationTimestamp;
  // What is no version at all fails here as in an update; any other is not looked at.
  const { resourceVersion } = next.metadata;
  if (resourceVersion && !/^\d+$/.test(resourceVersion))
    throw new StatusError(500, '', `strconv.ParseUint: parsing ${JSON.stringify(resourceVersion)}: invalid syntax`);
  delete next.metadata.resourceVersion;
  resetStatus(resource, next);
  return next;
};
