/** Kinds that several served versions store in one form, by the store's name of the resource. */
import type { KubeObject } from '../object.ts';

export interface Conversion {
  /** From the served version that is not the stored one. Inputs are not changed. */
  toStored(object: KubeObject): KubeObject;
  fromStored(object: KubeObject): KubeObject;
}

export const conversions: Readonly<Record<string, Conversion>> = {};
