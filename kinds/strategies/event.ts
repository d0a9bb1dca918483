/**
 * Event, in both its forms. Rules are stated for the core form; an object of `events.k8s.io` is looked at as if it were one,
 * and held to more (upstream `pkg/apis/core/validation/events.go`).
 */
import { check } from '../checks.ts';
import { eventToCore } from '../conversions/events.ts';
import { semanticEqual } from '../equality.ts';
import { invalid, required, root } from '../field.ts';
import { internalForm } from '../internal-form.ts';
import { immutableText } from '../metadata.ts';
import { isDns1123Subdomain, isQualifiedName, longerThan } from '../names.ts';
import type { Json, KubeObject } from '../object.ts';
import type { FieldError } from '../status.ts';
import type { Strategy } from '../strategy.ts';
import { age } from '../table/age.ts';
import type { Event } from '../types.ts';

const asCore = (object: KubeObject): Event => eventToCore(object) as Event;
const namespaceField = root('involvedObject', 'namespace');
const atMost = (limit: number): string => `can have at most ${limit} characters`;

const validateLegacy = (event: Event, componentField: string): FieldError[] => {
  const errors: FieldError[] = [];
  const { namespace = '' } = event.metadata;
  const target = event.involvedObject?.namespace ?? '';
  const mismatch = invalid(namespaceField, target, 'does not match event.namespace');
  if (!event.eventTime) {
    if (target === '' ? namespace !== '' && namespace !== 'default' : target !== namespace) errors.push(mismatch);
  } else {
    if (target === '' && namespace !== 'default' && namespace !== 'kube-system') errors.push(mismatch);
    const { reportingComponent = '', reportingInstance = '', action = '', reason = '', message = '' } = event;
    if (!reportingComponent) errors.push(required(componentField));
    errors.push(...check(isQualifiedName, reportingComponent, componentField));
    const texts: [string, string, number][] = [
      ['reportingInstance', reportingInstance, 128],
      ['action', action, 128],
      ['reason', reason, 128],
    ];
    for (const [field, text, limit] of texts) {
      if (!text) errors.push(required(field));
      if (longerThan(text, limit)) errors.push(invalid(field, '', atMost(limit)));
    }
    if (longerThan(message, 1024)) errors.push(invalid('message', '', atMost(1024)));
  }
  errors.push(...check(isDns1123Subdomain, namespace, 'namespace'));
  return errors;
};

const validateSeries = ({ series }: Event): FieldError[] => {
  if (!series) return [];
  return [
    ...((series.count ?? 0) < 2 ? [invalid('series.count', '', 'should be at least 2')] : []),
    ...(series.lastObservedTime ? [] : [required('series.lastObservedTime')]),
  ];
};

/** What only the newer form demands of a new event. */
const validateStrict = (event: Event): FieldError[] => {
  const errors = validateSeries(event);
  const unset = (field: string) => errors.push(invalid(field, '', 'needs to be unset'));
  if (!event.eventTime) errors.push(required('eventTime'));
  if (event.type !== 'Normal' && event.type !== 'Warning') errors.push(invalid('type', '', `has invalid value: ${event.type ?? ''}`));
  if (event.firstTimestamp) unset('firstTimestamp');
  if (event.lastTimestamp) unset('lastTimestamp');
  if (event.count) unset('count');
  if (event.source?.component || event.source?.host) unset('source');
  return errors;
};

const fixed: readonly (readonly [field: string, path: string])[] = [
  ...['involvedObject', 'reason', 'message', 'source', 'firstTimestamp', 'lastTimestamp', 'count', 'reason', 'type', 'eventTime'],
  ...['action', 'related', 'reportingComponent', 'reportingInstance'],
].map(field => [field, field === 'reportingComponent' ? 'reportingController' : field] as const);

/** Upstream shows what was refused as its internal type has it. */
const validateFixed = (after: Event, before: Event): FieldError[] => {
  // To Go, an empty reference is not the same as none.
  const changed = fixed.filter(
    ([field]) =>
      !semanticEqual(after[field], before[field]) ||
      (field === 'related' && (after.related === undefined) !== (before.related === undefined)),
  );
  if (changed.length === 0) return [];
  const shown = internalForm('core.v1.Event', after) as Record<string, unknown>;
  return changed.map(([, path]) => invalid(path, shown[path.slice(0, 1).toUpperCase() + path.slice(1)], immutableText));
};

const fields = (object: KubeObject): Record<string, string> => {
  const event = asCore(object);
  const target = event.involvedObject ?? {};
  return {
    'involvedObject.kind': target.kind ?? '',
    'involvedObject.namespace': target.namespace ?? '',
    'involvedObject.name': target.name ?? '',
    'involvedObject.uid': target.uid ?? '',
    'involvedObject.apiVersion': target.apiVersion ?? '',
    'involvedObject.resourceVersion': target.resourceVersion ?? '',
    'involvedObject.fieldPath': target.fieldPath ?? '',
    reason: event.reason ?? '',
    reportingComponent: event.reportingComponent ?? '',
    source: event.source?.component || event.reportingComponent || '',
    type: event.type ?? '',
  };
};

const cells = (object: KubeObject, now: number): Json[] => {
  const event = asCore(object);
  const { involvedObject: target = {}, series } = event;
  const first = age(event.firstTimestamp ?? event.eventTime, now);
  const last = series ? age(series.lastObservedTime, now) : event.lastTimestamp ? age(event.lastTimestamp, now) : first;
  const component = event.source?.component || event.reportingComponent || '';
  const instance = event.source?.host || event.reportingInstance || '';
  return [
    last,
    event.type ?? '',
    event.reason ?? '',
    `${(target.kind ?? '').toLowerCase()}${target.name ? `/${target.name}` : ''}`,
    target.fieldPath ?? '',
    instance ? `${component}, ${instance}` : component,
    (event.message ?? '').trim(),
    first,
    series ? (series.count ?? 0) : event.count || 1,
    event.metadata.name,
  ];
};

export const event: Strategy<Event> = {
  nameRule: 'path-segment',
  metadataChecks: { create: false, update: [] },
  allowCreateOnUpdate: true,
  validate: object => validateLegacy(object, 'reportingComponent'),
  fields,
  cells,
};

export const eventsEvent: Strategy = {
  allowCreateOnUpdate: true,
  validate(object) {
    const core = asCore(object);
    const legacy = validateLegacy(core, 'reportingController');
    // A change is held to less, and it alone carries the mark of a stored object.
    return object.metadata.resourceVersion ? legacy : [...legacy, ...validateStrict(core)];
  },
  validateUpdate(next, previous) {
    const after = asCore(next);
    const before = asCore(previous);
    return [...(semanticEqual(after.series, before.series) ? [] : validateSeries(after)), ...validateFixed(after, before)];
  },
  fields,
  cells,
};
