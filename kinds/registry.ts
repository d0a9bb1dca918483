/** The built-in resources: what `facts/resources.json` lists, each with its schema, strategy, columns and stored form. */
import { conversions } from './conversions/index.ts';
import type { Registry, Resource, StorageForm } from './resource.ts';
import { apiVersionOf } from './resource.ts';
import type { CompiledResource } from './schema/compiled.ts';
import { compiledKinds, definitionOf } from './schema/data.ts';
import { qualified } from './status.ts';
import { strategies } from './strategies/index.ts';
import type { Strategy } from './strategy.ts';

/** Resources that are stored in another group or version than the one they are served in. */
const storedElsewhere: Readonly<Record<string, StorageForm>> = {
  'events.k8s.io/v1/events': { name: 'events', group: '', version: 'v1', kind: 'Event' },
  'autoscaling/v1/horizontalpodautoscalers': {
    name: 'horizontalpodautoscalers.autoscaling',
    group: 'autoscaling',
    version: 'v2',
    kind: 'HorizontalPodAutoscaler',
  },
};

const noStrategy: Strategy = {};

const storageOf = (resource: CompiledResource): StorageForm => {
  const elsewhere = storedElsewhere[`${apiVersionOf(resource)}/${resource.resource}`];
  if (elsewhere) {
    const conversion = conversions[elsewhere.name]?.versions[apiVersionOf(resource)];
    return { ...elsewhere, ...(conversion ? { toStored: conversion.toStored, fromStored: conversion.fromStored } : {}) };
  }
  const { group, version, kind } = resource;
  return { name: qualified(resource), group, version, kind };
};

const toResource = (compiled: CompiledResource): Resource => {
  const schema = definitionOf(apiVersionOf(compiled), compiled.kind);
  if (!schema) throw new Error(`no schema for ${compiled.kind} in ${apiVersionOf(compiled)}`);
  return { ...compiled, schema, strategy: strategies[qualified(compiled)] ?? noStrategy, storage: storageOf(compiled) };
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
