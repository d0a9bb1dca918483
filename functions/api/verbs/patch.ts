/** PATCH in its four forms (apiserver `pkg/endpoints/handlers/patch.go`). Each attempt patches what is stored at that moment. */
import { serverSideApply } from '../../../kinds/apply/apply.ts';
import { timestamp } from '../../../kinds/environment.ts';
import type { JsonObject, KubeObject } from '../../../kinds/object.ts';
import { jsonPatch, mergePatch, strategicMergePatch } from '../../../kinds/patch/index.ts';
import { apiVersionOf, isCustomResource, type Resource } from '../../../kinds/resource.ts';
import { isKnownKind } from '../../../kinds/schema/data.ts';
import { conform, decodeBody, invalidPatchResult } from '../../../kinds/schema/decode.ts';
import type { Schema } from '../../../kinds/schema/schema.ts';
import { badRequest, conflict, notFound } from '../../../kinds/status.ts';
import { readBody } from '../body.ts';
import { type Answer, type Call, type Exchange, groupResource, type WriteOptions } from '../context.ts';
import { renewManagedFields } from '../managed-fields.ts';
import { type PatchType, patchType } from '../negotiate.ts';
import { writeOptions } from '../options.ts';
import type { Draft, Written } from '../store.ts';
import { applyDefaults, dedupOwners, ensureNamespace, keepForeignParts, resetStatus } from '../strategy.ts';
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
  return parsePatch(body, type, options.fieldValidation !== 'Ignore');
};

export const parsePatch = (body: Uint8Array, type: PatchType, strict: boolean): Patch => {
  if (type === 'json') return { type, value: parseOperations(body), problems: [] };
  if (type === 'apply') {
    try {
      const { object, problems } = decodeBody(undefined, body, 'yaml', { strict });
      return { type, value: object, problems };
    } catch (error) {
      const { message } = error as Error;
      throw badRequest(`error decoding YAML: ${message.startsWith('yaml:') ? 'error converting YAML to JSON: ' : ''}${message}`);
    }
  }
  try {
    const { object, problems } = decodeBody(undefined, body, 'json', { strict });
    return { type, value: object, problems };
  } catch (error) {
    throw badRequest(type === 'merge' ? `error decoding patch: ${(error as Error).message}` : (error as Error).message);
  }
};

const parseOperations = (body: Uint8Array): unknown => {
  // Operations are a list, which no object's decoder takes: their own reader says what is wrong with them.
  const wrapped = Buffer.concat([Buffer.from('{"operations":'), body, Buffer.from('}')]);
  try {
    return (decodeBody(undefined, wrapped, 'json', { strict: false }).object as unknown as JsonObject)['operations'];
  } catch (error) {
    throw badRequest(`error decoding patch: ${(error as Error).message}`);
  }
};

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

/** The value that a patch makes of another, in the schema's form. */
export const applyChange = (call: Call, schema: Schema, target: unknown, change: Patch, options: WriteOptions): KubeObject => {
  const value =
    change.type === 'json'
      ? jsonPatch(target as never, change.value as never)
      : change.type === 'merge'
        ? mergePatch(target as never, change.value as never)
        : strategicMergePatch(schema, target as never, change.value as never);
  const { object, problems } = conform(schema, value, {
    strict: options.fieldValidation !== 'Ignore',
    restore: change.type === 'strategic',
  });
  const all = [...change.problems, ...problems];
  if (all.length > 0) {
    if (options.fieldValidation === 'Strict') throw invalidPatchResult(value, `strict decoding error: ${all.join(', ')}`);
    if (options.fieldValidation === 'Warn') call.warnings.push(...all);
  }
  return object;
};

const patched = (call: Call, change: Patch, options: WriteOptions, previous: Draft['previous']): KubeObject => {
  const { resource } = call;
  if (!previous) throw notFound(groupResource(resource), call.name);
  const next = applyChange(call, resource.schema, previous.object, change, options);
  checkKind(resource, next, change.type);
  return settle(call, next, options, previous, true);
};

/** A patch may not make another kind of it. */
const checkKind = (resource: Resource, next: KubeObject, type: PatchType): void => {
  const expected = apiVersionOf(resource);
  next.metadata ??= { name: '' };
  if (next.apiVersion === expected && next.kind === resource.kind) return;
  next.apiVersion ||= expected;
  next.kind ||= resource.kind;
  // A strategic merge patch is applied to the typed object, where kind and version are not looked at again.
  if (type === 'strategic') Object.assign(next, { apiVersion: expected, kind: resource.kind });
  if ((next.apiVersion === expected && next.kind === resource.kind) || isCustomResource(resource)) return;
  if (!isKnownKind(next.apiVersion, next.kind))
    throw invalidPatchResult(
      next,
      `no kind ${JSON.stringify(next.kind)} is registered for version ${JSON.stringify(next.apiVersion)} in scheme "pkg/runtime/scheme.go:111"`,
    );
  const version = next.apiVersion.split('/').at(-1);
  const own = `${resource.group.split('.')[0] || 'core'}.${resource.kind}`;
  if (next.kind !== resource.kind) throw invalidPatchResult(next, `converting (${version}.${next.kind}) to (${own}): unknown conversion`);
  throw badRequest(`the API version in the data (${next.apiVersion}) does not match the expected API version (${expected})`);
};

const settle = (
  call: Call,
  next: KubeObject,
  options: WriteOptions,
  previous: NonNullable<Draft['previous']>,
  track: boolean,
): KubeObject => {
  applyDefaults(call.resource, next);
  ensureNamespace(call, next);
  checkName(call, next);
  dedupOwners(call, next);
  // A writer owns what it wrote, also where it is put back then; which fields are exempt is a fact of its own.
  if (track) renewManagedFields(call, options, next, previous.object);
  keepForeignParts(call, next, previous.object);
  return next;
};

/** Another version is refused by the merge itself. */
const checkApplied = (resource: Resource, { apiVersion, kind }: KubeObject): void => {
  if (apiVersion !== apiVersionOf(resource) || !kind || kind === resource.kind) return;
  throw badRequest(`invalid object type: ${resource.group}/${resource.version}, Kind=${kind}`);
};

const applied = (call: Call, change: Patch, options: WriteOptions, previous: Draft['previous']): KubeObject => {
  const { resource, subresource, services } = call;
  const value = change.value as KubeObject;
  if (!previous && subresource) throw notFound(groupResource(resource), call.name);
  checkApplied(resource, value);
  const merged = serverSideApply({
    schema: resource.schema,
    live: previous?.object,
    applied: value,
    manager: options.manager,
    force: options.force,
    apiVersion: apiVersionOf(resource),
    subresource,
    time: timestamp(services.clock.now()),
  });
  if (change.problems.length > 0) {
    if (options.fieldValidation === 'Strict') throw badRequest(`error strict decoding YAML: ${change.problems.join(', ')}`);
    if (options.fieldValidation === 'Warn') call.warnings.push(...change.problems);
  }
  const { managedFields } = merged.metadata;
  const next = conform(resource.schema, merged, { strict: false }).object;
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
  delete next.metadata.resourceVersion;
  delete (next.metadata as { selfLink?: unknown }).selfLink;
  resetStatus(resource, next);
  return next;
};
