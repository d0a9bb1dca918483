/**
 * What is served at this moment: the built-in kinds, and those of the stored CustomResourceDefinitions, followed through their replica.
 * Each process derives it for itself, so any number of them agree as soon as they have read the same log.
 */
import { ExtendedRegistry } from '../kinds/custom-resources/registry.ts';
import type { Logger } from '../kinds/environment.ts';
import { isCustomResource, type Registry } from '../kinds/resource.ts';
import type { Replicas } from '../store/replica.ts';

export const definitions = 'customresourcedefinitions.apiextensions.k8s.io';

export interface Served extends Registry {
  /** As it is now; never changes. */
  table(): Registry;
  /** Called after each change; more than one change may have passed. */
  subscribe(listener: () => void): () => void;
}

class ServedRegistry extends ExtendedRegistry implements Served {
  readonly #listeners = new Set<() => void>();

  override invalidate(): void {
    super.invalidate();
    for (const listener of this.#listeners) listener();
  }
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

export const servedRegistry = async (builtIn: Registry, replicas: Replicas): Promise<Served> => {
  const replica = await replicas.open(definitions);
  const registry = new ServedRegistry(builtIn, () => replica.list());
  replica.subscribe(() => registry.invalidate());
  return registry;
};

/**
 * The same one step behind: a resource is in it when its replica is loaded. For controllers of everything, which read any replica at any
 * time. `changed` is awaited before the next change is taken.
 */
export const settledRegistry = async (
  served: Served,
  replicas: Replicas,
  logger: Logger,
): Promise<{ readonly registry: Registry; follow(changed: () => Promise<void>): void; close(): void }> => {
  let view: Registry = await snapshot(served, replicas);
  let changed = async (): Promise<void> => {};
  let seen = served.all();
  let running = false;
  let closed = false;
  const catchUp = async (): Promise<void> => {
    while (!closed && served.all() !== seen) {
      seen = served.all();
      view = await snapshot(served, replicas);
      await changed();
    }
  };
  const start = (): void => {
    if (running) return;
    running = true;
    void catchUp()
      .catch((error: unknown) => logger.error('controllers do not know all that is served', { error: String(error) }))
      .finally(() => {
        running = false;
        if (!closed && served.all() !== seen) start();
      });
  };
  const unsubscribe = served.subscribe(() => start());
  return {
    registry: {
      all: () => view.all(),
      find: (group, version, resource) => view.find(group, version, resource),
      findKind: (apiVersion, kind) => view.findKind(apiVersion, kind),
      findStored: name => view.findStored(name),
    },
    follow(listener) {
      changed = listener;
      start();
    },
    close() {
      closed = true;
      unsubscribe();
    },
  };
};

const snapshot = async (served: Served, replicas: Replicas): Promise<Registry> => {
  const table = served.table();
  await Promise.all(
    table
      .all()
      .filter(isCustomResource)
      .map(({ storage }) => replicas.open(storage.name)),
  );
  return table;
};
