/** Visits every container of a pod. */
import type { Path } from '../field.ts';
import type { AnyContainer, PodSpec } from './types.ts';

/** Every container with its path: init, regular, ephemeral. */
export const eachContainer = (spec: PodSpec, path: Path, visit: (container: AnyContainer, path: Path) => void): void => {
  for (const field of ['initContainers', 'containers', 'ephemeralContainers'] as const) {
    const at = path.child(field);
    spec[field]?.forEach((container, i) => {
      visit(container, at.index(i));
    });
  }
};
