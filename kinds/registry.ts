/** The built-in resources: what `facts/resources.json` lists, each with its schema, strategy, columns and stored form. */
import { conversions } from './conversions/index.ts';
import type { Registry, Resource, StorageForm } from './resource.ts';
import { apiVersionOf } from './resource.ts';
import type { CompiledResource } from './schema/compiled.ts';
import { compiledKinds, definitionOf } from './schema/data.ts';
import { qualified } from './status.ts';
import { strategies } from './strategies/index.ts';
import type { Strategy } from './strategy.ts';

const noStrategy: Strategy = {};

/** Stored as served, unless a conversion says that its form is another. */
const storageOf = (resource: CompiledResource): StorageForm => {
  for (const [name, { stored, versions }] of Object.entries(conversions)) {
    const conversion = versions[apiVersionOf(resource)];
    if (conversion && name.split('.')[0] === resource.resource) return { name, ...stored, ...conversion };
  }
  const { group, version, kind } = resource;
  return { name: qualified(resource), group, version, kind };
};

const toResource = (compiled: CompiledResource): Resource => {
  const schema = definitionOf(apiVersionOf(compiled), compiled.kind);
  if (!schema) throw new Error(`no schema for ${compiled.kind} in ${apiVersionOf(compiled)}`);
  const strategy = strategies[qualified(compiled)] ?? noStrategy;
  const { completeRead } = strategy;
  const storage = storageOf(compiled);
  return { ...compiled, schema, strategy, storage: completeRead ? { ...storage, fromStored: completeRead } : storage };
};

/** Any set of resources; what is registered twice is answered by the first. */
export class ResourceTable implements Registry {
  readonly #all: readonly Resource[];
  readonly #byPath = new Map<string, Resource>();
  readonly #byKind = new Map<string, Resource>();
  readonly #byStorage = new Map<string, Resource>();

  constructor(resources: readonly Resource[]) {
    this.#all = resources;
    for (const resource of resources) {
      const path = `${resource.group}/${resource.version}/${resource.resource}`;
      if (!this.#byPath.has(path)) this.#byPath.set(path, resource);
      const kind = `${apiVersionOf(resource)}/${resource.kind}`;
      if (!this.#byKind.has(kind)) this.#byKind.set(kind, resource);
      const { storage } = resource;
      const own = storage.group === resource.group && storage.version === resource.version;
      if (own || !this.#byStorage.has(storage.name)) this.#byStorage.set(storage.name, resource);
    }
  }

  all(): readonly Resource[] {
    return this.#all;
  }
  find(group: string, version: string, resource: string): Resource | undefined {
    return this.#byPath.get(`${group}/${version}/${resource}`);
  }
  findKind(apiVersion: string, kind: string): Resource | undefined {
    return this.#byKind.get(`${apiVersion}/${kind}`);
  }
  findStored(name: string): Resource | undefined {
    return this.#byStorage.get(name);
  }
}

let table: Registry | undefined;
/** Always the same one: it is immutable, and its schemas are shared. */
export const builtInRegistry = (): Registry => {
  table ??= new ResourceTable(compiledKinds().resources.map(toResource));
  return table;
};
