/**
 * Managed fields of creations, updates and patches: who owns which field after the write. Called with the object as the writer
 * left it, before admission and strategy change it, as upstream's handlers do. Source: apimachinery
 * `pkg/util/managedfields/internal/fieldmanager.go` and the managers it stacks.
 */

import type { KubeObject, ManagedFieldsEntry } from '../object.ts';
import { equal } from '../patch/value.ts';
import { emptyAsGiven } from '../schema/given.ts';
import type { Schema } from '../schema/schema.ts';
import { isEmpty, nothing, union } from './field-set.ts';
import { capUpdaters, entriesOf, identityOf, type Managers, managersOf, readManagers } from './managers.ts';
import { reconcileWithSchema, type ToVersion, takeOver } from './ownership.ts';
import { type Ownable, ownableBy } from './reset-fields.ts';
import { TypeMismatch } from './type.ts';
import { isBuiltIn, zeroObject } from './zero.ts';

/** What every write says about itself. */
export interface Write {
  /** Of the version that the writer used. */
  readonly schema: Schema;
  readonly apiVersion: string;
  /** `fieldManager` of the request, or the head of the user agent; empty counts as `unknown`. */
  readonly manager: string;
  /** `status`, `scale`...; empty or undefined: the main resource. */
  readonly subresource?: string | undefined;
  /** RFC 3339, whole seconds. */
  readonly time: string;
  /** The kind has a status subresource. Default: its schema has a status. */
  readonly hasStatus?: boolean | undefined;
  /** For kinds of several versions. Default: the versions are alike. */
  readonly toVersion?: ToVersion | undefined;
}

export interface Update extends Write {
  /** Undefined: a creation. */
  readonly previous: KubeObject | undefined;
  /** With the managed fields that the writer sent, if any. */
  readonly next: KubeObject;
}

export const ownableFor = ({ schema, apiVersion, subresource, hasStatus }: Write, kind: string): Ownable =>
  ownableBy({
    apiVersion,
    kind,
    subresource: subresource ?? '',
    builtIn: isBuiltIn(schema),
    hasStatus: hasStatus ?? schema.properties?.has('status') === true,
  });

/** An empty list, or one empty entry, is a client's way to clear all ownership. */
const clearsAll = (entries: unknown): boolean => {
  if (!Array.isArray(entries)) return false;
  const [only] = entries;
  return entries.length === 0 || (entries.length === 1 && typeof only === 'object' && only !== null && Object.keys(only).length === 0);
};

const managersBefore = ({ previous, next, subresource }: Update): Managers => {
  const stored = previous?.metadata.managedFields;
  const sent: unknown = next.metadata.managedFields ?? emptyAsGiven(next.metadata, 'managedFields');
  // Through subresources nobody sets managed fields; most clients send back what they read.
  if (subresource || sent === undefined || sent === null || sent === stored || (stored && equal(sent, stored))) return managersOf(stored);
  if (clearsAll(sent)) return new Map();
  const read = readManagers(sent);
  return read?.size ? read : managersOf(stored);
};

const current = '\ncurrent-operation';

/** Records an update in the managers: what changed is the writer's from now on. */
export const recordUpdate = (managers: Managers, write: Write, before: KubeObject | undefined, after: KubeObject): void => {
  const { schema, apiVersion, subresource, time, toVersion } = write;
  const ownable = ownableFor(write, after.kind);
  reconcileWithSchema(managers, schema);
  const change = { schema, before: before ?? zeroObject(schema), after, apiVersion, ownable, toVersion };
  const { comparison } = takeOver(managers, change, current, true);
  const changed = union(comparison.modified, comparison.added);
  if (isEmpty(changed)) return;
  const writer = { manager: write.manager || 'unknown', operation: 'Update' as const, apiVersion, subresource: subresource ?? '' };
  const identity = identityOf(writer);
  managers.set(identity, { ...writer, time, fields: union(changed, managers.get(identity)?.fields ?? nothing) });
};

/** The new managed fields of a create, update or patch. Empty: the object has none. */
export const trackUpdate = (update: Update): ManagedFieldsEntry[] => {
  const managers = managersBefore(update);
  // An object whose ownership was cleared is not tracked again until somebody applies it.
  if (managers.size === 0 && update.previous) return [];
  try {
    recordUpdate(managers, update, update.previous, update.next);
  } catch (error) {
    // An object that the schema cannot describe (keyed items without keys) is stored without managed fields, as upstream does.
    if (error instanceof TypeMismatch) return [];
    throw error;
  }
  for (const [identity, { fields, apiVersion }] of managers) {
    // A version that is none ends it all, as an object that cannot be described does.
    if (apiVersion.split('/').length > 2) return [];
    if (isEmpty(fields)) managers.delete(identity);
  }
  capUpdaters(managers);
  return entriesOf(managers);
};

/**
 * The managed fields to store: the previous ones where only their times differ and so, says `unchanged`, does the object.
 * A write that changes nothing then is none. Source: apiserver `endpoints/handlers/fieldmanager/equality.go`.
 */
export const withoutTimeChanges = (
  next: readonly ManagedFieldsEntry[] | undefined,
  previous: readonly ManagedFieldsEntry[] | undefined,
  unchanged: () => boolean,
): readonly ManagedFieldsEntry[] | undefined => {
  if (!next?.length || next.length !== previous?.length) return next;
  if (next.every((entry, i) => entry.time === previous[i]?.time)) return next;
  const alike = next.every((entry, i) => {
    const old = previous[i];
    return entry === old || (old !== undefined && equal({ ...entry, time: null }, { ...old, time: null }));
  });
  return alike && unchanged() ? previous : next;
};
