/** Which objects a list, a watch or a deletion of a collection is about: by the replica's indexes where they help, by looking where not. */
import type { KubeObject } from '../../kinds/object.ts';
import { apiVersionOf, isCustomResource, type Resource } from '../../kinds/resource.ts';
import { conform } from '../../kinds/schema/decode.ts';
import { type FieldRequirement, matchesFields, parseFieldSelector, requiredField } from '../../kinds/selector/field-selector.ts';
import { equalities, type LabelRequirements, matchesLabels, parseLabelSelector } from '../../kinds/selector/label-selector.ts';
import { badRequest, type StatusError } from '../../kinds/status.ts';
import type { Entry, ListQuery, Replica } from '../../store/replica.ts';
import { type Call, toServed } from './context.ts';

export interface Selection {
  readonly query: ListQuery;
  readonly namespaced: boolean;
  /** Set where a single object is meant. */
  readonly name: string | undefined;
  /** There is a selector: what remains of a chunked list is not counted. */
  readonly narrowed: boolean;
  /** All that is asked for, indexes aside. */
  matches(entry: Entry): boolean;
  /** What the indexes do not answer; undefined: nothing. */
  readonly rest: ((entry: Entry) => boolean) | undefined;
}

/** Kinds that can be selected by fields of their own (`AddFieldLabelConversionFunc` of each kind upstream); all others by name and namespace. */
const ownFields = new Set([
  'certificatesigningrequests.certificates.k8s.io',
  'events',
  'jobs.batch',
  'namespaces',
  'nodes',
  'pods',
  'replicationcontrollers',
  'resourceslices.resource.k8s.io',
  'secrets',
  'services',
]);

const selectable = new WeakMap<Resource, ReadonlySet<string>>();
/** Names a kind can be selected by, learned from what it says of an empty object. */
const selectableFields = (resource: Resource): ReadonlySet<string> => {
  let names = selectable.get(resource);
  if (!names) {
    const start = { apiVersion: apiVersionOf(resource), kind: resource.kind, metadata: {} };
    const blank = conform(resource.schema, start, { strict: false }).object;
    blank.metadata ??= { name: '' };
    const own = hasOwnFields(resource) ? Object.keys(resource.strategy.fields?.(blank) ?? {}) : [];
    // Cluster-wide kinds that say themselves what they can be selected by leave the namespace out.
    const general = hasOwnFields(resource) && !resource.namespaced ? ['metadata.name'] : ['metadata.name', 'metadata.namespace'];
    names = new Set([...general, ...own.filter(name => name !== 'name')]);
    selectable.set(resource, names);
  }
  return names;
};

const hasOwnFields = (resource: Resource): boolean => ownFields.has(resource.storage.name) || isCustomResource(resource);

/** Kinds with fields of their own say so in their own words. */
const unsupportedField = (resource: Resource, field: string): StatusError => {
  if (resource.kind === 'Job') return badRequest(`field label ${JSON.stringify(field)} not supported for Job`);
  if (hasOwnFields(resource)) return badRequest(`field label not supported: ${field}`);
  return badRequest(`${JSON.stringify(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`);
};

/** Fields of one stored form, by the names that another served version has for them. */
const toCoreField = (field: string): string =>
  field.startsWith('regarding.')
    ? field.replace('regarding.', 'involvedObject.')
    : field === 'reportingController'
      ? 'reportingComponent'
      : field;
const renamed = (resource: Resource, requirement: FieldRequirement): FieldRequirement =>
  resource.group === 'events.k8s.io' ? { ...requirement, field: toCoreField(requirement.field) } : requirement;

const fieldOf = (resource: Resource, object: KubeObject): ((name: string) => string | undefined) => {
  let own: Record<string, string> | undefined;
  return name => {
    if (name === 'metadata.name') return object.metadata.name;
    if (name === 'metadata.namespace') return object.metadata.namespace ?? '';
    own ??= resource.strategy.fields?.(object) ?? {};
    return own[name];
  };
};

const isEquality = ({ operator }: LabelRequirements[number]): boolean => operator === '=' || operator === '==';

export const select = (call: Call, labelSelector: string, fieldSelector: string): Selection => {
  const { resource, namespace } = call;
  const labels = labelSelector ? parseLabelSelector(labelSelector) : [];
  const fields = fieldSelector ? parseFieldSelector(fieldSelector).map(requirement => renamed(resource, requirement)) : [];
  for (const { field } of fields) if (!selectableFields(resource).has(field)) throw unsupportedField(resource, field);
  const name = call.name || requiredField(fields, 'metadata.name') || undefined;
  const chosen = requiredField(fields, 'metadata.namespace');
  const node = resource.storage.name === 'pods' ? requiredField(fields, 'spec.nodeName') : undefined;
  const equal = labels.length > 0 ? equalities(labels) : undefined;
  const where = namespace || chosen;
  const query: ListQuery = {
    ...(where ? { namespace: where } : {}),
    ...(equal && Object.keys(equal).length > 0 ? { labels: equal } : {}),
    ...(node ? { nodeName: node } : {}),
    // A list that leaves one out would say that it is not there.
    orUnreadable: true,
  };
  const otherLabels = labels.filter(requirement => !(isEquality(requirement) && equal?.[requirement.key] === requirement.values[0]));
  const indexed = (field: string): boolean =>
    (field === 'metadata.name' && name !== undefined) ||
    (field === 'spec.nodeName' && Boolean(node)) ||
    (field === 'metadata.namespace' && chosen === where);
  const otherFields = fields.filter(requirement => requirement.operator === '!=' || !indexed(requirement.field));
  const predicate = predicateOf(resource, otherLabels, otherFields);
  const all = predicateOf(resource, labels, fields);
  return {
    query,
    namespaced: resource.namespaced,
    name,
    narrowed: labels.length > 0 || fields.length > 0 || Boolean(call.name),
    rest: predicate,
    matches: entry =>
      (!namespace || entry.namespace === namespace) && (!call.name || entry.name === call.name) && (all === undefined || all(entry)),
  };
};

const predicateOf = (
  resource: Resource,
  labels: LabelRequirements,
  fields: readonly FieldRequirement[],
): ((entry: Entry) => boolean) | undefined => {
  if (labels.length === 0 && fields.length === 0) return undefined;
  return entry => {
    const { object } = entry;
    if (labels.length > 0 && !matchesLabels(labels, object.metadata.labels)) return false;
    return fields.length === 0 || matchesFields(fields, fieldOf(resource, toServed(resource, object)));
  };
};

/** In the order of their keys; as of the replica's present. */
export const selected = (replica: Replica, selection: Selection): readonly Entry[] => {
  const { query, name, rest } = selection;
  if (name !== undefined && (query.namespace || !selection.namespaced)) {
    const entry = replica.get(query.namespace ?? '', name);
    return entry && selection.matches(entry) ? [entry] : [];
  }
  const entries = replica.list(query);
  if (name !== undefined) return entries.filter(entry => entry.name === name && selection.matches(entry));
  return rest ? entries.filter(rest) : entries;
};
