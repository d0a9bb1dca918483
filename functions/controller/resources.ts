/** The stored resources that controllers of "everything" (namespaces, garbage) go over. */
import type { Registry, Resource } from '../../kinds/resource.ts';

/** One of the served resources of each stored one that can be listed, watched and deleted. */
export const deletableResources = (registry: Registry): Resource[] => {
  const found = new Map<string, Resource>();
  for (const resource of registry.all()) {
    if (!['list', 'watch', 'delete'].every(verb => resource.verbs.includes(verb))) continue;
    const known = found.get(resource.storage.name);
    if (!known || (!known.preferred && resource.preferred)) found.set(resource.storage.name, resource);
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
