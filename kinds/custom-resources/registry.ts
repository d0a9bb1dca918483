/**
 * The registry of everything that is served: the built-in kinds, and what the stored definitions add. It is derived from the definitions
 * whenever they have changed and somebody asks; nothing is kept that the store does not hold.
 */
import { ResourceTable } from '../registry.ts';
import type { Registry, Resource } from '../resource.ts';
import { conditionHolds, type Definition } from './definition.ts';
import { resourcesOf } from './resource.ts';
import { compareVersions } from './versions.ts';

/** A stored definition; `object` may be parsed anew at each use. */
export interface StoredDefinition {
  readonly name: string;
  readonly revision: number;
  readonly object: unknown;
}

interface Known {
  readonly revision: number;
  /** What of the definition decides about its resources. */
  readonly key: string;
  readonly resources: ReturnType<typeof resourcesOf>;
}

const keyOf = (definition: Definition): string =>
  JSON.stringify([
    definition.metadata.uid,
    definition.metadata.generation,
    definition.status?.acceptedNames,
    conditionHolds(definition, 'Established'),
    conditionHolds(definition, 'Terminating'),
  ]);

const byGroupVersionName = (a: Resource, b: Resource): number => {
  if (a.group !== b.group) return a.group < b.group ? -1 : 1;
  return compareVersions(a.version, b.version) || (a.resource < b.resource ? -1 : a.resource > b.resource ? 1 : 0);
};

export class ExtendedRegistry implements Registry {
  readonly #builtIn: Registry;
  readonly #definitions: () => Iterable<StoredDefinition>;
  readonly #known = new Map<string, Known>();
  #table: ResourceTable | undefined;
  /** Kept while a rebuilt one would hold the same resources: most changes of definitions are of their status. */
  #last: ResourceTable | undefined;
  /** Stored versions that are not served: their objects must still be found to be deleted. */
  #unserved: ResourceTable | undefined;

  constructor(builtIn: Registry, definitions: () => Iterable<StoredDefinition>) {
    this.#builtIn = builtIn;
    this.#definitions = definitions;
  }

  /** The definitions have changed. */
  invalidate(): void {
    this.#table = undefined;
  }

  /** What is served now, as a registry that does not change. */
  table(): Registry {
    return this.#current();
  }
  all(): readonly Resource[] {
    return this.#current().all();
  }
  find(group: string, version: string, resource: string): Resource | undefined {
    return this.#current().find(group, version, resource);
  }
  findKind(apiVersion: string, kind: string): Resource | undefined {
    return this.#current().findKind(apiVersion, kind);
  }
  findStored(name: string): Resource | undefined {
    return this.#current().findStored(name) ?? this.#unserved?.findStored(name);
  }

  #current(): ResourceTable {
    if (!this.#table) {
      const resources = this.#build();
      const before = this.#last?.all();
      const same = before?.length === resources.length && resources.every((one, i) => one === before[i]);
      this.#table = same && this.#last ? this.#last : new ResourceTable(resources);
      this.#last = this.#table;
    }
    return this.#table;
  }

  #build(): readonly Resource[] {
    const served: Resource[] = [];
    const unserved: Resource[] = [];
    const gone = new Set(this.#known.keys());
    for (const stored of this.#definitions()) {
      gone.delete(stored.name);
      for (const { resource, served: isServed } of this.#resources(stored)) (isServed ? served : unserved).push(resource);
    }
    for (const name of gone) this.#known.delete(name);
    served.sort(byGroupVersionName);
    const builtIn = this.#builtIn.all();
    const taken = new Set(builtIn.map(({ group }) => group));
    const first = new Map<string, string>();
    for (const { group, version } of served) if (!taken.has(group) && !first.has(group)) first.set(group, version);
    this.#unserved = unserved.length > 0 ? new ResourceTable(unserved) : undefined;
    if (served.length === 0) return builtIn;
    return [...builtIn, ...served.map(resource => asPreferred(resource, first.get(resource.group) === resource.version))];
  }

  #resources(stored: StoredDefinition): Known['resources'] {
    const before = this.#known.get(stored.name);
    if (before?.revision === stored.revision) return before.resources;
    const definition = stored.object as Definition;
    const key = keyOf(definition);
    const established = conditionHolds(definition, 'Established');
    const resources = before?.key === key ? before.resources : established ? resourcesOf(definition) : [];
    this.#known.set(stored.name, { revision: stored.revision, key, resources });
    return resources;
  }
}

/** The same resource, schema still unconverted; identical while the definition is, so that what is remembered about it stays true. */
const preferredForms = new WeakMap<Resource, Resource>();
const asPreferred = (resource: Resource, preferred: boolean): Resource => {
  if (!preferred) return resource;
  let form = preferredForms.get(resource);
  if (!form) {
    form = Object.create(Object.prototype, {
      ...Object.getOwnPropertyDescriptors(resource),
      preferred: { value: true, enumerable: true },
    }) as Resource;
    preferredForms.set(resource, form);
  }
  return form;
};
