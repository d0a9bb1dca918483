/** OpenAPI 2.0 (Swagger): one document for all. Query parameters are shared, or it would be many times as long. */
import type { JsonObject } from '../object.ts';
import type { Registry } from '../resource.ts';
import { readDescriptions } from '../schema/data.ts';
import { customSchemas } from './custom.ts';
import { documentPaths, resourceListPath } from './documents.ts';
import type { Operation, Parameter } from './operations.ts';
import { pathsOf } from './operations.ts';
import { isBuiltIn, kindsOf, SchemaWriter } from './schemas.ts';
import type { Describe } from './v3.ts';

class ParameterTable {
  readonly #describe: Describe;
  readonly table: Record<string, JsonObject> = {};
  constructor(describe: Describe) {
    this.#describe = describe;
  }

  write(given: Parameter): JsonObject {
    const description = this.#describe(given);
    const written: JsonObject = {
      ...(description ? { description } : {}),
      in: given.in,
      name: given.name,
      ...(given.in === 'path' ? { required: true } : {}),
      type: given.type,
      uniqueItems: true,
    };
    if (given.in === 'path' && given.name !== 'namespace') return written;
    const owner = given.describedBy?.[0].split('.').at(-1);
    const key = owner ? `${given.name}-${owner}` : given.name;
    this.table[key] = written;
    return { $ref: `#/parameters/${key}` };
  }
}

const statusText: Record<number, string> = { 200: 'OK', 201: 'Created', 202: 'Accepted' };

const operation = (given: Operation, writer: SchemaWriter, parameters: ParameterTable): JsonObject => {
  const responses: JsonObject = {};
  for (const [code, definition] of given.responses)
    responses[code] = { description: statusText[code] ?? '', schema: definition ? writer.ref(definition) : { type: 'string' } };
  responses['401'] = { description: 'Unauthorized' };
  const { body } = given;
  const all: JsonObject[] = given.parameters.map(one => parameters.write(one));
  if (body) all.unshift({ in: 'body', name: 'body', ...(body.required ? { required: true } : {}), schema: writer.ref(body.definition) });
  return {
    consumes: [...(given.consumes ?? ['*/*'])],
    description: given.description,
    operationId: given.id,
    ...(all.length > 0 ? { parameters: all } : {}),
    produces: [...given.produces],
    responses,
    schemes: ['https'],
    tags: [given.tag],
    ...(given.action ? { 'x-kubernetes-action': given.action } : {}),
    ...(given.kind ? { 'x-kubernetes-group-version-kind': { ...given.kind } } : {}),
  };
};

/** `GET /openapi/v2`. */
export const openApiV2 = (registry: Registry): JsonObject => {
  const descriptions = readDescriptions();
  const parameters = new ParameterTable(
    ({ description, describedBy }) => description ?? (describedBy && descriptions[describedBy[0]]?.[describedBy[1]]),
  );
  const writer = new SchemaWriter('v2', descriptions, kindsOf(registry), customSchemas(registry.all(), 'v2'));
  const paths: JsonObject = {};
  const listed = new Map(
    registry
      .all()
      .filter(isBuiltIn)
      .map(({ group, version }) => [`${group}/${version}`, resourceListPath(group, version)]),
  );
  for (const item of [...documentPaths(registry).values(), ...listed.values(), ...registry.all().flatMap(pathsOf)]) {
    const methods: JsonObject = {};
    for (const [method, given] of item.methods) methods[method] = operation(given, writer, parameters);
    if (item.parameters.length > 0) methods['parameters'] = item.parameters.map(one => parameters.write(one));
    paths[item.path] = methods;
  }
  return {
    swagger: '2.0',
    info: { title: 'Kubernetes', version: 'v1.36.3' },
    paths,
    definitions: writer.schemas,
    parameters: parameters.table,
    securityDefinitions: {
      BearerToken: { description: 'Bearer Token authentication', in: 'header', name: 'authorization', type: 'apiKey' },
    },
    security: [{ BearerToken: [] }],
  };
};
