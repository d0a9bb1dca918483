/** What a change of an object does to the ownership of its fields. Source: structured-merge-diff `merge/update.go`. */
import type { Schema } from '../schema/schema.ts';
import { type Comparison, compareObjects } from './compare.ts';
import { difference, type FieldSet, intersection, isEmpty, union } from './field-set.ts';
import { kindType } from './kind-type.ts';
import type { Managers } from './managers.ts';
import { setFields } from './managers.ts';
import { reconciled } from './own.ts';
import type { Ownable } from './reset-fields.ts';

import { isBuiltIn } from './zero.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** How an object reads in another version of its kind; undefined where that version is served no more. */
export type ToVersion = (object: Fields, apiVersion: string) => { schema: Schema; object: Fields } | undefined;

export interface Change {
  readonly schema: Schema;
  readonly before: Fields;
  readonly after: Fields;
  readonly apiVersion: string;
  readonly ownable: Ownable;
  readonly toVersion: ToVersion | undefined;
}

const filtered = (comparison: Comparison, ownable: Ownable): Comparison => ({
  added: ownable(comparison.added),
  modified: ownable(comparison.modified),
  removed: ownable(comparison.removed),
});

/** The change as it shows in each version that a manager wrote in. */
class Comparisons {
  readonly #change: Change;
  readonly #versions = new Map<string, Comparison | undefined>();

  constructor(change: Change) {
    this.#change = change;
    const { schema, before, after, apiVersion, ownable } = change;
    this.#versions.set(apiVersion, filtered(compareObjects(kindType(schema), before, after), ownable));
  }

  in(apiVersion: string): Comparison | undefined {
    if (!this.#versions.has(apiVersion)) this.#versions.set(apiVersion, this.#compare(apiVersion));
    return this.#versions.get(apiVersion);
  }

  #compare(apiVersion: string): Comparison | undefined {
    const { toVersion, before, after, ownable, apiVersion: own } = this.#change;
    if (!toVersion) return this.#versions.get(own);
    const left = toVersion(before, apiVersion);
    const right = toVersion(after, apiVersion);
    return left && right && filtered(compareObjects(kindType(right.schema), left.object, right.object), ownable);
  }
}

/** Fields that others own and that this change gives another value, by the identity of their owners. */
export type Conflicts = Map<string, FieldSet>;

/**
 * Takes what has changed from everybody but `writer`; with `force` false nothing is taken where something would have to be,
 * and the conflicts are returned. Managers of versions that are gone lose everything.
 */
export const takeOver = (
  managers: Managers,
  change: Change,
  writer: string,
  force: boolean,
): { comparison: Comparison; conflicts: Conflicts } => {
  const comparisons = new Comparisons(change);
  const conflicts: Conflicts = new Map();
  const losses = new Map<string, Comparison>();
  for (const [identity, manager] of [...managers]) {
    if (identity === writer) continue;
    const comparison = comparisons.in(manager.apiVersion);
    if (!comparison) {
      managers.delete(identity);
      continue;
    }
    losses.set(identity, comparison);
    const { added, modified } = comparison;
    if (isEmpty(added) && isEmpty(modified)) continue;
    const conflict = intersection(manager.fields, union(modified, added));
    if (!isEmpty(conflict)) conflicts.set(identity, conflict);
  }
  const comparison = comparisons.in(change.apiVersion) as Comparison;
  if (conflicts.size > 0 && !force) return { comparison, conflicts };
  for (const [identity, { removed }] of losses) {
    const manager = managers.get(identity);
    if (!manager) continue;
    const conflict = conflicts.get(identity);
    const kept = conflict ? difference(manager.fields, conflict) : manager.fields;
    setFields(managers, identity, difference(kept, removed));
  }
  return { comparison, conflicts };
};

/** Schemas of custom resources change under their objects; ownership is brought up to them first. */
export const reconcileWithSchema = (managers: Managers, schema: Schema): void => {
  if (isBuiltIn(schema)) return;
  const type = kindType(schema);
  for (const [identity, { fields }] of [...managers]) setFields(managers, identity, reconciled(fields, type));
};
