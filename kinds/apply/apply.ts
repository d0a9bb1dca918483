/**
 * Server-side apply: a configuration that names the fields its manager cares about is merged into the live object, what the
 * manager no longer names and nobody else owns goes, and what others own conflicts. Sources: structured-merge-diff
 * `merge/update.go`, apimachinery `pkg/util/managedfields/internal/structuredmerge.go`.
 *
 * Defaults, conversion to the stored form and validation come after, in the pipeline; null fields may remain until then.
 */
import type { KubeObject } from '../object.ts';
import { bareError } from '../patch/errors.ts';
import { equal, refuseDeepNesting } from '../patch/value.ts';
import { badRequest } from '../status.ts';
import { applyConflict } from './conflict.ts';
import { difference, type FieldSet, intersection, isEmpty, nothing, ofPath, union } from './field-set.ts';
import { misfits } from './fit.ts';
import { kindType } from './kind-type.ts';
import { fieldsOfLastApplied, kubectl, withLastApplied } from './last-applied.ts';
import { ownableFor, recordUpdate, type Write } from './managed-fields.ts';
import { entriesOf, identityOf, type Manager, type Managers, managersOf } from './managers.ts';
import { mergeValues } from './merge.ts';
import { fieldSetOf, withNamedFields } from './own.ts';
import { type Fields, reconcileWithSchema, takeOver } from './ownership.ts';
import { removeFields } from './remove.ts';
import { asObject, type Type, TypeMismatch } from './type.ts';
import { zeroObject } from './zero.ts';

export interface Apply extends Write {
  /** Undefined: a creation. In the version that the writer used. */
  readonly live: KubeObject | undefined;
  readonly applied: Fields;
  readonly force: boolean;
  /** The kind that the resource serves; `live` says it where there is one. */
  readonly kind?: string | undefined;
}

const beforeFirstApply = 'before-first-apply';

/** `apps/v1, Kind=Deployment`; the core group shows as `/v1`. */
const shownKind = (apiVersion: unknown, kind: unknown): string => {
  const version = typeof apiVersion === 'string' ? apiVersion : '';
  if (version.split('/').length > 2) return '/, Kind=';
  return `${version.includes('/') ? version : `/${version}`}, Kind=${typeof kind === 'string' ? kind : ''}`;
};

const checkApplied = ({ applied, apiVersion, live, kind }: Apply, type: Type): void => {
  const expected = live?.kind ?? kind;
  if (applied['apiVersion'] !== apiVersion || (expected !== undefined && applied['kind'] !== expected)) {
    throw badRequest(`invalid object type: ${shownKind(applied['apiVersion'], applied['kind'])}`);
  }
  const metadata = asObject(applied['metadata']);
  if (Array.isArray(metadata?.['managedFields'])) throw badRequest('metadata.managedFields must be nil');
  refuseDeepNesting(applied);
  refuseMisfit('patch', applied, type);
};

/** Throws where the object, applied or live, is not one that its schema can take apart. */
const refuseMisfit = (which: 'patch' | 'live', object: Fields, type: Type): void => {
  const problems = misfits(type, object);
  if (problems === undefined) return;
  const metadata = asObject(object['metadata']);
  const name = `${metadata?.['namespace'] ?? ''}/${metadata?.['name'] ?? ''}`;
  throw bareError(`failed to create typed ${which} object (${name}; ${shownKind(object['apiVersion'], object['kind'])}): ${problems}`);
};

interface Pruning {
  readonly type: Type;
  readonly merged: Fields;
  readonly managers: Managers;
  /** What the manager owned by its last apply. */
  readonly last: FieldSet;
}

/** Removes what the manager applied last time and neither it nor anybody else names now. */
const prune = ({ type, merged, managers, last }: Pruning): Fields => {
  if (isEmpty(last)) return merged;
  const object = (value: unknown): Fields => asObject(value) ?? {};
  const namedIn = (value: Fields): FieldSet => withNamedFields(fieldSetOf(type, value), type);
  const lastNamed = withNamedFields(last, type);
  const mergedNamed = namedIn(merged);

  // All of it goes; then what somebody names comes back; then what the manager did not own by its last apply.
  let pruned = object(removeFields(type, merged, lastNamed));
  let owned = nothing;
  for (const { fields } of managers.values()) owned = union(owned, fields);
  const stays = union(namedIn(pruned), withNamedFields(owned, type));
  pruned = object(removeFields(type, merged, difference(mergedNamed, stays)));
  return object(removeFields(type, merged, intersection(difference(mergedNamed, namedIn(pruned)), lastNamed)));
};

