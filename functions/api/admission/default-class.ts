/** The class that objects get which name none: of several marked ones the newest, then the first by name. */
import type { KubeObject } from '../../../kinds/object.ts';
import type { Replicas } from '../../../store/replica.ts';

/** `marks` are the annotations that make a class the default one. */
export const defaultClassName = async (replicas: Replicas, classes: string, marks: readonly string[]): Promise<string | undefined> => {
  const replica = replicas.loaded(classes) ?? (await replicas.open(classes));
  await replica.sync();
  const created = (one: KubeObject): string => one.metadata.creationTimestamp ?? '';
  const [chosen] = replica
    .list()
    .map(entry => entry.object)
    .filter(({ metadata }) => marks.some(mark => metadata.annotations?.[mark] === 'true'))
    // The list is sorted by name, and sorting keeps the order of equals.
    .sort((one, other) => (created(one) < created(other) ? 1 : created(one) > created(other) ? -1 : 0));
  return chosen?.metadata.name;
};
