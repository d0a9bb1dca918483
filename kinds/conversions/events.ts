/** One event, two forms: core `v1`, which is stored, and `events.k8s.io/v1` (upstream `pkg/apis/events/v1/conversion.go`). */
import type { KubeObject } from '../object.ts';

/** Fields by their names in the core form and in the other. */
const renamed: readonly (readonly [core: string, events: string])[] = [
  ['involvedObject', 'regarding'],
  ['message', 'note'],
  ['source', 'deprecatedSource'],
  ['firstTimestamp', 'deprecatedFirstTimestamp'],
  ['lastTimestamp', 'deprecatedLastTimestamp'],
  ['count', 'deprecatedCount'],
  ['reportingComponent', 'reportingController'],
];
const toCore = new Map(renamed.map(([core, events]) => [events, core]));
const fromCore = new Map(renamed);

const rename = (object: KubeObject, names: ReadonlyMap<string, string>, apiVersion: string): KubeObject => {
  const result: KubeObject = { apiVersion, kind: 'Event', metadata: object.metadata };
  for (const field of Object.keys(object)) {
    if (field === 'apiVersion' || field === 'kind' || field === 'metadata' || field === '__proto__') continue;
    result[names.get(field) ?? field] = object[field];
  }
  return result;
};

export const eventToCore = (object: KubeObject): KubeObject => {
  if (object.apiVersion === 'v1') return object;
  const result = rename(object, toCore, 'v1');
  result['source'] ??= {};
  for (const field of ['firstTimestamp', 'lastTimestamp', 'eventTime']) result[field] ??= null;
  for (const field of ['reportingComponent', 'reportingInstance']) result[field] ??= '';
  return result;
};

export const eventFromCore = (object: KubeObject): KubeObject => {
  if (object.apiVersion !== 'v1') return object;
  const result = rename(object, fromCore, 'events.k8s.io/v1');
  for (const field of ['reportingController', 'reportingInstance', 'reason', 'note', 'type', 'action'])
    if (result[field] === '') delete result[field];
  if (result['deprecatedCount'] === 0) delete result['deprecatedCount'];
  return result;
};
