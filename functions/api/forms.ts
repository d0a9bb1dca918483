/** The other forms of an object: rows of a Table, and metadata alone (KEP-2334, apimachinery `pkg/apis/meta/v1` Table, PartialObjectMetadata). */

import { quote } from '../../kinds/field.ts';
import type { Json, KubeObject } from '../../kinds/object.ts';
import { isCustomResource, type Resource } from '../../kinds/resource.ts';
import { badRequest, StatusError } from '../../kinds/status.ts';
import { age } from '../../kinds/table/age.ts';
import type { Exchange } from './context.ts';

export interface ListMeta {
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

/** Annotations that stand for fields are left out: upstream takes metadata from its internal form, where they are fields. */
const ownMetadata = ({ strategy }: Resource, { metadata }: KubeObject): KubeObject['metadata'] => {
  const { fieldAnnotations } = strategy;
  const { annotations, ...rest } = metadata;
  if (!fieldAnnotations || !annotations) return metadata;
  const kept = Object.entries(annotations).filter(([key]) => !fieldAnnotations.has(key));
  return kept.length ? { ...rest, annotations: Object.fromEntries(kept) } : rest;
};

export const partialMetadata = (resource: Resource, object: KubeObject, apiVersion: string): unknown => ({
  kind: 'PartialObjectMetadata',
  apiVersion,
  metadata: ownMetadata(resource, object),
});

/** Upstream's name of a group's internal types, which its texts show. */
const internalName = (resource: Resource): string => `${resource.group.split('.')[0] || 'core'}.${resource.kind}`;

/** Metadata of a list is asked for as a list, that of an object as an object. */
export const refuseListForm = (exchange: Exchange, kind: string, list: boolean): void => {
  const { resource } = exchange;
  const refuse = (text: string) => new StatusError(406, 'NotAcceptable', text);
  const custom = isCustomResource(resource);
  if (custom && kind === 'PartialObjectMetadataList' && !list) throw new StatusError(500, '', 'content is not a list');
  if (custom && kind === 'PartialObjectMetadata' && list)
    throw refuse('you requested PartialObjectMetadata, but the requested object is a list (*unstructured.UnstructuredList)');
  if (kind === 'PartialObjectMetadata' && list)
    throw refuse(`you requested PartialObjectMetadata, but the requested object is a list (*${internalName(resource)}List)`);
  if (kind === 'PartialObjectMetadataList' && !list)
    throw refuse(`you requested PartialObjectMetadataList, but the requested object is not a list (*${internalName(resource)})`);
};

type Include = 'None' | 'Metadata' | 'Object';

/** Refuses a way to fill rows that is none. */
export const includeOf = (exchange: Exchange): Include => {
  const include = exchange.info.query.get('includeObject') ?? '';
  if (include === '' || include === 'Metadata') return 'Metadata';
  if (include === 'None' || include === 'Object') return include;
  throw badRequest(
    `Unable to convert to Table as requested: includeObject: Invalid value: ${quote(include)}: must be 'Metadata', 'Object', 'None', or empty`,
  );
};

const columnsOf = (resource: Resource): unknown[] =>
  resource.columns.map(({ name, type, format, priority, description }) => ({
    name,
    type,
    format,
    description: description ?? '',
    priority,
  }));

const plainCells = (resource: Resource, object: KubeObject, now: number): Json[] =>
  resource.columns.map(({ name }) => {
    if (name === 'Name') return object.metadata.name;
    if (name === 'Age') return age(object.metadata.creationTimestamp, now);
    return name === 'Created At' ? (object.metadata.creationTimestamp ?? null) : null;
  });

const rowObject = (resource: Resource, object: KubeObject, include: Include, apiVersion: string): unknown => {
  if (include === 'Object') return object;
  return include === 'None' ? null : partialMetadata(resource, object, apiVersion);
};

/** A Scale has columns of its own, whatever it is the scale of. */
const scaleColumns = (['Name', 'Desired', 'Available', 'Age'] as const).map((name, i) => ({
  name,
  type: i === 1 || i === 2 ? 'integer' : 'string',
  format: '',
  priority: 0,
}));
const scaleCells = ({ metadata, spec, status }: KubeObject, now: number): Json[] => {
  const replicas = (part: unknown): number => (part as { replicas?: number } | undefined)?.replicas ?? 0;
  return [metadata.name, replicas(spec), replicas(status), age(metadata.creationTimestamp, now)];
};
const tabled = ({ resource, subresource }: Exchange): Resource =>
  subresource === 'scale' && !isCustomResource(resource)
    ? { ...resource, columns: scaleColumns, strategy: { cells: scaleCells } }
    : resource;

/** `columns: false` for all but the first event of a watch, where they are known. */
export const tableOf = (exchange: Exchange, objects: readonly KubeObject[], metadata: ListMeta, columns = true): unknown => {
  const { accept, services } = exchange;
  const resource = tabled(exchange);
  const apiVersion = accept.transform?.apiVersion ?? 'meta.k8s.io/v1';
  const include = includeOf(exchange);
  const now = services.clock.now();
  const { strategy } = resource;
  return {
    kind: 'Table',
    apiVersion,
    metadata,
    columnDefinitions: columns ? columnsOf(resource) : null,
    // Where upstream has columns of no kind's own, it appends rows to nothing.
    rows:
      objects.length === 0 && !strategy.cells
        ? null
        : objects.map(object => ({
            cells: strategy.cells?.(object, now) ?? plainCells(resource, object, now),
            conditions: strategy.rowConditions?.(object),
            object: rowObject(resource, object, include, apiVersion),
          })),
  };
};
