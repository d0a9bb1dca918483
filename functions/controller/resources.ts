/** The stored resources that controllers of "everything" (namespaces, garbage) go over. */
import type { Registry, Resource } from '../../kinds/resource.ts';

const known = new WeakMap<readonly Resource[], Resource[]>();

/** One of the served resources of each stored one that can be listed, watched and deleted. Asked at every deletion, so remembered. */
export const deletableResources = (registry: Registry): Resource[] => {
  const all = registry.all();
  const deletable = known.get(all) ?? select(all);
  known.set(all, deletable);
  return deletable;
};

const select = (all: readonly Resource[]): Resource[] => {
  const found = new Map<string, Resource>();
  for (const resource of all) {
    if (!['list', 'watch', 'delete'].every(verb => resource.verbs.includes(verb))) continue;
    const other = found.get(resource.storage.name);
    if (!other || (!other.preferred && resource.preferred)) found.set(resource.storage.name, resource);
  }
  return [...found.values()];
};

/** Runs over many without starting them all at once. */
export const inParallel = async <T>(items: readonly T[], atOnce: number, work: (item: T) => Promise<void>): Promise<Error[]> => {
  const errors: Error[] = [];
  const queue = items.values();
  const lane = async (): Promise<void> => {
    for (const item of queue) {
      try {
        await work(item);
      } catch (error) {
        errors.push(error instanceof Error ? error : new Error(String(error)));
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, lane));
  return errors;
};
