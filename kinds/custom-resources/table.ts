/** Columns and cells of custom resources (apiextensions `pkg/registry/customresource/tableconvertor`). */
import type { Json, KubeObject } from '../object.ts';
import type { ColumnDefinition } from '../resource.ts';
import { age } from '../table/age.ts';
import type { DefinedVersion, PrinterColumn } from './definition.ts';
import { jsonPath } from './json-path.ts';

const nameText =
  'Name must be unique within a namespace. Is required when creating resources, although some resources may allow a client to request the generation of an appropriate name automatically. Name is primarily intended for creation idempotence and configuration definition. Cannot be updated. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names';
const createdText =
  'CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata';

const nameColumn: ColumnDefinition = { name: 'Name', type: 'string', format: 'name', priority: 0, description: nameText };
const ageColumn: PrinterColumn = { name: 'Age', type: 'date', description: createdText, jsonPath: '.metadata.creationTimestamp' };

const printed = ({ additionalPrinterColumns: columns }: DefinedVersion): readonly PrinterColumn[] =>
  columns && columns.length > 0 ? columns : [ageColumn];

export const columnsOf = (version: DefinedVersion): ColumnDefinition[] => [
  nameColumn,
  ...printed(version).map(({ name, type, format, priority, description, jsonPath: path }) => ({
    name,
    type,
    format: format ?? '',
    priority: priority ?? 0,
    description: description || `Custom resource definition column (in JSONPath format): ${path}`,
  })),
];

const text = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

const rfc3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/;

const cell = (type: string, value: unknown, now: number): Json => {
  if (value === null || value === undefined) return null;
  switch (type) {
    case 'string':
      return text(value);
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : null;
    case 'number':
      return typeof value === 'number' ? value : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    case 'date':
      if (typeof value !== 'string') return null;
      return value === '' ? '<unknown>' : rfc3339.test(value) ? age(value, now) : '<invalid>';
    default:
      return null;
  }
};

export const cellsOf = (version: DefinedVersion): ((object: KubeObject, now: number) => Json[]) => {
  const columns = printed(version).map(({ type, jsonPath: path }) => ({ type, find: jsonPath(path) }));
  return (object, now) => [object.metadata.name, ...columns.map(({ type, find }) => cell(type, find(object)[0], now))];
};