/** What nobody owns (apimachinery `stripmeta.go`). */
const unowned: FieldSet = [
  ['f:apiVersion'],
  ['f:kind'],
  ['f:metadata'],
  ...['name', 'namespace', 'creationTimestamp', 'selfLink', 'uid', 'clusterName', 'generation', 'managedFields', 'resourceVersion'].map(
    name => ['f:metadata', `f:${name}`],
  ),
].reduce<FieldSet>((fields, path) => union(fields, ofPath(path)), nothing);

class ConflictsFound extends Error {
  readonly conflicts: Map<string, FieldSet>;
  readonly managers: Managers;
  constructor(conflicts: Map<string, FieldSet>, managers: Managers) {
    super('conflicts');
    this.conflicts = conflicts;
    this.managers = managers;
  }
}

/** The managers as the apply leaves them, and the object; undefined where it did not change. */
const attempt = (request: Apply, live: Fields, before: Managers, force: boolean): { managers: Managers; object: Fields | undefined } => {
  const { schema, applied, apiVersion, subresource, time, toVersion } = request;
  const type = kindType(schema);
  const managers: Managers = new Map(before);
  const ownable = ownableFor(request, String(applied['kind']));
  const writer = { manager: request.manager, operation: 'Apply' as const, apiVersion, subresource: subresource ?? '' };
  const identity = identityOf(writer);

  const merged = asObject(mergeValues(type, live, applied)) ?? {};
  const last: Manager | undefined = managers.get(identity);
  const mine: Manager = { ...writer, time: last?.time, fields: ownable(fieldSetOf(type, applied)) };
  managers.set(identity, mine);
  const after = prune({ type, merged, managers, last: last?.fields ?? nothing });

  const change = { schema, before: live, after, apiVersion, ownable, toVersion };
  const { conflicts } = takeOver(managers, change, identity, force);
  if (conflicts.size > 0 && !force) throw new ConflictsFound(conflicts, managers);
  const same = equal(live, after);
  const fields = difference(mine.fields, unowned);
  if (isEmpty(fields)) managers.delete(identity);
  else managers.set(identity, { ...mine, fields, time: same ? last?.time : time });
  return { managers, object: same ? undefined : after };
};

/** An apply by kubectl may take what the last client-side apply set; the rest of the conflicts stays. */
const afterClientSide = (request: Apply, type: Type, { conflicts, managers }: ConflictsFound): void => {
  const allowed = request.manager === kubectl && request.live ? fieldsOfLastApplied(type, request.live) : undefined;
  const left = new Map<string, FieldSet>();
  for (const [identity, fields] of conflicts) {
    const rest = allowed ? difference(fields, allowed) : fields;
    if (!isEmpty(rest)) left.set(identity, rest);
  }
  if (left.size > 0) throw applyConflict(left, managers);
};

const withManagers = (object: Fields, managers: Managers): KubeObject => {
  const { managedFields: _, ...metadata } = asObject(object['metadata']) ?? {};
  const entries = entriesOf(managers);
  return { ...object, metadata: { ...metadata, ...(entries.length ? { managedFields: entries } : {}) } } as unknown as KubeObject;
};

/** The merged object with its managed fields; throws a 409 with a cause for each conflict. */
export const serverSideApply = (request: Apply): KubeObject => {
  const { schema, live, applied, force, time } = request;
  const type = kindType(schema);
  checkApplied(request, type);
  const start: Fields = live
    ? withManagers(live, new Map())
    : { ...zeroObject(schema), apiVersion: applied['apiVersion'], kind: applied['kind'] };
  const managers = managersOf(live?.metadata.managedFields);
  // Whoever wrote before the first apply stays an owner, under one name.
  if (managers.size === 0 && live) recordUpdate(managers, { ...request, manager: beforeFirstApply, time }, undefined, live);
  reconcileWithSchema(managers, schema);

  let result: ReturnType<typeof attempt>;
  try {
    result = attempt(request, start, managers, force);
  } catch (error) {
    // What is live fits nearly always, so it is looked at only where merging failed.
    if (error instanceof TypeMismatch) refuseMisfit('live', start, type);
    if (!(error instanceof ConflictsFound)) throw error;
    afterClientSide(request, type, error);
    result = attempt(request, start, managers, true);
  }
  const object = withManagers(result.object ?? start, result.managers);
  return request.manager === kubectl ? withLastApplied(object, applied) : object;
};
