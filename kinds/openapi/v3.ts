/** OpenAPI 3.0: an index, and one document for each group version. */
import { createHash } from 'node:crypto';
import type { JsonObject } from '../object.ts';
import type { Registry, Resource } from '../resource.ts';
import { readDescriptions } from '../schema/data.ts';
import { customSchemas } from './custom.ts';
import type { Operation, Parameter } from './operations.ts';
import { pathsOf } from './operations.ts';
import { isBuiltIn, kindsOf, SchemaWriter } from './schemas.ts';

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
    'x-kubernetes-action': given.action,
    ...(given.kind ? { 'x-kubernetes-group-version-kind': { ...given.kind } } : {}),
  };
};

const head = { openapi: '3.0.0', info: { title: 'Kubernetes', version: 'v1.36.3' } };

/** `api`, `apis` and `apis/{group}` have a document of one path: their own. */
const discoveryDocument = (registry: Registry, path: string): JsonObject | undefined => {
  const [root, group, ...rest] = path.split('/');
  const known =
    root === 'api' ? group === undefined : root === 'apis' && (group === undefined || registry.all().some(one => one.group === group));
  if (!known || group === '' || rest.length > 0) return undefined;
  const kind = root === 'api' ? 'APIVersions' : group === undefined ? 'APIGroupList' : 'APIGroup';
  const writer = new SchemaWriter('v3', readDescriptions(), kindsOf(registry), new Map());
  const schema = writer.ref(`io.k8s.apimachinery.pkg.apis.meta.v1.${kind}`);
  const get: JsonObject = {
    description: 'get available API versions',
    operationId: `get${kind}`,
    responses: { 200: { content: { 'application/json': { schema } }, description: 'OK' }, 401: { description: 'Unauthorized' } },
  };
  return { ...head, paths: { [`/${path}/`]: { get } }, components: { schemas: writer.schemas } };
};

/** `GET /openapi/v3/{path}`, for example `apis/apps/v1`; undefined for what is not served. */
export const openApiV3 = (registry: Registry, path: string): JsonObject | undefined => {
  const resources = byPath(registry).get(path);
  if (!resources) return discoveryDocument(registry, path);
  const descriptions = readDescriptions();
  const describe: Describe = ({ description, describedBy }) =>
    description ?? (describedBy && descriptions[describedBy[0]]?.[describedBy[1]]);
  const writer = new SchemaWriter('v3', descriptions, kindsOf(registry), customSchemas(resources, 'v3'));
  const paths: JsonObject = {};
  for (const item of resources.flatMap(pathsOf)) {
    const methods: JsonObject = {};
    for (const [method, given] of item.methods) methods[method] = operation(given, writer, describe);
    methods['parameters'] = item.parameters.map(one => parameter(one, describe));
    paths[item.path] = methods;
  }
  return {
    ...head,
    paths,
    components: {
      schemas: writer.schemas,
      securitySchemes: { BearerToken: { description: 'Bearer Token authentication', in: 'header', name: 'authorization', type: 'apiKey' } },
    },
    security: [{ BearerToken: [] }],
  };
};
