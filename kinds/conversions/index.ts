/** Kinds that are served in more forms than they are stored in. All others are stored as they are served. */
import type { KubeObject } from '../object.ts';
import { autoscalerFromV1, autoscalerToV1 } from './autoscaling.ts';
import { eventFromCore, eventToCore } from './events.ts';

export interface VersionConversion {
  /** Neither changes its argument; both may share parts with it. */
  readonly toStored: (object: KubeObject) => KubeObject;
  readonly fromStored: (object: KubeObject) => KubeObject;
}
export interface StoredConversion {
  readonly stored: { readonly group: string; readonly version: string; readonly kind: string };
  /** By `group/version`; the stored form itself is not listed. */
  readonly versions: Readonly<Record<string, VersionConversion>>;
}

/** By the store's name of the resource. */
export const conversions: Readonly<Record<string, StoredConversion>> = {
  events: {
    stored: { group: '', version: 'v1', kind: 'Event' },
    versions: { 'events.k8s.io/v1': { toStored: eventToCore, fromStored: eventFromCore } },
  },
  'horizontalpodautoscalers.autoscaling': {
    stored: { group: 'autoscaling', version: 'v2', kind: 'HorizontalPodAutoscaler' },
    versions: { 'autoscaling/v1': { toStored: autoscalerFromV1, fromStored: autoscalerToV1 } },
  },
};
