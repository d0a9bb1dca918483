import type { KubeObject } from '../../../../kinds/object.ts';

/** Changes `target` in place: others hold it too. */
export const become = (target: KubeObject, next: KubeObject): void => {
  for (const key of Object.keys(target)) if (!Object.hasOwn(next, key)) delete target[key];
  Object.assign(target, next);
};
