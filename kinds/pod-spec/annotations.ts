/** Annotations of pods that something acts upon. */
import { invalid, type Path } from '../field.ts';
import { goJsonError } from '../go-json-error.ts';
import { checkTolerations } from './affinity.ts';
import type { Errors } from './check.ts';
import { mirrorAnnotation } from './pod-spec.ts';
import { checkSecurityAnnotations } from './security.ts';
import type { PodSpec, TemplateMeta, Toleration } from './types.ts';

const tolerationsAnnotation = 'scheduler.alpha.kubernetes.io/tolerations';
const deletionCost = 'controller.kubernetes.io/pod-deletion-cost';
const integer = /^(?:0|[1-9][0-9]*|-[1-9][0-9]*)$/;

/** How willingly a ReplicaSet gives this pod up: a 32-bit integer, 0 where nothing is said; undefined where it is malformed. */
export const podDeletionCost = (annotations: Readonly<Record<string, string>> | undefined): number | undefined => {
  const text = annotations && Object.hasOwn(annotations, deletionCost) ? annotations[deletionCost] : undefined;
  if (text === undefined) return 0;
  const value = Number(text);
  return integer.test(text) && value >= -(2 ** 31) && value < 2 ** 31 ? value : undefined;
};

const listOf = (text: string): Toleration[] =>
  ((JSON.parse(text) ?? []) as unknown[]).filter((item): item is Toleration => typeof item === 'object' && item !== null);

export const checkPodAnnotations = (meta: TemplateMeta, spec: PodSpec, path: Path, errors: Errors): void => {
  const { annotations } = meta;
  if (!annotations) return;
  if (Object.hasOwn(annotations, mirrorAnnotation) && !spec.nodeName)
    errors.push(
      invalid(path.key(mirrorAnnotation), annotations[mirrorAnnotation], 'must set spec.nodeName if mirror pod annotation is set'),
    );
  const text = annotations[tolerationsAnnotation];
  if (text) {
    const problem = goJsonError(text, '[]core.Toleration');
    if (problem) errors.push(invalid(path, tolerationsAnnotation, problem));
    else checkTolerations(listOf(text), path.child(tolerationsAnnotation), errors);
  }
  if (podDeletionCost(annotations) === undefined)
    errors.push(invalid(path.key(deletionCost), annotations[deletionCost], 'must be a 32bit integer'));
  checkSecurityAnnotations(meta, spec, path, errors);
};
