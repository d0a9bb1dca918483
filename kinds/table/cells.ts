/** Cells that the tables of several kinds share. */
import { formatLabelSelector, fromLabelSelector } from '../selector/label-selector.ts';
import { StatusError } from '../status.ts';
import type { LabelSelector } from '../types.ts';

const none = '<none>';

interface NamedImage {
  readonly name: string;
  readonly image?: string;
}
/** Names and images of containers, each as one comma-separated cell. */
export const containerCells = (containers: readonly NamedImage[] | undefined): [names: string, images: string] => [
  (containers ?? []).map(container => container.name).join(','),
  (containers ?? []).map(container => container.image ?? '').join(','),
];
/** `a=b,c=d`, sorted, or `<none>`. */
export const formatLabels = (labels: Readonly<Record<string, string>> | undefined): string => {
  const keys = Object.keys(labels ?? {});
  if (!labels || keys.length === 0) return none;
  return keys
    .sort()
    .map(key => `${key}=${labels[key]}`)
    .join(',');
};
/** A LabelSelector in its text form; `<none>` for one that is absent or empty. No row fails for one that is not valid. */
export const formatSelector = (selector: LabelSelector | undefined): string => {
  if (!selector) return none;
  try {
    return formatLabelSelector(fromLabelSelector(selector)) || none;
  } catch (error) {
    if (error instanceof StatusError) return '<error>';
    throw error;
  }
};
export const orNone = (text: string | undefined): string => text || none;
