/** Resource lists as they are stored: canonical texts, never finer than a thousandth. */
import { canonical, formatQuantity, milliQuantityOf, parseQuantity, QuantityError, scaledValue } from '../quantity.ts';
import type { ResourceList } from './types.ts';

/** Upstream rounds resources up to milli scale (`SetDefaults_ResourceList`); what is no quantity is left for validation to refuse. */
const stored = (wire: string): string => {
  try {
    const quantity = parseQuantity(wire);
    return formatQuantity(quantity.scale < -3 ? milliQuantityOf(scaledValue(quantity, -3), quantity.format) : quantity);
  } catch (error) {
    if (error instanceof QuantityError) return wire;
    throw error;
  }
};
export const canonicalizeList = (list: ResourceList | undefined): void => {
  if (!list) return;
  for (const name of Object.keys(list)) {
    const wire = list[name];
    if (wire !== undefined) list[name] = stored(wire);
  }
};
export const canonicalizeRequirements = (requirements: { limits?: ResourceList; requests?: ResourceList } | undefined): void => {
  if (!requirements) return;
  canonicalizeList(requirements.limits);
  canonicalizeList(requirements.requests);
};
/** A single quantity in canonical text, unrounded. */
export const canonicalText = (wire: string): string => {
  try {
    return canonical(wire);
  } catch (error) {
    if (error instanceof QuantityError) return wire;
    throw error;
  }
};
