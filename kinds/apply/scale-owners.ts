/**
 * Who owns the replicas of a workload is who owns those of its scale, and back. The identity of an updater holds the version it wrote in, which
 * differs on the two sides: so what a scale says of the replicas of an updater comes back as an entry of its own, without a time.
 * Source: apimachinery `pkg/util/managedfields/scalehandler.go`.
 */
import type { ManagedFieldsEntry } from '../object.ts';
import { difference, type FieldSet, intersection, isEmpty, nothing, ofPath } from './field-set.ts';
import { entriesOf, identityOf, type Manager, managersOf } from './managers.ts';

export const scaleVersion = 'autoscaling/v1';
const inScale = ofPath(['f:spec', 'f:replicas']);

/** Where the replicas are in the workload (`spec`, `replicas`). */
type Path = readonly string[];
const pathOf = (path: Path): FieldSet => ofPath(path.map(name => `f:${name}`));
const has = (fields: FieldSet, path: FieldSet): boolean => !isEmpty(intersection(fields, path));

export const ownersOfScale = (entries: readonly ManagedFieldsEntry[] | undefined, path: Path): ManagedFieldsEntry[] => {
  const replicas = pathOf(path);
  const owners = new Map<string, Manager>();
  for (const [identity, manager] of managersOf(entries))
    if (has(manager.fields, replicas)) owners.set(identity, { ...manager, apiVersion: scaleVersion, fields: inScale });
  return entriesOf(owners);
};

/** The entries of the workload after a write of its scale, whose entries are `scaled`. */
export const ownersOfParent = (
  entries: readonly ManagedFieldsEntry[] | undefined,
  scaled: readonly ManagedFieldsEntry[] | undefined,
  path: Path,
  apiVersion: string,
): ManagedFieldsEntry[] => {
  const replicas = pathOf(path);
  const left = managersOf(scaled);
  const before = managersOf(entries);
  const owners = new Map<string, Manager>();
  for (const [identity, manager] of before) {
    const fields = !has(manager.fields, replicas) || left.delete(identity) ? manager.fields : difference(manager.fields, replicas);
    if (!isEmpty(fields)) owners.set(identity, { ...manager, fields });
  }
  for (const [identity, manager] of left) {
    if (!has(manager.fields ?? nothing, inScale)) continue;
    const { entry: _, ...owner } = manager;
    owners.set(`scale ${identityOf(manager)}`, { ...owner, apiVersion, time: before.get(identity)?.time, fields: replicas });
  }
  return entriesOf(owners);
};
