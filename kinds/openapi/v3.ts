/** OpenAPI 3.0: an index, and one document for each group version. */
import { createHash } from 'node:crypto';
import type { JsonObject } from '../object.ts';
import type { Registry, Resource } from '../resource.ts';
import { readDescriptions } from '../schema/data.ts';
import { customSchemas } from './custom.ts';
import { documentPaths, resourceListPath } from './documents.ts';
import type { Operation, Parameter } from './operations.ts';
import { meta, pathsOf } from './operations.ts';
import { isBuiltIn, type KindsOf, kindsOf, SchemaWriter } from './schemas.ts';

const pathOf = ({ group, version }: Resource): string => (group ? `apis/${group}/${version}` : `api/${version}`);

const byPath = (registry: Registry): Map<string, Resource[]> => {
  const table = new Map<string, Resource[]>();
  for (const resource of registry.all()) table.set(pathOf(resource), [...(table.get(pathOf(resource)) ?? []), resource]);
  return table;
};

/** Changes whenever the document would: built-in schemas change only with the program. */
const fingerprint = (resources: readonly Resource[]): string => {
  const hash = createHash('sha512');
  for (const resource of resources) {
    const { group, version, kind, verbs, subresources, namespaced } = resource;
    hash.update(JSON.stringify(['1.36', group, version, resource.resource, kind, verbs, subresources, namespaced]));
    if (!isBuiltIn(resource)) hash.update(JSON.stringify([...customSchemas([resource], 'v3')]));
  }
  return hash.digest('hex').toUpperCase();
};

/** `GET /openapi/v3`. The addresses carry a hash of what they lead to, so that answers may be kept for ever. */
export const openApiV3Index = (registry: Registry): JsonObject => {
  const paths: JsonObject = {};
  for (const [path, resources] of byPath(registry))
    paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${fingerprint(resources)}` };
  for (const path of documentPaths(registry).keys()) paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${fingerprint([])}` };
  return { paths };
};

export type Describe = (parameter: Parameter) => string | undefined;

const parameter = (given: Parameter, describe: Describe): JsonObject => {
  const description = describe(given);
  return {
    ...(description ? { description } : {}),
    in: given.in,
    name: given.name,
    ...(given.in === 'path' ? { required: true } : {}),
    schema: { type: given.type, uniqueItems: true },
  };
};

const statusText: Record<number, string> = { 200: 'OK', 201: 'Created', 202: 'Accepted' };

const operation = (given: Operation, writer: SchemaWriter, describe: Describe): JsonObject => {
  const responses: JsonObject = {};
  for (const [code, definition] of given.responses) {
    const content: JsonObject = {};
    for (const type of given.produces) content[type] = { schema: definition ? writer.ref(definition) : { type: 'string' } };
    responses[code] = { content, description: statusText[code] ?? '' };
  }
  responses['401'] = { description: 'Unauthorized' };
  const { body } = given;
  const content: JsonObject = {};
  if (body) for (const type of given.consumes ?? ['*/*']) content[type] = { schema: writer.ref(body.definition) };
  return {
    description: given.description,
    operationId: given.id,
    ...(given.parameters.length > 0 ? { parameters: given.parameters.map(one => parameter(one, describe)) } : {}),
    ...(body ? { requestBody: { content, ...(body.required ? { required: true } : {}) } } : {}),
    responses,
    tags: [given.tag],
    ...(given.action ? { 'x-kubernetes-action': given.action } : {}),
    ...(given.kind ? { 'x-kubernetes-group-version-kind': { ...given.kind } } : {}),
  };
};

const head = { openapi: '3.0.0', info: { title: 'Kubernetes', version: 'v1.36.3' } };

/** `GET /openapi/v3/{path}`, for example `apis/apps/v1`; undefined for what is not served. */
export const openApiV3 = (registry: Registry, path: string): JsonObject | undefined => {
  const resources = byPath(registry).get(path) ?? [];
  const [first] = resources;
  const own = documentPaths(registry).get(path);
  if (!first && !own) return undefined;
  const descriptions = readDescriptions();
  const describe: Describe = ({ description, describedBy }) =>
    description ?? (describedBy && descriptions[describedBy[0]]?.[describedBy[1]]);
  const writer = new SchemaWriter('v3', descriptions, kindsIn(registry, first), customSchemas(resources, 'v3'));
  const listed = first && isBuiltIn(first) ? [resourceListPath(first.group, first.version)] : [];
  const paths: JsonObject = {};
  for (const item of [...(own ? [own] : []), ...listed, ...resources.flatMap(pathsOf)]) {
    const methods: JsonObject = {};
    for (const [method, given] of item.methods) methods[method] = operation(given, writer, describe);
    if (item.parameters.length > 0) methods['parameters'] = item.parameters.map(one => parameter(one, describe));
    paths[item.path] = methods;
  }
  return {
    ...head,
    paths,
    components: {
      ...(Object.keys(writer.schemas).length > 0 ? { schemas: writer.schemas } : {}),
      securitySchemes: { BearerToken: { description: 'Bearer Token authentication', in: 'header', name: 'authorization', type: 'apiKey' } },
    },
  };
};

/** What is of every group is, in the document of one, of that one. */
const kindsIn = (registry: Registry, { group, version }: Pick<Resource, 'group' | 'version'> = { group: '', version: 'v1' }): KindsOf => {
  const table = new Map(kindsOf(registry));
  for (const name of [`${meta}.DeleteOptions`, `${meta}.WatchEvent`])
    table.set(
      name,
      (table.get(name) ?? []).filter(one => (one.group === '' && one.version === 'v1') || (one.group === group && one.version === version)),
    );
  return table;
};
