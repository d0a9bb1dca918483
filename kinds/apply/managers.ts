/**
 * Who owns what: the managed fields of an object while they are worked on, and their wire form. Source: apimachinery
 * `pkg/util/managedfields/internal/managedfields.go`, `capmanagers.go`.
 */
import type { JsonObject, ManagedFieldsEntry } from '../object.ts';
import { type FieldSet, inOrder, isEmpty, leaf, nothing, union } from './field-set.ts';
import { readElement } from './path-element.ts';

export interface Manager {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly subresource: string;
  readonly time: string | undefined;
  readonly fields: FieldSet;
  /** The entry this was read from, so that an unchanged one is written back as it is. */
  readonly entry?: ManagedFieldsEntry;
}
/** By identity: appliers are one whatever version they apply, updaters are one a version. */
export type Managers = Map<string, Manager>;

type Identified = Pick<Manager, 'manager' | 'operation' | 'apiVersion' | 'subresource'>;
export const identityOf = ({ manager, operation, apiVersion, subresource }: Identified): string =>
  `${operation}\n${operation === 'Apply' ? '' : apiVersion}\n${subresource}\n${manager}`;

/** Stored entries, which are well-formed: their fields are taken as they are. */
export const managersOf = (entries: readonly ManagedFieldsEntry[] | undefined): Managers => {
  const managers: Managers = new Map();
  for (const entry of entries ?? []) {
    const manager: Manager = {
      manager: entry.manager ?? '',
      operation: entry.operation ?? 'Update',
      apiVersion: entry.apiVersion ?? '',
      subresource: entry.subresource ?? '',
      time: entry.time,
      fields: (entry.fieldsV1 ?? nothing) as FieldSet,
      entry,
    };
    managers.set(identityOf(manager), manager);
  }
  return managers;
};

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** A node of a client's FieldsV1 in canonical form. Throws SyntaxError. */
const readNode = (node: unknown): FieldSet => {
  if (!isObject(node)) throw new SyntaxError('a set of fields is made of objects');
  const read: Record<string, FieldSet> = {};
  let children = 0;
  let member = false;
  for (const [key, child] of Object.entries(node)) {
    if (key === '.') {
      member = true;
      continue;
    }
    const element = readElement(key);
    if (element === undefined) continue;
    read[element] = readNode(child);
    children++;
  }
  if (children === 0) return leaf;
  if (member) read['.'] = leaf;
  return inOrder(read);
};

/** Entries that a client sent; undefined where upstream would not accept them, and looks at the stored ones instead. */
export const readManagers = (entries: unknown): Managers | undefined => {
  if (!Array.isArray(entries)) return undefined;
  const read: ManagedFieldsEntry[] = [];
  for (const entry of entries) {
    if (!isObject(entry)) return undefined;
    const { operation, apiVersion, fieldsType, fieldsV1 } = entry;
    if ((operation !== 'Apply' && operation !== 'Update') || typeof apiVersion !== 'string' || apiVersion === '') return undefined;
    if (fieldsType !== 'FieldsV1') return undefined;
    try {
      read.push({ ...entry, fieldsV1: readNode(fieldsV1 ?? {}) as JsonObject });
    } catch (error) {
      if (error instanceof SyntaxError) return undefined;
      throw error;
    }
  }
  return managersOf(read);
};

const seconds = (time: string | undefined): number => (time === undefined ? 0 : Math.floor(Date.parse(time) / 1000));
const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const byTime = (a: Manager, b: Manager): number => (a.time === b.time ? 0 : seconds(a.time) - seconds(b.time));

const writtenOrder = (a: Manager, b: Manager): number =>
  byText(a.operation, b.operation) ||
  byTime(a, b) ||
  byText(a.manager, b.manager) ||
  byText(a.apiVersion, b.apiVersion) ||
  byText(a.subresource, b.subresource);

const write = ({ manager, operation, apiVersion, subresource, time, fields, entry }: Manager): ManagedFieldsEntry =>
  entry && entry.fieldsV1 === fields && entry.time === time && entry.apiVersion === apiVersion
    ? entry
    : {
        manager,
        operation,
        apiVersion,
        ...(time === undefined ? {} : { time }),
        fieldsType: 'FieldsV1',
        fieldsV1: fields as JsonObject,
        ...(subresource ? { subresource } : {}),
      };

export const entriesOf = (managers: Managers): ManagedFieldsEntry[] => [...managers.values()].sort(writtenOrder).map(write);

/** Replaces the fields of a manager; one that owns nothing any more goes. */
export const setFields = (managers: Managers, identity: string, fields: FieldSet): void => {
  const manager = managers.get(identity);
  if (!manager || manager.fields === fields) return;
  if (isEmpty(fields)) managers.delete(identity);
  else managers.set(identity, { ...manager, fields });
};

/** The text that upstream knows a manager by; it decides the order of conflicts. */
export const identifierOf = ({ manager, operation, apiVersion, subresource }: Identified): string =>
  JSON.stringify({ manager, operation, ...(operation === 'Apply' ? {} : { apiVersion }), ...(subresource ? { subresource } : {}) });

const mostUpdaters = 10;
const ancient = 'ancient-changes';

/** Where too many have updated, the oldest of a version become one, so that objects do not grow without end. */
export const capUpdaters = (managers: Managers): void => {
  let updaters = 0;
  for (const { operation } of managers.values()) if (operation === 'Update') updaters++;
  if (updaters <= mostUpdaters) return;
  const oldest = [...managers]
    .filter(([, { operation }]) => operation === 'Update')
    .sort(([, a], [, b]) => byTime(a, b) || byText(identifierOf(a), identifierOf(b)));
  const firstOf = new Map<string, string>();
  for (const [identity, manager] of oldest) {
    if (updaters <= mostUpdaters) return;
    const { apiVersion } = manager;
    const first = firstOf.get(apiVersion);
    if (first === undefined) {
      firstOf.set(apiVersion, identity);
      continue;
    }
    const bucket: Identified = { manager: ancient, operation: 'Update', apiVersion, subresource: '' };
    const bucketIdentity = identityOf(bucket);
    let gathered = managers.get(bucketIdentity)?.fields;
    if (!gathered) {
      gathered = managers.get(first)?.fields ?? nothing;
      managers.delete(first);
    }
    managers.set(bucketIdentity, { ...bucket, fields: union(manager.fields, gathered), time: manager.time });
    if (identity !== bucketIdentity) managers.delete(identity);
    updaters--;
  }
};
