/** Taints and tolerations (upstream: `component-helpers/scheduling/corev1`). */
import type { Taint, Toleration } from '../../kinds/types.ts';

export const tolerates = (toleration: Toleration, taint: Taint): boolean => {
  if (toleration.effect && toleration.effect !== taint.effect) return false;
  if (toleration.key && toleration.key !== taint.key) return false;
  switch (toleration.operator ?? 'Equal') {
    case '':
    case 'Equal':
      return (toleration.value ?? '') === (taint.value ?? '');
    case 'Exists':
      return true;
    default:
      return false;
  }
};

/** The first taint of the given effects that no toleration covers. */
export const untolerated = (
  taints: readonly Taint[] | undefined,
  tolerations: readonly Toleration[] | undefined,
  effects: readonly string[],
): Taint | undefined =>
  taints?.find(taint => effects.includes(taint.effect) && !tolerations?.some(toleration => tolerates(toleration, taint)));
